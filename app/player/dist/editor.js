// Made by `make player` of src, whose SHA-256 is dd6e9fae5474ed6e08c08f6763d3876c6130c0465e8eb16a6889edd47e6b3a5a.
// src/address.js
var DELAY_MS = 250;
var timers = /* @__PURE__ */ new Map();
function setQueryParameter(name, value) {
  clearTimeout(timers.get(name));
  const timer = setTimeout(() => {
    const address = new URL(window.location.href);
    if (address.searchParams.get(name) === String(value)) return;
    address.searchParams.set(name, value);
    window.history.replaceState(window.history.state, "", address);
  }, DELAY_MS);
  timers.set(name, timer);
}
function cancelQueryParameter(name) {
  clearTimeout(timers.get(name));
  timers.delete(name);
}

// src/colors.js
var GOLDEN_ANGLE_DEGREES = 137.508;
var cache = /* @__PURE__ */ new Map();
function colorOfTrack(id) {
  let color = cache.get(id);
  if (!color) {
    const hue = id * GOLDEN_ANGLE_DEGREES % 360;
    color = `hsl(${hue.toFixed(1)} 85% ${id % 2 ? 58 : 66}%)`;
    cache.set(id, color);
  }
  return color;
}
var CLASS_COLORS = ["#14a394", "#f59e0b", "#6366f1", "#e8506a", "#0ea5e9", "#84cc16", "#a855f7", "#7b8c8a"];
var MARK = { NOT_COMPARED: 0, MATCHED: 1, MISSED: 2, FALSE_POSITIVE: 3, ID_SWITCH: 4 };
var MARK_COLORS = {
  [MARK.NOT_COMPARED]: "#9aa7a5",
  [MARK.MATCHED]: "#2dd4bf",
  [MARK.MISSED]: "#ef4444",
  [MARK.FALSE_POSITIVE]: "#f59e0b",
  [MARK.ID_SWITCH]: "#d946ef"
};
var MARK_NAMES = {
  [MARK.MISSED]: "missed",
  [MARK.FALSE_POSITIVE]: "false positive",
  [MARK.ID_SWITCH]: "ID switch"
};

// src/icons.js
var PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zm6 0h4v14h-4z",
  back: "M15.5 5 8 12l7.5 7 1.5-1.5L11 12l6-5.5z",
  forward: "M8.5 5 16 12l-7.5 7L7 17.5 13 12 7 6.5z",
  first: "M6 5h2v14H6zm12 0v14L9 12z",
  last: "M16 5h2v14h-2zM6 5v14l9-7z",
  previous: "M4 5h2v14H4zm9.5 0L7 12l6.5 7zm7 0L14 12l6.5 7z",
  next: "M18 5h2v14h-2zM3.5 5v14L10 12zm7 0v14L17 12z",
  full: "M4 9V4h5v2H6v3zm11-5h5v5h-2V6h-3zM6 15v3h3v2H4v-5zm12 0h2v5h-5v-2h3z",
  close: "M6.4 5 5 6.4 10.6 12 5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4-5.6-5.6L19 6.4 17.6 5 12 10.6z",
  help: "M11 17h2v2h-2zm1-13a5 5 0 0 0-5 5h2a3 3 0 1 1 4.3 2.7C12 12.4 11 13.4 11 15h2c0-.8.5-1.3 1.3-1.7A5 5 0 0 0 12 4z",
  options: "M4 6h10v2H4zm12-2h2v2h2v2h-2v2h-2zM4 16h4v2H4zm6-2h2v2h8v2h-8v2h-2zM4 11h16v2H4z",
  muted: "M4 9v6h4l5 5V4L8 9zm12.6 3 2.4-2.4-1.2-1.2-2.4 2.4L13 8.4",
  sound: "M4 9v6h4l5 5V4L8 9zm11-1v8a4 4 0 0 0 0-8z"
};
function icon(name) {
  return `<svg viewBox="0 0 24 24" width="20" height="20" fill="currentColor" aria-hidden="true"><path d="${PATHS[name]}"/></svg>`;
}

// src/dom.js
function element(tag, className = "", ...children) {
  const created = document.createElement(tag);
  created.className = className;
  created.append(...children);
  return created;
}
function button(title, onClick, { iconName = "", label = "", className = "" } = {}) {
  const created = element("button", className, label);
  created.type = "button";
  if (iconName) created.innerHTML = icon(iconName);
  created.title = title;
  if (!label) created.ariaLabel = title;
  created.addEventListener("click", onClick);
  return created;
}
function toggle(label, title, pressed, onToggle) {
  const created = button(
    title,
    () => {
      created.ariaPressed = String(created.ariaPressed !== "true");
      onToggle(created.ariaPressed === "true");
    },
    { label, className: "toggle" }
  );
  created.ariaPressed = String(pressed);
  return created;
}
function select(label, onChange) {
  const created = element("select");
  created.ariaLabel = created.title = label;
  created.addEventListener("change", () => onChange(created.value));
  let shown = "";
  const setOptions = (options, value = options[0][0]) => {
    const content = JSON.stringify(options);
    if (content !== shown) created.replaceChildren(...options.map(([key, text]) => new Option(text, key)));
    shown = content;
    created.value = String(value);
  };
  return { element: created, setOptions };
}
function returnFocusAfterClicks(root) {
  root.addEventListener("click", (event) => {
    const byMouse = event.detail > 0;
    if (byMouse && event.composedPath()[0].closest?.("button")) root.focus({ preventScroll: true });
  });
}
function toggleFullScreen(root) {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen?.();
}
function pixelRatio() {
  return window.devicePixelRatio || 1;
}

