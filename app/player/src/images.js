// A clip as single images, for labeling: unlike in a compressed video, every frame is there at once and exact.

const MAX_IMAGES_IN_MEMORY = 60;
const PREFETCHED_IMAGES = 6;

export class ImageSequence {
  /**
   * @param {(frame: number) => string} urlOf - The address of a frame's image.
   * @param {import("./times.js").FrameTimes} times
   * @param {object} listeners
   * @param {() => void} listeners.onFrame - Another frame can be painted.
   * @param {() => void} listeners.onPlayOrPause
   * @param {(error: Error) => void} listeners.onError - An image could not be loaded.
   */
  constructor(urlOf, times, { onFrame, onPlayOrPause, onError }) {
    Object.assign(this, { urlOf, times, onFrame, onPlayOrPause, onError });
    this.images = new Map(); // frame → promise of an ImageBitmap; least recently used first
    this.frame = null;
    this.bitmap = null; // of `frame`
    this.target = null; // the frame that was asked for last, until it is shown
    this.timer = 0; // of the next frame while it plays
  }

  /** Load the frame to begin with. */
  async open(frame = 0) {
    await this.show(Math.max(0, Math.min(this.lastFrame, frame)));
  }

  get ready() {
    return this.bitmap !== null;
  }

  get lastFrame() {
    return this.times.count - 1;
  }

  get playing() {
    return this.timer !== 0;
  }

  /** The frame that was asked for last, even if it is not shown yet. Steps start from here. */
  get currentFrame() {
    return this.target ?? this.frame ?? 0;
  }

  seek(frame) {
    this.show(Math.max(0, Math.min(this.lastFrame, Math.round(frame)))).catch((error) => this.fail(error));
  }

  async show(frame) {
    this.target = frame;
    const bitmap = await this.image(frame);
    const isOutdated = this.target !== frame;
    if (isOutdated) return;
    Object.assign(this, { bitmap, frame, target: null });
    for (let next = frame + 1; next <= Math.min(this.lastFrame, frame + PREFETCHED_IMAGES); next++) {
      this.image(next).catch(() => {}); // reported when it is shown
    }
    this.onFrame();
  }

  /** The image of a frame, from the cache or the server. */
  image(frame) {
    const image = this.images.get(frame) ?? this.load(frame);
    this.images.delete(frame);
    this.images.set(frame, image);
    for (const [oldest, evicted] of this.images) {
      if (this.images.size <= MAX_IMAGES_IN_MEMORY) break;
      this.images.delete(oldest);
      const free = (bitmap) => {
        if (bitmap !== this.bitmap) bitmap.close();
      };
      evicted.then(free, () => {});
    }
    return image;
  }

  async load(frame) {
    try {
      const response = await fetch(this.urlOf(frame));
      if (!response.ok) throw new Error((await response.json()).error);
      return await createImageBitmap(await response.blob());
    } catch (error) {
      this.images.delete(frame); // so that the next call tries again
      throw error;
    }
  }

  fail(error) {
    this.target = null;
    this.pause();
    this.onError(error);
  }

  play() {
    const showNext = async () => {
      if (!this.playing) return;
      const frame = this.currentFrame;
      if (frame >= this.lastFrame) return this.pause();
      const started = performance.now();
      await this.show(frame + 1).catch((error) => this.fail(error));
      const remaining = 1000 / this.times.fps - (performance.now() - started);
      if (this.playing) this.timer = setTimeout(showNext, Math.max(0, remaining));
    };
    this.timer = setTimeout(showNext, 0);
    this.onPlayOrPause();
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.onPlayOrPause();
  }

  close() {
    this.pause();
    for (const image of this.images.values()) {
      image.then(
        (bitmap) => bitmap.close(),
        () => {},
      );
    }
    this.images.clear();
    this.bitmap = null;
  }
}
