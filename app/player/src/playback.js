// A <video> with frame numbers. Browsers seek and report by time, not by frame, and not exactly. Here, an image is read
// together with its time stamp, so that what is drawn on it belongs to that frame at any speed.

const MAX_ATTEMPTS = 4;
const PAINT_DELAY_MS = 100; // after a seek, until its image is there
const SLOW_RATE = 0.125; // playback rate at which browsers show every frame

export class Playback {
  /**
   * @param {HTMLVideoElement} video
   * @param {import("./times.js").FrameTimes} times
   * @param {object} listeners
   * @param {() => void} listeners.onFrame - Another frame can be painted.
   * @param {() => void} listeners.onChange - It plays or pauses, or its speed has changed.
   */
  constructor(video, times, { onFrame, onChange }) {
    Object.assign(this, { video, times, onFrame, onChange });
    this.offset = 0; // time stamp of the first frame on the video's own clock, in seconds
    this.target = null; // the frame that was asked for last, until it is shown
    this.seekingTo = null; // the frame that the video is seeking
    this.ready = false;
    this.reverseSpeed = 0; // while it plays backwards, which browsers cannot: multiples of the video's rate
    this.approaching = false; // whether it plays only to get to the target
    this.savedRate = null; // the playback rate to restore after a slow approach
    this.misses = 0; // how often seeking ended beside the target
    this.closed = false;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    video.addEventListener("seeked", () => this.onSeeked(), { signal });
    for (const name of ["play", "pause", "ratechange", "ended"]) {
      video.addEventListener(name, () => this.onChange(), { signal });
    }
  }

  /** Load a video. Resolves when its first frame can be painted. */
  async open(url) {
    const { video } = this;
    await new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", () => reject(new Error(video.error?.message || "not playable")), { once: true });
      video.src = url;
    });
    this.offset = this.timeStamp() ?? 0;
    this.ready = true;
    this.listenForFrames();
    this.onFrame();
  }

  close() {
    this.closed = true;
    this.listeners.abort();
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  listenForFrames() {
    if (this.closed) return;
    this.video.requestVideoFrameCallback((_, { mediaTime }) => {
      this.mediaTime = mediaTime;
      this.onFrame();
      this.listenForFrames();
    });
  }

  /** The time stamp in seconds of the image that the video shows at this moment; null if there is no image yet. */
  timeStamp() {
    if (typeof VideoFrame === "undefined") return this.mediaTime ?? this.video.currentTime;
    try {
      const videoFrame = new VideoFrame(this.video);
      const { timestamp } = videoFrame;
      videoFrame.close();
      return timestamp / 1e6;
    } catch {
      return null;
    }
  }

  /**
   * Paint the current image and return its frame number.
   *
   * A playing video may go on to the next image in between; then `paint` is called again.
   *
   * @param {(video: HTMLVideoElement) => void} paint
   * @returns {number|null} Null if there is no image yet.
   */
  capture(paint) {
    if (!this.ready) return null;
    let before;
    let attempts = 0;
    do {
      before = this.timeStamp();
      if (before === null) return null;
      paint(this.video);
    } while (this.timeStamp() !== before && attempts++ < MAX_ATTEMPTS);
    const frame = this.times.nearestFrame(before - this.offset);
    if (frame === this.target) {
      this.target = null;
      this.endApproach();
    } else if (this.savedRate !== null && frame > this.target) {
      this.retryFromEarlier();
    }
    return frame;
  }

  get playing() {
    return (!this.video.paused && !this.approaching) || this.reverseSpeed > 0;
  }

  get lastFrame() {
    return this.times.count - 1;
  }

  /**
   * The frame that was asked for last, even if it is not shown yet. Steps start from here.
   *
   * @param {number|null} painted - The frame that is painted.
   */
  currentFrame(painted) {
    return this.target ?? painted ?? 0;
  }

  seek(frame) {
    if (!this.ready) return;
    this.endApproach();
    this.misses = 0;
    this.target = Math.max(0, Math.min(this.lastFrame, Math.round(frame)));
    // While a seek is under way, only the target changes, so that requests do not pile up: see onSeeked.
    if (!this.video.seeking) this.seekNow(this.target);
  }

  seekNow(frame) {
    this.seekingTo = this.target;
    const time = this.times.seekTime(Math.max(0, frame)) + this.offset;
    this.video.currentTime = time;
    // Some files declare a duration that ends before their last frames. Those frames can only be reached by playing.
    this.approaching = time > this.video.duration;
    if (this.approaching) this.video.play().catch(() => {});
  }

  onSeeked() {
    const { target } = this;
    if (target !== null && target !== this.seekingTo) return this.seekNow(target);
    this.onFrame();
    if (target !== null && !this.approaching) setTimeout(() => this.approachSlowly(target), PAINT_DELAY_MS);
  }

  /**
   * Reach a target that a seek has missed by playing on slowly.
   *
   * Browsers decide by a frame's duration whether a time belongs to it, and in MP4 files with a variable frame rate
   * that can be the duration of another frame. Playing on from an earlier frame always gets to the target.
   */
  approachSlowly(target) {
    if (this.closed || this.target !== target || this.video.seeking || this.approaching || this.playing) return;
    const timeStamp = this.timeStamp();
    if (timeStamp === null) return;
    if (this.times.nearestFrame(timeStamp - this.offset) > target) return this.retryFromEarlier();
    this.savedRate = this.video.playbackRate;
    this.video.playbackRate = SLOW_RATE;
    this.approaching = true;
    this.video.play().catch(() => {});
  }

  /** Seek again, one frame earlier than at the last attempt; give up after `MAX_ATTEMPTS`. */
  retryFromEarlier() {
    this.endApproach();
    this.misses += 1;
    if (this.misses > MAX_ATTEMPTS) this.target = null;
    else this.seekNow(this.target - this.misses);
  }

  endApproach() {
    if (this.approaching) this.video.pause();
    this.approaching = false;
    if (this.savedRate !== null) this.video.playbackRate = this.savedRate;
    this.savedRate = null;
  }

  pause() {
    this.reverseSpeed = 0;
    this.endApproach();
    this.video.pause();
    this.onChange();
  }

  /** Play, from the beginning if it is at the end. */
  async play(rate) {
    this.reverseSpeed = 0;
    this.target = null;
    this.endApproach();
    if (rate) this.video.playbackRate = rate;
    if (this.video.ended) this.seek(0);
    await this.video.play().catch(() => {}); // rejects if it is paused again before it has started
  }

  /**
   * Play backwards by seeking from frame to frame, as fast as seeking allows.
   *
   * @param {number} speed - As a multiple of the video's rate; an upper bound.
   * @param {number|null} painted - The frame that is painted.
   */
  playBackwards(speed, painted) {
    this.video.pause();
    this.reverseSpeed = speed;
    this.onChange();
    const started = performance.now();
    const startFrame = this.currentFrame(painted);
    const tick = () => {
      if (this.closed || this.reverseSpeed !== speed) return;
      const passedFrames = ((performance.now() - started) / 1000) * this.times.fps * speed;
      if (!this.video.seeking) this.seek(startFrame - passedFrames);
      if (startFrame - passedFrames <= 0) return this.pause();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }
}