// src/drawing.js
var MAX_UNDO_STEPS = 500;
var SIMPLIFY_TOLERANCE = 1.5;
var SAME_BOX_IOU = 0.85;
var MIN_BOX_SIDE = 3;
var Drawing = class {
  /**
   * @param {object[]} objects - As `toJson` returns them.
   * @param {string[]} classes
   * @param {number} frames - Length of the clip in frames.
   * @param {[number, number]} size - Width and height of the images, in pixels.
   * @param {() => void} onChange - Called after each change, undo and redo.
   */
  constructor(objects, classes, frames, size, onChange) {
    Object.assign(this, { classes, frames, size, onChange });
    this.objects = objectsFromJson(objects);
    this.undoStack = [];
    this.redoStack = [];
  }
  // --- Queries ----------------------------------------------------------------------------------------------------
  /** @returns {BoxState|null} Null if there is no such object, or if it is absent in that frame. */
  boxAt(id, frame) {
    const object = this.objects.get(id);
    return object ? boxOf(object, frame) : null;
  }
  /** Ids of the objects in a frame, ascending. */
  idsAt(frame) {
    const present = [...this.objects.values()].filter((object) => boxOf(object, frame));
    return present.map(({ id }) => id).sort((a, b) => a - b);
  }
  get nextId() {
    return Math.max(0, ...this.objects.keys()) + 1;
  }
  /** The number of boxes, over all objects and frames. */
  get boxCount() {
    return [...this.objects.values()].reduce((sum, object) => sum + countBoxes(object), 0);
  }
  toJson() {
    return [...this.objects.values()].map(({ id, classId, attributes, keyframes }) => {
      return { id, class_id: classId, attributes, keys: Object.fromEntries(keyframes) };
    });
  }
  /** @returns {import("./tracks.js").Summary} For the timeline, which it shares with the player. */
  get summary() {
    const tracks = [...this.objects.values()].map((object) => {
      const spans = spansOf(object).flat();
      const { id, classId } = object;
      return { id, classId, boxes: countBoxes(object), score: 1, spans, first: spans[0], last: spans.at(-1) };
    });
    tracks.sort((a, b) => a.first - b.first || a.id - b.id);
    const counts = this.classes.map(() => new Array(this.frames).fill(0));
    for (const object of this.objects.values()) {
      for (const [first, last] of spansOf(object)) {
        for (let frame = first; frame <= last; frame++) counts[object.classId][frame]++;
      }
    }
    return { classes: this.classes, tracks, counts, step: 1, differences: [] };
  }
  // --- Changes ----------------------------------------------------------------------------------------------------
  undo() {
    if (!this.undoStack.length) return;
    this.redoStack.push(this.objects);
    this.objects = this.undoStack.pop();
    this.onChange();
  }
  redo() {
    if (!this.redoStack.length) return;
    this.undoStack.push(this.objects);
    this.objects = this.redoStack.pop();
    this.onChange();
  }
  /** Take over what was drawn elsewhere, from `toJson`. Undo brings back what was here. */
  replaceAll(objects) {
    this.undoStack.push(this.objects);
    this.redoStack = [];
    this.objects = objectsFromJson(objects);
  }
  /** Draw a new object; returns its id. */
  draw(frame, xyxy, classId) {
    const id = this.nextId;
    this.replaceObjects([id, { id, classId, attributes: {}, keyframes: /* @__PURE__ */ new Map([[frame, { xyxy }]]) }]);
    return id;
  }
  /**
   * Set the box of an object in a frame.
   *
   * Predictions go wrong gradually. Therefore predicted keyframes up to the nearest drawn ones are corrected too, by a
   * share of the correction that decreases linearly to zero at the drawn ones.
   */
  setBox(id, frame, xyxy) {
    this.editKeyframes(id, (keyframes, object) => {
      const box = boxOf(object, frame);
      if (box) {
        const drawn = [...keyframes].filter(([n, { predicted }]) => n !== frame && !predicted).map(([n]) => n);
        const drawnBefore = drawn.findLast((n) => n < frame);
        const drawnAfter = drawn.find((n) => n > frame);
        for (const [n, keyframe] of keyframes) {
          const limit = n < frame ? drawnBefore : drawnAfter;
          if (limit === void 0 || !keyframe.predicted) continue;
          const isBetween = Math.min(limit, frame) < n && n < Math.max(limit, frame);
          if (!isBetween) continue;
          const share = (n - limit) / (frame - limit);
          const corrected = keyframe.xyxy.map((value, k) => value + share * (xyxy[k] - box.xyxy[k]));
          keyframes.set(n, { ...keyframe, xyxy: clampToImage(corrected, this.size) });
        }
      }
      const attributes = box ? box.attributes : lastKeyframeIfAbsent(object, frame)?.[1].attributes ?? {};
      keyframes.set(frame, { ...attributesOf(box), attributes, gap: hasGapAfter(object, frame), xyxy });
    });
  }
  /** How many frames after this one have no drawn box yet and may therefore be predicted. */
  predictableFrames(id, frame) {
    const { keyframes } = this.objects.get(id);
    const nextDrawn = [...keyframes].find(([n, { predicted }]) => n > frame && !predicted);
    return (nextDrawn?.[0] ?? this.frames) - frame - 1;
  }
  /**
   * Set predicted boxes for the frames after this one, simplified to few keyframes.
   *
   * Earlier predictions are replaced up to the frame in which the new boxes meet them again.
   *
   * @param {number} id
   * @param {number} frame
   * @param {Box[]} predictions - Of the frames after `frame`.
   * @returns {number} The last frame that was changed.
   */
  setPredictions(id, frame, predictions) {
    const before = this.objects.get(id);
    const met = predictions.findIndex((xyxy, n) => {
      const earlier = boxOf(before, frame + 1 + n);
      return earlier && boxIou(earlier.xyxy, xyxy) >= SAME_BOX_IOU;
    });
    const boxes = [boxOf(before, frame).xyxy, ...met < 0 ? predictions : predictions.slice(0, met)];
    const last = frame + boxes.length - 1;
    this.editKeyframes(id, (keyframes, object) => {
      pin(keyframes, object, frame, false);
      pin(keyframes, object, last + 1);
      const gapAfterLast = !boxOf(object, last + 1) && lastFrameOf(object) > last;
      for (const n of [...keyframes.keys()]) if (n > frame && n <= last) keyframes.delete(n);
      for (const index of simplify(boxes).slice(1)) {
        const gap = gapAfterLast && index === boxes.length - 1;
        const { attributes } = boxOf(before, frame + index) ?? boxOf(before, frame);
        keyframes.set(frame + index, { xyxy: boxes[index], predicted: true, gap, attributes });
      }
    });
    return last;
  }
  /** Toggle an attribute, `"occluded"` or `"truncated"`, of an object from this frame on. */
  toggleAttribute(id, frame, name) {
    const box = this.boxAt(id, frame);
    if (!box) return;
    this.editKeyframes(id, (keyframes, object) => {
      keyframes.set(frame, { ...keyframeAt(object, frame), [name]: !box[name] });
    });
  }
  /**
   * Set an attribute of an object.
   *
   * @param {number} id
   * @param {number} frame
   * @param {string} name
   * @param {string|boolean} value - `""` or false removes it.
   * @param {boolean} changes - Whether the attribute changes over time. Then the value holds from this frame on, up to
   *   the next frame in which it changed already.
   */
  setAttribute(id, frame, name, value, changes) {
    const object = this.objects.get(id);
    if (!object) return;
    if (!changes) {
      this.replaceObjects([id, { ...object, attributes: withValue(object.attributes, name, value) }]);
      return;
    }
    const box = boxOf(object, frame);
    if (!box) return;
    const earlier = box.attributes[name];
    this.editKeyframes(id, (keyframes) => {
      const keyframe = keyframeAt(object, frame);
      keyframes.set(frame, { ...keyframe, attributes: withValue(keyframe.attributes, name, value) });
      for (const [n, later] of object.keyframes) {
        if (n <= frame) continue;
        if (later.attributes?.[name] !== earlier) break;
        keyframes.set(n, { ...later, attributes: withValue(later.attributes, name, value) });
      }
    });
  }
  setClass(id, classId) {
    const object = this.objects.get(id);
    if (object) this.replaceObjects([id, { ...object, classId }]);
  }
  /** Remove an object from all frames. */
  remove(id) {
    this.replaceObjects([id, null]);
  }
  /** Remove an object from one frame; in others it stays as it is. */
  removeAt(id, frame) {
    if (!this.boxAt(id, frame)) return;
    this.editKeyframes(id, (keyframes, object) => {
      pin(keyframes, object, frame - 1, true);
      pin(keyframes, object, frame + 1);
      keyframes.delete(frame);
    });
  }
  /** Interpolate an object in the frames of the gap around this frame. */
  fillGap(id, frame) {
    const [gapFrame, keyframe] = lastKeyframeIfAbsent(this.objects.get(id), frame) ?? [];
    if (!keyframe?.gap) return;
    this.editKeyframes(id, (keyframes) => keyframes.set(gapFrame, { ...keyframe, gap: false }));
  }
  /** Make this frame the last one of an object. */
  endAt(id, frame) {
    if (!this.boxAt(id, frame)) return;
    this.editKeyframes(id, (keyframes, object) => {
      pin(keyframes, object, frame);
      for (const n of [...keyframes.keys()]) if (n > frame) keyframes.delete(n);
    });
  }
  /**
   * Make an object another one from this frame on.
   *
   * @returns {number|null} The id of the new object; null if there is nothing to split.
   */
  splitAt(id, frame) {
    const object = this.objects.get(id);
    if (!boxOf(object, frame) || frame <= firstFrameOf(object)) return null;
    const before = new Map([...object.keyframes].filter(([n]) => n < frame));
    pin(before, object, frame - 1);
    removeLastGap(before);
    const after = new Map([...object.keyframes].filter(([n]) => n > frame));
    after.set(frame, keyframeAt(object, frame));
    const newId = this.nextId;
    this.replaceObjects(
      [id, { ...object, keyframes: before }],
      [newId, { ...object, id: newId, keyframes: sortByFrame(after) }]
    );
    return newId;
  }
  /**
   * Merge another object into the first one.
   *
   * @returns {number|null} Null if they were merged; else the first frame in which both have a box.
   */
  merge(id, otherId) {
    const object = this.objects.get(id);
    const other = this.objects.get(otherId);
    const conflict = spansOf(object).flatMap(([a, b]) => spansOf(other).map(([c, d]) => [Math.max(a, c), Math.min(b, d)])).find(([first, last]) => first <= last);
    if (conflict) return conflict[0];
    const spanEnds = new Set([...spansOf(object), ...spansOf(other)].map(([, last]) => last));
    const keyframes = sortByFrame(new Map([...object.keyframes, ...other.keyframes]));
    for (const [frame, keyframe] of keyframes) keyframes.set(frame, { ...keyframe, gap: spanEnds.has(frame) });
    removeLastGap(keyframes);
    const attributes = { ...other.attributes, ...object.attributes };
    this.replaceObjects([id, { ...object, attributes, keyframes }], [otherId, null]);
    return null;
  }
  /** Change the id of an object; returns whether the new one is valid and free. */
  changeId(id, newId) {
    if (newId === id) return true;
    if (!Number.isInteger(newId) || newId < 1 || newId >= 2 ** 31 || this.objects.has(newId)) return false;
    this.replaceObjects([id, null], [newId, { ...this.objects.get(id), id: newId }]);
    return true;
  }
  /** Change the keyframes of an object with `edit(keyframes, object)`; `keyframes` is a copy that it modifies. */
  editKeyframes(id, edit) {
    const object = this.objects.get(id);
    if (!object) return;
    const edited = new Map(object.keyframes);
    edit(edited, object);
    const keyframes = sortByFrame(edited);
    removeLastGap(keyframes);
    this.replaceObjects([id, { ...object, keyframes }]);
  }
  /** Replace objects, given as `[id, object]`; null, or an object without keyframes, removes it. */
  replaceObjects(...entries) {
    this.undoStack.push(this.objects);
    if (this.undoStack.length > MAX_UNDO_STEPS) this.undoStack.shift();
    this.redoStack = [];
    this.objects = new Map(this.objects);
    for (const [id, object] of entries) {
      if (object?.keyframes.size) this.objects.set(id, object);
      else this.objects.delete(id);
    }
    this.onChange();
  }
};
function objectsFromJson(objects) {
  return new Map(
    objects.map(({ id, class_id: classId, attributes = {}, keys }) => {
      const keyframes = new Map(Object.entries(keys).map(([frame, keyframe]) => [Number(frame), keyframe]));
      return [id, { id, classId, attributes, keyframes: sortByFrame(keyframes) }];
    })
  );
}
function boxOf(object, frame) {
  let previous = null;
  let next = null;
  for (const entry of object.keyframes) {
    if (entry[0] <= frame) {
      previous = entry;
    } else {
      next = entry;
      break;
    }
  }
  if (!previous) return null;
  const [previousFrame, from] = previous;
  if (previousFrame === frame) {
    return { isKeyframe: true, predicted: Boolean(from.predicted), ...attributesOf(from), xyxy: from.xyxy };
  }
  if (!next || from.gap) return null;
  const [nextFrame, to] = next;
  const share = (frame - previousFrame) / (nextFrame - previousFrame);
  const xyxy = interpolate(from.xyxy, to.xyxy, share);
  return { isKeyframe: false, predicted: Boolean(from.predicted && to.predicted), ...attributesOf(from), xyxy };
}
function lastKeyframeIfAbsent(object, frame) {
  const previous = [...object.keyframes].findLast(([n]) => n <= frame);
  return !previous || boxOf(object, frame) ? null : previous;
}
function spansOf(object) {
  const spans = [];
  let first = null;
  let last = null;
  for (const [frame, { gap }] of object.keyframes) {
    first ??= frame;
    last = frame;
    if (!gap) continue;
    spans.push([first, last]);
    first = null;
  }
  if (first !== null) spans.push([first, last]);
  return spans;
}
function countBoxes(object) {
  return spansOf(object).reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
function firstFrameOf(object) {
  return object.keyframes.keys().next().value;
}
function lastFrameOf(object) {
  return [...object.keyframes.keys()].at(-1);
}
function hasGapAfter(object, frame) {
  if (object.keyframes.has(frame)) return Boolean(object.keyframes.get(frame).gap);
  const previous = [...object.keyframes].findLast(([n]) => n < frame);
  return Boolean(previous?.[1].gap) && lastFrameOf(object) > frame;
}
function sortByFrame(keyframes) {
  return new Map([...keyframes].sort(([a], [b]) => a - b));
}
function attributesOf(box) {
  return {
    occluded: Boolean(box?.occluded),
    truncated: Boolean(box?.truncated),
    attributes: box?.attributes ?? {}
  };
}
function withValue(attributes, name, value) {
  const changed = { ...attributes, [name]: value };
  if (value === "" || value === false) delete changed[name];
  return changed;
}
function keyframeAt(object, frame) {
  const keyframe = object.keyframes.get(frame);
  if (keyframe) return keyframe;
  const { predicted, occluded, truncated, attributes, xyxy } = boxOf(object, frame);
  return { predicted, occluded, truncated, attributes, xyxy };
}
function pin(keyframes, object, frame, gap) {
  if (!boxOf(object, frame)) return;
  const keyframe = keyframeAt(object, frame);
  keyframes.set(frame, gap === void 0 ? keyframe : { ...keyframe, gap });
}
function removeLastGap(keyframes) {
  const last = [...keyframes.keys()].at(-1);
  if (last !== void 0 && keyframes.get(last).gap) keyframes.set(last, { ...keyframes.get(last), gap: false });
}
function interpolate(from, to, share) {
  return from.map((value, k) => value + share * (to[k] - value));
}
function clampToImage([left, top, right, bottom], [width, height]) {
  const clampSide = (low, high, size) => {
    const start = Math.min(Math.max(0, low), size - MIN_BOX_SIDE);
    return [start, Math.max(start + MIN_BOX_SIDE, Math.min(size, high))];
  };
  const [x1, x2] = clampSide(left, right, width);
  const [y1, y2] = clampSide(top, bottom, height);
  return [x1, y1, x2, y2];
}
function boxIou(a, b) {
  const overlap = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const intersection = overlap(0, 2) * overlap(1, 3);
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return intersection / (area(a) + area(b) - intersection);
}
function simplify(boxes, from = 0, to = boxes.length - 1) {
  if (to - from < 2) return to > from ? [from, to] : [from];
  let worstDeviation = 0;
  let worst = from;
  for (let n = from + 1; n < to; n++) {
    const interpolated = interpolate(boxes[from], boxes[to], (n - from) / (to - from));
    const deviation = Math.max(...boxes[n].map((value, k) => Math.abs(interpolated[k] - value)));
    if (deviation > worstDeviation) [worstDeviation, worst] = [deviation, n];
  }
  if (worstDeviation <= SIMPLIFY_TOLERANCE) return [from, to];
  return [...simplify(boxes, from, worst), ...simplify(boxes, worst, to).slice(1)];
}

// src/images.js
var MAX_IMAGES_IN_MEMORY = 60;
var PREFETCHED_IMAGES = 6;
var ImageSequence = class {
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
    this.images = /* @__PURE__ */ new Map();
    this.frame = null;
    this.bitmap = null;
    this.target = null;
    this.timer = 0;
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
      this.image(next).catch(() => {
      });
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
      evicted.then(free, () => {
      });
    }
    return image;
  }
  async load(frame) {
    try {
      const response = await fetch(this.urlOf(frame));
      if (!response.ok) throw new Error((await response.json()).error);
      return await createImageBitmap(await response.blob());
    } catch (error) {
      this.images.delete(frame);
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
      const remaining = 1e3 / this.times.fps - (performance.now() - started);
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
        () => {
        }
      );
    }
    this.images.clear();
    this.bitmap = null;
  }
};

