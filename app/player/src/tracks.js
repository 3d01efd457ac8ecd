// The tracks of one layer. A summary is fetched at once, boxes in parts of some frames each when they are needed.

const MAX_PARTS_IN_MEMORY = 40;
const RETRY_AFTER_MS = 5000;
const COLUMNS = 9;
const BYTES_PER_VALUE = 4;

/**
 * @typedef {object} Track
 * @property {number} id
 * @property {number} classId
 * @property {number} boxes - How many boxes it has.
 * @property {number} score - Mean over its boxes.
 * @property {number[]} spans - First and last frame of each run of frames in which it has boxes, as a flat list.
 * @property {number} first - Its first frame.
 * @property {number} last - Its last frame.
 */

/**
 * @typedef {object} Difference
 * @property {number} first - First frame.
 * @property {number} last - Last frame.
 * @property {number} kind - One of `MARK` in colors.js.
 * @property {number} id - Of the track.
 */

/**
 * @typedef {object} Summary
 * @property {string[]} classes
 * @property {number} frames - Length of the video in frames.
 * @property {number} framesPerPart - Frames per part of the boxes.
 * @property {Track[]} tracks - By first frame.
 * @property {number} step - Frames per value of `counts`.
 * @property {number[][]} counts - Per class, the mean number of boxes in each `step` frames.
 * @property {Difference[]} differences - From the other layer, if two layers were compared.
 */

/**
 * @typedef {object} Columns - Boxes of one part, sorted by frame, as typed arrays of one value per box.
 * @property {Uint32Array} frame
 * @property {Uint32Array} id
 * @property {Uint32Array} classId
 * @property {Uint32Array} mark
 * @property {Float32Array} score
 * @property {Float32Array} left - Pixels of the image, as are `top`, `right` and `bottom`.
 * @property {Float32Array} top
 * @property {Float32Array} right
 * @property {Float32Array} bottom
 * @property {Uint32Array} starts - The first row of each frame of the part, and the number of rows at the end.
 */

export class Tracks {
  /**
   * @param {string} url - `url/summary` answers the summary, `url/0`, `url/1` … the parts.
   * @param {() => void} onLoad - Called when boxes were loaded or could not be loaded; see `error`.
   */
  constructor(url, onLoad) {
    this.url = url;
    this.onLoad = onLoad;
    this.parts = new Map(); // number → Columns, or null while it is fetched; least recently used first
    /** @type {Summary|null} */
    this.summary = null;
    this.error = ""; // why the last part could not be loaded
    this.version = 0;
  }

  /**
   * Fetch the summary.
   *
   * @param {number} [version] - Of tracks that are still being computed: how many frames are done. 0 for others.
   */
  async open(version = 0) {
    this.version = version;
    const response = await fetch(this.address("summary"));
    if (!response.ok) throw new Error(await response.text());
    const { tracks, moments, frames_per_part: framesPerPart, ...rest } = await response.json();
    this.summary = {
      ...rest,
      framesPerPart,
      tracks: tracks.map(([id, classId, boxes, score, spans]) => {
        return { id, classId, boxes, score, spans, first: spans[0], last: spans.at(-1) };
      }),
      differences: moments.map(([first, last, kind, id]) => ({ first, last, kind, id })),
    };
    this.byId = new Map(this.summary.tracks.map((track) => [track.id, track]));
  }

  /**
   * Fetch the summary again, and the boxes in memory to which some may have been added. The old ones stay meanwhile.
   *
   * @param {number} version - See `open`.
   */
  async refresh(version) {
    const { framesPerPart } = this.summary;
    const firstGrowing = Math.floor(this.version / framesPerPart);
    await this.open(version);
    await Promise.all([...this.parts.keys()].filter((number) => number >= firstGrowing).map((part) => this.load(part)));
  }

  /** Address of the summary or of a part. Each version has its own, because browsers keep what they have fetched. */
  address(part) {
    return `${this.url}/${part}${this.version ? `?version=${this.version}` : ""}`;
  }

  /**
   * The boxes of a frame: rows `from` up to, not including, `to` of the columns.
   *
   * @param {number} frame
   * @returns {{from: number, to: number, columns: Columns}|null} Null while they are fetched.
   */
  boxesAt(frame) {
    if (!this.summary) return null;
    const { framesPerPart } = this.summary;
    const number = Math.floor(frame / framesPerPart);
    const columns = this.part(number);
    const row = frame - number * framesPerPart;
    if (row > framesPerPart / 2) this.part(number + 1, true);
    if (!columns) return null;
    return { from: columns.starts[row], to: columns.starts[row + 1], columns };
  }

  /**
   * A part from the cache; null if it is not there yet, in which case it is fetched.
   *
   * @param {number} number
   * @param {boolean} ahead - Whether it is asked for in advance, which does not count as use.
   */
  part(number, ahead = false) {
    const cached = this.parts.get(number);
    if (cached === undefined) {
      this.parts.set(number, null);
      this.load(number);
      return null;
    }
    if (cached && !ahead) {
      this.parts.delete(number);
      this.parts.set(number, cached);
    }
    return cached;
  }

  async load(number) {
    try {
      this.parts.set(number, this.parse(number, await this.fetchPart(number)));
      this.error = "";
    } catch (error) {
      this.error = error.message;
      setTimeout(() => {
        this.parts.delete(number);
        this.onLoad();
      }, RETRY_AFTER_MS);
    }
    for (const oldest of this.parts.keys()) {
      if (this.parts.size <= MAX_PARTS_IN_MEMORY) break;
      this.parts.delete(oldest);
    }
    this.onLoad();
  }

  async fetchPart(number) {
    const isBeyondTheEnd = number * this.summary.framesPerPart >= this.summary.frames;
    if (isBeyondTheEnd) return new ArrayBuffer(0);
    const response = await fetch(this.address(number));
    if (!response.ok) throw new Error(await response.text());
    return response.arrayBuffer();
  }

  /**
   * @param {number} number
   * @param {ArrayBuffer} buffer - Column by column, as `encode_part` in app/player/tracks.py writes them.
   * @returns {Columns}
   */
  parse(number, buffer) {
    const rows = buffer.byteLength / (BYTES_PER_VALUE * COLUMNS);
    const integers = (column) => new Uint32Array(buffer, BYTES_PER_VALUE * rows * column, rows);
    const floats = (column) => new Float32Array(buffer, BYTES_PER_VALUE * rows * column, rows);
    const { framesPerPart } = this.summary;
    const frame = integers(0);
    const starts = new Uint32Array(framesPerPart + 1);
    for (let row = 0; row < rows; row++) starts[frame[row] - number * framesPerPart + 1]++;
    for (let k = 1; k <= framesPerPart; k++) starts[k] += starts[k - 1];
    return {
      frame,
      id: integers(1),
      classId: integers(2),
      mark: integers(3),
      score: floats(4),
      left: floats(5),
      top: floats(6),
      right: floats(7),
      bottom: floats(8),
      starts,
    };
  }
}
