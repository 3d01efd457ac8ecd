// When each frame of the video is shown, and which one is shown when.

export class FrameTimes {
  // seconds: Float64Array, of each frame, counted from the first one's.
  constructor(seconds) {
    this.seconds = seconds;
    this.count = seconds.length;
  }

  static async fetch(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(await answer.text());
    return new FrameTimes(new Float64Array(await answer.arrayBuffer()));
  }

  // The frame whose time is nearest: a frame's own time stamp may be rounded either way.
  nearest(seconds) {
    const after = this.firstAfter(seconds);
    if (after === 0) return 0;
    if (after === this.count) return this.count - 1;
    return this.seconds[after] - seconds < seconds - this.seconds[after - 1] ? after : after - 1;
  }

  // The number of frames that begin no later than this.
  firstAfter(seconds) {
    let low = 0,
      high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seconds[middle] <= seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // A moment safely within the frame: players round where they seek to. How long the last one is shown is not known.
  within(frame) {
    const begin = this.seconds[frame];
    return frame + 1 < this.count ? (begin + this.seconds[frame + 1]) / 2 : begin + 0.001;
  }

  lastLength() {
    return this.count > 1 ? this.seconds[this.count - 1] - this.seconds[this.count - 2] : 0.04;
  }

  // Frames per second, on average.
  get rate() {
    return this.count > 1 ? (this.count - 1) / this.seconds[this.count - 1] : 25;
  }
}
