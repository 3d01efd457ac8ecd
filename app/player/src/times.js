// When each frame of a video is shown, and which frame is shown at a time.

const DEFAULT_FRAME_SECONDS = 0.04; // for a video of a single frame, whose rate cannot be measured

export class FrameTimes {
  /**
   * @param {Float64Array} seconds - When each frame begins, counted from the first frame; ascending.
   */
  constructor(seconds) {
    this.seconds = seconds;
    this.count = seconds.length;
  }

  /** Fetch the times from `url`, which answers little-endian float64 values. */
  static async fetch(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(await response.text());
    return new FrameTimes(new Float64Array(await response.arrayBuffer()));
  }

  /** The frame that begins nearest to `seconds`. Time stamps may be rounded up or down. */
  nearestFrame(seconds) {
    const after = this.firstAfter(seconds);
    if (after === 0) return 0;
    if (after === this.count) return this.count - 1;
    return this.seconds[after] - seconds < seconds - this.seconds[after - 1] ? after : after - 1;
  }

  /** The first frame that begins later than `seconds`; `count` if none does. */
  firstAfter(seconds) {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seconds[middle] <= seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * A time in seconds at which `frame` is certainly shown, although browsers round seek times.
   *
   * That is the middle of the frame. The end of the last frame is unknown: for it, just after its begin.
   */
  seekTime(frame) {
    const begin = this.seconds[frame];
    return frame + 1 < this.count ? (begin + this.seconds[frame + 1]) / 2 : begin + 0.001;
  }

  /** An estimate of how long the last frame is shown, in seconds: as long as the one before it. */
  get lastDuration() {
    return this.count > 1 ? this.seconds[this.count - 1] - this.seconds[this.count - 2] : DEFAULT_FRAME_SECONDS;
  }

  /** Mean frame rate in frames per second. */
  get fps() {
    return this.count > 1 ? (this.count - 1) / this.seconds[this.count - 1] : 1 / DEFAULT_FRAME_SECONDS;
  }
}

/**
 * Format a time as m:ss or h:mm:ss.
 *
 * @param {number} seconds
 * @param {boolean} tenths - Whether to append tenths of a second.
 */
export function formatTime(seconds, tenths = false) {
  const EPSILON = 1e-6; // times such as 0.3 - 1e-17 are meant as 0.3
  const whole = Math.floor(seconds + EPSILON);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const fraction = tenths ? `.${Math.floor((seconds - whole) * 10 + EPSILON)}` : "";
  const rest = String(whole % 60).padStart(2, "0") + fraction;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
