// Made by `make player` of src, whose SHA-256 is e782c2e8570b99218e69a279de84203ca933808740890fecd599f6694359feb8.
// src/colors.js
var GOLDEN = 137.508;
var cache = /* @__PURE__ */ new Map();
function colorOf(id) {
  let color = cache.get(id);
  if (!color) cache.set(id, color = `hsl(${(id * GOLDEN % 360).toFixed(1)} 85% ${id % 2 ? 58 : 66}%)`);
  return color;
}
var CLASS_COLORS = ["#14a394", "#f59e0b", "#6366f1", "#e8506a", "#0ea5e9", "#84cc16", "#a855f7", "#7b8c8a"];
var MARK_COLORS = { 0: "#9aa7a5", 1: "#2dd4bf", 2: "#ef4444", 3: "#f59e0b", 4: "#d946ef" };

// src/icons.js
var PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zm6 0h4v14h-4z",
  back: "M15.5 5 8 12l7.5 7 1.5-1.5L11 12l6-5.5z",
  on: "M8.5 5 16 12l-7.5 7L7 17.5 13 12 7 6.5z",
  first: "M6 5h2v14H6zm12 0v14L9 12z",
  last: "M16 5h2v14h-2zM6 5v14l9-7z",
  previous: "M4 5h2v14H4zm9.5 0L7 12l6.5 7zm7 0L14 12l6.5 7z",
  next: "M18 5h2v14h-2zM3.5 5v14L10 12zm7 0v14L17 12z",
  full: "M4 9V4h5v2H6v3zm11-5h5v5h-2V6h-3zM6 15v3h3v2H4v-5zm12 0h2v5h-5v-2h3z",
  close: "M6.4 5 5 6.4 10.6 12 5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4-5.6-5.6L19 6.4 17.6 5 12 10.6z",
  help: "M11 17h2v2h-2zm1-13a5 5 0 0 0-5 5h2a3 3 0 1 1 4.3 2.7C12 12.4 11 13.4 11 15h2c0-.8.5-1.3 1.3-1.7A5 5 0 0 0 12 4z",
  muted: "M4 9v6h4l5 5V4L8 9zm12.6 3 2.4-2.4-1.2-1.2-2.4 2.4L13 8.4",
  sound: "M4 9v6h4l5 5V4L8 9zm11-1v8a4 4 0 0 0 0-8z"
};
function icon(name) {
  return `<svg viewBox="0 0 24 24" width="20" height="20" fill="currentColor" aria-hidden="true"><path d="${PATHS[name]}"/></svg>`;
}

// src/dom.js
function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}
function button(title, act, { name = "", words = "", className = "" } = {}) {
  const made = element("button", className, words);
  made.type = "button";
  if (name) made.innerHTML = icon(name);
  made.title = made.ariaLabel = title;
  made.addEventListener("click", act);
  return made;
}
function toggle(words, title, pressed, act) {
  const made = button(
    title,
    () => {
      made.ariaPressed = String(made.ariaPressed !== "true");
      act(made.ariaPressed === "true");
    },
    { words, className: "toggle" }
  );
  made.ariaPressed = String(pressed);
  return made;
}
function keepFocus(root) {
  root.addEventListener("click", (event) => {
    if (event.detail > 0 && event.composedPath()[0].closest?.("button")) root.focus({ preventScroll: true });
  });
}

