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
var MARK_NAMES = { 2: "missed", 3: "false", 4: "switched" };

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
function range(words, title, most, step, value, act) {
  const input = element("input");
  Object.assign(input, { type: "range", min: 0, max: most, step, value, title });
  const shown = element("output", "", String(value));
  input.addEventListener("input", () => {
    shown.value = input.value;
    act(Number(input.value));
  });
  return element("label", "range", words, input, shown);
}

// src/tracks.js
var KEPT = 40;
var AGAIN_AFTER = 5e3;
var COLUMNS = 9;
var MISSED = 2;
var FALSE = 3;
var SWITCHED = 4;
var Tracks = class {
  // onLoad(): boxes came, or did not: `failed` says why.
  constructor(url, onLoad) {
    this.url = url;
    this.onLoad = onLoad;
    this.stretches = /* @__PURE__ */ new Map();
    this.summary = null;
    this.failed = "";
  }
  async open() {
    const answer = await fetch(`${this.url}/summary`);
    if (!answer.ok) throw new Error(await answer.text());
    const found = await answer.json();
    this.byId = /* @__PURE__ */ new Map();
    found.tracks = found.tracks.map(([id, classId, boxes, score, spans2]) => {
      const track = { id, classId, boxes, score, spans: spans2, first: spans2[0], last: spans2[spans2.length - 1] };
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
    if (known !== void 0) {
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
        this.stretches.set(number, this.parsed(number, new ArrayBuffer(0)));
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
      bottom: real(8)
    };
    const first = number * this.summary.stretch;
    columns.starts = new Uint32Array(this.summary.stretch + 1);
    for (let row = 0; row < rows; row++) columns.starts[columns.frame[row] - first + 1]++;
    for (let k = 1; k <= this.summary.stretch; k++) columns.starts[k] += columns.starts[k - 1];
    return columns;
  }
};

// src/paint.js
var TRAIL = 30;
var FAINT = 0.28;
var WRONG = /* @__PURE__ */ new Set([MISSED, FALSE, SWITCHED]);
function paintTracks(context, tracks, frame, look) {
  const found = tracks.at(frame);
  if (!found) return;
  const { columns } = found;
  const px = 1 / look.scale;
  if (look.trails) paintTrails(context, tracks, frame, look, px);
  context.lineJoin = "round";
  context.font = `600 ${12 * look.ratio * px}px ${look.font}`;
  context.textBaseline = "bottom";
  for (let row = found.from; row < found.to; row++) {
    const mark = columns.mark[row];
    if (!look.shows(columns, row) || look.onlyWrong && !WRONG.has(mark)) continue;
    const id = columns.id[row];
    const followed = look.followed === id;
    const color = look.marked ? MARK_COLORS[mark] : colorOf(id);
    context.globalAlpha = look.followed !== null && !followed ? FAINT : 1;
    const x = columns.left[row], y = columns.top[row];
    const width = columns.right[row] - x, height = columns.bottom[row] - y;
    if (look.boxes) {
      context.strokeStyle = color;
      context.lineWidth = (followed || look.marked && WRONG.has(mark) ? 3 : 2) * look.ratio * px;
      context.setLineDash(look.dashed ? [6 * look.ratio * px, 4 * look.ratio * px] : []);
      context.strokeRect(x, y, width, height);
    }
    const words = label(columns, row, look, tracks.summary.classes);
    if (words) paintLabel(context, words, x, y, color, look, look.ratio * px, look.dashed ? y + height : null);
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}
function label(columns, row, look, classes) {
  const parts = [];
  if (look.ids) parts.push(`#${columns.id[row]}`);
  if (look.ids && classes.length > 1) parts.push(classes[columns.classId[row]]);
  if (look.scores) parts.push(columns.score[row].toFixed(2));
  return parts.join(" ");
}
function paintLabel(context, words, x, y, color, look, px, below) {
  const width = context.measureText(words).width + 8 * px, height = 16 * px;
  x = Math.max(px, Math.min(x, look.width - width + px));
  const top = below ?? (y - height > 0 ? y - height : y);
  context.fillStyle = color;
  context.fillRect(x - px, top, width, height);
  context.fillStyle = "#0b0f10";
  context.fillText(words, x + 3 * px, top + height - 1.5 * px);
}
function paintTrails(context, tracks, frame, look, px) {
  const now = /* @__PURE__ */ new Map();
  let found = tracks.at(frame);
  for (let row = found.from; row < found.to; row++) {
    if (look.shows(found.columns, row)) now.set(found.columns.id[row], [foot(found.columns, row)]);
  }
  for (let before = frame - 1; before >= Math.max(0, frame - TRAIL); before--) {
    found = tracks.at(before);
    if (!found) break;
    for (let row = found.from; row < found.to; row++) now.get(found.columns.id[row])?.push(foot(found.columns, row));
  }
  context.lineCap = "round";
  context.lineWidth = 2 * look.ratio * px;
  for (const [id, points] of now) {
    if (points.length < 2 || look.followed !== null && look.followed !== id) continue;
    context.strokeStyle = colorOf(id);
    context.globalAlpha = 0.75;
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.slice(1)) context.lineTo(...point);
    context.stroke();
  }
  context.globalAlpha = 1;
}
function foot(columns, row) {
  return [(columns.left[row] + columns.right[row]) / 2, columns.bottom[row]];
}
function idAt(tracks, frame, place, look) {
  const found = tracks.at(frame);
  let best = null, smallest = Infinity;
  for (let row = found?.from ?? 0; row < (found?.to ?? 0); row++) {
    const { columns } = found;
    const inside = columns.left[row] <= place.x && place.x <= columns.right[row] && columns.top[row] <= place.y && place.y <= columns.bottom[row];
    const area = (columns.right[row] - columns.left[row]) * (columns.bottom[row] - columns.top[row]);
    if (inside && area < smallest && look.shows(columns, row)) [best, smallest] = [columns.id[row], area];
  }
  return best;
}

// src/playback.js
var TRIES = 4;
var PAINTED = 100;
var CREEP = 0.125;
var Playback = class {
  // onFrame(): a new picture can be painted. onChange(): it plays, pauses, fails, or has another speed.
  constructor(video, times, onFrame, onChange) {
    Object.assign(this, { video, times, onFrame, onChange });
    this.offset = 0;
    this.wanted = null;
    this.sought = null;
    this.ready = false;
    this.reverse = 0;
    this.reaching = false;
    this.rate = null;
    this.missed = 0;
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
      return null;
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
    return !this.video.paused && !this.reaching || this.reverse > 0;
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
    this.reaching = time > this.video.duration;
    if (this.reaching) this.video.play().catch(() => {
    });
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
    this.video.play().catch(() => {
    });
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
    await this.video.play().catch(() => {
    });
  }
  // One frame after the other backwards, as fast as they come, at most at the video's own rate times `speed`.
  playBackwards(speed, shown) {
    this.video.pause();
    this.reverse = speed;
    this.onChange();
    const begun = performance.now(), start = this.from(shown());
    const tick = () => {
      if (this.ended || this.reverse !== speed) return;
      const passed = (performance.now() - begun) / 1e3 * this.times.rate * speed;
      if (!this.video.seeking) this.seek(start - passed);
      if (start - passed <= 0) return this.pause();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
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
        const inside = spans(lane.track).some(
          ([a, b]) => this.x(a) - 3 <= event.offsetX && event.offsetX <= this.x(b + 1) + 3
        );
        if (inside || event.offsetX < GUTTER) {
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

// src/player.js
var SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4, 8];
var KEYS = `Space: play or pause
← →: one frame back or on
Shift ← →: to the moment before or after
J K L: backwards, stop, forwards; again for faster
Home End: first or last frame
Esc: follow no track
Ctrl + wheel: zoom picture or timeline
Double click on a lane: to its start`;
var players = /* @__PURE__ */ new WeakMap();
function player_default({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  let player = players.get(root);
  if (!player) players.set(root, player = new Player(root));
  player.tell = setTriggerValue;
  player.update(data);
  return () => {
    player.close();
    players.delete(root);
  };
}
var Player = class {
  constructor(root) {
    this.root = root;
    this.data = null;
    this.layers = [];
    this.shown = null;
    this.followed = null;
    this.only = false;
    this.show = { boxes: true, ids: true, trails: true, scores: false, onlyWrong: false };
    this.filter = { score: 0, length: 0, classes: /* @__PURE__ */ new Set() };
    this.hidden = /* @__PURE__ */ new Set();
    this.apart = false;
    this.build();
  }
  build() {
    const { root } = this;
    root.tabIndex = 0;
    this.video = element("video");
    Object.assign(this.video, { muted: true, playsInline: true, preload: "auto" });
    this.canvas = element("canvas", "picture");
    this.message = element("div", "message", "Loading the video …");
    this.stageBox = element("div", "stage", this.video, this.canvas, this.message);
    this.stage = new Stage(this.canvas, 16, 9);
    const step = (by) => () => this.step(by);
    this.playButton = button("Play (space)", () => this.playOrPause(), { name: "play", className: "main" });
    this.frameField = element("input", "frame");
    Object.assign(this.frameField, { type: "number", min: 0, title: "Frame, counted from 0" });
    this.frameField.addEventListener("change", () => this.playback?.seek(Number(this.frameField.value)));
    this.of = element("span", "of");
    this.speed = element("select");
    this.speed.title = "Speed";
    for (const each of SPEEDS) this.speed.append(new Option(`${each}×`, each, each === 1, each === 1));
    this.speed.addEventListener("change", () => this.setSpeed(Number(this.speed.value)));
    this.soundButton = button("Sound", () => this.switchSound(), { name: "muted" });
    this.transport = element(
      "div",
      "row",
      button("First frame (Home)", () => this.playback?.seek(0), { name: "first" }),
      this.toPrevious = button("Moment before (Shift ←)", () => this.jump(-1), { name: "previous" }),
      button("One frame back (←)", step(-1), { name: "back" }),
      this.playButton,
      button("One frame on (→)", step(1), { name: "on" }),
      this.toNext = button("Moment after (Shift →)", () => this.jump(1), { name: "next" }),
      button("Last frame (End)", () => this.playback?.seek(this.playback.last), { name: "last" }),
      element("label", "at", "Frame", this.frameField),
      this.of,
      element("span", "space"),
      this.speed,
      this.soundButton,
      button(
        "Keys",
        () => {
          this.keys.hidden = !this.keys.hidden;
        },
        { name: "help" }
      ),
      button("Full screen", () => this.fullScreen(), { name: "full" })
    );
    this.keys = element("pre", "keys", KEYS);
    this.keys.hidden = true;
    this.looks = element("div", "row wrap");
    this.selection = element("div", "row selection");
    this.timelineCanvas = element("canvas", "timeline");
    this.moments = element("div", "moments");
    root.replaceChildren(
      this.stageBox,
      this.transport,
      this.keys,
      this.looks,
      this.selection,
      this.timelineCanvas,
      this.moments
    );
    keepFocus(root);
    root.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("dblclick", () => {
      this.stage.view = { zoom: 1, x: 0, y: 0 };
      this.paint();
    });
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.resized = new ResizeObserver(() => {
      this.paint();
      this.timeline?.paint();
    });
    this.resized.observe(this.stageBox);
    this.resized.observe(this.timelineCanvas);
  }
  update(data) {
    const before = this.data;
    this.data = data;
    if (before?.video !== data.video || before?.times !== data.times) this.open();
    if (JSON.stringify(before?.layers) !== JSON.stringify(data.layers)) this.openLayers();
  }
  close() {
    this.playback?.close();
    this.resized.disconnect();
  }
  async open() {
    const { data } = this;
    this.playback?.close();
    this.playback = this.timeline = null;
    this.shown = null;
    this.stage.width = data.width;
    this.stage.height = data.height;
    this.stage.view = { zoom: 1, x: 0, y: 0 };
    this.tellMessage("Loading the video …");
    this.lay();
    try {
      const times = await FrameTimes.fetch(data.times);
      if (data !== this.data) return;
      this.times = times;
      this.playback = new Playback(
        this.video,
        times,
        () => this.paint(),
        () => this.changed()
      );
      await this.playback.open(data.video);
      this.tellMessage("");
      if (data.start) this.playback.seek(data.start);
    } catch (error) {
      if (data !== this.data) return;
      this.tellMessage(
        this.video.error ? "This browser cannot play the video." : `The video could not be loaded: ${error.message}`
      );
      if (this.video.error) this.tell("unplayable", data.video);
    }
    this.changed();
    this.showTimeline();
  }
  async openLayers() {
    const { data } = this;
    const known = new Map(this.layers.map((layer) => [layer.url, layer]));
    const layers = data.layers.map(({ name, url, marked }) => {
      const layer = known.get(url) ?? {
        url,
        tracks: new Tracks(url, () => {
          this.tellMissing();
          this.paint();
        })
      };
      return Object.assign(layer, { name, marked });
    });
    try {
      await Promise.all(layers.filter(({ tracks }) => !tracks.summary).map(({ tracks }) => tracks.open()));
    } catch (error) {
      return this.tellMessage(`The tracks could not be loaded: ${error.message}`);
    }
    if (data !== this.data) return;
    this.layers = layers;
    if (this.followed && !layers[this.followed.layer]?.tracks.byId.has(this.followed.id)) this.followed = null;
    this.offerLooks();
    this.listMoments();
    this.showTimeline();
    this.lay();
    this.paint();
  }
  // Boxes that could not be loaded; the video can be watched without them.
  tellMissing() {
    if (!this.playback?.ready) return;
    const missing = this.layers.find(({ tracks }) => tracks.failed);
    this.tellMessage(missing ? `Boxes of ${missing.name} could not be loaded: ${missing.tracks.failed}` : "");
  }
  tellMessage(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }
  // The height of the stage follows from the picture's shape.
  lay() {
    const { data } = this;
    this.stage.panes = this.apart ? Math.max(1, this.layers.length) : 1;
    this.stageBox.style.aspectRatio = `${data.width * this.stage.panes} / ${data.height}`;
    this.stageBox.classList.toggle("several", this.stage.panes > 1);
  }
  // --- Painting ---------------------------------------------------------------------------------------------------
  paint() {
    if (!this.playback?.ready) return;
    const { stage } = this;
    stage.fit();
    const frame = this.playback.capture((video) => {
      stage.clear();
      stage.context.imageSmoothingEnabled = stage.scale < 3;
      for (let pane = 0; pane < stage.panes; pane++) {
        stage.inPane(pane, (context) => context.drawImage(video, 0, 0, stage.width, stage.height));
      }
    });
    if (frame === null) return;
    this.layers.forEach((layer, number) => {
      if (this.hidden.has(layer.name)) return;
      const pane = stage.panes > 1 ? number : 0;
      stage.inPane(pane, (context) => paintTracks(context, layer.tracks, frame, this.lookOf(number)));
      if (stage.panes > 1) this.caption(layer.name, pane);
    });
    this.root.dataset.frame = frame;
    if (frame !== this.shown) this.at(frame);
  }
  at(frame) {
    this.shown = frame;
    if (document.activeElement !== this.frameField && this.root.getRootNode().activeElement !== this.frameField) {
      this.frameField.value = frame;
    }
    this.of.textContent = `of ${this.times.count} · ${clock(this.times.seconds[frame], true)}`;
    this.timeline?.at(frame);
  }
  caption(name, pane) {
    const { context, paneWidth } = this.stage;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.font = `600 ${13 * ratio}px ${this.font}`;
    context.textBaseline = "top";
    const width = context.measureText(name).width;
    context.fillStyle = "#0b0f10b0";
    context.fillRect(pane * paneWidth + 8 * ratio, 8 * ratio, width + 16 * ratio, 24 * ratio);
    context.fillStyle = "#fff";
    context.fillText(name, pane * paneWidth + 16 * ratio, 13 * ratio);
  }
  get font() {
    return getComputedStyle(this.root).fontFamily;
  }
  lookOf(number) {
    const layer = this.layers[number];
    const followed = this.followed?.layer === number ? this.followed.id : null;
    return {
      ...this.show,
      followed: this.followed ? followed ?? -1 : null,
      marked: layer.marked,
      dashed: number === 0 && this.layers.length > 1 && this.stage.panes === 1,
      shows: this.shows(number),
      scale: this.stage.scale,
      width: this.stage.width,
      ratio: window.devicePixelRatio || 1,
      font: this.font
    };
  }
  shows(number) {
    const { classes, byId } = {
      classes: this.layers[number].tracks.summary.classes,
      byId: this.layers[number].tracks.byId
    };
    const { filter } = this;
    const alone = this.only && this.followed ? this.followed : null;
    return (columns, row) => {
      const id = columns.id[row];
      if (alone && (alone.layer !== number || alone.id !== id)) return false;
      return columns.score[row] >= filter.score && !filter.classes.has(classes[columns.classId[row]]) && (!filter.length || byId.get(id).boxes >= filter.length);
    };
  }
  showsTrack(number, track) {
    const { classes } = this.layers[number].tracks.summary;
    return track.score >= this.filter.score && track.boxes >= this.filter.length && !this.filter.classes.has(classes[track.classId]) && !this.hidden.has(this.layers[number].name);
  }
  // --- What is offered --------------------------------------------------------------------------------------------
  offerLooks() {
    const { layers, show } = this;
    const again = () => {
      this.showTimeline();
      this.paint();
    };
    const parts = [];
    for (const [name, title] of [
      ["boxes", "A rectangle around each object"],
      ["ids", "The number of each track"],
      ["trails", "Where each object was in the frames before"],
      ["scores", "How sure the detector is"]
    ]) {
      parts.push(
        toggle(name, title, show[name], (on) => {
          show[name] = on;
          this.paint();
        })
      );
    }
    if (layers.length > 1) {
      parts.push(element("i"));
      for (const { name } of layers) {
        parts.push(
          toggle(name, `Show ${name}`, !this.hidden.has(name), (on) => {
            this.hidden[on ? "delete" : "add"](name);
            again();
          })
        );
      }
      parts.push(
        toggle("side by side", "Each on a picture of its own", this.apart, (on) => {
          this.apart = on;
          this.lay();
          this.paint();
        })
      );
    }
    if (layers.some((layer) => layer.marked)) {
      parts.push(
        toggle("differences only", "Hide boxes that match", show.onlyWrong, (on) => {
          show.onlyWrong = on;
          this.paint();
        })
      );
    }
    const classes = [...new Set(layers.flatMap(({ tracks }) => tracks.summary.classes))];
    if (classes.length > 1) {
      parts.push(element("i"));
      for (const name of classes) {
        parts.push(
          toggle(name, `Show ${name}`, !this.filter.classes.has(name), (on) => {
            this.filter.classes[on ? "delete" : "add"](name);
            again();
          })
        );
      }
    }
    if (layers.length) {
      const longest = Math.max(1, ...layers.flatMap(({ tracks }) => tracks.summary.tracks.map(({ boxes }) => boxes)));
      parts.push(
        element("i"),
        range("score from", "Hide boxes with a lower score", 1, 0.05, this.filter.score, (value) => {
          this.filter.score = value;
          again();
        }),
        range("boxes from", "Hide tracks of fewer boxes", Math.min(100, longest), 1, this.filter.length, (value) => {
          this.filter.length = value;
          again();
        })
      );
    }
    this.looks.replaceChildren(...parts);
    this.looks.hidden = !layers.length;
    this.stops = this.findStops();
    this.toPrevious.hidden = this.toNext.hidden = !this.stops.length;
  }
  // Frames to jump to: moments of difference, or what the page names.
  findStops() {
    const moments = this.layers.flatMap(({ tracks }) => tracks.summary.moments.map(({ first }) => first));
    const all = moments.length ? moments : this.data.stops ?? [];
    return [...new Set(all)].sort((a, b) => a - b);
  }
  listMoments() {
    const all = this.layers.flatMap(({ tracks }, layer) => tracks.summary.moments.map((each) => ({ ...each, layer })));
    all.sort((a, b) => a.first - b.first || a.kind - b.kind);
    const LONGEST = 300;
    const rows = all.slice(0, LONGEST).map((moment) => {
      const { first, last, kind, id } = moment;
      const frames = first === last ? `frame ${first}` : `frames ${first} to ${last}`;
      const row = button(
        `Look at it`,
        () => {
          this.playback?.pause();
          this.follow({ layer: moment.layer, id }, first);
        },
        { className: "moment" }
      );
      const dot = element("b");
      dot.style.background = MARK_COLORS[kind];
      row.append(
        dot,
        element("span", "", MARK_NAMES[kind]),
        element("span", "", `#${id}`),
        element("span", "", frames)
      );
      return row;
    });
    if (all.length > LONGEST)
      rows.push(element("small", "", `and ${all.length - LONGEST} more: use the buttons before and after`));
    this.moments.replaceChildren(...rows);
    this.moments.hidden = !all.length;
  }
  showTimeline() {
    const ready = this.times && this.layers.length;
    this.timelineCanvas.hidden = !ready;
    if (!ready) return;
    this.timeline ??= new Timeline(this.timelineCanvas, this.times, {
      seek: (frame) => this.playback?.seek(frame),
      follow: (layer, id, frame) => this.follow({ layer, id }, frame)
    });
    const layers = this.layers.map(({ name, tracks }, number) => ({
      name,
      tracks,
      shows: (track) => this.showsTrack(number, track),
      showsClass: (classId) => !this.hidden.has(name) && !this.filter.classes.has(tracks.summary.classes[classId])
    }));
    this.timeline.show(layers, this.followed);
    this.offerSelection();
  }
  follow(followed, frame) {
    this.followed = followed;
    if (!followed) this.only = false;
    if (frame !== void 0) this.playback?.seek(frame);
    this.showTimeline();
    if (followed) this.timeline?.reveal(followed.layer, followed.id);
    this.timeline?.paint();
    this.paint();
  }
  offerSelection() {
    const { followed } = this;
    this.selection.hidden = !followed;
    if (!followed) return;
    const { tracks, name } = this.layers[followed.layer];
    const { id, classId, first, last, boxes } = tracks.byId.get(followed.id);
    const of = this.layers.length > 1 ? ` of ${name},` : "";
    this.selection.replaceChildren(
      element("strong", "", `#${id} ${tracks.summary.classes[classId]}`),
      element("span", "", `${of} frames ${first} to ${last}, ${boxes} ${boxes === 1 ? "box" : "boxes"}`),
      element("span", "space"),
      button("To its first frame", () => this.playback?.seek(first), { words: "Start" }),
      button("To its last frame", () => this.playback?.seek(last), { words: "End" }),
      toggle("Hide others", "Show only this track", this.only, (on) => {
        this.only = on;
        this.paint();
      }),
      button("Follow no track (Esc)", () => this.follow(null), { name: "close" })
    );
  }
  // --- What the person does ---------------------------------------------------------------------------------------
  step(by) {
    if (!this.playback) return;
    this.playback.pause();
    this.playback.seek(this.playback.from(this.shown) + by);
  }
  jump(direction) {
    const here = this.playback?.from(this.shown);
    const next = direction > 0 ? this.stops.find((stop) => stop > here) : this.stops.findLast((stop) => stop < here);
    if (next === void 0) return;
    this.playback.pause();
    this.playback.seek(next);
  }
  playOrPause() {
    if (this.playback?.playing) this.playback.pause();
    else this.playback?.play();
  }
  setSpeed(speed) {
    this.video.playbackRate = speed;
  }
  // Again: faster.
  shuttle(direction) {
    const { playback } = this;
    if (direction > 0) {
      const faster = SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.video.playbackRate) + 1)];
      playback.play(!this.video.paused ? faster : 1);
    } else {
      playback.playBackwards(playback.reverse ? Math.min(8, playback.reverse * 2) : 1, () => this.shown);
    }
  }
  switchSound() {
    this.video.muted = !this.video.muted;
    this.changed();
  }
  changed() {
    const playing = this.playback?.playing;
    this.playButton.innerHTML = icon(playing ? "pause" : "play");
    this.playButton.title = this.playButton.ariaLabel = playing ? "Pause (space)" : "Play (space)";
    this.soundButton.innerHTML = icon(this.video.muted ? "muted" : "sound");
    this.speed.value = String(this.video.playbackRate);
    this.frameField.max = this.times ? this.times.count - 1 : 0;
  }
  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }
  key(event) {
    const target = event.composedPath()[0];
    if (!this.playback || event.ctrlKey || event.metaKey || event.altKey || target.matches?.("select, input[type=number]"))
      return;
    if (target.matches?.("button") && event.key === " ") return;
    const act = {
      " ": () => this.playOrPause(),
      ArrowLeft: () => event.shiftKey ? this.jump(-1) : this.step(-1),
      ArrowRight: () => event.shiftKey ? this.jump(1) : this.step(1),
      Home: () => this.playback.seek(0),
      End: () => this.playback.seek(this.playback.last),
      j: () => this.shuttle(-1),
      k: () => this.playback.pause(),
      l: () => this.shuttle(1),
      Escape: () => this.follow(null)
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || target.matches?.("input[type=range]") && /^(Arrow|Home|End)/.test(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
  press(event) {
    this.root.focus({ preventScroll: true });
    const place = this.stage.place(event);
    if (this.stage.view.zoom > 1) this.drag(event);
    for (let number = this.layers.length - 1; number >= 0; number--) {
      if (this.stage.panes > 1 && number !== place.pane || this.hidden.has(this.layers[number].name)) continue;
      const id = idAt(this.layers[number].tracks, this.shown, place, this.lookOf(number));
      if (id !== null) return this.follow({ layer: number, id });
    }
    if (this.followed) this.follow(null);
  }
  // Move a picture that is larger than its room.
  drag(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const ratio = window.devicePixelRatio || 1;
    const move = ({ movementX, movementY }) => {
      this.stage.pan(-movementX * ratio / this.stage.scale, -movementY * ratio / this.stage.scale);
      this.paint();
    };
    const over = new AbortController();
    this.canvas.addEventListener("pointermove", move, { signal: over.signal });
    for (const end of ["pointerup", "pointercancel"])
      this.canvas.addEventListener(end, () => over.abort(), { signal: over.signal });
  }
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.stage.zoomAt(this.stage.place(event), Math.exp(-event.deltaY * 4e-3));
    this.paint();
  }
};
export {
  player_default as default
};