// src/object_filter.js
var PRESENCES = {
  any: "in any frame",
  present: "in this frame",
  absent: "hidden in this frame",
  occluded: "occluded in this frame"
};
function emptyFilter() {
  return { text: "", classId: null, attribute: "", presence: "any" };
}
function isEmpty(filter) {
  return !filter.text.trim() && filter.classId === null && !filter.attribute && filter.presence === "any";
}
function attributeTexts(object) {
  const texts = /* @__PURE__ */ new Set();
  const add = (attributes) => {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      texts.add(`${name}: ${value === true ? "yes" : value}`);
    }
  };
  add(object.attributes);
  for (const keyframe of object.keyframes.values()) add(keyframe.attributes);
  return texts;
}
function passes(object, box, filter, classes) {
  if (filter.classId !== null && object.classId !== filter.classId) return false;
  if (filter.presence === "present" && !box) return false;
  if (filter.presence === "absent" && box) return false;
  if (filter.presence === "occluded" && !box?.occluded) return false;
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!filter.attribute && !words.length) return true;
  const attributes = attributeTexts(object);
  if (filter.attribute && !attributes.has(filter.attribute)) return false;
  const searched = `#${object.id} ${classes[object.classId]} ${[...attributes].join(" ")}`.toLowerCase();
  return words.every((word) => /^#?\d+$/.test(word) ? hasNumber(searched, object.id, word) : searched.includes(word));
}
function hasNumber(searched, id, word) {
  return word.replace("#", "") === String(id) || !word.startsWith("#") && searched.split(" ").slice(1).includes(word);
}

// src/object_panel.js
var MAX_ROWS = 200;
var TEXT_LENGTH = 200;
var ObjectPanel = class {
  /**
   * @param {object} editor - See editor.js, whose drawing, frame and selection are shown, and which acts.
   * @param {string[]} classes
   * @param {AttributeDefinition[]} attributes
   */
  constructor(editor, classes, attributes) {
    Object.assign(this, { editor, classes, attributes });
    this.filter = emptyFilter();
    this.summary = element("span", "muted");
    this.clearButton = button("Show all objects", () => this.setFilter(emptyFilter()), { label: "Clear" });
    this.searchInput = element("input", "search");
    Object.assign(this.searchInput, {
      type: "search",
      placeholder: "Search id, class, value (/)",
      ariaLabel: "Search objects by id, class or value"
    });
    this.searchInput.addEventListener("input", () => this.changeFilter({ text: this.searchInput.value }));
    this.classSelect = select(
      "Filter by class",
      (value) => this.changeFilter({ classId: value === "" ? null : Number(value) })
    );
    this.presenceSelect = select("Filter by presence in this frame", (value) => this.changeFilter({ presence: value }));
    this.presenceSelect.setOptions(Object.entries(PRESENCES));
    this.attributeSelect = select("Filter by attribute", (value) => this.changeFilter({ attribute: value }));
    this.list = element("ul", "objects");
    Object.assign(this.list, { role: "listbox", tabIndex: 0, ariaLabel: "Objects" });
    this.list.addEventListener("keydown", (event) => this.onListKey(event));
    this.note = element("div", "muted");
    this.selection = element("div", "selection");
    this.selection.role = "group";
    this.selection.ariaLabel = "Selected object";
    this.element = element(
      "div",
      "panel",
      element(
        "div",
        "row",
        element("strong", "", "Objects"),
        this.summary,
        element("span", "spacer"),
        this.clearButton
      ),
      element(
        "div",
        "filters",
        this.searchInput,
        this.classSelect.element,
        this.presenceSelect.element,
        this.attributeSelect.element
      ),
      this.note,
      this.list,
      this.selection
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && event.target.matches("input, select")) {
        event.stopPropagation();
        editor.focus();
      }
    });
  }
  // --- Filter -----------------------------------------------------------------------------------------------------
  changeFilter(changes) {
    this.setFilter({ ...this.filter, ...changes });
  }
  setFilter(filter) {
    this.filter = filter;
    if (this.searchInput.value !== filter.text) this.searchInput.value = filter.text;
    this.editor.update();
  }
  /** Whether an object is shown: it passes the filter, or is selected. */
  shows(object) {
    const { drawing, frame, selectedId } = this.editor;
    if (object.id === selectedId || isEmpty(this.filter)) return true;
    return passes(object, drawing.boxAt(object.id, frame), this.filter, this.classes);
  }
  /** Whether which objects pass the filter depends on the frame. */
  get dependsOnFrame() {
    return this.filter.presence !== "any";
  }
  focusSearch() {
    this.searchInput.focus();
    this.searchInput.select();
  }
  focusAttributes() {
    this.selection.querySelector("[data-key]")?.focus();
  }
  // --- Display ----------------------------------------------------------------------------------------------------
  /** Show the objects, the choices of the filter, and the selected object as they are now. */
  update() {
    this.updateFilters();
    this.updateList();
    this.updateSelection();
  }
  updateFilters() {
    const objects = [...this.editor.drawing.objects.values()];
    const counts = /* @__PURE__ */ new Map();
    const attributeCounts = /* @__PURE__ */ new Map();
    for (const object of objects) {
      counts.set(object.classId, (counts.get(object.classId) ?? 0) + 1);
      for (const text of attributeTexts(object)) attributeCounts.set(text, (attributeCounts.get(text) ?? 0) + 1);
    }
    const { classId, attribute } = this.filter;
    const classIds = [.../* @__PURE__ */ new Set([...counts.keys(), ...classId === null ? [] : [classId]])].sort((a, b) => a - b);
    const texts = [.../* @__PURE__ */ new Set([...attributeCounts.keys(), ...attribute ? [attribute] : []])].sort();
    this.classSelect.setOptions(
      [["", "any class"], ...classIds.map((id) => [id, `${this.classes[id]} (${counts.get(id) ?? 0})`])],
      classId ?? ""
    );
    this.attributeSelect.setOptions(
      [["", "any attribute"], ...texts.map((text) => [text, `${text} (${attributeCounts.get(text) ?? 0})`])],
      attribute
    );
    this.presenceSelect.setOptions(Object.entries(PRESENCES), this.filter.presence);
    this.classSelect.element.hidden = classIds.length < 2 && classId === null;
    this.attributeSelect.element.hidden = !texts.length;
    this.clearButton.hidden = isEmpty(this.filter);
  }
  updateList() {
    const { drawing, selectedId, frame } = this.editor;
    const all = [...drawing.objects.values()];
    const shown = all.filter((object) => this.shows(object)).sort((a, b) => a.id - b.id);
    this.shownIds = shown.map(({ id }) => id);
    this.summary.textContent = shown.length === all.length ? `${all.length}` : `${shown.length} of ${all.length}`;
    const rows = shown.slice(0, MAX_ROWS).map((object) => {
      const row = element("li", "object");
      row.role = "option";
      row.id = `object-${object.id}`;
      row.ariaSelected = String(object.id === selectedId);
      const dot = element("b", "dot");
      dot.style.background = colorOfTrack(object.id);
      const values = [...attributeTexts(object)].join(", ");
      row.append(dot, element("span", "", `#${object.id} ${this.classes[object.classId]}`));
      row.append(element("small", "", drawing.boxAt(object.id, frame) ? values : `hidden${values && ", "}${values}`));
      row.title = values;
      row.addEventListener("click", () => this.choose(object.id));
      return row;
    });
    let note = "";
    if (shown.length > MAX_ROWS) note = `${shown.length - MAX_ROWS} more: search for them.`;
    if (!shown.length) note = all.length ? "No object passes the filter." : "Drag over the image to draw a box.";
    this.note.textContent = note;
    this.note.hidden = !note;
    this.list.replaceChildren(...rows);
    const selected = rows.find((row) => row.ariaSelected === "true");
    if (selected) {
      this.list.setAttribute("aria-activedescendant", selected.id);
      this.scrollTo(selected);
    } else {
      this.list.removeAttribute("aria-activedescendant");
    }
  }
  /** Scroll the list, and nothing around it, until a row is in view. */
  scrollTo(row) {
    const { list } = this;
    const top = row.offsetTop - list.offsetTop;
    if (top < list.scrollTop) list.scrollTop = top;
    const bottom = top + row.offsetHeight - list.clientHeight;
    if (bottom > list.scrollTop) list.scrollTop = bottom;
  }
  /** Select an object, and go to its first frame if it is not in the current one. */
  choose(id) {
    const { editor } = this;
    editor.select(id);
    const object = editor.drawing.objects.get(id);
    if (object && !editor.drawing.boxAt(id, editor.frame)) editor.images.seek(spansOf(object)[0][0]);
  }
  onListKey(event) {
    const { shownIds } = this;
    const index = shownIds.indexOf(this.editor.selectedId);
    const targets = { ArrowDown: index + 1, ArrowUp: index < 0 ? 0 : index - 1, Home: 0, End: shownIds.length - 1 };
    if (!(event.key in targets) || !shownIds.length) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(shownIds[Math.max(0, Math.min(shownIds.length - 1, targets[event.key]))]);
  }
  // --- Selected object --------------------------------------------------------------------------------------------
  updateSelection() {
    const { editor } = this;
    const { drawing, frame, selectedId: id } = editor;
    const focusedKey = this.focusedKey();
    if (id === null) {
      this.selection.replaceChildren(element("span", "muted", "Select an object to change it."));
      return;
    }
    const object = drawing.objects.get(id);
    const box = drawing.boxAt(id, frame);
    this.idInput = element("input", "number");
    Object.assign(this.idInput, { type: "number", min: 1, value: id, title: "Id (R)", ariaLabel: "Id of the object" });
    this.idInput.addEventListener("change", () => editor.changeId(id, Number(this.idInput.value)));
    const spans = spansOf(object).map(([first, last]) => first === last ? `${first}` : `${first}–${last}`);
    const spansText = element("span", "muted spans", `frames ${spans.join(", ")}`);
    spansText.title = spansText.textContent;
    const isPresent = Boolean(box);
    const isInGap = !isPresent && frame < lastFrameOf(object);
    const action = (label, title, run, isEnabled = true) => {
      const runAndFocus = () => {
        run();
        editor.focus();
      };
      const created = button(title, runAndFocus, { label, className: "action" });
      created.disabled = !isEnabled;
      return created;
    };
    const occluded = toggle(
      "Occluded",
      "Partly hidden by another object (O)",
      Boolean(box?.occluded),
      () => editor.toggleAttribute("occluded")
    );
    const truncated = toggle(
      "Truncated",
      "Partly outside the image (T)",
      Boolean(box?.truncated),
      () => editor.toggleAttribute("truncated")
    );
    occluded.disabled = truncated.disabled = !isPresent;
    this.selection.replaceChildren(
      element(
        "div",
        "row",
        element("strong", "", "#"),
        this.idInput,
        spansText,
        element("span", "spacer"),
        button("Deselect (Esc)", () => editor.select(null), { iconName: "close" })
      ),
      this.attributeFields(object, box),
      element("div", "row", occluded, truncated),
      element(
        "div",
        "row",
        action("Copy to next", "Copy the box to the next frame (V)", () => editor.copyToNext()),
        action("Follow", "Find the object in the next frames (F)", () => editor.follow(), isPresent),
        action("Last frame", "The object ends in this frame (E)", () => drawing.endAt(id, frame), isPresent),
        action("Split", "From this frame on it is another object (S)", () => editor.split(), isPresent),
        action(
          editor.mergingId === null ? "Merge" : "Click the other object …",
          "Merge with another object (M)",
          () => editor.toggleMerging()
        ),
        isInGap ? action("Fill gap", "Interpolate the object in this gap (G)", () => drawing.fillGap(id, frame)) : action("Absent here", "The object is not in this frame (X)", () => drawing.removeAt(id, frame), isPresent),
        action("Delete", "Delete the object from all frames (Shift Del)", () => drawing.remove(id))
      )
    );
    if (focusedKey) this.selection.querySelector(`[data-key="${CSS.escape(focusedKey)}"]`)?.focus();
  }
  /** The key of the field that has the focus, which is replaced by one with the same key. */
  focusedKey() {
    const focused = this.element.getRootNode().activeElement;
    return this.selection.contains(focused) ? focused.dataset.key : void 0;
  }
  attributeFields(object, box) {
    const fields = this.attributes.map((definition) => {
      const values = definition.changes ? box?.attributes : object.attributes;
      const field = this.attributeField(definition, values?.[definition.name]);
      field.dataset.key = definition.name;
      field.disabled = definition.changes && !box;
      const set = (value) => this.editor.drawing.setAttribute(object.id, this.editor.frame, definition.name, value, definition.changes);
      field.addEventListener("change", () => set(field.type === "checkbox" ? field.checked : field.value.trim()));
      const hint = definition.changes ? "Holds from this frame on, until it changes again" : "The same in all frames";
      const label = element(
        "label",
        "attribute",
        element(
          "span",
          "",
          definition.name,
          ...definition.changes ? [element("small", "", "from this frame on")] : []
        ),
        field
      );
      label.title = hint;
      return label;
    });
    return element("div", "attributes", ...fields);
  }
  attributeField({ kind, values }, value) {
    if (kind === "choice") {
      const field2 = element("select");
      const isForeign = value !== void 0 && !values.includes(value);
      const options = ["", ...values, ...isForeign ? [value] : []].map((text) => new Option(text || "–", text));
      field2.append(...options);
      field2.value = value ?? "";
      return field2;
    }
    const field = element("input");
    if (kind === "checkbox") Object.assign(field, { type: "checkbox", checked: value === true });
    else Object.assign(field, { type: "text", maxLength: TEXT_LENGTH, value: value ?? "" });
    return field;
  }
};