// src/drawing.js
var MOST_UNDONE = 500;
var STRAIGHT = 1.5;
var MEETS = 0.85;
var SMALLEST = 3;
var Drawing = class {
  // size: width and height of the pictures, in pixels.
  constructor(objects, classes, frames, size, onChange) {
    this.classes = classes;
    this.frames = frames;
    this.size = size;
    this.onChange = onChange;
    this.objects = mapOf(objects);
    this.before = [];
    this.after = [];
  }
  // --- Looking ----------------------------------------------------------------------------------------------------
  // {xyxy, isKey, predicted, occluded, truncated} or null.
  boxAt(id, frame) {
    const object = this.objects.get(id);
    return object ? boxOf(object, frame) : null;
  }
  // Ids of the objects in a frame, the lowest first.
  at(frame) {
    return [...this.objects.values()].filter((object) => boxOf(object, frame)).map(({ id }) => id).sort((a, b) => a - b);
  }
  get nextId() {
    return Math.max(0, ...this.objects.keys()) + 1;
  }
  get boxes() {
    let count = 0;
    for (const object of this.objects.values()) for (const [first, last] of spansOf(object)) count += last - first + 1;
    return count;
  }
  toJson() {
    return [...this.objects.values()].map(({ id, classId, keys }) => ({
      id,
      class_id: classId,
      keys: Object.fromEntries(keys)
    }));
  }
  // What the timeline and the painter of the player read.
  get summary() {
    const rows = [...this.objects.values()].map((object) => {
      const spans2 = spansOf(object).flat();
      const boxes = spansOf(object).reduce((sum, [first, last]) => sum + last - first + 1, 0);
      return { id: object.id, classId: object.classId, boxes, score: 1, spans: spans2, first: spans2[0], last: spans2.at(-1) };
    });
    const counts = this.classes.map(() => new Array(this.frames).fill(0));
    for (const object of this.objects.values()) {
      for (const [first, last] of spansOf(object)) for (let n = first; n <= last; n++) counts[object.classId][n]++;
    }
    rows.sort((a, b) => a.first - b.first || a.id - b.id);
    return { classes: this.classes, tracks: rows, counts, step: 1, moments: [] };
  }
  // --- Changing ---------------------------------------------------------------------------------------------------
  change(...objects) {
    this.before.push(this.objects);
    if (this.before.length > MOST_UNDONE) this.before.shift();
    this.after = [];
    this.objects = new Map(this.objects);
    for (const [id, object] of objects) {
      if (object && object.keys.size) this.objects.set(id, object);
      else this.objects.delete(id);
    }
    this.onChange();
  }
  undo() {
    if (!this.before.length) return;
    this.after.push(this.objects);
    this.objects = this.before.pop();
    this.onChange();
  }
  redo() {
    if (!this.after.length) return;
    this.before.push(this.objects);
    this.objects = this.after.pop();
    this.onChange();
  }
  // Take what somebody else drew; what was here stays in undo.
  replace(objects) {
    this.before.push(this.objects);
    this.after = [];
    this.objects = mapOf(objects);
  }
  draw(frame, xyxy, classId) {
    const id = this.nextId;
    this.change([id, { id, classId, keys: /* @__PURE__ */ new Map([[frame, { xyxy }]]) }]);
    return id;
  }
  // Put a box where it belongs. Predicted boxes between it and the next ones that somebody drew go along evenly: a
  // prediction goes astray little by little.
  setBox(id, frame, xyxy) {
    this.edit(id, (keys, object) => {
      const here = boxOf(object, frame);
      if (here) {
        const drawn = [...keys].filter(([each, key]) => each !== frame && !key.predicted).map(([each]) => each);
        const before = drawn.findLast((each) => each < frame), after = drawn.find((each) => each > frame);
        for (const [each, key] of keys) {
          const other = each < frame ? before : after;
          if (other === void 0 || !key.predicted || (each - other) * (each - frame) >= 0) continue;
          const share = (each - other) / (frame - other);
          const moved = key.xyxy.map((value, k) => value + share * (xyxy[k] - here.xyxy[k]));
          keys.set(each, { ...key, xyxy: inside(moved, this.size) });
        }
      }
      keys.set(frame, { ...marksOf(here), gap: opens(object, frame), xyxy });
    });
  }
  // How many frames after this one may be predicted anew: those before the next box that somebody drew.
  room(id, frame) {
    const next = [...this.objects.get(id).keys].find(([each, key]) => each > frame && !key.predicted);
    return (next?.[0] ?? this.frames) - frame - 1;
  }
  // Boxes found for the frames after this one, in place of those that were predicted before, up to where they meet
  // them; kept as few key frames as tell them. Returns the last frame that was changed.
  predict(id, frame, found) {
    const before = this.objects.get(id);
    const met = found.findIndex((xyxy, n) => {
      const known = boxOf(before, frame + 1 + n);
      return known && overlap(known.xyxy, xyxy) >= MEETS;
    });
    const boxes = [boxOf(before, frame).xyxy, ...met < 0 ? found : found.slice(0, met)];
    const last = frame + boxes.length - 1;
    this.edit(id, (keys, object) => {
      fix(keys, object, frame, false);
      fix(keys, object, last + 1);
      const gap = !boxOf(object, last + 1) && lastKey(object) > last;
      for (const each of [...keys.keys()]) if (each > frame && each <= last) keys.delete(each);
      for (const place of corners(boxes).slice(1)) {
        keys.set(frame + place, { xyxy: boxes[place], predicted: true, gap: gap && place === boxes.length - 1 });
      }
    });
    return last;
  }
  mark(id, frame, name) {
    const box = this.boxAt(id, frame);
    if (box) this.edit(id, (keys, object) => keys.set(frame, { ...keyOf(object, frame), [name]: !box[name] }));
  }
  setClass(id, classId) {
    const object = this.objects.get(id);
    if (object) this.change([id, { ...object, classId }]);
  }
  remove(id) {
    this.change([id, null]);
  }
  // No box in this frame, whatever is before and after.
  removeHere(id, frame) {
    if (!this.boxAt(id, frame)) return;
    this.edit(id, (keys, object) => {
      fix(keys, object, frame - 1, true);
      fix(keys, object, frame + 1);
      keys.delete(frame);
    });
  }
  // Where it is missing between two boxes, it is there and moves evenly.
  fill(id, frame) {
    const [from, key] = missing(this.objects.get(id), frame) ?? [];
    if (key?.gap) this.edit(id, (keys) => keys.set(from, { ...keys.get(from), gap: false }));
  }
  // This frame is the object's last.
  endAt(id, frame) {
    if (!this.boxAt(id, frame)) return;
    this.edit(id, (keys, object) => {
      fix(keys, object, frame);
      for (const each of [...keys.keys()]) if (each > frame) keys.delete(each);
    });
  }
  // From this frame on it is another object, whose id is returned; null if there is nothing to split.
  splitAt(id, frame) {
    const object = this.objects.get(id);
    const later = new Map([...object.keys].filter(([each]) => each > frame));
    if (!boxOf(object, frame) || frame <= firstKey(object)) return null;
    later.set(frame, keyOf(object, frame));
    const earlier = new Map([...object.keys].filter(([each]) => each < frame));
    fix(earlier, object, frame - 1);
    closeEnd(earlier);
    const other = this.nextId;
    this.change(
      [id, { ...object, keys: earlier }],
      [other, { id: other, classId: object.classId, keys: sorted(later) }]
    );
    return other;
  }
  // Both are one object from now on, the first; returns the frame in which both have a box, if that forbids it.
  merge(id, other) {
    const [one, two] = [this.objects.get(id), this.objects.get(other)];
    const taken = spansOf(one).flatMap(([a, b]) => spansOf(two).map(([c, d]) => [Math.max(a, c), Math.min(b, d)]));
    const both = taken.find(([first, last]) => first <= last);
    if (both) return both[0];
    const ends = new Set([...spansOf(one), ...spansOf(two)].map(([, last]) => last));
    const keys = sorted(new Map([...one.keys, ...two.keys]));
    for (const [frame, key] of keys) keys.set(frame, { ...key, gap: ends.has(frame) });
    closeEnd(keys);
    this.change([id, { ...one, keys }], [other, null]);
    return null;
  }
  // Another number; whether it was free.
  renumber(id, number) {
    if (number === id) return true;
    if (!Number.isInteger(number) || number < 1 || number >= 2 ** 31 || this.objects.has(number)) return false;
    this.change([id, null], [number, { ...this.objects.get(id), id: number }]);
    return true;
  }
  edit(id, act) {
    const object = this.objects.get(id);
    if (!object) return;
    const keys = new Map(object.keys);
    act(keys, object);
    const inOrder = sorted(keys);
    closeEnd(inOrder);
    this.change([id, { ...object, keys: inOrder }]);
  }
};
function inside([left, top, right, bottom], [width, height]) {
  const side = (low, high, most) => {
    const from = Math.min(Math.max(0, low), most - SMALLEST);
    return [from, Math.max(from + SMALLEST, Math.min(most, high))];
  };
  const [x1, x2] = side(left, right, width), [y1, y2] = side(top, bottom, height);
  return [x1, y1, x2, y2];
}
function mapOf(objects) {
  return new Map(
    objects.map(({ id, class_id: classId, keys }) => {
      const entries = Object.entries(keys).map(([frame, key]) => [Number(frame), key]);
      return [id, { id, classId, keys: sorted(new Map(entries)) }];
    })
  );
}
function sorted(keys) {
  return new Map([...keys].sort(([a], [b]) => a - b));
}
function firstKey(object) {
  return object.keys.keys().next().value;
}
function boxOf(object, frame) {
  let before = null, after = null;
  for (const [each, key2] of object.keys) {
    if (each <= frame) before = [each, key2];
    else {
      after = [each, key2];
      break;
    }
  }
  if (!before) return null;
  const [from, key] = before;
  if (from === frame) return { isKey: true, predicted: Boolean(key.predicted), ...marksOf(key), xyxy: key.xyxy };
  if (!after || key.gap) return null;
  const share = (frame - from) / (after[0] - from);
  const xyxy = key.xyxy.map((value, k) => value + share * (after[1].xyxy[k] - value));
  return { isKey: false, predicted: Boolean(key.predicted && after[1].predicted), ...marksOf(key), xyxy };
}
function missing(object, frame) {
  const before = [...object.keys].findLast(([each]) => each <= frame);
  return !before || boxOf(object, frame) ? null : before;
}
function lastKey(object) {
  return [...object.keys.keys()].at(-1);
}
function marksOf(key) {
  return { occluded: Boolean(key?.occluded), truncated: Boolean(key?.truncated) };
}
function keyOf(object, frame) {
  const known = object.keys.get(frame);
  if (known) return known;
  const { predicted, occluded, truncated, xyxy } = boxOf(object, frame);
  return { predicted, occluded, truncated, xyxy };
}
function fix(keys, object, frame, gap) {
  if (!boxOf(object, frame)) return;
  const key = keyOf(object, frame);
  keys.set(frame, gap === void 0 ? key : { ...key, gap });
}
function opens(object, frame) {
  if (object.keys.has(frame)) return Boolean(object.keys.get(frame).gap);
  const before = [...object.keys].filter(([each]) => each < frame).at(-1);
  return Boolean(before?.[1].gap) && lastKey(object) > frame;
}
function closeEnd(keys) {
  const last = [...keys.keys()].at(-1);
  if (last !== void 0 && keys.get(last).gap) keys.set(last, { ...keys.get(last), gap: false });
}
function overlap(a, b) {
  const side = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const common = side(0, 2) * side(1, 3);
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return common / (area(a) + area(b) - common);
}
function spansOf(object) {
  const found = [];
  let first = null, last = null;
  for (const [frame, key] of object.keys) {
    first ??= frame;
    last = frame;
    if (!key.gap) continue;
    found.push([first, last]);
    first = null;
  }
  if (first !== null) found.push([first, last]);
  return found;
}
function corners(boxes, from = 0, to = boxes.length - 1) {
  if (to - from < 2) return to > from ? [from, to] : [from];
  let worst = 0, place = from;
  for (let n = from + 1; n < to; n++) {
    const share = (n - from) / (to - from);
    const miss = Math.max(
      ...boxes[n].map((value, k) => Math.abs(boxes[from][k] + share * (boxes[to][k] - boxes[from][k]) - value))
    );
    if (miss > worst) [worst, place] = [miss, n];
  }
  return worst <= STRAIGHT ? [from, to] : [...corners(boxes, from, place), ...corners(boxes, place, to).slice(1)];
}

