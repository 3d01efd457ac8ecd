// The tracks of one layer: a summary at once, boxes fetched a stretch of frames at a time as they are needed.

const KEPT = 40; // stretches in memory
const AGAIN_AFTER = 5000; // milliseconds until what could not be loaded is tried again
const COLUMNS = 9;

export const UNCOUNTED = 0,
  MATCHED = 1,
  MISSED = 2,
  FALSE = 3,
  SWITCHED = 4;

export class Tracks {
  // onLoad(): boxes came, or did not: `failed` says why.
  constructor(url, onLoad) {
    this.url = url;
    this.onLoad = onLoad;
    this.stretches = new Map(); // number → columns, or null while under way; the latest used last
    this.summary = null;
    this.failed = "";
  }

  async open() {
    const answer = await fetch(`${this.url}/summary`);
    if (!answer.ok) throw new Error(await answer.text());
    const found = await answer.json();
    this.byId = new Map();
    found.tracks = found.tracks.map(([id, classId, boxes, score, spans]) => {
      const track = { id, classId, boxes, score, spans, first: spans[0], last: spans[spans.length - 1] };
      this.byId.set(id, track);
      return track;
    });
    found.moments = found.moments.map(([first, last, kind, id]) => ({ first, last, kind, id }));
    this.summary = found;
  }

  // The boxes of a frame as {from, to, columns}, null while they are fetched.
  at(frame) {
    if (!this.summary) return null;
    const number = Math.floor(frame / this.summary.stretch);
    const columns = this.stretch(number);
    if (frame % this.summary.stretch > this.summary.stretch / 2) this.stretch(number + 1, true);
    if (!columns) return null;
    const place = frame - number * this.summary.stretch;
    return { from: columns.starts[place], to: columns.starts[place + 1], columns };
  }

  stretch(number, ahead = false) {
    const known = this.stretches.get(number);
    if (known !== undefined) {
      if (known && !ahead) {
        this.stretches.delete(number);
        this.stretches.set(number, known);
      }
      return known;
    }
    this.stretches.set(number, null);
    this.load(number);
    return null;
  }

  async load(number) {
    try {
      const answer = await fetch(`${this.url}/${number}`);
      if (answer.status === 404 && (await answer.clone().text()).includes("part")) {
        this.stretches.set(number, this.parsed(number, new ArrayBuffer(0))); // beyond the end
        return;
      }
      if (!answer.ok) throw new Error(await answer.text());
      this.stretches.set(number, this.parsed(number, await answer.arrayBuffer()));
      this.failed = "";
    } catch (error) {
      this.failed = error.message;
      setTimeout(() => {
        this.stretches.delete(number);
        this.onLoad();
      }, AGAIN_AFTER);
    }
    for (const old of this.stretches.keys()) {
      if (this.stretches.size <= KEPT) break;
      this.stretches.delete(old);
    }
    this.onLoad();
  }

  parsed(number, buffer) {
    const rows = buffer.byteLength / (4 * COLUMNS);
    const whole = (k) => new Uint32Array(buffer, 4 * rows * k, rows);
    const real = (k) => new Float32Array(buffer, 4 * rows * k, rows);
    const columns = {
      frame: whole(0),
      id: whole(1),
      classId: whole(2),
      mark: whole(3),
      score: real(4),
      left: real(5),
      top: real(6),
      right: real(7),
      bottom: real(8),
    };
    const first = number * this.summary.stretch;
    columns.starts = new Uint32Array(this.summary.stretch + 1);
    for (let row = 0; row < rows; row++) columns.starts[columns.frame[row] - first + 1]++;
    for (let k = 1; k <= this.summary.stretch; k++) columns.starts[k] += columns.starts[k - 1];
    return columns;
  }
}
