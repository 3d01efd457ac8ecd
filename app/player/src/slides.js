// A clip as single pictures: for labeling, where every frame is looked at.

const KEPT = 60; // pictures in memory
const AHEAD = 6;

export class Slides {
  // address(n): where picture n is. onFrame(): another one can be painted. onChange(): it plays or pauses.
  // onFail(error): one could not be loaded.
  constructor(address, times, onFrame, onChange, onFail) {
    Object.assign(this, { address, times, onFrame, onChange, onFail });
    this.pictures = new Map(); // number → promise of an ImageBitmap, the latest used last
    this.number = null;
    this.bitmap = null;
    this.wanted = null; // the frame that was last asked for, until it is shown
    this.timer = 0;
  }

  async open() {
    await this.show(0);
  }

  get ready() {
    return this.bitmap !== null;
  }

  get last() {
    return this.times.count - 1;
  }

  get playing() {
    return this.timer !== 0;
  }

  // Where one step starts from: what was asked for last, even if it is not shown yet.
  get current() {
    return this.wanted ?? this.number ?? 0;
  }

  capture(paint) {
    if (!this.bitmap) return null;
    paint(this.bitmap);
    return this.number;
  }

  seek(frame) {
    this.show(Math.max(0, Math.min(this.last, Math.round(frame)))).catch((error) => this.failed(error));
  }

  async show(number) {
    this.wanted = number;
    const bitmap = await this.picture(number);
    if (this.wanted !== number) return; // another one was asked for meanwhile
    [this.bitmap, this.number, this.wanted] = [bitmap, number, null];
    for (let n = number + 1; n <= Math.min(this.last, number + AHEAD); n++) this.picture(n).catch(() => {});
    this.onFrame();
  }

  picture(number) {
    const known = this.pictures.get(number) ?? this.load(number);
    this.pictures.delete(number);
    this.pictures.set(number, known);
    for (const [old, picture] of this.pictures) {
      if (this.pictures.size <= KEPT) break;
      this.pictures.delete(old);
      picture.then(
        (bitmap) => {
          if (bitmap !== this.bitmap) bitmap.close();
        },
        () => {},
      );
    }
    return known;
  }

  async load(number) {
    try {
      const answer = await fetch(this.address(number));
      if (!answer.ok) throw new Error((await answer.json()).error);
      return await createImageBitmap(await answer.blob());
    } catch (error) {
      this.pictures.delete(number); // it is tried again
      throw error;
    }
  }

  failed(error) {
    this.wanted = null;
    this.pause();
    this.onFail(error);
  }

  play() {
    const step = async () => {
      if (!this.timer) return;
      const number = this.current;
      if (number >= this.last) return this.pause();
      const begun = performance.now();
      await this.show(number + 1).catch((error) => this.failed(error));
      const left = 1000 / this.times.rate - (performance.now() - begun);
      if (this.timer) this.timer = setTimeout(step, Math.max(0, left));
    };
    this.timer = setTimeout(step, 0);
    this.onChange();
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.onChange();
  }

  close() {
    this.pause();
    for (const picture of this.pictures.values())
      picture.then(
        (bitmap) => bitmap.close(),
        () => {},
      );
    this.pictures.clear();
    this.bitmap = null;
  }
}