// src/stage.js
var MAX_ZOOM = 12;
var BACKGROUND = "#0b0f10";
var ZOOM_PER_WHEEL_PIXEL = 4e-3;
var SMOOTH_BELOW_SCALE = 3;
var Stage = class {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} width - Of the image, in pixels.
   * @param {number} height - Of the image, in pixels.
   */
  constructor(canvas, width, height) {
    Object.assign(this, { canvas, width, height });
    this.panes = 1;
    this.context = canvas.getContext("2d", { alpha: false });
    this.resetView();
  }
  /** Show the whole image. */
  resetView() {
    this.view = { zoom: 1, x: 0, y: 0 };
  }
  /** Match the canvas's resolution to its size on the screen. */
  fit() {
    const width = Math.max(1, Math.round(this.canvas.clientWidth * pixelRatio()));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * pixelRatio()));
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
  }
  get paneWidth() {
    return this.canvas.width / this.panes;
  }
  /** Canvas pixels per image pixel. */
  get scale() {
    return this.scaleWithoutZoom * this.view.zoom;
  }
  get scaleWithoutZoom() {
    return Math.min(this.paneWidth / this.width, this.canvas.height / this.height);
  }
  /** Canvas pixels between the corner of a pane and that of the whole image, for bars at its sides or above and below. */
  get margin() {
    const scale = this.scaleWithoutZoom;
    return { x: (this.paneWidth - this.width * scale) / 2, y: (this.canvas.height - this.height * scale) / 2 };
  }
  /**
   * Paint the background and the image in every pane.
   *
   * @param {CanvasImageSource} image
   */
  drawImage(image) {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = BACKGROUND;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.imageSmoothingEnabled = this.scale < SMOOTH_BELOW_SCALE;
    for (let pane = 0; pane < this.panes; pane++) {
      this.inPane(pane, (context) => context.drawImage(image, 0, 0, this.width, this.height));
    }
  }
  /**
   * Call `paint` with the canvas clipped to a pane and transformed to image pixels.
   *
   * @param {number} pane
   * @param {(context: CanvasRenderingContext2D) => void} paint
   */
  inPane(pane, paint) {
    const { context, scale, margin, view } = this;
    const left = pane * this.paneWidth;
    context.save();
    context.beginPath();
    context.rect(left, 0, this.paneWidth, this.canvas.height);
    context.clip();
    context.setTransform(scale, 0, 0, scale, left + margin.x - view.x * scale, margin.y - view.y * scale);
    paint(context);
    context.restore();
  }
  /**
   * The image pixel under a mouse event.
   *
   * @param {MouseEvent} event
   * @returns {{x: number, y: number, pane: number}}
   */
  imagePoint(event) {
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
  /** Zoom around the mouse as the wheel turns. */
  zoomByWheel(event) {
    const point = this.imagePoint(event);
    const factor = Math.exp(-event.deltaY * ZOOM_PER_WHEEL_PIXEL);
    const zoom = Math.max(1, Math.min(MAX_ZOOM, this.view.zoom * factor));
    const shrink = this.view.zoom / zoom;
    this.moveTo(point.x - (point.x - this.view.x) * shrink, point.y - (point.y - this.view.y) * shrink, zoom);
  }
  /** Move the image along with a mouse that drags it. */
  panByMouse(event) {
    const unit = pixelRatio() / this.scale;
    this.moveTo(this.view.x - event.movementX * unit, this.view.y - event.movementY * unit, this.view.zoom);
  }
  moveTo(x, y, zoom) {
    this.view = {
      zoom,
      x: Math.max(0, Math.min(this.width * (1 - 1 / zoom), x)),
      y: Math.max(0, Math.min(this.height * (1 - 1 / zoom), y))
    };
  }
};