// src/slides.js
var KEPT = 60;
var AHEAD = 6;
var Slides = class {
  // address(n): where picture n is. onFrame(): another one can be painted. onChange(): it plays or pauses.
  // onFail(error): one could not be loaded.
  constructor(address, times, onFrame, onChange, onFail) {
    Object.assign(this, { address, times, onFrame, onChange, onFail });
    this.pictures = /* @__PURE__ */ new Map();
    this.number = null;
    this.bitmap = null;
    this.wanted = null;
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
    if (this.wanted !== number) return;
    [this.bitmap, this.number, this.wanted] = [bitmap, number, null];
    for (let n = number + 1; n <= Math.min(this.last, number + AHEAD); n++) this.picture(n).catch(() => {
    });
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
        () => {
        }
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
      this.pictures.delete(number);
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
      const left = 1e3 / this.times.rate - (performance.now() - begun);
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
        () => {
        }
      );
    this.pictures.clear();
    this.bitmap = null;
  }
};

// src/stage.js
var LARGEST = 12;
var Stage = class {
  // panes: side by side, each showing the whole picture.
  constructor(canvas, width, height) {
    Object.assign(this, { canvas, width, height, panes: 1 });
    this.context = canvas.getContext("2d", { alpha: false, desynchronized: false, willReadFrequently: false });
    this.view = { zoom: 1, x: 0, y: 0 };
  }
  // Fit the canvas's own pixels to the room that it has; whether that changed anything.
  fit() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    Object.assign(this.canvas, { width, height });
    return true;
  }
  get paneWidth() {
    return this.canvas.width / this.panes;
  }
  // Canvas pixels per pixel of the picture.
  get scale() {
    return Math.min(this.paneWidth / this.width, this.canvas.height / this.height) * this.view.zoom;
  }
  // Canvas pixels from a pane's corner to the picture's at a zoom of 1: bars left and right, or above and below.
  get margin() {
    const scale = this.scale / this.view.zoom;
    return { x: (this.paneWidth - this.width * scale) / 2, y: (this.canvas.height - this.height * scale) / 2 };
  }
  // Let draw(context, pane) paint in the picture's pixels.
  inPane(pane, draw) {
    const { context, scale, margin, view } = this;
    context.save();
    context.beginPath();
    context.rect(pane * this.paneWidth, 0, this.paneWidth, this.canvas.height);
    context.clip();
    context.setTransform(
      scale,
      0,
      0,
      scale,
      pane * this.paneWidth + margin.x - view.x * scale,
      margin.y - view.y * scale
    );
    draw(context, pane);
    context.restore();
  }
  clear() {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = "#0b0f10";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }
  // The picture's pixel under a mouse event, and the pane that it is in.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * this.canvas.width;
    const y = (event.clientY - box.top) / box.height * this.canvas.height;
    const pane = Math.max(0, Math.min(this.panes - 1, Math.floor(x / this.paneWidth)));
    const { margin, scale, view } = this;
    return {
      x: (x - pane * this.paneWidth - margin.x) / scale + view.x,
      y: (y - margin.y) / scale + view.y,
      pane
    };
  }
  zoomAt(place, factor) {
    const zoom = Math.max(1, Math.min(LARGEST, this.view.zoom * factor));
    const by = this.view.zoom / zoom;
    this.view = { zoom, x: place.x - (place.x - this.view.x) * by, y: place.y - (place.y - this.view.y) * by };
    this.keepInside();
  }
  pan(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.keepInside();
  }
  keepInside() {
    const { view } = this;
    view.x = Math.max(0, Math.min(this.width * (1 - 1 / view.zoom), view.x));
    view.y = Math.max(0, Math.min(this.height * (1 - 1 / view.zoom), view.y));
  }
};

