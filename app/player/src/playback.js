// A <video> that says which frame it shows: the picture and its number are taken together, so that they belong together
// at any speed. Seeking goes to the middle of a frame's time and never lets requests pile up.

const TRIES = 4;
const PAINTED = 100; // milliseconds after a seek within which its picture is there
const CREEP = 0.125; // playback rate at which every frame is shown

export class Playback {
  // onFrame(): a new picture can be painted. onChange(): it plays, pauses, fails, or has another speed.
  constructor(video, times, onFrame, onChange) {
    Object.assign(this, { video, times, onFrame, onChange });
    this.offset = 0; // of the video's first frame on the video's own clock, in seconds
    this.wanted = null; // the frame that was last asked for, until it is shown
    this.sought = null; // the one that the video is under way to
    this.ready = false;
    this.reverse = 0; // frames per second backwards, which browsers cannot play
    this.reaching = false; // whether it plays only to get to the frame that is wanted
    this.rate = null; // the playback rate to go back to after creeping to a frame
    this.missed = 0; // how often the frame that is wanted was missed
    this.ended = false;
    this.over = new AbortController();
    const listen = (name, run) => video.addEventListener(name, run, { signal: this.over.signal });
    listen("seeked", () => this.arrived());
    for (const name of ["play", "pause", "ratechange", "ended"]) listen(name, () => this.onChange());
  }

  // Resolves when the first frame can be painted.
  async open(url) {
    const { video } = this;
    await new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", () => reject(new Error(video.error?.message || "not playable")), { once: true });
      video.src = url;
    });
    this.offset = this.stamp() ?? 0;
    this.ready = true;
    this.listen();
    this.onFrame();
  }

  close() {
    this.ended = true;
    this.over.abort();
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  listen() {
    if (this.ended) return;
    this.video.requestVideoFrameCallback((_, { mediaTime }) => {
      this.mediaTime = mediaTime;
      this.onFrame();
      this.listen();
    });
  }

  // The time stamp in seconds of the picture that the video shows right now.
  stamp() {
    if (typeof VideoFrame === "undefined") return this.mediaTime ?? this.video.currentTime;
    try {
      const frame = new VideoFrame(this.video);
      const { timestamp } = frame;
      frame.close();
      return timestamp / 1e6;
    } catch {
      return null; // no picture yet
    }
  }

  // Let paint(video) draw the picture; returns its frame's number, null if there is none.
  // The video may go on while it is drawn: then it is drawn again.
  capture(paint) {
    if (!this.ready) return null;
    for (let n = 0; ; n++) {
      const before = this.stamp();
      if (before === null) return null;
      paint(this.video);
      if (this.stamp() !== before && n < TRIES) continue;
      const frame = this.times.nearest(before - this.offset);
      if (frame === this.wanted) this.reached();
      else if (this.rate !== null && frame > this.wanted) this.comeFromBefore();
      return frame;
    }
  }

  reached() {
    this.wanted = null;
    this.settle();
  }

  // Playing only to get to a frame ends.
  settle() {
    if (this.reaching) this.video.pause();
    this.reaching = false;
    if (this.rate !== null) this.video.playbackRate = this.rate;
    this.rate = null;
  }

  get playing() {
    return (!this.video.paused && !this.reaching) || this.reverse > 0;
  }

  get last() {
    return this.times.count - 1;
  }

  // Where one step starts from: what was asked for last, even if it is not shown yet.
  from(shown) {
    return this.wanted ?? shown ?? 0;
  }

  seek(frame) {
    if (!this.ready) return;
    this.settle();
    this.missed = 0;
    this.wanted = Math.max(0, Math.min(this.last, Math.round(frame)));
    if (!this.video.seeking) this.go();
  }

  go(frame = this.wanted) {
    this.sought = this.wanted;
    const time = this.times.within(Math.max(0, frame)) + this.offset;
    this.video.currentTime = time;
    // Some files claim to end before their last frames begin: those are reached by playing only.
    this.reaching = time > this.video.duration;
    if (this.reaching) this.video.play().catch(() => {});
  }

  arrived() {
    if (this.wanted !== null && this.wanted !== this.sought) return this.go();
    this.onFrame();
    const { wanted } = this;
    if (wanted !== null && !this.reaching) setTimeout(() => this.creep(wanted), PAINTED);
  }

  // A seek may end beside the frame: browsers tell by a frame's duration whether a moment belongs to it, and in an MP4
  // file with uneven frames that is the duration of another one. Playing on from an earlier frame always gets there.
  creep(wanted) {
    if (this.ended || this.wanted !== wanted || this.video.seeking || this.reaching || this.playing) return;
    const stamp = this.stamp();
    if (stamp === null) return;
    if (this.times.nearest(stamp - this.offset) > wanted) return this.comeFromBefore();
    this.rate = this.video.playbackRate;
    this.video.playbackRate = CREEP;
    this.reaching = true;
    this.video.play().catch(() => {});
  }

  // Try again from one frame earlier than before, in the end give up.
  comeFromBefore() {
    this.settle();
    this.missed += 1;
    if (this.missed > TRIES) this.wanted = null;
    else this.go(this.wanted - this.missed);
  }

  pause() {
    this.reverse = 0;
    this.settle();
    this.video.pause();
    this.onChange();
  }

  async play(rate) {
    this.reverse = 0;
    this.wanted = null;
    this.settle();
    if (rate) this.video.playbackRate = rate;
    if (this.video.ended) this.seek(0);
    await this.video.play().catch(() => {}); // refused where it is paused again at once
  }

  // One frame after the other backwards, as fast as they come, at most at the video's own rate times `speed`.
  playBackwards(speed, shown) {
    this.video.pause();
    this.reverse = speed;
    this.onChange();
    const begun = performance.now(),
      start = this.from(shown());
    const tick = () => {
      if (this.ended || this.reverse !== speed) return;
      const passed = ((performance.now() - begun) / 1000) * this.times.rate * speed;
      if (!this.video.seeking) this.seek(start - passed);
      if (start - passed <= 0) return this.pause();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }
}