// src/times.js
var DEFAULT_FRAME_SECONDS = 0.04;
var FrameTimes = class _FrameTimes {
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
    return new _FrameTimes(new Float64Array(await response.arrayBuffer()));
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
      const middle = low + high >> 1;
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
    return frame + 1 < this.count ? (begin + this.seconds[frame + 1]) / 2 : begin + 1e-3;
  }
  /** An estimate of how long the last frame is shown, in seconds: as long as the one before it. */
  get lastDuration() {
    return this.count > 1 ? this.seconds[this.count - 1] - this.seconds[this.count - 2] : DEFAULT_FRAME_SECONDS;
  }
  /** Mean frame rate in frames per second. */
  get fps() {
    return this.count > 1 ? (this.count - 1) / this.seconds[this.count - 1] : 1 / DEFAULT_FRAME_SECONDS;
  }
};
function formatTime(seconds, tenths = false) {
  const EPSILON = 1e-6;
  const whole = Math.floor(seconds + EPSILON);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const fraction = tenths ? `.${Math.floor((seconds - whole) * 10 + EPSILON)}` : "";
  const rest = String(whole % 60).padStart(2, "0") + fraction;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// src/timeline.js
var LEFT_MARGIN = 62;
var RIGHT_MARGIN = 10;
var BOTTOM_MARGIN = 4;
var RULER_HEIGHT = 18;
var COUNTS_HEIGHT = 42;
var DIFFERENCES_HEIGHT = 12;
var LANE_HEIGHT = 13;
var MIN_VISIBLE_LANES = 4;
var MAX_VISIBLE_LANES = 14;
var LANES_SHARE = 0.11;
var CLICK_TOLERANCE = 3;
var MIN_TICK_DISTANCE = 64;
var TICK_SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
var MIN_FRAMES_IN_VIEW = 20;
var ZOOM_PER_WHEEL_PIXEL2 = 4e-3;
var MUTED_ALPHA = 0.65;
var Timeline = class {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./times.js").FrameTimes} times
   * @param {object} actions
   * @param {(frame: number) => void} actions.seek
   * @param {(layer: number, id: number, frame: number) => void} actions.select - Select a track and go to a frame.
   * @param {string} emptyText - Shown if there are no tracks.
   */
  constructor(canvas, times, actions, emptyText = "No tracks.") {
    Object.assign(this, { canvas, times, actions, emptyText });
    this.context = canvas.getContext("2d");
    this.layers = [];
    this.lanes = [];
    this.selected = null;
    this.frame = 0;
    this.range = { from: 0, to: times.count };
    this.scroll = 0;
    this.dragging = false;
    this.addListeners();
  }
  /**
   * Show these layers.
   *
   * @param {TimelineLayer[]} layers
   * @param {{layer: number, id: number}|null} selected - The selected track.
   */
  setLayers(layers, selected) {
    this.layers = layers;
    this.selected = selected;
    this.lanes = [];
    for (const [number, layer] of layers.entries()) {
      if (layers.length > 1) this.lanes.push({ heading: layer.name });
      for (const track of layer.tracks.summary.tracks) {
        if (layer.isShown(track)) this.lanes.push({ track, layer: number });
      }
    }
    this.hasDifferences = layers.some(({ tracks }) => tracks.summary.differences.length);
    const roomForLanes = Math.floor(window.innerHeight * LANES_SHARE / LANE_HEIGHT);
    const maxLanes = Math.max(MIN_VISIBLE_LANES, Math.min(MAX_VISIBLE_LANES, roomForLanes));
    const visibleLanes = Math.max(1, Math.min(maxLanes, this.lanes.length));
    this.canvas.style.height = `${this.lanesTop + visibleLanes * LANE_HEIGHT + BOTTOM_MARGIN}px`;
    this.scrollTo(this.scroll);
    this.paint();
  }
  /** Move the playhead, and the range in view along with it. */
  setFrame(frame) {
    this.frame = frame;
    const { from, to } = this.range;
    const isZoomed = to - from < this.times.count;
    if (isZoomed && (frame < from || frame >= to)) this.setRange(frame - (to - from) * 0.1, to - from);
    this.paint();
  }
  setRange(from, length) {
    const { count } = this.times;
    const clamped = Math.max(Math.min(MIN_FRAMES_IN_VIEW, count), Math.min(count, length));
    const start = Math.max(0, Math.min(count - clamped, from));
    this.range = { from: start, to: start + clamped };
  }
  scrollTo(pixels) {
    const max = this.lanes.length * LANE_HEIGHT - this.lanesHeight;
    this.scroll = Math.max(0, Math.min(max, pixels));
  }
  /** Scroll until the lane of a track is in view. */
  scrollToTrack(layer, id) {
    const index = this.lanes.findIndex((lane) => lane.layer === layer && lane.track?.id === id);
    if (index < 0) return;
    const top = index * LANE_HEIGHT;
    const isInView = top >= this.scroll && top + LANE_HEIGHT <= this.scroll + this.lanesHeight;
    if (!isInView) this.scrollTo(top - this.lanesHeight / 2);
    this.paint();
  }
  // --- Geometry ---------------------------------------------------------------------------------------------------
  get width() {
    return this.canvas.clientWidth - LEFT_MARGIN - RIGHT_MARGIN;
  }
  get lanesTop() {
    return RULER_HEIGHT + COUNTS_HEIGHT + (this.hasDifferences ? DIFFERENCES_HEIGHT : 0) + 4;
  }
  get lanesHeight() {
    return this.canvas.clientHeight - this.lanesTop - BOTTOM_MARGIN;
  }
  xOf(frame) {
    return LEFT_MARGIN + (frame - this.range.from) / (this.range.to - this.range.from) * this.width;
  }
  frameAt(x) {
    const share = (x - LEFT_MARGIN) / this.width;
    const frame = Math.floor(this.range.from + share * (this.range.to - this.range.from));
    return Math.max(0, Math.min(this.times.count - 1, frame));
  }
  laneAt(y) {
    if (y < this.lanesTop) return void 0;
    return this.lanes[Math.floor((y - this.lanesTop + this.scroll) / LANE_HEIGHT)];
  }
  // --- Mouse ------------------------------------------------------------------------------------------------------
  addListeners() {
    const { canvas } = this;
    const stopDragging = () => {
      this.dragging = false;
    };
    canvas.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.onPointerMove(event));
    canvas.addEventListener("pointerup", stopDragging);
    canvas.addEventListener("pointercancel", stopDragging);
    canvas.addEventListener("dblclick", (event) => {
      const lane = this.laneAt(event.offsetY);
      if (lane?.track) this.actions.seek(lane.track.first);
    });
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
  }
  onPointerDown(event) {
    const { offsetX: x, offsetY: y } = event;
    const lane = this.laneAt(y);
    const isOnId = x < LEFT_MARGIN;
    if (isOnId && !lane) return;
    if (lane?.track) {
      const isOnBar = spansOfTrack(lane.track).some(
        ([first, last]) => this.xOf(first) - CLICK_TOLERANCE <= x && x <= this.xOf(last + 1) + CLICK_TOLERANCE
      );
      if (isOnId || isOnBar) {
        const frame = isOnId ? lane.track.first : this.frameAt(x);
        return this.actions.select(lane.layer, lane.track.id, frame);
      }
    }
    this.canvas.setPointerCapture(event.pointerId);
    this.dragging = true;
    this.actions.seek(this.frameAt(x));
  }
  onPointerMove(event) {
    if (this.dragging) this.actions.seek(this.frameAt(event.offsetX));
    else this.canvas.title = this.tooltipAt(event.offsetX, event.offsetY);
  }
  /** Zoom with Ctrl, move the range with Shift or sideways; else scroll the lanes, and at their end the page. */
  onWheel(event) {
    const length = this.range.to - this.range.from;
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(event.deltaY * ZOOM_PER_WHEEL_PIXEL2);
      const underMouse = this.range.from + (event.offsetX - LEFT_MARGIN) / this.width * length;
      this.setRange(underMouse - (underMouse - this.range.from) * factor, length * factor);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.setRange(this.range.from + (event.deltaX || event.deltaY) / this.width * length, length);
    } else {
      const before = this.scroll;
      this.scrollTo(this.scroll + event.deltaY);
      if (this.scroll === before) return;
    }
    event.preventDefault();
    this.paint();
  }
  tooltipAt(x, y) {
    const lane = this.laneAt(y);
    if (lane?.track) {
      const { id, classId, first, last, boxes } = lane.track;
      const className = this.layers[lane.layer].tracks.summary.classes[classId];
      return `#${id} ${className}: frames ${first}–${last}, ${boxes} ${boxes === 1 ? "box" : "boxes"}`;
    }
    return x > LEFT_MARGIN ? `frame ${this.frameAt(x)}` : "";
  }
  // --- Painting ---------------------------------------------------------------------------------------------------
  paint() {
    const { canvas, context } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const ratio = pixelRatio();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(canvas);
    this.textColor = style.color;
    this.font = `11px ${style.fontFamily}`;
    this.primaryColor = style.getPropertyValue("--st-primary-color") || CLASS_COLORS[0];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.paintRuler(height);
    this.paintCounts();
    this.paintDifferences();
    this.paintLanes(width, height);
    this.paintPlayhead(width, height);
  }
  paintRuler(height) {
    const EPSILON = 1e-9;
    const { context, times } = this;
    const { seconds, count } = times;
    const from = seconds[Math.floor(this.range.from)];
    const end = seconds[count - 1] + times.lastDuration;
    const to = this.range.to < count ? seconds[Math.floor(this.range.to)] : end;
    const pixelsPerSecond = this.width / (to - from);
    const step = TICK_SECONDS.find((tick) => tick * pixelsPerSecond > MIN_TICK_DISTANCE) ?? TICK_SECONDS.at(-1);
    context.font = this.font;
    context.textBaseline = "middle";
    context.textAlign = "center";
    context.fillStyle = context.strokeStyle = this.textColor;
    context.lineWidth = 1;
    for (let tick = Math.ceil(from / step - EPSILON) * step; tick < to; tick += step) {
      const x = Math.round(this.xOf(times.firstAfter(tick - EPSILON))) + 0.5;
      if (x < LEFT_MARGIN) continue;
      context.globalAlpha = 0.12;
      context.beginPath();
      context.moveTo(x, RULER_HEIGHT);
      context.lineTo(x, height);
      context.stroke();
      context.globalAlpha = MUTED_ALPHA;
      context.fillText(formatTime(tick, step < 1), x, RULER_HEIGHT / 2);
    }
    context.globalAlpha = 1;
    context.textAlign = "left";
  }
  /** A curve per class; with several layers, one color per layer, and the first one dashed. */
  paintCounts() {
    const { context } = this;
    const hasSeveralLayers = this.layers.length > 1;
    const curves = this.layers.flatMap(
      ({ tracks, isClassShown }, layer) => tracks.summary.counts.flatMap(
        (counts, classId) => isClassShown(classId) ? [{ counts, classId, layer, step: tracks.summary.step }] : []
      )
    );
    const max = curves.reduce((highest, { counts }) => counts.reduce((a, b) => Math.max(a, b), highest), 1);
    const yOf = (count) => RULER_HEIGHT + COUNTS_HEIGHT - 2 - count / max * (COUNTS_HEIGHT - 8);
    this.clip(RULER_HEIGHT, COUNTS_HEIGHT, () => {
      for (const { counts, classId, layer, step } of curves) {
        const color = CLASS_COLORS[(hasSeveralLayers ? layer : classId) % CLASS_COLORS.length];
        context.strokeStyle = context.fillStyle = color;
        context.lineWidth = 1.5;
        context.setLineDash(hasSeveralLayers && layer === 0 ? [4, 3] : []);
        context.beginPath();
        const first = Math.max(0, Math.floor(this.range.from / step) - 1);
        const end = Math.min(counts.length, Math.ceil(this.range.to / step) + 1);
        for (let n = first; n < end; n++) {
          context.lineTo(this.xOf(n * step), yOf(counts[n]));
          context.lineTo(this.xOf((n + 1) * step), yOf(counts[n]));
        }
        context.stroke();
        context.setLineDash([]);
        const isOnlyCurve = !hasSeveralLayers && this.layers[layer].tracks.summary.counts.length === 1;
        if (!isOnlyCurve) continue;
        context.lineTo(this.xOf(end * step), yOf(0));
        context.lineTo(this.xOf(first * step), yOf(0));
        context.globalAlpha = 0.15;
        context.fill();
        context.globalAlpha = 1;
      }
    });
    this.write(String(max), yOf(max) + 4);
    this.write("objects", yOf(0) - 4);
  }
  paintDifferences() {
    if (!this.hasDifferences) return;
    const top = RULER_HEIGHT + COUNTS_HEIGHT;
    this.clip(top, DIFFERENCES_HEIGHT, () => {
      for (const { tracks } of this.layers) {
        for (const { first, last, kind } of tracks.summary.differences) {
          this.context.fillStyle = MARK_COLORS[kind];
          const x = this.xOf(first);
          this.context.fillRect(x, top + 2, Math.max(2, this.xOf(last + 1) - x), DIFFERENCES_HEIGHT - 4);
        }
      }
    });
    this.write("differences", top + DIFFERENCES_HEIGHT / 2);
  }
  paintLanes(width, height) {
    const { context } = this;
    const top = this.lanesTop;
    context.save();
    context.beginPath();
    context.rect(0, top, width, height - top);
    context.clip();
    const first = Math.floor(this.scroll / LANE_HEIGHT);
    const end = Math.min(this.lanes.length, Math.ceil((this.scroll + height - top) / LANE_HEIGHT));
    for (let n = first; n < end; n++) {
      const lane = this.lanes[n];
      const y = top + n * LANE_HEIGHT - this.scroll;
      if (lane.heading) {
        this.write(lane.heading, y + LANE_HEIGHT / 2, { alpha: 1, maxWidth: width, x: 6 });
      } else {
        this.paintTrack(lane, y, width);
      }
    }
    if (!this.lanes.length) {
      const hasNoTracks = this.layers.every(({ tracks }) => !tracks.summary.tracks.length);
      const text = hasNoTracks ? this.emptyText : "No track passes the filters.";
      this.write(text, top + LANE_HEIGHT / 2, { maxWidth: 400, x: LEFT_MARGIN });
    }
    this.paintScrollBar(width, height);
    context.restore();
  }
  paintTrack({ track, layer }, y, width) {
    const { context, selected } = this;
    const isSelected = selected?.layer === layer && selected.id === track.id;
    const alpha = selected && !isSelected ? 0.35 : 1;
    this.write(`#${track.id}`, y + LANE_HEIGHT / 2, { alpha: isSelected ? alpha : alpha * MUTED_ALPHA });
    context.globalAlpha = alpha;
    context.fillStyle = colorOfTrack(track.id);
    for (const [first, last] of spansOfTrack(track)) {
      const left = Math.max(LEFT_MARGIN, this.xOf(first));
      const right = Math.min(width - RIGHT_MARGIN, this.xOf(last + 1));
      const isInView = right > LEFT_MARGIN && right > left - 2;
      if (isInView) context.fillRect(left, y + 2, Math.max(2, right - left), LANE_HEIGHT - 4);
    }
    context.globalAlpha = 1;
  }
  paintScrollBar(width, height) {
    const { context } = this;
    const available = height - this.lanesTop;
    const needed = this.lanes.length * LANE_HEIGHT;
    if (needed <= available) return;
    const share = available / needed;
    context.fillStyle = this.textColor;
    context.globalAlpha = 0.25;
    context.fillRect(width - 5, this.lanesTop + this.scroll * share, 4, available * share);
    context.globalAlpha = 1;
  }
  paintPlayhead(width, height) {
    const { context } = this;
    const x = this.xOf(this.frame + 0.5);
    if (x < LEFT_MARGIN || x > width - RIGHT_MARGIN + 1) return;
    context.fillStyle = context.strokeStyle = this.primaryColor;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x, RULER_HEIGHT - 2);
    context.lineTo(x, height);
    context.stroke();
    context.beginPath();
    context.moveTo(x - 5, RULER_HEIGHT - 8);
    context.lineTo(x + 5, RULER_HEIGHT - 8);
    context.lineTo(x, RULER_HEIGHT);
    context.fill();
  }
  /** Call `paint` with the canvas clipped to a row of the timeline, without the margins. */
  clip(top, height, paint) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(LEFT_MARGIN, top, this.width, height);
    context.clip();
    paint();
    context.restore();
  }
  /** Write text, by default into the left margin. */
  write(text, y, { alpha = MUTED_ALPHA, maxWidth = LEFT_MARGIN - 8, x = 4 } = {}) {
    const { context } = this;
    context.save();
    context.globalAlpha = alpha;
    context.fillStyle = this.textColor;
    context.font = this.font;
    context.textBaseline = "middle";
    context.fillText(text, x, y, maxWidth);
    context.restore();
  }
};
function spansOfTrack({ spans }) {
  const pairs = [];
  for (let k = 0; k < spans.length; k += 2) pairs.push([spans[k], spans[k + 1]]);
  return pairs;
}