// src/times.js
var FrameTimes = class _FrameTimes {
  // seconds: Float64Array, of each frame, counted from the first one's.
  constructor(seconds) {
    this.seconds = seconds;
    this.count = seconds.length;
  }
  static async fetch(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(await answer.text());
    return new _FrameTimes(new Float64Array(await answer.arrayBuffer()));
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
    let low = 0, high = this.count;
    while (low < high) {
      const middle = low + high >> 1;
      if (this.seconds[middle] <= seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  // A moment safely within the frame: players round where they seek to. How long the last one is shown is not known.
  within(frame) {
    const begin = this.seconds[frame];
    return frame + 1 < this.count ? (begin + this.seconds[frame + 1]) / 2 : begin + 1e-3;
  }
  lastLength() {
    return this.count > 1 ? this.seconds[this.count - 1] - this.seconds[this.count - 2] : 0.04;
  }
  // Frames per second, on average.
  get rate() {
    return this.count > 1 ? (this.count - 1) / this.seconds[this.count - 1] : 25;
  }
};

// src/timeline.js
var GUTTER = 62;
var RIGHT = 10;
var RULER = 18;
var COUNTS = 42;
var MOMENTS = 12;
var LANE = 13;
var MOST_LANES = 14;
var CLOSEST = 20;
var STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
var Timeline = class {
  // act: {seek(frame), follow(layer, id, frame)}; nothing: what it says where there are no tracks
  constructor(canvas, times, act, nothing = "There are no tracks.") {
    Object.assign(this, { canvas, times, act, nothing, lanes: [], layers: [], scroll: 0, frame: 0, followed: null });
    this.context = canvas.getContext("2d");
    this.range = { from: 0, to: times.count };
    this.listen();
  }
  // layers: [{name, tracks, shows(track)}], of which at least the summaries are there.
  show(layers, followed) {
    this.layers = layers;
    this.followed = followed;
    this.lanes = [];
    for (const [number, layer] of layers.entries()) {
      if (layers.length > 1) this.lanes.push({ heading: layer.name });
      for (const track of layer.tracks.summary.tracks) {
        if (layer.shows(track)) this.lanes.push({ track, layer: number });
      }
    }
    this.hasMoments = layers.some((layer) => layer.tracks.summary.moments.length);
    this.empty = layers.every(({ tracks }) => !tracks.summary.tracks.length);
    const lanes = Math.max(1, Math.min(MOST_LANES, this.lanes.length));
    this.canvas.style.height = `${this.lanesTop + lanes * LANE + 4}px`;
    this.scrollTo(this.scroll);
    this.paint();
  }
  get lanesTop() {
    return RULER + COUNTS + (this.hasMoments ? MOMENTS : 0) + 4;
  }
  get width() {
    return this.canvas.clientWidth - GUTTER - RIGHT;
  }
  x(frame) {
    return GUTTER + (frame - this.range.from) / (this.range.to - this.range.from) * this.width;
  }
  frameAt(x) {
    const share = (x - GUTTER) / this.width;
    const frame = Math.floor(this.range.from + share * (this.range.to - this.range.from));
    return Math.max(0, Math.min(this.times.count - 1, frame));
  }
  scrollTo(pixels) {
    const most = this.lanes.length * LANE - (this.canvas.clientHeight - this.lanesTop - 4);
    this.scroll = Math.max(0, Math.min(most, pixels));
  }
  // Bring a followed track's lane into view.
  reveal(layer, id) {
    const place = this.lanes.findIndex((lane) => lane.layer === layer && lane.track?.id === id) * LANE;
    const room = this.canvas.clientHeight - this.lanesTop - 4;
    if (place < 0) return;
    if (place < this.scroll || place + LANE > this.scroll + room) this.scrollTo(place - room / 2);
  }
  at(frame) {
    this.frame = frame;
    const { from, to } = this.range;
    if (to - from < this.times.count && (frame < from || frame >= to)) this.look(frame - (to - from) * 0.1, to - from);
    this.paint();
  }
  look(from, length) {
    const count = this.times.count;
    const wide = Math.max(Math.min(CLOSEST, count), Math.min(count, length));
    const start = Math.max(0, Math.min(count - wide, from));
    this.range = { from: start, to: start + wide };
  }
  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      const lane = this.laneAt(event.offsetY);
      if (event.offsetX < GUTTER && !lane) return;
      if (lane?.track) {
        const inside2 = spans(lane.track).some(
          ([a, b]) => this.x(a) - 3 <= event.offsetX && event.offsetX <= this.x(b + 1) + 3
        );
        if (inside2 || event.offsetX < GUTTER) {
          const frame = event.offsetX < GUTTER ? lane.track.first : this.frameAt(event.offsetX);
          return this.act.follow(lane.layer, lane.track.id, frame);
        }
      }
      canvas.setPointerCapture(event.pointerId);
      this.dragging = true;
      this.act.seek(this.frameAt(event.offsetX));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.dragging) return this.act.seek(this.frameAt(event.offsetX));
      canvas.title = this.describe(event);
    });
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, () => {
        this.dragging = false;
      });
    canvas.addEventListener("dblclick", (event) => {
      const lane = this.laneAt(event.offsetY);
      if (lane?.track) this.act.seek(lane.track.first);
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        const length = this.range.to - this.range.from;
        if (event.ctrlKey || event.metaKey) {
          const factor = Math.exp(event.deltaY * 4e-3);
          const under = this.range.from + (event.offsetX - GUTTER) / this.width * length;
          this.look(under - (under - this.range.from) * factor, length * factor);
        } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          this.look(this.range.from + (event.deltaX || event.deltaY) / this.width * length, length);
        } else {
          const before = this.scroll;
          this.scrollTo(this.scroll + event.deltaY);
          if (this.scroll === before) return;
        }
        event.preventDefault();
        this.paint();
      },
      { passive: false }
    );
  }
  laneAt(y) {
    return y < this.lanesTop ? void 0 : this.lanes[Math.floor((y - this.lanesTop + this.scroll) / LANE)];
  }
  describe(event) {
    const lane = this.laneAt(event.offsetY);
    if (lane?.track) {
      const { id, classId, first, last, boxes } = lane.track;
      const name = this.layers[lane.layer].tracks.summary.classes[classId];
      return `#${id} ${name}: frames ${first} to ${last}, ${boxes} boxes`;
    }
    return event.offsetX > GUTTER ? `frame ${this.frameAt(event.offsetX)}` : "";
  }
  paint() {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const wide = canvas.clientWidth, high = canvas.clientHeight;
    if (!wide) return;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(high * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(high * ratio);
    }
    const style = getComputedStyle(canvas);
    this.ink = style.color;
    this.font = style.fontFamily;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, high);
    this.paintRuler(high);
    this.paintCounts();
    this.paintMoments();
    this.paintLanes(high);
    this.paintHead(high);
  }
  paintRuler(high) {
    const { context, times } = this;
    const seconds = times.seconds;
    const from = seconds[Math.floor(this.range.from)];
    const to = this.range.to < times.count ? seconds[Math.floor(this.range.to)] : seconds[times.count - 1] + times.lastLength();
    const step = STEPS.find((each) => each / (to - from) * this.width > 64) ?? 7200;
    context.font = `11px ${this.font}`;
    context.textBaseline = "middle";
    context.textAlign = "center";
    context.fillStyle = context.strokeStyle = this.ink;
    context.lineWidth = 1;
    for (let mark = Math.ceil(from / step - 1e-9) * step; mark < to; mark += step) {
      const x = Math.round(this.x(times.firstAfter(mark - 1e-9))) + 0.5;
      if (x < GUTTER) continue;
      context.globalAlpha = 0.12;
      context.beginPath();
      context.moveTo(x, RULER);
      context.lineTo(x, high);
      context.stroke();
      context.globalAlpha = 0.65;
      context.fillText(clock(mark, step < 1), x, RULER / 2);
    }
    context.globalAlpha = 1;
    context.textAlign = "left";
  }
  paintCounts() {
    const { context } = this;
    const shown = this.layers.map(
      ({ tracks, showsClass }) => tracks.summary.counts.map((line, k) => showsClass(k) ? line : [])
    );
    const most = shown.flat().reduce((highest, line) => line.reduce((a, b) => Math.max(a, b), highest), 1);
    const y = (count) => RULER + COUNTS - 2 - count / most * (COUNTS - 8);
    const several = this.layers.length > 1;
    this.clip(RULER, COUNTS, () => {
      for (const [number, { tracks }] of this.layers.entries()) {
        const { counts, step } = tracks.summary;
        for (const [k, line] of shown[number].entries()) {
          if (!line.length) continue;
          context.strokeStyle = context.fillStyle = CLASS_COLORS[(several ? number : k) % CLASS_COLORS.length];
          context.lineWidth = 1.5;
          context.setLineDash(several && number === 0 ? [4, 3] : []);
          context.beginPath();
          const first = Math.max(0, Math.floor(this.range.from / step) - 1);
          const last = Math.min(line.length, Math.ceil(this.range.to / step) + 1);
          for (let n = first; n < last; n++) {
            context.lineTo(this.x(n * step), y(line[n]));
            context.lineTo(this.x((n + 1) * step), y(line[n]));
          }
          context.stroke();
          context.setLineDash([]);
          if (several || counts.length > 1) continue;
          context.lineTo(this.x(last * step), y(0));
          context.lineTo(this.x(first * step), y(0));
          context.globalAlpha = 0.15;
          context.fill();
          context.globalAlpha = 1;
        }
      }
    });
    this.write(String(most), y(most) + 4);
    this.write("objects", y(0) - 4);
  }
  paintMoments() {
    if (!this.hasMoments) return;
    const { context } = this;
    const top = RULER + COUNTS;
    this.clip(top, MOMENTS, () => {
      for (const { tracks } of this.layers) {
        for (const { first, last, kind } of tracks.summary.moments) {
          context.fillStyle = MARK_COLORS[kind];
          const x = this.x(first);
          context.fillRect(x, top + 2, Math.max(2, this.x(last + 1) - x), MOMENTS - 4);
        }
      }
    });
    this.write("differences", top + MOMENTS / 2);
  }
  paintLanes(high) {
    const { context } = this;
    const top = this.lanesTop;
    context.save();
    context.beginPath();
    context.rect(0, top, this.canvas.clientWidth, high - top);
    context.clip();
    const first = Math.floor(this.scroll / LANE);
    const last = Math.min(this.lanes.length, Math.ceil((this.scroll + high - top) / LANE));
    for (let n = first; n < last; n++) {
      const { heading, track, layer } = this.lanes[n];
      const y = top + n * LANE - this.scroll;
      if (heading) {
        this.write(heading, y + LANE / 2, 1, this.canvas.clientWidth, 6);
        continue;
      }
      const followed = this.followed && this.followed.layer === layer && this.followed.id === track.id;
      context.globalAlpha = this.followed && !followed ? 0.35 : 1;
      this.write(`#${track.id}`, y + LANE / 2, context.globalAlpha * (followed ? 1 : 0.65));
      context.fillStyle = colorOf(track.id);
      for (const [a, b] of spans(track)) {
        const x = Math.max(GUTTER, this.x(a)), end = Math.min(this.canvas.clientWidth - RIGHT, this.x(b + 1));
        if (end > GUTTER && end > x - 2) context.fillRect(x, y + 2, Math.max(2, end - x), LANE - 4);
      }
      context.globalAlpha = 1;
    }
    if (!this.lanes.length)
      this.write(this.empty ? this.nothing : "No track passes the filters.", top + LANE / 2, 0.65, 400, GUTTER);
    if (this.lanes.length * LANE > high - top) {
      const share = (high - top) / (this.lanes.length * LANE);
      context.fillStyle = this.ink;
      context.globalAlpha = 0.25;
      context.fillRect(this.canvas.clientWidth - 5, top + this.scroll * share, 4, (high - top) * share);
      context.globalAlpha = 1;
    }
    context.restore();
  }
  paintHead(high) {
    const { context } = this;
    const x = this.x(this.frame + 0.5);
    if (x < GUTTER || x > this.canvas.clientWidth - RIGHT + 1) return;
    context.fillStyle = context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--st-primary-color") || "#14a394";
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x, RULER - 2);
    context.lineTo(x, high);
    context.stroke();
    context.beginPath();
    context.moveTo(x - 5, RULER - 8);
    context.lineTo(x + 5, RULER - 8);
    context.lineTo(x, RULER);
    context.fill();
  }
  clip(top, height, draw) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, this.width, height);
    context.clip();
    draw();
    context.restore();
  }
  write(text, y, alpha = 0.65, room = GUTTER - 8, x = 4) {
    const { context } = this;
    const before = context.globalAlpha;
    context.globalAlpha = alpha;
    context.fillStyle = this.ink;
    context.font = `11px ${this.font}`;
    context.textBaseline = "middle";
    context.fillText(text, x, y, room);
    context.globalAlpha = before;
  }
};
function spans(track) {
  const found = [];
  for (let k = 0; k < track.spans.length; k += 2) found.push([track.spans[k], track.spans[k + 1]]);
  return found;
}
function clock(seconds, tenths = false) {
  const whole = Math.floor(seconds + 1e-6);
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0") + (tenths ? `.${Math.floor((seconds - whole) * 10 + 1e-6)}` : "");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// src/editor.js
var GHOST = 12;
var CLICK = 4;
var HANDLE = 9;
var SAVE_AFTER = 250;
var AGAIN_AFTER = 3e3;
var KEYS = `Drag: draw a box (with Shift: also where one is selected)
Click: select; drag the selected one to move it, its edges to resize it
1 to 9: class · R: number · Tab: next object
← →: one frame back or on · Shift: ten · Space: play
V: copy to the next frame · F: follow through the next frames
X or Del: not in this frame · G: fill the gap · Shift Del: the whole object
E: ends here · S: from here on another object · M, then click: the same object
O: occluded · T: truncated
Ctrl Z, Ctrl Y: undo, redo · Ctrl wheel: zoom · Alt drag: move the picture`;
var editors = /* @__PURE__ */ new WeakMap();
function editor_default({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  let editor = editors.get(root);
  if (editor && editor.data.address !== data.address) {
    editor.close();
    editor = null;
  }
  if (!editor) editors.set(root, editor = new Editor(root, data));
  editor.tell = setTriggerValue;
  return () => {
    editor.close();
    editors.delete(root);
  };
}
var Editor = class {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.drawing = this.drawingOf([]);
    this.version = 0;
    this.done = false;
    this.saving = null;
    this.unsaved = false;
    this.selected = null;
    this.classId = 0;
    this.merging = null;
    this.drag = null;
    this.shown = null;
    this.build();
    this.open();
  }
  drawingOf(objects) {
    const { classes, frames, width, height } = this.data;
    return new Drawing(objects, classes, frames, [width, height], () => this.changed());
  }
  at(part, query = "") {
    return this.data.address.replace("PART", part) + query;
  }
  build() {
    const { root, data } = this;
    root.tabIndex = 0;
    this.canvas = element("canvas", "picture");
    this.message = element("div", "message", "Loading the frames …");
    this.stageBox = element("div", "stage", this.canvas, this.message);
    this.stageBox.style.aspectRatio = `${data.width} / ${data.height}`;
    this.stage = new Stage(this.canvas, data.width, data.height);
    this.classRow = element("div", "row wrap");
    this.status = element("span", "status");
    this.undoButton = button("Undo (Ctrl Z)", () => this.drawing.undo(), { words: "Undo" });
    this.redoButton = button("Redo (Ctrl Y)", () => this.drawing.redo(), { words: "Redo" });
    this.doneButton = toggle("Clip is done", "Everything in this clip is labeled", false, (on) => this.finish(on));
    this.doneButton.classList.add("done");
    this.playButton = button("Play (space)", () => this.playOrPause(), { name: "play", className: "main" });
    this.frameField = element("input", "frame");
    Object.assign(this.frameField, { type: "number", min: 0, max: data.frames - 1, title: "Frame, counted from 0" });
    this.frameField.addEventListener("change", () => this.slides.seek(Number(this.frameField.value)));
    this.of = element("span", "of");
    this.keys = element("pre", "keys", KEYS);
    this.keys.hidden = true;
    const transport = element(
      "div",
      "row",
      button("First frame (Home)", () => this.slides.seek(0), { name: "first" }),
      button("One frame back (←)", () => this.step(-1), { name: "back" }),
      this.playButton,
      button("One frame on (→)", () => this.step(1), { name: "on" }),
      button("Last frame (End)", () => this.slides.seek(data.frames - 1), { name: "last" }),
      element("label", "at", "Frame", this.frameField),
      this.of,
      element("span", "space"),
      this.undoButton,
      this.redoButton,
      this.status,
      this.doneButton,
      button(
        "Keys",
        () => {
          this.keys.hidden = !this.keys.hidden;
        },
        { name: "help" }
      ),
      button("Full screen", () => this.fullScreen(), { name: "full" })
    );
    this.selection = element("div", "row selection");
    this.timelineCanvas = element("canvas", "timeline");
    root.replaceChildren(this.classRow, this.stageBox, transport, this.keys, this.selection, this.timelineCanvas);
    const { canvas } = this;
    keepFocus(root);
    root.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => {
      this.drag = null;
      this.paint();
    });
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.resized = new ResizeObserver(() => {
      this.paint();
      this.timeline?.paint();
    });
    this.resized.observe(this.stageBox);
    this.resized.observe(this.timelineCanvas);
    this.leaving = (event) => {
      if (!this.unsaved && !this.saving) return;
      this.save();
      event.preventDefault();
    };
    window.addEventListener("beforeunload", this.leaving);
  }
  async open() {
    const { data } = this;
    const seconds = Float64Array.from({ length: data.frames }, (_, n) => n / data.rate);
    this.times = new FrameTimes(seconds);
    this.slides = new Slides(
      (n) => this.at("frame", `&n=${n}`),
      this.times,
      () => this.paint(),
      () => this.transportChanged(),
      (error) => this.tellStatus(`The frame could not be loaded: ${error.message}`, true)
    );
    try {
      const [objects] = await Promise.all([this.load(), this.slides.open()]);
      this.drawing = this.drawingOf(objects);
    } catch (error) {
      this.message.textContent = `The clip could not be loaded: ${error.message}`;
      return;
    }
    this.message.hidden = true;
    this.timeline = new Timeline(
      this.timelineCanvas,
      this.times,
      {
        seek: (frame) => this.slides.seek(frame),
        follow: (_, id, frame) => {
          this.select(id);
          this.slides.seek(frame);
        }
      },
      "Nothing is drawn yet."
    );
    this.tellStatus("Saved");
    this.redraw();
  }
  async load() {
    const answer = await fetch(this.at("drawn"), { cache: "no-store" });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    [this.version, this.done] = [found.version, found.done];
    return found.objects;
  }
  close() {
    if (this.unsaved) this.save();
    this.slides?.close();
    this.resized.disconnect();
    window.removeEventListener("beforeunload", this.leaving);
  }
  // --- Saving -----------------------------------------------------------------------------------------------------
  changed() {
    this.unsaved = true;
    this.tellStatus("…");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER);
    this.redraw();
  }
  // One request at a time; what changes meanwhile goes with the next.
  async save() {
    clearTimeout(this.timer);
    if (this.saving || this.conflict) return this.saving;
    this.saving = this.send();
    await this.saving;
    this.saving = null;
    if (this.unsaved && !this.conflict) this.timer = setTimeout(() => this.save(), this.failed ? AGAIN_AFTER : 0);
  }
  async send() {
    const body = JSON.stringify({ version: this.version, done: this.done, objects: this.drawing.toJson() });
    this.unsaved = false;
    try {
      const answer = await fetch(this.at("drawn"), { method: "PUT", body, keepalive: body.length < 6e4 });
      const found = await answer.json();
      if (answer.ok) {
        this.version = found.version;
        this.failed = false;
        this.tellStatus(this.unsaved ? "…" : "Saved");
        if (this.finished && !this.unsaved) this.tell("finished", { done: this.done, version: this.version });
        if (!this.unsaved) this.finished = false;
        return;
      }
      this.unsaved = true;
      this.failed = true;
      if (answer.status === 409) this.tellConflict(found.error);
      else this.tellStatus(found.error, true);
    } catch {
      this.unsaved = true;
      this.failed = true;
      this.tellStatus("Not saved: the console does not answer. It is tried again.", true);
    }
  }
  tellStatus(text, bad = false) {
    this.status.textContent = text;
    this.status.classList.toggle("bad", bad);
  }
  tellConflict(sentence) {
    this.conflict = true;
    this.message.hidden = false;
    this.message.replaceChildren(
      element(
        "div",
        "choice",
        element("p", "", sentence),
        button(
          "Load what they drew",
          async () => {
            let objects;
            try {
              objects = await this.load();
            } catch (error) {
              return this.tellStatus(`It could not be loaded: ${error.message}`, true);
            }
            this.drawing.replace(objects);
            this.conflict = this.unsaved = false;
            this.message.hidden = true;
            this.tellStatus("Saved");
            this.redraw();
          },
          { words: "Load what they drew", className: "toggle" }
        )
      )
    );
    this.tellStatus("Not saved", true);
  }
  // The page is told once it is saved, be it after another try.
  async finish(done) {
    this.done = done;
    this.unsaved = this.finished = true;
    await this.saving;
    await this.save();
  }
  // --- Showing ----------------------------------------------------------------------------------------------------
  redraw() {
    const { drawing } = this;
    if (this.selected !== null && !drawing.objects.has(this.selected)) this.selected = null;
    if (this.merging !== null && !drawing.objects.has(this.merging)) this.merging = null;
    const active = this.root.getRootNode().activeElement;
    const replaced = active && (this.classRow.contains(active) || this.selection.contains(active));
    this.undoButton.disabled = !drawing.before.length;
    this.redoButton.disabled = !drawing.after.length;
    this.doneButton.ariaPressed = String(this.done);
    this.offerClasses();
    this.offerSelection();
    this.timeline?.show(
      [{ name: "", tracks: { summary: drawing.summary }, shows: () => true, showsClass: () => true }],
      this.selected === null ? null : { layer: 0, id: this.selected }
    );
    if (replaced) this.root.focus({ preventScroll: true });
    this.root.dataset.boxes = drawing.boxes;
    this.root.dataset.objects = drawing.objects.size;
    this.paint();
  }
  offerClasses() {
    const current = this.drawing.objects.get(this.selected)?.classId ?? this.classId;
    this.classRow.replaceChildren(
      element("span", "of", this.selected === null ? "Draw" : "Class"),
      ...this.data.classes.map((name, number) => {
        const chip = button(`${name} (${number + 1})`, () => this.chooseClass(number), { className: "toggle" });
        const dot = element("b", "dot");
        dot.style.background = CLASS_COLORS[number % CLASS_COLORS.length];
        chip.append(dot, name, element("small", "", number < 9 ? String(number + 1) : ""));
        chip.ariaPressed = String(number === current);
        return chip;
      }),
      element("span", "space"),
      element("span", "of", this.data.instructions)
    );
  }
  offerSelection() {
    const id = this.selected;
    this.selection.hidden = id === null;
    if (id === null) return;
    const object = this.drawing.objects.get(id);
    const box = this.drawing.boxAt(id, this.shown);
    const number = element("input", "number");
    Object.assign(number, { type: "number", min: 1, value: id, title: "Its number (R)" });
    number.addEventListener("change", () => this.renumber(id, Number(number.value)));
    this.numberField = number;
    const spans2 = spansOf(object).map(([first, last]) => first === last ? `${first}` : `${first} to ${last}`).join(", ");
    const act = (words, title, run, off = false) => {
      const made = button(
        title,
        () => {
          run();
          this.root.focus({ preventScroll: true });
        },
        { words }
      );
      made.disabled = off;
      return made;
    };
    this.selection.replaceChildren(
      element("strong", "", "#"),
      number,
      element("span", "of", `frames ${spans2}`),
      element("span", "space"),
      toggle("Occluded", "Partly hidden by something else (O)", Boolean(box?.occluded), () => this.mark("occluded")),
      toggle("Truncated", "Partly outside the picture (T)", Boolean(box?.truncated), () => this.mark("truncated")),
      act("Copy on", "Copy to the next frame (V)", () => this.copyOn()),
      act("Follow", "Find it in the next frames (F)", () => this.follow(), !box),
      act("Ends here", "This is its last frame (E)", () => this.drawing.endAt(id, this.shown), !box),
      act("Split", "From this frame on it is another object (S)", () => this.split(), !box),
      act(
        this.merging === null ? "Merge" : "Click the other …",
        "Another track is the same object (M)",
        () => this.startMerging()
      ),
      !box && this.shown < lastKey(object) ? act("Fill the gap", "It is here, too, and moves evenly (G)", () => this.drawing.fill(id, this.shown)) : act("Not here", "It is not in this frame (X)", () => this.drawing.removeHere(id, this.shown), !box),
      act("Delete", "The whole object (Shift Del)", () => this.drawing.remove(id)),
      button("Select nothing (Esc)", () => this.select(null), { name: "close" })
    );
  }
  transportChanged() {
    const { playing } = this.slides;
    this.playButton.innerHTML = icon(playing ? "pause" : "play");
  }
  paint() {
    if (!this.slides?.ready) return;
    const { stage } = this;
    stage.fit();
    const frame = this.slides.capture((picture) => {
      stage.clear();
      stage.context.imageSmoothingEnabled = stage.scale < 3;
      stage.inPane(0, (context) => context.drawImage(picture, 0, 0, stage.width, stage.height));
    });
    stage.inPane(0, (context) => this.paintBoxes(context, frame));
    this.root.dataset.frame = frame;
    if (frame === this.shown) return;
    this.shown = frame;
    if (this.root.getRootNode().activeElement !== this.frameField) this.frameField.value = frame;
    this.of.textContent = `of ${this.data.frames}`;
    this.offerSelection();
    this.timeline?.at(frame);
  }
  paintBoxes(context, frame) {
    const ratio = window.devicePixelRatio || 1, px = ratio / this.stage.scale;
    context.font = `600 ${12 * px}px ${getComputedStyle(this.root).fontFamily}`;
    context.textBaseline = "bottom";
    for (const object of this.drawing.objects.values()) {
      const box = this.boxShown(object.id, frame);
      const ghost = box ? null : this.ghost(object, frame);
      if (!box && !ghost) continue;
      const [left, top, right, bottom] = (box ?? ghost).xyxy;
      const selected = object.id === this.selected;
      context.strokeStyle = context.fillStyle = colorOf(object.id);
      context.globalAlpha = ghost ? 0.5 : 1;
      context.lineWidth = (selected ? 3 : box?.isKey && !box.predicted ? 2.2 : 1.4) * px;
      context.setLineDash(ghost ? [3 * px, 4 * px] : box.occluded ? [7 * px, 4 * px] : []);
      context.strokeRect(left, top, right - left, bottom - top);
      context.setLineDash([]);
      if (selected && box) {
        context.globalAlpha = 0.12;
        context.fillRect(left, top, right - left, bottom - top);
        context.globalAlpha = 1;
        for (const x of [left, (left + right) / 2, right]) {
          for (const y2 of [top, (top + bottom) / 2, bottom]) {
            if (x === (left + right) / 2 && y2 === (top + bottom) / 2) continue;
            context.fillRect(x - 3.5 * px, y2 - 3.5 * px, 7 * px, 7 * px);
          }
        }
      }
      const words = `#${object.id} ${this.data.classes[object.classId]}${box?.truncated ? " ◧" : ""}`;
      const width = context.measureText(words).width + 8 * px, height = 16 * px;
      const y = top - height > 0 ? top - height : top;
      context.fillRect(left - px, y, width, height);
      context.fillStyle = "#0b0f10";
      context.fillText(words, left + 3 * px, y + height - 1.5 * px);
      context.globalAlpha = 1;
    }
    if (this.drag?.kind === "draw") {
      const [left, top, right, bottom] = this.drag.xyxy;
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5 * px;
      context.strokeRect(left, top, right - left, bottom - top);
    }
  }
  // As it is while it is dragged.
  boxShown(id, frame) {
    if (this.drag?.id === id && this.drag.xyxy) return { isKey: true, xyxy: this.drag.xyxy };
    return this.drawing.boxAt(id, frame);
  }
  // Where an object that is missing was last, if that is a moment ago: a proposal to go on with.
  ghost(object, frame) {
    const [last, key] = missing(object, frame) ?? [Infinity];
    return frame <= last + GHOST || object.id === this.selected ? key ?? null : null;
  }
  // --- What the person does ---------------------------------------------------------------------------------------
  select(id) {
    if (this.merging !== null && id !== null && id !== this.merging) return this.mergeWith(id);
    this.merging = null;
    this.selected = id;
    this.redraw();
  }
  chooseClass(number) {
    if (number >= this.data.classes.length) return;
    this.classId = number;
    if (this.selected !== null) this.drawing.setClass(this.selected, number);
    else this.redraw();
  }
  renumber(id, number) {
    if (this.drawing.renumber(id, number)) this.selected = number;
    else this.tellStatus(`#${number} is another object, or no whole number. Merge them, or choose a free one.`, true);
    this.redraw();
    this.root.focus({ preventScroll: true });
  }
  mark(name) {
    if (this.selected !== null) this.drawing.mark(this.selected, this.shown, name);
  }
  startMerging() {
    this.merging = this.merging === null ? this.selected : null;
    this.offerSelection();
  }
  mergeWith(other) {
    const id = this.merging;
    this.merging = null;
    const both = this.drawing.merge(id, other);
    if (both !== null)
      this.tellStatus(`#${id} and #${other} are both in frame ${both}: they cannot be one object.`, true);
    this.selected = id;
    this.redraw();
  }
  split() {
    const other = this.drawing.splitAt(this.selected, this.shown);
    if (other !== null) this.select(other);
  }
  // The box, or what is left of it, once more in the next frame.
  copyOn() {
    const object = this.drawing.objects.get(this.selected);
    const here = object && (this.drawing.boxAt(object.id, this.shown) ?? this.ghost(object, this.shown));
    if (!here || this.shown + 1 >= this.data.frames) return;
    this.drawing.setBox(object.id, this.shown + 1, here.xyxy);
    this.step(1);
  }
  async follow() {
    const id = this.selected, frame = this.shown;
    const box = this.drawing.boxAt(id, frame);
    if (!box || frame + 1 >= this.data.frames) return;
    const most = Math.min(this.data.follow, this.drawing.room(id, frame));
    if (most < 1) return this.tellStatus("The next box was drawn by hand: boxes between move evenly.");
    this.tellStatus("Following …");
    let found;
    try {
      const answer = await fetch(this.at("follow"), {
        method: "POST",
        body: JSON.stringify({ frame, xyxy: box.xyxy, most })
      });
      found = await answer.json();
      if (!answer.ok) return this.tellStatus(found.error, true);
    } catch {
      return this.tellStatus("Not followed: the console does not answer. Try again.", true);
    }
    if (!found.length) return this.tellStatus("It is lost in the next frame already: draw it there.", true);
    this.tellStatus(this.unsaved || this.saving ? "…" : "Saved");
    if (!this.drawing.boxAt(id, frame)) return;
    const room = this.drawing.room(id, frame);
    if (room > 0) this.slides.seek(this.drawing.predict(id, frame, found.slice(0, room)));
  }
  step(by) {
    this.slides.pause();
    this.slides.seek(this.slides.current + by);
  }
  playOrPause() {
    if (this.slides.playing) this.slides.pause();
    else this.slides.play();
  }
  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }
  nextObject(direction) {
    const ids = this.drawing.at(this.shown);
    const place = ids.indexOf(this.selected);
    this.select(ids[(place + direction + ids.length) % ids.length] ?? ids[0]);
  }
  key(event) {
    const target = event.composedPath()[0];
    if (!this.slides?.ready || this.conflict || target.matches?.("input, select")) return;
    if (target.matches?.("button") && [" ", "Tab"].includes(event.key)) return;
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = event.ctrlKey || event.metaKey;
    const id = this.selected;
    let act;
    if (command) {
      act = { z: () => event.shiftKey ? this.drawing.redo() : this.drawing.undo(), y: () => this.drawing.redo() }[letter];
    } else if (/^[1-9]$/.test(letter)) {
      act = () => this.chooseClass(Number(letter) - 1);
    } else {
      act = {
        " ": () => this.playOrPause(),
        ArrowLeft: () => this.step(event.shiftKey ? -10 : -1),
        ArrowRight: () => this.step(event.shiftKey ? 10 : 1),
        Home: () => this.slides.seek(0),
        End: () => this.slides.seek(this.data.frames - 1),
        ...this.drawing.at(this.shown).length ? { Tab: () => this.nextObject(event.shiftKey ? -1 : 1) } : {},
        Escape: () => this.select(null),
        v: () => this.copyOn(),
        ...id === null ? {} : {
          r: () => this.numberField.select(),
          f: () => this.follow(),
          e: () => this.drawing.endAt(id, this.shown),
          s: () => this.split(),
          m: () => this.startMerging(),
          o: () => this.mark("occluded"),
          t: () => this.mark("truncated"),
          g: () => this.drawing.fill(id, this.shown),
          x: () => this.drawing.removeHere(id, this.shown),
          Delete: () => event.shiftKey ? this.drawing.remove(id) : this.drawing.removeHere(id, this.shown),
          Backspace: () => this.drawing.removeHere(id, this.shown)
        }
      }[letter];
    }
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
  press(event) {
    this.root.focus({ preventScroll: true });
    if (this.conflict) return;
    this.slides.pause();
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.stage.place(event);
    const begun = { x: event.clientX, y: event.clientY, place };
    if (event.button === 1 || event.altKey) {
      this.drag = { kind: "pan", ...begun };
      return;
    }
    const grip = event.shiftKey || this.merging !== null ? null : this.gripAt(place);
    if (grip) {
      const { xyxy } = this.boxOrGhost(this.selected);
      this.drag = { kind: "change", id: this.selected, grip, start: xyxy, ...begun };
    } else {
      this.drag = { kind: "draw", xyxy: [place.x, place.y, place.x, place.y], ...begun };
    }
  }
  boxOrGhost(id) {
    const object = this.drawing.objects.get(id);
    return object ? this.drawing.boxAt(id, this.shown) ?? this.ghost(object, this.shown) : null;
  }
  // What of the selected box is under the mouse: {x, y} say which sides go along, all of them inside.
  gripAt(place) {
    const box = this.selected === null ? null : this.boxOrGhost(this.selected);
    if (!box) return null;
    const near = HANDLE * (window.devicePixelRatio || 1) / this.stage.scale;
    const [left, top, right, bottom] = box.xyxy;
    const inside2 = left - near <= place.x && place.x <= right + near && top - near <= place.y && place.y <= bottom + near;
    if (!inside2) return null;
    const side = (low, high, at) => Math.abs(at - low) <= Math.min(near, (high - low) / 3) ? -1 : Math.abs(at - high) <= Math.min(near, (high - low) / 3) ? 1 : at < low ? -1 : at > high ? 1 : 0;
    return { x: side(left, right, place.x), y: side(top, bottom, place.y) };
  }
  move(event) {
    const place = this.stage.place(event);
    const { drag, stage } = this;
    if (!drag) {
      const grip = this.gripAt(place);
      const names = {
        "-1-1": "nwse",
        11: "nwse",
        "-11": "nesw",
        "1-1": "nesw",
        "-10": "ew",
        10: "ew",
        "0-1": "ns",
        "01": "ns"
      };
      this.canvas.style.cursor = !grip ? "crosshair" : grip.x || grip.y ? `${names[`${grip.x}${grip.y}`]}-resize` : "move";
      return;
    }
    if (drag.kind === "pan") {
      const ratio = window.devicePixelRatio || 1;
      stage.pan(-event.movementX * ratio / stage.scale, -event.movementY * ratio / stage.scale);
    } else if (drag.kind === "draw") {
      drag.xyxy = this.within([
        Math.min(drag.place.x, place.x),
        Math.min(drag.place.y, place.y),
        Math.max(drag.place.x, place.x),
        Math.max(drag.place.y, place.y)
      ]);
    } else {
      const [dx, dy] = [place.x - drag.place.x, place.y - drag.place.y];
      const [left, top, right, bottom] = drag.start, { x, y } = drag.grip;
      const whole = !x && !y;
      drag.xyxy = this.within(
        [
          left + (whole || x < 0 ? dx : 0),
          top + (whole || y < 0 ? dy : 0),
          right + (whole || x > 0 ? dx : 0),
          bottom + (whole || y > 0 ? dy : 0)
        ],
        whole
      );
    }
    this.paint();
  }
  release(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.kind === "pan") return;
    const moved = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= CLICK;
    if (!moved) {
      const id = this.idAt(drag.place);
      if (drag.kind === "draw" || id !== this.selected) this.select(id);
      else this.paint();
      return;
    }
    const [left, top, right, bottom] = drag.xyxy;
    if (right - left < SMALLEST || bottom - top < SMALLEST) return this.paint();
    const xyxy = drag.xyxy.map((value) => Math.round(value * 100) / 100);
    if (drag.kind === "draw") {
      const id = this.drawing.draw(this.shown, xyxy, this.classId);
      this.select(id);
    } else {
      this.drawing.setBox(drag.id, this.shown, xyxy);
    }
  }
  // The smallest box under the mouse, ghosts last.
  idAt(place) {
    let best = null, smallest = Infinity;
    for (const object of this.drawing.objects.values()) {
      const box = this.drawing.boxAt(object.id, this.shown);
      const shown = box ?? this.ghost(object, this.shown);
      if (!shown) continue;
      const [left, top, right, bottom] = shown.xyxy;
      const area = (right - left) * (bottom - top) + (box ? 0 : 1e9);
      if (left <= place.x && place.x <= right && top <= place.y && place.y <= bottom && area < smallest) {
        [best, smallest] = [object.id, area];
      }
    }
    return best;
  }
  // Inside the picture; a box that is moved keeps its size.
  within([left, top, right, bottom], whole = false) {
    const { width, height } = this.stage;
    if (whole) {
      const dx = Math.max(0, -left) - Math.max(0, right - width), dy = Math.max(0, -top) - Math.max(0, bottom - height);
      return [left + dx, top + dy, right + dx, bottom + dy];
    }
    const x = (value) => Math.max(0, Math.min(width, value)), y = (value) => Math.max(0, Math.min(height, value));
    return [x(Math.min(left, right)), y(Math.min(top, bottom)), x(Math.max(left, right)), y(Math.max(top, bottom))];
  }
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.stage.zoomAt(this.stage.place(event), Math.exp(-event.deltaY * 4e-3));
    this.paint();
  }
};
export {
  editor_default as default
};
