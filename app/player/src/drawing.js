// The objects that are drawn in one clip, with undo. Their meaning is that of backend/labels/labeling_folder.py: an
// object exists from its first keyframe to its last, its box is interpolated linearly between two keyframes, and it is
// absent between a keyframe with a gap and the next one.
//
// Objects and keyframes are never modified but replaced, so that undo only has to keep the map of objects.

const MAX_UNDO_STEPS = 500;
const SIMPLIFY_TOLERANCE = 1.5; // pixels that an interpolated box may be off without a keyframe of its own
const SAME_BOX_IOU = 0.85; // from which on a followed box counts as the one that was there before

export const MIN_BOX_SIDE = 3; // pixels

/** @typedef {[number, number, number, number]} Box - Left, top, right and bottom, in pixels of the image. */

/**
 * @typedef {object} Keyframe
 * @property {Box} xyxy
 * @property {boolean} [gap] - Whether the object is absent after this frame, until the next keyframe.
 * @property {boolean} [predicted] - Whether a program proposed the box, not the user.
 * @property {boolean} [occluded]
 * @property {boolean} [truncated]
 * @property {Attributes} [attributes] - Those that change over time, all of them, until the next keyframe.
 */

/** @typedef {Object<string, string|boolean>} Attributes - Values by the name of the attribute; unset ones are left out. */

/**
 * @typedef {object} DrawnObject
 * @property {number} id
 * @property {number} classId
 * @property {Attributes} attributes - Those that are the same in all frames.
 * @property {Map<number, Keyframe>} keyframes - By frame, ascending.
 */

/**
 * @typedef {object} BoxState - The box of an object in one frame.
 * @property {Box} xyxy
 * @property {boolean} isKeyframe
 * @property {boolean} predicted
 * @property {boolean} occluded
 * @property {boolean} truncated
 * @property {Attributes} attributes - Those that change over time.
 */

export class Drawing {
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
    this.undoStack = []; // earlier states of `objects`, latest last
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
    this.replaceObjects([id, { id, classId, attributes: {}, keyframes: new Map([[frame, { xyxy }]]) }]);
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
          if (limit === undefined || !keyframe.predicted) continue;
          const isBetween = Math.min(limit, frame) < n && n < Math.max(limit, frame);
          if (!isBetween) continue;
          const share = (n - limit) / (frame - limit);
          const corrected = keyframe.xyxy.map((value, k) => value + share * (xyxy[k] - box.xyxy[k]));
          keyframes.set(n, { ...keyframe, xyxy: clampToImage(corrected, this.size) });
        }
      }
      // Where it is absent, attributes that change over time keep the values that they had last.
      const attributes = box ? box.attributes : (lastKeyframeIfAbsent(object, frame)?.[1].attributes ?? {});
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
    const boxes = [boxOf(before, frame).xyxy, ...(met < 0 ? predictions : predictions.slice(0, met))];
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
      [newId, { ...object, id: newId, keyframes: sortByFrame(after) }],
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
    const conflict = spansOf(object)
      .flatMap(([a, b]) => spansOf(other).map(([c, d]) => [Math.max(a, c), Math.min(b, d)]))
      .find(([first, last]) => first <= last);
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
}

// --- Objects --------------------------------------------------------------------------------------------------------

function objectsFromJson(objects) {
  return new Map(
    objects.map(({ id, class_id: classId, attributes = {}, keys }) => {
      const keyframes = new Map(Object.entries(keys).map(([frame, keyframe]) => [Number(frame), keyframe]));
      return [id, { id, classId, attributes, keyframes: sortByFrame(keyframes) }];
    }),
  );
}

/** @returns {BoxState|null} */
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

/** The last `[frame, keyframe]` before a frame in which an object is absent: a gap or its end. Null if it is present. */
export function lastKeyframeIfAbsent(object, frame) {
  const previous = [...object.keyframes].findLast(([n]) => n <= frame);
  return !previous || boxOf(object, frame) ? null : previous;
}

/** First and last frame of each run of frames in which an object is present. */
export function spansOf(object) {
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

export function lastFrameOf(object) {
  return [...object.keyframes.keys()].at(-1);
}

/** Whether a box drawn in this frame is followed by a gap: in the middle of a gap, it is a box of its own. */
function hasGapAfter(object, frame) {
  if (object.keyframes.has(frame)) return Boolean(object.keyframes.get(frame).gap);
  const previous = [...object.keyframes].findLast(([n]) => n < frame);
  return Boolean(previous?.[1].gap) && lastFrameOf(object) > frame;
}

// --- Keyframes ------------------------------------------------------------------------------------------------------

function sortByFrame(keyframes) {
  return new Map([...keyframes].sort(([a], [b]) => a - b));
}

function attributesOf(box) {
  return {
    occluded: Boolean(box?.occluded),
    truncated: Boolean(box?.truncated),
    attributes: box?.attributes ?? {},
  };
}

function withValue(attributes, name, value) {
  const changed = { ...attributes, [name]: value };
  if (value === "" || value === false) delete changed[name];
  return changed;
}

/** The keyframe of an object in a frame, or one with the interpolated box. */
function keyframeAt(object, frame) {
  const keyframe = object.keyframes.get(frame);
  if (keyframe) return keyframe;
  const { predicted, occluded, truncated, attributes, xyxy } = boxOf(object, frame);
  return { predicted, occluded, truncated, attributes, xyxy };
}

/** Add a keyframe with the box that `object` has in a frame, so that changes next to it do not move the box. */
function pin(keyframes, object, frame, gap) {
  if (!boxOf(object, frame)) return;
  const keyframe = keyframeAt(object, frame);
  keyframes.set(frame, gap === undefined ? keyframe : { ...keyframe, gap });
}

/** A gap after the last keyframe has no meaning. */
function removeLastGap(keyframes) {
  const last = [...keyframes.keys()].at(-1);
  if (last !== undefined && keyframes.get(last).gap) keyframes.set(last, { ...keyframes.get(last), gap: false });
}

// --- Boxes ----------------------------------------------------------------------------------------------------------

function interpolate(from, to, share) {
  return from.map((value, k) => value + share * (to[k] - value));
}

/** The box moved and cut to lie within the image, with sides of at least `MIN_BOX_SIDE`. */
function clampToImage([left, top, right, bottom], [width, height]) {
  const clampSide = (low, high, size) => {
    const start = Math.min(Math.max(0, low), size - MIN_BOX_SIDE);
    return [start, Math.max(start + MIN_BOX_SIDE, Math.min(size, high))];
  };
  const [x1, x2] = clampSide(left, right, width);
  const [y1, y2] = clampSide(top, bottom, height);
  return [x1, y1, x2, y2];
}

/** Intersection over union. */
function boxIou(a, b) {
  const overlap = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const intersection = overlap(0, 2) * overlap(1, 3);
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return intersection / (area(a) + area(b) - intersection);
}

/**
 * Simplify boxes of consecutive frames by the Ramer-Douglas-Peucker algorithm.
 *
 * @param {Box[]} boxes
 * @returns {number[]} Indices, first and last included, between which linear interpolation gives all other boxes to
 *   within `SIMPLIFY_TOLERANCE`.
 */
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