// src/editor.js
var GHOST_FRAMES = 12;
var MIN_DRAG_CSS_PIXELS = 4;
var HANDLE_CSS_PIXELS = 9;
var SAVE_DELAY_MS = 250;
var RETRY_AFTER_MS = 3e3;
var MAX_KEEPALIVE_BYTES = 6e4;
var CONFLICT = 409;
var LABEL_TEXT_COLOR = "#0b0f10";
var FRAME_PARAMETER = "frame";
var MAX_CLASS_BUTTONS = 9;
var MIN_HEIGHT = 480;
var SPACE_BELOW = 12;
var SHORTCUTS = `Drag: draw a box (with Shift: also on top of the selected one)
Click: select; drag the selected box to move it, its edges to resize it
1 to 9: class · R: id · Tab: next object
← →: previous or next frame · Shift: ten frames · Space: play
V: copy to next frame · F: follow through the next frames
X or Del: absent in this frame · G: fill the gap · Shift Del: delete the object
E: last frame of the object · S: split here · M, then click: merge with another object
O: occluded · T: truncated · A: attributes · /: search objects, then ↓ ↑ in the list
Ctrl Z, Ctrl Y: undo, redo · Ctrl wheel: zoom · Alt drag: pan`;
var editors = /* @__PURE__ */ new WeakMap();
function editor_default({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  let editor = editors.get(root);
  if (editor && editor.data.address !== data.address) {
    editor.close();
    editor = null;
  }
  if (!editor) {
    editor = new Editor(root, data);
    editors.set(root, editor);
  }
  editor.setTriggerValue = setTriggerValue;
  editor.fitWindow();
  return () => {
    editor.close();
    editors.delete(root);
  };
}
var Editor = class {
  /**
   * @param {HTMLElement} root
   * @param {EditorData} data
   */
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.drawing = this.createDrawing([]);
    this.version = 0;
    this.done = false;
    this.unsaved = false;
    this.saving = null;
    this.saveFailed = false;
    this.conflict = false;
    this.reportDone = false;
    this.frame = null;
    this.selectedId = null;
    this.mergingId = null;
    this.classId = 0;
    this.drag = null;
    this.build();
    this.open();
  }
  createDrawing(objects) {
    const { classes, frames, width, height } = this.data;
    return new Drawing(objects, classes, frames, [width, height], () => this.onDrawingChange());
  }
  url(part, query = "") {
    return this.data.address.replace("PART", part) + query;
  }
  build() {
    const { root, data } = this;
    root.tabIndex = 0;
    root.classList.add("editor");
    Object.assign(root, { role: "group", ariaLabel: "Labeling editor" });
    this.canvas = element("canvas", "picture");
    this.message = element("div", "message", "Loading the frames …");
    this.stageBox = element("div", "stage", this.canvas, this.message);
    this.stageBox.style.setProperty("--aspect-ratio", `${data.width} / ${data.height}`);
    this.stage = new Stage(this.canvas, data.width, data.height);
    this.classRow = element("div", "row wrap");
    this.shortcuts = element("pre", "shortcuts", SHORTCUTS);
    this.shortcuts.hidden = true;
    Object.assign(this.canvas, { role: "img", ariaLabel: "The frame; drag to draw a box" });
    this.timelineCanvas = element("canvas", "timeline");
    Object.assign(this.timelineCanvas, { role: "img", ariaLabel: "Timeline with a lane per object" });
    this.panel = new ObjectPanel(this, data.classes, data.attributes);
    this.classSelect = select("Class of the selected object, and of new ones", (value) => {
      this.chooseClass(Number(value));
      this.focus();
    });
    const header = element(
      "div",
      "row",
      this.classRow,
      button("Keyboard shortcuts", () => this.toggleShortcuts(), { iconName: "help" }),
      button("Full screen", () => toggleFullScreen(this.root), { iconName: "full" })
    );
    root.replaceChildren(
      header,
      element(
        "div",
        "workbench",
        element("div", "work", this.stageBox, this.buildControls(), this.shortcuts, this.timelineCanvas),
        this.panel.element
      )
    );
    this.addListeners();
  }
  buildControls() {
    const { data } = this;
    this.status = element("span", "status");
    this.status.role = "status";
    this.videoFrame = element("span", "muted");
    this.undoButton = button("Undo (Ctrl Z)", () => this.drawing.undo(), { label: "Undo" });
    this.redoButton = button("Redo (Ctrl Y)", () => this.drawing.redo(), { label: "Redo" });
    this.doneButton = toggle(
      "Mark clip as done",
      "Everything in this clip is labeled",
      false,
      (done) => this.markDone(done)
    );
    this.doneButton.classList.add("done");
    this.playButton = button("Play (space)", () => this.togglePlay(), { iconName: "play", className: "main" });
    this.frameInput = element("input", "frame");
    Object.assign(this.frameInput, { type: "number", min: 0, max: data.frames - 1, title: "Frame, counted from 0" });
    this.frameInput.addEventListener("change", () => this.images.seek(Number(this.frameInput.value)));
    return element(
      "div",
      "row",
      button("First frame (Home)", () => this.images.seek(0), { iconName: "first" }),
      button("Previous frame (←)", () => this.step(-1), { iconName: "back" }),
      this.playButton,
      button("Next frame (→)", () => this.step(1), { iconName: "forward" }),
      button("Last frame (End)", () => this.images.seek(this.images.lastFrame), { iconName: "last" }),
      element("label", "frame-label", "Frame", this.frameInput),
      element("span", "muted", `of 0–${data.frames - 1}`),
      this.videoFrame,
      element("span", "spacer"),
      this.undoButton,
      this.redoButton,
      this.status,
      this.doneButton
    );
  }
  addListeners() {
    const { root, canvas } = this;
    returnFocusAfterClicks(root);
    root.addEventListener("keydown", (event) => this.onKeyDown(event));
    canvas.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.onPointerMove(event));
    canvas.addEventListener("pointerup", (event) => this.onPointerUp(event));
    canvas.addEventListener("pointercancel", () => {
      this.drag = null;
      this.paint();
    });
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.resizeObserver = new ResizeObserver(() => {
      this.paint();
      this.timeline?.paint();
    });
    this.resizeObserver.observe(this.stageBox);
    this.resizeObserver.observe(this.timelineCanvas);
    this.onResize = () => this.fitWindow();
    window.addEventListener("resize", this.onResize);
    this.onBeforeUnload = (event) => {
      if (!this.unsaved && !this.saving) return;
      this.save();
      event.preventDefault();
    };
    window.addEventListener("beforeunload", this.onBeforeUnload);
  }
  async open() {
    const { data } = this;
    this.times = new FrameTimes(Float64Array.from({ length: data.frames }, (_, frame) => frame / data.rate));
    this.images = new ImageSequence((frame) => this.url("frame", `&n=${frame}`), this.times, {
      onFrame: () => this.paint(),
      onPlayOrPause: () => this.updatePlayButton(),
      onError: (error) => this.showStatus(`The frame could not be loaded: ${error.message}`, true)
    });
    try {
      const [objects] = await Promise.all([this.load(), this.images.open(data.start)]);
      this.drawing = this.createDrawing(objects);
    } catch (error) {
      this.message.textContent = `The clip could not be loaded: ${error.message}`;
      return;
    }
    this.message.hidden = true;
    const actions = {
      seek: (frame) => this.images.seek(frame),
      select: (_, id, frame) => {
        this.select(id);
        this.images.seek(frame);
      }
    };
    this.timeline = new Timeline(this.timelineCanvas, this.times, actions, "Nothing drawn yet.");
    this.showStatus("Saved");
    this.update();
  }
  close() {
    if (this.unsaved) this.save();
    this.images?.close();
    cancelQueryParameter(FRAME_PARAMETER);
    this.resizeObserver.disconnect();
    window.removeEventListener("resize", this.onResize);
    window.removeEventListener("beforeunload", this.onBeforeUnload);
  }
  // --- Loading and saving -----------------------------------------------------------------------------------------
  /** Fetch the clip's objects, and with them its version and whether it is done. */
  async load() {
    const response = await fetch(this.url("drawn"), { cache: "no-store" });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    this.version = answer.version;
    this.done = answer.done;
    return answer.objects;
  }
  onDrawingChange() {
    this.unsaved = true;
    this.showStatus("…");
    this.scheduleSave(SAVE_DELAY_MS);
    this.update();
  }
  scheduleSave(delay) {
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.save(), delay);
  }
  /** Save, one request at a time. What changes during a request is saved by the next one. */
  async save() {
    clearTimeout(this.saveTimer);
    if (this.saving || this.conflict) return this.saving;
    this.saving = this.sendDrawing();
    await this.saving;
    this.saving = null;
    if (this.unsaved && !this.conflict) this.scheduleSave(this.saveFailed ? RETRY_AFTER_MS : 0);
  }
  async sendDrawing() {
    const body = JSON.stringify({ version: this.version, done: this.done, objects: this.drawing.toJson() });
    this.unsaved = false;
    this.saveFailed = false;
    try {
      const keepalive = body.length < MAX_KEEPALIVE_BYTES;
      const response = await fetch(this.url("drawn"), { method: "PUT", body, keepalive });
      const answer = await response.json();
      if (response.ok) return this.onSaved(answer.version);
      if (response.status === CONFLICT) this.showConflict(answer.error);
      else this.showStatus(answer.error, true);
    } catch {
      this.showStatus("Not saved: the console does not answer. Trying again …", true);
    }
    this.unsaved = true;
    this.saveFailed = true;
  }
  onSaved(version) {
    this.version = version;
    if (this.unsaved) return this.showStatus("…");
    this.showStatus("Saved");
    if (this.reportDone) this.setTriggerValue("finished", { done: this.done, version });
    this.reportDone = false;
  }
  /** Mark the clip as done or not. The page runs again once that is saved, also if saving only succeeds later. */
  async markDone(done) {
    this.done = done;
    this.unsaved = true;
    this.reportDone = true;
    await this.saving;
    await this.save();
  }
  showStatus(text, isError = false) {
    this.status.textContent = text;
    this.status.classList.toggle("error", isError);
  }
  showConflict(text) {
    this.conflict = true;
    this.showStatus("Not saved", true);
    const loadButton = button("Undo brings your version back", () => this.loadOtherVersion(), {
      label: "Load the other version",
      className: "toggle"
    });
    this.message.replaceChildren(element("div", "choice", element("p", "", text), loadButton));
    this.message.hidden = false;
  }
  async loadOtherVersion() {
    let objects;
    try {
      objects = await this.load();
    } catch (error) {
      return this.showStatus(`It could not be loaded: ${error.message}`, true);
    }
    this.drawing.replaceAll(objects);
    this.conflict = this.unsaved = false;
    this.message.hidden = true;
    this.showStatus("Saved");
    this.update();
  }
  // --- Display ----------------------------------------------------------------------------------------------------
  /** Make the editor as high as the rest of the window, so that nothing of it has to be scrolled into view. */
  fitWindow() {
    let scrolled = 0;
    for (let node = this.root; node; node = node.parentNode ?? node.host) scrolled += node.scrollTop ?? 0;
    const top = this.root.getBoundingClientRect().top + scrolled;
    const height = Math.max(MIN_HEIGHT, window.innerHeight - top - SPACE_BELOW);
    this.root.style.setProperty("--height", `${height}px`);
  }
  /** Bring everything that is shown up to date with the drawing and the selection. */
  update() {
    const { drawing } = this;
    if (!drawing.objects.has(this.selectedId)) this.selectedId = null;
    if (!drawing.objects.has(this.mergingId)) this.mergingId = null;
    const isFocusLost = this.classRow.contains(this.root.getRootNode().activeElement);
    this.undoButton.disabled = !drawing.undoStack.length;
    this.redoButton.disabled = !drawing.redoStack.length;
    this.doneButton.ariaPressed = String(this.done);
    this.updateClassRow();
    this.panel.update();
    const isShown = ({ id }) => this.panel.shows(drawing.objects.get(id));
    const layer = { name: "", tracks: { summary: drawing.summary }, isShown, isClassShown: () => true };
    this.timeline?.setLayers([layer], this.selectedId === null ? null : { layer: 0, id: this.selectedId });
    if (isFocusLost) this.focus();
    this.root.dataset.boxes = drawing.boxCount;
    this.root.dataset.objects = drawing.objects.size;
    this.paint();
  }
  updateClassRow() {
    const { classes, instructions } = this.data;
    const current = this.drawing.objects.get(this.selectedId)?.classId ?? this.classId;
    const caption = element("span", "muted", this.selectedId === null ? "Draw" : "Class");
    const rest = [element("span", "spacer"), element("span", "muted", instructions)];
    if (classes.length > MAX_CLASS_BUTTONS) {
      this.classSelect.setOptions([...classes.entries()], current);
      if (!this.classRow.contains(this.classSelect.element)) {
        this.classRow.replaceChildren(caption, this.classSelect.element, ...rest);
      }
      this.classRow.firstChild.textContent = caption.textContent;
      return;
    }
    const classButtons = classes.map((name, classId) => {
      const number = classId + 1;
      const chip = button(`${name} (${number})`, () => this.chooseClass(classId), { className: "toggle" });
      const dot = element("b", "dot");
      dot.style.background = CLASS_COLORS[classId % CLASS_COLORS.length];
      chip.append(dot, name, element("small", "", String(number)));
      chip.ariaPressed = String(classId === current);
      return chip;
    });
    this.classRow.replaceChildren(caption, ...classButtons, ...rest);
  }
  updatePlayButton() {
    const { playing } = this.images;
    this.playButton.innerHTML = icon(playing ? "pause" : "play");
    this.playButton.title = this.playButton.ariaLabel = playing ? "Pause (space)" : "Play (space)";
  }
  toggleShortcuts() {
    this.shortcuts.hidden = !this.shortcuts.hidden;
  }
  focus() {
    this.root.focus({ preventScroll: true });
  }
  paint() {
    if (!this.images?.ready) return;
    this.stage.fit();
    const frame = this.images.frame;
    this.stage.drawImage(this.images.bitmap);
    this.stage.inPane(0, (context) => this.paintObjects(context, frame));
    this.root.dataset.frame = frame;
    if (frame === this.frame) return;
    this.frame = frame;
    if (this.root.getRootNode().activeElement !== this.frameInput) this.frameInput.value = frame;
    if (this.data.every > 1) this.videoFrame.textContent = `(video frame ${frame * this.data.every})`;
    setQueryParameter(FRAME_PARAMETER, frame);
    if (this.panel.dependsOnFrame) this.update();
    else if (!this.images.playing) this.panel.updateList();
    this.panel.updateSelection();
    this.timeline?.setFrame(frame);
  }
  paintObjects(context, frame) {
    const unit = pixelRatio() / this.stage.scale;
    context.font = `600 ${12 * unit}px ${getComputedStyle(this.root).fontFamily}`;
    context.textBaseline = "bottom";
    for (const object of this.drawing.objects.values()) {
      if (!this.panel.shows(object)) continue;
      const isDragged = this.drag?.id === object.id && this.drag.xyxy;
      const box = isDragged ? { isKeyframe: true, xyxy: this.drag.xyxy } : this.drawing.boxAt(object.id, frame);
      const ghost = box ? null : this.ghostOf(object, frame);
      if (box ?? ghost) this.paintObject(context, unit, object, box, ghost);
    }
    if (this.drag?.kind === "draw") {
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5 * unit;
      strokeBox(context, this.drag.xyxy);
    }
  }
  paintObject(context, unit, object, box, ghost) {
    const { xyxy } = box ?? ghost;
    const [left, top] = xyxy;
    const isSelected = object.id === this.selectedId;
    const isDrawn = box?.isKeyframe && !box.predicted;
    context.strokeStyle = context.fillStyle = colorOfTrack(object.id);
    context.globalAlpha = ghost ? 0.5 : 1;
    context.lineWidth = (isSelected ? 3 : isDrawn ? 2.2 : 1.4) * unit;
    context.setLineDash(ghost ? [3 * unit, 4 * unit] : box.occluded ? [7 * unit, 4 * unit] : []);
    strokeBox(context, xyxy);
    context.setLineDash([]);
    if (isSelected && box) paintHandles(context, xyxy, unit);
    const text = `#${object.id} ${this.data.classes[object.classId]}${box?.truncated ? " ◧" : ""}`;
    const width = context.measureText(text).width + 8 * unit;
    const height = 16 * unit;
    const y = top - height > 0 ? top - height : top;
    context.fillRect(left - unit, y, width, height);
    context.fillStyle = LABEL_TEXT_COLOR;
    context.fillText(text, left + 3 * unit, y + height - 1.5 * unit);
    context.globalAlpha = 1;
  }
  /**
   * The last keyframe of an object that is absent, as a proposal to continue it from there.
   *
   * @returns {import("./drawing.js").Keyframe|null} Null if the object is present, or has not been for a long time.
   */
  ghostOf(object, frame) {
    const [lastFrame, keyframe] = lastKeyframeIfAbsent(object, frame) ?? [];
    if (!keyframe) return null;
    return frame <= lastFrame + GHOST_FRAMES || object.id === this.selectedId ? keyframe : null;
  }
  boxOrGhost(id) {
    const object = this.drawing.objects.get(id);
    return object ? this.drawing.boxAt(id, this.frame) ?? this.ghostOf(object, this.frame) : null;
  }
  // --- Actions of the user ----------------------------------------------------------------------------------------
  select(id) {
    if (this.mergingId !== null && id !== null && id !== this.mergingId) return this.mergeWith(id);
    this.mergingId = null;
    this.selectedId = id;
    this.update();
  }
  /** Ids of the objects in a frame that pass the filter, ascending. */
  shownIdsAt(frame) {
    return this.drawing.idsAt(frame).filter((id) => this.panel.shows(this.drawing.objects.get(id)));
  }
  selectNext(direction) {
    const ids = this.shownIdsAt(this.frame);
    const index = ids.indexOf(this.selectedId);
    this.select(ids[(index + direction + ids.length) % ids.length] ?? ids[0]);
  }
  /** Set the class of the selected object, and of those that are drawn from now on. */
  chooseClass(classId) {
    if (classId >= this.data.classes.length) return;
    this.classId = classId;
    if (this.selectedId !== null) this.drawing.setClass(this.selectedId, classId);
    else this.update();
  }
  changeId(id, newId) {
    if (this.drawing.changeId(id, newId)) this.selectedId = newId;
    else this.showStatus(`${newId} is not a free id. Merge the objects, or choose another whole number.`, true);
    this.update();
    this.focus();
  }
  toggleAttribute(name) {
    if (this.selectedId !== null) this.drawing.toggleAttribute(this.selectedId, this.frame, name);
  }
  toggleMerging() {
    this.mergingId = this.mergingId === null ? this.selectedId : null;
    this.panel.updateSelection();
  }
  mergeWith(otherId) {
    const id = this.mergingId;
    this.mergingId = null;
    const commonFrame = this.drawing.merge(id, otherId);
    if (commonFrame !== null) {
      this.showStatus(`#${id} and #${otherId} cannot be merged: both are in frame ${commonFrame}.`, true);
    }
    this.selectedId = id;
    this.update();
  }
  split() {
    const newId = this.drawing.splitAt(this.selectedId, this.frame);
    if (newId !== null) this.select(newId);
  }
  copyToNext() {
    const box = this.boxOrGhost(this.selectedId);
    if (!box || this.frame >= this.images.lastFrame) return;
    this.drawing.setBox(this.selectedId, this.frame + 1, box.xyxy);
    this.step(1);
  }
  /** Let the server follow the selected object through the next frames, up to the next box that the user has drawn. */
  async follow() {
    const { drawing, selectedId: id, frame } = this;
    const box = drawing.boxAt(id, frame);
    if (!box || frame >= this.images.lastFrame) return;
    const most = Math.min(this.data.follow, drawing.predictableFrames(id, frame));
    if (most < 1) return this.showStatus("The next frame already has a box drawn by hand.");
    this.showStatus("Following …");
    let boxes;
    try {
      const body = JSON.stringify({ frame, xyxy: box.xyxy, most });
      const response = await fetch(this.url("follow"), { method: "POST", body });
      const answer = await response.json();
      if (!response.ok) return this.showStatus(answer.error, true);
      boxes = answer;
    } catch {
      return this.showStatus("Not followed: the console does not answer. Try again.", true);
    }
    if (!boxes.length) return this.showStatus("Lost in the next frame. Draw the box there.", true);
    this.showStatus(this.unsaved || this.saving ? "…" : "Saved");
    if (!drawing.boxAt(id, frame)) return;
    const room = drawing.predictableFrames(id, frame);
    if (room > 0) this.images.seek(drawing.setPredictions(id, frame, boxes.slice(0, room)));
  }
  step(frames) {
    this.images.pause();
    this.images.seek(this.images.currentFrame + frames);
  }
  togglePlay() {
    if (this.images.playing) this.images.pause();
    else this.images.play();
  }
  // --- Keyboard ---------------------------------------------------------------------------------------------------
  onKeyDown(event) {
    const target = event.composedPath()[0];
    if (!this.images?.ready || this.conflict || target.matches?.("input, select, textarea")) return;
    const belongsToControl = [" ", "Tab"].includes(event.key);
    if (target.matches?.("button, ul") && belongsToControl) return;
    const action = this.shortcutOf(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
  /** @returns {(() => void)|undefined} What the pressed keys do. */
  shortcutOf(event) {
    const { drawing, frame, selectedId: id } = this;
    const { shiftKey } = event;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      return { z: () => shiftKey ? drawing.redo() : drawing.undo(), y: () => drawing.redo() }[key];
    }
    if (/^[1-9]$/.test(key)) return () => this.chooseClass(Number(key) - 1);
    const general = {
      " ": () => this.togglePlay(),
      ArrowLeft: () => this.step(shiftKey ? -10 : -1),
      ArrowRight: () => this.step(shiftKey ? 10 : 1),
      Home: () => this.images.seek(0),
      End: () => this.images.seek(this.images.lastFrame),
      Escape: () => this.select(null),
      v: () => this.copyToNext(),
      "/": () => this.panel.focusSearch()
    };
    if (this.shownIdsAt(frame).length) general.Tab = () => this.selectNext(shiftKey ? -1 : 1);
    const ofSelected = {
      r: () => this.panel.idInput.select(),
      a: () => this.panel.focusAttributes(),
      f: () => this.follow(),
      e: () => drawing.endAt(id, frame),
      s: () => this.split(),
      m: () => this.toggleMerging(),
      o: () => this.toggleAttribute("occluded"),
      t: () => this.toggleAttribute("truncated"),
      g: () => drawing.fillGap(id, frame),
      x: () => drawing.removeAt(id, frame),
      Delete: () => shiftKey ? drawing.remove(id) : drawing.removeAt(id, frame),
      Backspace: () => drawing.removeAt(id, frame)
    };
    return general[key] ?? (id === null ? void 0 : ofSelected[key]);
  }
  // --- Mouse ------------------------------------------------------------------------------------------------------
  /** Begin to pan, to change the selected box, or to draw a new one. Without a movement it becomes a click. */
  onPointerDown(event) {
    this.focus();
    if (this.conflict) return;
    this.images.pause();
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.stage.imagePoint(event);
    const start = { clientX: event.clientX, clientY: event.clientY, point };
    const isMiddleButton = event.button === 1;
    if (isMiddleButton || event.altKey) {
      this.drag = { kind: "pan", start };
      return;
    }
    const grip = event.shiftKey || this.mergingId !== null ? null : this.gripAt(point);
    if (grip) {
      const { xyxy } = this.boxOrGhost(this.selectedId);
      this.drag = { kind: "change", start, id: this.selectedId, grip, original: xyxy };
    } else {
      this.drag = { kind: "draw", start, xyxy: [point.x, point.y, point.x, point.y] };
    }
  }
  onPointerMove(event) {
    const point = this.stage.imagePoint(event);
    const { drag } = this;
    if (!drag) {
      this.canvas.style.cursor = cursorOf(this.gripAt(point));
      return;
    }
    if (drag.kind === "pan") {
      this.stage.panByMouse(event);
    } else if (drag.kind === "draw") {
      const { x, y } = drag.start.point;
      drag.xyxy = this.cutToImage([x, y, point.x, point.y]);
    } else {
      const [left, top, right, bottom] = drag.original;
      const dx = point.x - drag.start.point.x;
      const dy = point.y - drag.start.point.y;
      const { x, y } = drag.grip;
      drag.xyxy = !x && !y ? this.moveIntoImage([left + dx, top + dy, right + dx, bottom + dy]) : this.cutToImage([
        x < 0 ? left + dx : left,
        y < 0 ? top + dy : top,
        x > 0 ? right + dx : right,
        y > 0 ? bottom + dy : bottom
      ]);
    }
    this.paint();
  }
  onPointerUp(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.kind === "pan") return;
    const { clientX, clientY, point } = drag.start;
    const isClick = Math.hypot(event.clientX - clientX, event.clientY - clientY) < MIN_DRAG_CSS_PIXELS;
    if (isClick) {
      const id = this.idAt(point);
      if (drag.kind === "draw" || id !== this.selectedId) this.select(id);
      else this.paint();
      return;
    }
    const [left, top, right, bottom] = drag.xyxy;
    if (right - left < MIN_BOX_SIDE || bottom - top < MIN_BOX_SIDE) return this.paint();
    const xyxy = drag.xyxy.map((value) => Math.round(value * 100) / 100);
    if (drag.kind === "draw") this.select(this.drawing.draw(this.frame, xyxy, this.classId));
    else this.drawing.setBox(drag.id, this.frame, xyxy);
  }
  onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.stage.zoomByWheel(event);
    this.paint();
  }
  /**
   * The part of the selected box under the mouse.
   *
   * @returns {{x: number, y: number}|null} Per axis, -1 for the left or upper edge, 1 for the right or lower edge, and
   *   0 for neither, so that both are 0 inside the box. Null outside of it.
   */
  gripAt(point) {
    const box = this.selectedId === null ? null : this.boxOrGhost(this.selectedId);
    if (!box) return null;
    const near = HANDLE_CSS_PIXELS * pixelRatio() / this.stage.scale;
    const [left, top, right, bottom] = box.xyxy;
    const isOutside = point.x < left - near || point.x > right + near || point.y < top - near || point.y > bottom + near;
    if (isOutside) return null;
    const sideAt = (value, low, high) => {
      const reach = Math.min(near, (high - low) / 3);
      if (value <= low + reach) return -1;
      return value >= high - reach ? 1 : 0;
    };
    return { x: sideAt(point.x, left, right), y: sideAt(point.y, top, bottom) };
  }
  /** The id of the smallest object under the mouse; ghosts only where there is no box. */
  idAt(point) {
    const candidates = [];
    for (const object of this.drawing.objects.values()) {
      const { id } = object;
      if (!this.panel.shows(object)) continue;
      const box = this.boxOrGhost(id);
      if (!box) continue;
      const [left, top, right, bottom] = box.xyxy;
      const isInside = left <= point.x && point.x <= right && top <= point.y && point.y <= bottom;
      const isGhost = !this.drawing.boxAt(id, this.frame);
      if (isInside) candidates.push({ id, isGhost, area: (right - left) * (bottom - top) });
    }
    candidates.sort((a, b) => a.isGhost - b.isGhost || a.area - b.area);
    return candidates[0]?.id ?? null;
  }
  cutToImage([x1, y1, x2, y2]) {
    const { width, height } = this.stage;
    const clampX = (x) => Math.max(0, Math.min(width, x));
    const clampY = (y) => Math.max(0, Math.min(height, y));
    return [clampX(Math.min(x1, x2)), clampY(Math.min(y1, y2)), clampX(Math.max(x1, x2)), clampY(Math.max(y1, y2))];
  }
  /** Move a box back into the image without changing its size. */
  moveIntoImage([left, top, right, bottom]) {
    const dx = Math.max(0, -left) - Math.max(0, right - this.stage.width);
    const dy = Math.max(0, -top) - Math.max(0, bottom - this.stage.height);
    return [left + dx, top + dy, right + dx, bottom + dy];
  }
};
function strokeBox(context, [left, top, right, bottom]) {
  context.strokeRect(left, top, right - left, bottom - top);
}
function paintHandles(context, [left, top, right, bottom], unit) {
  context.globalAlpha = 0.12;
  context.fillRect(left, top, right - left, bottom - top);
  context.globalAlpha = 1;
  const middleX = (left + right) / 2;
  const middleY = (top + bottom) / 2;
  for (const x of [left, middleX, right]) {
    for (const y of [top, middleY, bottom]) {
      const isCenter = x === middleX && y === middleY;
      if (!isCenter) context.fillRect(x - 3.5 * unit, y - 3.5 * unit, 7 * unit, 7 * unit);
    }
  }
}
function cursorOf(grip) {
  if (!grip) return "crosshair";
  const { x, y } = grip;
  if (!x && !y) return "move";
  if (!x) return "ns-resize";
  if (!y) return "ew-resize";
  return x === y ? "nwse-resize" : "nesw-resize";
}
export {
  editor_default as default
};
