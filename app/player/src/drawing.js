// The boxes of one clip while people draw them, with undo. Objects are never changed but replaced, so that an earlier
// state is kept by keeping its map. Their meaning is that of backend/labels/desk.py: an object is there from its first
// key frame to its last, moves evenly between two of them, and is away after one that opens a gap.

const MOST_UNDONE = 500;
const STRAIGHT = 1.5; // pixels by which a box may miss a straight way without a key frame of its own
const MEETS = 0.85; // share of two boxes' area that they have in common where a followed box is the one that was there

export const SMALLEST = 3; // pixels of a box's sides

export class Drawing {
  // size: width and height of the pictures, in pixels.
  constructor(objects, classes, frames, size, onChange) {
    this.classes = classes;
    this.frames = frames;
    this.size = size;
    this.onChange = onChange;
    this.objects = mapOf(objects);
    this.before = []; // earlier states, the latest last
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
    return [...this.objects.values()]
      .filter((object) => boxOf(object, frame))
      .map(({ id }) => id)
      .sort((a, b) => a - b);
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
      keys: Object.fromEntries(keys),
    }));
  }

  // What the timeline and the painter of the player read.
  get summary() {
    const rows = [...this.objects.values()].map((object) => {
      const spans = spansOf(object).flat();
      const boxes = spansOf(object).reduce((sum, [first, last]) => sum + last - first + 1, 0);
      return { id: object.id, classId: object.classId, boxes, score: 1, spans, first: spans[0], last: spans.at(-1) };
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
    this.change([id, { id, classId, keys: new Map([[frame, { xyxy }]]) }]);
    return id;
  }

  // Put a box where it belongs. Predicted boxes between it and the next ones that somebody drew go along evenly: a
  // prediction goes astray little by little.
  setBox(id, frame, xyxy) {
    this.edit(id, (keys, object) => {
      const here = boxOf(object, frame);
      if (here) {
        const drawn = [...keys].filter(([each, key]) => each !== frame && !key.predicted).map(([each]) => each);
        const before = drawn.findLast((each) => each < frame),
          after = drawn.find((each) => each > frame);
        for (const [each, key] of keys) {
          const other = each < frame ? before : after;
          if (other === undefined || !key.predicted || (each - other) * (each - frame) >= 0) continue;
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
    const boxes = [boxOf(before, frame).xyxy, ...(met < 0 ? found : found.slice(0, met))];
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
      [other, { id: other, classId: object.classId, keys: sorted(later) }],
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
}

// Within the picture, and still a box.
function inside([left, top, right, bottom], [width, height]) {
  const side = (low, high, most) => {
    const from = Math.min(Math.max(0, low), most - SMALLEST);
    return [from, Math.max(from + SMALLEST, Math.min(most, high))];
  };
  const [x1, x2] = side(left, right, width),
    [y1, y2] = side(top, bottom, height);
  return [x1, y1, x2, y2];
}

function mapOf(objects) {
  return new Map(
    objects.map(({ id, class_id: classId, keys }) => {
      const entries = Object.entries(keys).map(([frame, key]) => [Number(frame), key]);
      return [id, { id, classId, keys: sorted(new Map(entries)) }];
    }),
  );
}

function sorted(keys) {
  return new Map([...keys].sort(([a], [b]) => a - b));
}

function firstKey(object) {
  return object.keys.keys().next().value;
}

function boxOf(object, frame) {
  let before = null,
    after = null;
  for (const [each, key] of object.keys) {
    if (each <= frame) before = [each, key];
    else {
      after = [each, key];
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

// The box after which an object is missing in this frame, as [its frame, it]: after its end, or in a gap. Else null.
export function missing(object, frame) {
  const before = [...object.keys].findLast(([each]) => each <= frame);
  return !before || boxOf(object, frame) ? null : before;
}

export function lastKey(object) {
  return [...object.keys.keys()].at(-1);
}

function marksOf(key) {
  return { occluded: Boolean(key?.occluded), truncated: Boolean(key?.truncated) };
}

// A key frame with the box that the object has there anyway.
function keyOf(object, frame) {
  const known = object.keys.get(frame);
  if (known) return known;
  const { predicted, occluded, truncated, xyxy } = boxOf(object, frame);
  return { predicted, occluded, truncated, xyxy };
}

// Pin the box of a frame, so that what changes beside it does not move it.
function fix(keys, object, frame, gap) {
  if (!boxOf(object, frame)) return;
  const key = keyOf(object, frame);
  keys.set(frame, gap === undefined ? key : { ...key, gap });
}

// Whether a gap that began before the frame goes on after it: a box drawn in it stands for itself.
function opens(object, frame) {
  if (object.keys.has(frame)) return Boolean(object.keys.get(frame).gap);
  const before = [...object.keys].filter(([each]) => each < frame).at(-1);
  return Boolean(before?.[1].gap) && lastKey(object) > frame;
}

// After the last box there is nothing to open a gap to.
function closeEnd(keys) {
  const last = [...keys.keys()].at(-1);
  if (last !== undefined && keys.get(last).gap) keys.set(last, { ...keys.get(last), gap: false });
}

// Intersection over union.
function overlap(a, b) {
  const side = (low, high) => Math.max(0, Math.min(a[high], b[high]) - Math.max(a[low], b[low]));
  const common = side(0, 2) * side(1, 3);
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return common / (area(a) + area(b) - common);
}

// First and last frame of each stretch without a gap.
export function spansOf(object) {
  const found = [];
  let first = null,
    last = null;
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

// Places of a row of boxes from which all others follow by straight lines, the first and the last among them.
function corners(boxes, from = 0, to = boxes.length - 1) {
  if (to - from < 2) return to > from ? [from, to] : [from];
  let worst = 0,
    place = from;
  for (let n = from + 1; n < to; n++) {
    const share = (n - from) / (to - from);
    const miss = Math.max(
      ...boxes[n].map((value, k) => Math.abs(boxes[from][k] + share * (boxes[to][k] - boxes[from][k]) - value)),
    );
    if (miss > worst) [worst, place] = [miss, n];
  }
  return worst <= STRAIGHT ? [from, to] : [...corners(boxes, from, place), ...corners(boxes, place, to).slice(1)];
}
