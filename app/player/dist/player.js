// Made by `make player` of src, whose SHA-256 is dd6e9fae5474ed6e08c08f6763d3876c6130c0465e8eb16a6889edd47e6b3a5a.
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
function slider(label, title, { max, step, value }, onInput) {
  const input = element("input");
  Object.assign(input, { type: "range", min: 0, max, step, value, title });
  const output = element("output", "", String(value));
  input.addEventListener("input", () => {
    output.value = input.value;
    onInput(Number(input.value));
  });
  return element("label", "range", label, input, output);
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

// src/fitting.js
var GAP = 8;
var BOTTOM_MARGIN = 12;
var MIN_HEIGHT = 180;
var HIGH_ENOUGH = 0.5;
function fitPicture(root, stage, { shape, takenWidth, rows }) {
  if (!root.clientWidth) return;
  const top = topOf(root);
  const isInView = top < window.innerHeight * HIGH_ENOUGH;
  const rowsHeight = rows.reduce((sum, row) => sum + (row.offsetHeight ? row.offsetHeight + GAP : 0), 0);
  const room = window.innerHeight - (isInView ? top : 0) - rowsHeight - BOTTOM_MARGIN;
  const height = Math.min(Math.max(MIN_HEIGHT, room), (root.clientWidth - takenWidth) / shape);
  Object.assign(stage.style, { width: `${Math.floor(height * shape)}px`, height: `${Math.floor(height)}px` });
}
function topOf(root) {
  let scrolled = 0;
  const host = root.getRootNode().host ?? root;
  if (document.fullscreenElement !== host) {
    for (let parent = host.parentElement; parent; parent = parent.parentElement) scrolled += parent.scrollTop;
  }
  return root.getBoundingClientRect().top + scrolled;
}

// src/paint.js
var TRAIL_FRAMES = 30;
var UNSELECTED_ALPHA = 0.28;
var LABEL_TEXT_COLOR = "#0b0f10";
var WRONG = /* @__PURE__ */ new Set([MARK.MISSED, MARK.FALSE_POSITIVE, MARK.ID_SWITCH]);
function paintTracks(context, tracks, frame, style) {
  const boxes = tracks.boxesAt(frame);
  if (!boxes) return;
  const { columns } = boxes;
  const unit = style.ratio / style.scale;
  if (style.trails) paintTrails(context, tracks, frame, style, unit);
  context.lineJoin = "round";
  context.font = `600 ${12 * unit}px ${style.font}`;
  context.textBaseline = "bottom";
  for (let row = boxes.from; row < boxes.to; row++) {
    const mark = columns.mark[row];
    if (!style.isShown(columns, row) || style.differencesOnly && !WRONG.has(mark)) continue;
    const id = columns.id[row];
    const isSelected = style.selected === id;
    const color = style.marked ? MARK_COLORS[mark] : colorOfTrack(id);
    context.globalAlpha = style.selected !== null && !isSelected ? UNSELECTED_ALPHA : 1;
    const x = columns.left[row];
    const y = columns.top[row];
    const width = columns.right[row] - x;
    const height = columns.bottom[row] - y;
    if (style.boxes) {
      context.strokeStyle = color;
      context.lineWidth = (isSelected || style.marked && WRONG.has(mark) ? 3 : 2) * unit;
      context.setLineDash(style.dashed ? [6 * unit, 4 * unit] : []);
      context.strokeRect(x, y, width, height);
    }
    const text = labelText(columns, row, style, tracks.summary.classes);
    if (text) paintLabel(context, text, { x, y, bottom: y + height }, color, style, unit);
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}
function labelText(columns, row, style, classes) {
  const parts = [];
  if (style.ids) parts.push(`#${columns.id[row]}`);
  if (style.ids && classes.length > 1) parts.push(classes[columns.classId[row]]);
  if (style.scores) parts.push(columns.score[row].toFixed(2));
  return parts.join(" ");
}
function paintLabel(context, text, box, color, style, unit) {
  const width = context.measureText(text).width + 8 * unit;
  const height = 16 * unit;
  const x = Math.max(unit, Math.min(box.x, style.width - width + unit));
  const above = box.y - height > 0 ? box.y - height : box.y;
  const top = style.dashed ? box.bottom : above;
  context.fillStyle = color;
  context.fillRect(x - unit, top, width, height);
  context.fillStyle = LABEL_TEXT_COLOR;
  context.fillText(text, x + 3 * unit, top + height - 1.5 * unit);
}
function paintTrails(context, tracks, frame, style, unit) {
  const points = /* @__PURE__ */ new Map();
  const current = tracks.boxesAt(frame);
  for (let row = current.from; row < current.to; row++) {
    if (style.isShown(current.columns, row)) points.set(current.columns.id[row], [bottomCenter(current.columns, row)]);
  }
  for (let earlier = frame - 1; earlier >= Math.max(0, frame - TRAIL_FRAMES); earlier--) {
    const boxes = tracks.boxesAt(earlier);
    if (!boxes) break;
    for (let row = boxes.from; row < boxes.to; row++) {
      points.get(boxes.columns.id[row])?.push(bottomCenter(boxes.columns, row));
    }
  }
  context.lineCap = "round";
  context.lineWidth = 2 * unit;
  context.globalAlpha = 0.75;
  for (const [id, path] of points) {
    if (path.length < 2 || style.selected !== null && style.selected !== id) continue;
    context.strokeStyle = colorOfTrack(id);
    context.beginPath();
    context.moveTo(...path[0]);
    for (const point of path.slice(1)) context.lineTo(...point);
    context.stroke();
  }
  context.globalAlpha = 1;
}
function bottomCenter(columns, row) {
  return [(columns.left[row] + columns.right[row]) / 2, columns.bottom[row]];
}
function idAtPoint(tracks, frame, point, style) {
  const boxes = tracks.boxesAt(frame);
  if (!boxes) return null;
  const { columns } = boxes;
  let smallestId = null;
  let smallestArea = Infinity;
  for (let row = boxes.from; row < boxes.to; row++) {
    const isInside = columns.left[row] <= point.x && point.x <= columns.right[row] && columns.top[row] <= point.y && point.y <= columns.bottom[row];
    const area = (columns.right[row] - columns.left[row]) * (columns.bottom[row] - columns.top[row]);
    if (isInside && area < smallestArea && style.isShown(columns, row)) {
      [smallestId, smallestArea] = [columns.id[row], area];
    }
  }
  return smallestId;
}

// src/playback.js
var MAX_ATTEMPTS = 4;
var PAINT_DELAY_MS = 100;
var SLOW_RATE = 0.125;
var Playback = class {
  /**
   * @param {HTMLVideoElement} video
   * @param {import("./times.js").FrameTimes} times
   * @param {object} listeners
   * @param {() => void} listeners.onFrame - Another frame can be painted.
   * @param {() => void} listeners.onChange - It plays or pauses, or its speed has changed.
   */
  constructor(video, times, { onFrame, onChange }) {
    Object.assign(this, { video, times, onFrame, onChange });
    this.offset = 0;
    this.target = null;
    this.seekingTo = null;
    this.ready = false;
    this.reverseSpeed = 0;
    this.approaching = false;
    this.savedRate = null;
    this.misses = 0;
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
    return !this.video.paused && !this.approaching || this.reverseSpeed > 0;
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
    if (!this.video.seeking) this.seekNow(this.target);
  }
  seekNow(frame) {
    this.seekingTo = this.target;
    const time = this.times.seekTime(Math.max(0, frame)) + this.offset;
    this.video.currentTime = time;
    this.approaching = time > this.video.duration;
    if (this.approaching) this.video.play().catch(() => {
    });
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
    this.video.play().catch(() => {
    });
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
    await this.video.play().catch(() => {
    });
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
      const passedFrames = (performance.now() - started) / 1e3 * this.times.fps * speed;
      if (!this.video.seeking) this.seek(startFrame - passedFrames);
      if (startFrame - passedFrames <= 0) return this.pause();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
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
var BOTTOM_MARGIN2 = 4;
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
    this.canvas.style.height = `${this.lanesTop + visibleLanes * LANE_HEIGHT + BOTTOM_MARGIN2}px`;
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
    return this.canvas.clientHeight - this.lanesTop - BOTTOM_MARGIN2;
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

// src/tracks.js
var MAX_PARTS_IN_MEMORY = 40;
var RETRY_AFTER_MS = 5e3;
var COLUMNS = 9;
var BYTES_PER_VALUE = 4;
var Tracks = class {
  /**
   * @param {string} url - `url/summary` answers the summary, `url/0`, `url/1` … the parts.
   * @param {() => void} onLoad - Called when boxes were loaded or could not be loaded; see `error`.
   */
  constructor(url, onLoad) {
    this.url = url;
    this.onLoad = onLoad;
    this.parts = /* @__PURE__ */ new Map();
    this.summary = null;
    this.error = "";
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
      differences: moments.map(([first, last, kind, id]) => ({ first, last, kind, id }))
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
    if (cached === void 0) {
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
      starts
    };
  }
};

// src/player.js
var SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4, 8];
var MAX_REVERSE_SPEED = 8;
var MAX_LISTED_DIFFERENCES = 300;
var MAX_MIN_BOXES = 100;
var MAX_CLASSES_SHOWN = 6;
var SIDE_WIDTH = 256;
var WIDE = 880;
var NARROW = 640;
var ADDRESS_DELAY_MS = 300;
var OTHER_LAYER = -1;
var SHORTCUTS = `Space: play or pause
← →: previous or next frame
Shift ← →: previous or next marked frame
J K L: play backwards, pause, play; again: faster
Home End: first or last frame
↑ ↓: select a track of this frame
Esc: deselect
Ctrl + wheel: zoom the image or the timeline
Double click on the timeline: start of a track`;
var players = /* @__PURE__ */ new WeakMap();
var layersOf = (data) => JSON.stringify(data?.layers.map(({ name, url, marked }) => [name, url, marked]));
function player_default({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.setTriggerValue = setTriggerValue;
  player.update(data);
  return () => {
    player.close();
    players.delete(root);
  };
}
var Player = class {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.data = null;
    this.layers = [];
    this.stops = [];
    this.frame = null;
    this.selected = null;
    this.showOnlySelected = false;
    this.show = { boxes: true, ids: true, trails: true, scores: false, differencesOnly: false };
    this.filter = { minScore: 0, minBoxes: 0, hiddenClasses: /* @__PURE__ */ new Set() };
    this.hiddenLayers = /* @__PURE__ */ new Set();
    this.sideBySide = false;
    this.showAllClasses = false;
    this.build();
  }
  build() {
    const { root } = this;
    root.tabIndex = 0;
    root.role = "group";
    root.ariaLabel = "Video player";
    this.video = element("video");
    Object.assign(this.video, { muted: true, playsInline: true, preload: "auto" });
    this.canvas = element("canvas", "picture");
    this.canvas.role = "img";
    this.canvas.ariaLabel = "Video frame";
    this.video.ariaHidden = "true";
    this.message = element("div", "message", "Loading the video …");
    this.message.role = "status";
    this.stageBox = element("div", "stage", this.video, this.canvas, this.message);
    this.stage = new Stage(this.canvas, 16, 9);
    this.shortcuts = element("pre", "shortcuts", SHORTCUTS);
    this.shortcuts.hidden = true;
    this.optionsRow = element("div", "row wrap");
    this.selectionRow = element("div", "row selection");
    this.optionsRow.role = "group";
    this.optionsRow.ariaLabel = "What is shown";
    this.timelineCanvas = element("canvas", "timeline");
    Object.assign(this.timelineCanvas, { role: "slider", tabIndex: 0, ariaLabel: "Timeline" });
    Object.assign(this.timelineCanvas, { ariaValueMin: "0", ariaValueNow: "0" });
    this.differenceList = element("div", "differences");
    this.differenceList.role = "group";
    this.differenceList.ariaLabel = "Differences";
    this.optionsRow.hidden = this.selectionRow.hidden = this.timelineCanvas.hidden = this.differenceList.hidden = true;
    this.controls = this.buildControls();
    this.side = element("div", "side", this.optionsRow, this.selectionRow, this.differenceList);
    root.replaceChildren(this.stageBox, this.controls, this.shortcuts, this.side, this.timelineCanvas);
    root.classList.add("fitted");
    this.addListeners();
  }
  buildControls() {
    this.playButton = button("Play (space)", () => this.togglePlay(), { iconName: "play", className: "main" });
    this.previousStopButton = button("Previous marked frame (Shift ←)", () => this.jump(-1), { iconName: "previous" });
    this.nextStopButton = button("Next marked frame (Shift →)", () => this.jump(1), { iconName: "next" });
    this.frameInput = element("input", "frame");
    Object.assign(this.frameInput, { type: "number", min: 0, title: "Frame, counted from 0" });
    this.frameInput.addEventListener("change", () => {
      this.notice.textContent = "";
      this.playback?.seek(Number(this.frameInput.value));
    });
    this.position = element("span", "muted");
    this.notice = element("span", "notice");
    this.notice.role = "status";
    this.speedSelect = element("select");
    this.speedSelect.title = this.speedSelect.ariaLabel = "Speed";
    for (const speed of SPEEDS) this.speedSelect.append(new Option(`${speed}×`, speed, speed === 1, speed === 1));
    this.speedSelect.addEventListener("change", () => {
      this.video.playbackRate = Number(this.speedSelect.value);
    });
    this.optionsButton = button("What is shown", () => this.toggleOptions(), { iconName: "options" });
    this.optionsButton.ariaExpanded = "false";
    this.soundButton = button("Sound", () => this.toggleSound(), { iconName: "muted" });
    return element(
      "div",
      "row",
      button("First frame (Home)", () => this.playback?.seek(0), { iconName: "first" }),
      this.previousStopButton,
      button("Previous frame (←)", () => this.step(-1), { iconName: "back" }),
      this.playButton,
      button("Next frame (→)", () => this.step(1), { iconName: "forward" }),
      this.nextStopButton,
      button("Last frame (End)", () => this.playback?.seek(this.playback.lastFrame), { iconName: "last" }),
      element("label", "frame-label", "Frame", this.frameInput),
      this.position,
      this.notice,
      element("span", "spacer"),
      this.optionsButton,
      this.speedSelect,
      this.soundButton,
      button("Keyboard shortcuts", () => this.toggleShortcuts(), { iconName: "help" }),
      button("Full screen", () => toggleFullScreen(this.root), { iconName: "full" })
    );
  }
  addListeners() {
    const { root, canvas } = this;
    returnFocusAfterClicks(root);
    root.addEventListener("keydown", (event) => this.onKeyDown(event));
    canvas.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    canvas.addEventListener("dblclick", () => {
      this.stage.resetView();
      this.paint();
    });
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.resizeObserver = new ResizeObserver(() => {
      this.layOut();
      this.paint();
      this.timeline?.paint();
    });
    for (const resized of [root, this.stageBox, this.timelineCanvas, this.controls]) {
      this.resizeObserver.observe(resized);
    }
    const page = root.getRootNode().host?.closest('[data-testid="stMainBlockContainer"]');
    if (page) this.resizeObserver.observe(page);
    this.listeners = new AbortController();
    window.addEventListener("resize", () => this.onWindowResize(), { signal: this.listeners.signal });
  }
  // --- Data -------------------------------------------------------------------------------------------------------
  /**
   * Show what the page shows now; load what is new.
   *
   * @param {PlayerData} data
   */
  update(data) {
    const previous = this.data;
    this.data = data;
    if (previous?.video !== data.video || previous?.times !== data.times) this.openVideo();
    if (layersOf(previous) !== layersOf(data)) this.openLayers();
    else if (previous.layers.some(({ version }, number) => version !== data.layers[number].version)) this.growLayers();
    requestAnimationFrame(() => this.layOut());
  }
  close() {
    this.playback?.close();
    this.resizeObserver.disconnect();
    this.listeners.abort();
    clearTimeout(this.addressTimer);
  }
  async openVideo() {
    const { data } = this;
    this.playback?.close();
    this.playback = this.timeline = null;
    this.frame = null;
    this.stage.width = data.width;
    this.stage.height = data.height;
    this.stage.resetView();
    this.showMessage("Loading the video …");
    this.layOut();
    try {
      const times = await FrameTimes.fetch(data.times);
      if (data !== this.data) return;
      this.times = times;
      this.playback = new Playback(this.video, times, {
        onFrame: () => this.paint(),
        onChange: () => this.updateControls()
      });
      await this.playback.open(data.video);
      this.showMessage("");
      this.seekStart();
    } catch (error) {
      if (data !== this.data) return;
      this.onVideoError(error);
    }
    this.updateControls();
    this.updateTimeline();
  }
  /** Go to the frame of the page's address, or else to the one that the page chose. */
  seekStart() {
    const { inAddress, start } = this.data;
    const linked = inAddress ? new URL(window.location.href).searchParams.get("frame") : null;
    const isFrame = linked !== null && /^\d+$/.test(linked) && Number(linked) < this.times.count;
    this.notice.textContent = linked === null || isFrame ? "" : `There is no frame ${linked.slice(0, 12)}.`;
    const frame = isFrame ? Number(linked) : start;
    if (frame) this.playback.seek(frame);
  }
  /** Keep the page's address up to date, so that it can be shared; not while the video plays. */
  updateAddress() {
    clearTimeout(this.addressTimer);
    if (!this.data?.inAddress || this.playback?.playing) return;
    this.addressTimer = setTimeout(() => {
      const url = new URL(window.location.href);
      if (this.frame === null || url.searchParams.get("frame") === String(this.frame)) return;
      if (this.frame === 0 && !url.searchParams.has("frame")) return;
      url.searchParams.set("frame", this.frame);
      window.history.replaceState(window.history.state, "", url);
    }, ADDRESS_DELAY_MS);
  }
  onVideoError(error) {
    const isUnplayable = Boolean(this.video.error);
    this.showMessage(
      isUnplayable ? "This browser cannot play the video." : `The video could not be loaded: ${error.message}`
    );
    if (isUnplayable) this.setTriggerValue("unplayable", this.data.video);
  }
  async openLayers() {
    const { data } = this;
    const openLayers = new Map(this.layers.map((layer) => [layer.url, layer]));
    const layers = data.layers.map(({ name, url, marked }) => {
      const layer = openLayers.get(url) ?? { url, tracks: new Tracks(url, () => this.onBoxesLoaded()) };
      return Object.assign(layer, { name, marked });
    });
    try {
      const isNew = ({ tracks }) => !tracks.summary;
      await Promise.all(layers.map((layer, number) => isNew(layer) && layer.tracks.open(data.layers[number].version)));
    } catch (error) {
      return this.showMessage(`The tracks could not be loaded: ${error.message}`);
    }
    if (layersOf(data) !== layersOf(this.data)) return;
    this.layers = layers;
    const { selected } = this;
    if (selected && !layers[selected.layer]?.tracks.byId.has(selected.id)) this.selected = null;
    this.updateOptions();
    this.updateStops();
    this.updateDifferenceList();
    this.updateTimeline();
    this.layOut();
    this.paint();
  }
  /** Fetch the boxes that were added to tracks that are still being computed. What the user has chosen stays. */
  async growLayers() {
    const { data, layers } = this;
    try {
      await Promise.all(layers.map(({ tracks }, number) => tracks.refresh(data.layers[number].version)));
    } catch {
      return;
    }
    if (layers !== this.layers) return;
    this.updateTimeline();
    this.paint();
  }
  /** Paint new boxes. If boxes could not be loaded, say so; the video can be watched without them. */
  onBoxesLoaded() {
    if (this.playback?.ready) {
      const failed = this.layers.find(({ tracks }) => tracks.error);
      this.showMessage(failed ? `Boxes of ${failed.name} could not be loaded: ${failed.tracks.error}` : "");
    }
    this.paint();
  }
  // --- Painting ---------------------------------------------------------------------------------------------------
  /** Size the picture and place what belongs to it: beside it if there is room, else below. */
  layOut() {
    const { data, root, stage, side } = this;
    if (!data) return;
    stage.panes = this.sideBySide ? Math.max(1, this.layers.length) : 1;
    const isBeside = this.layers.length > 0 && root.clientWidth >= WIDE;
    const isNarrow = root.clientWidth < NARROW;
    root.classList.toggle("beside", isBeside);
    root.classList.toggle("narrow", isNarrow);
    this.optionsButton.hidden = !isNarrow || !this.layers.length;
    const place = isBeside ? side : root;
    if (this.differenceList.parentElement !== place) place.append(this.differenceList);
    fitPicture(root, this.stageBox, {
      shape: data.width * stage.panes / data.height,
      takenWidth: isBeside ? SIDE_WIDTH : 0,
      rows: [this.controls, ...isBeside ? [] : [this.optionsRow], this.timelineCanvas]
    });
  }
  onWindowResize() {
    this.updateTimeline();
    this.layOut();
    this.paint();
  }
  paint() {
    if (!this.playback?.ready) return;
    const { stage } = this;
    stage.fit();
    const frame = this.playback.capture((video) => stage.drawImage(video));
    if (frame === null) return;
    this.layers.forEach((layer, number) => {
      if (this.hiddenLayers.has(layer.name)) return;
      const pane = stage.panes > 1 ? number : 0;
      stage.inPane(pane, (context) => paintTracks(context, layer.tracks, frame, this.styleOf(number)));
      if (stage.panes > 1) this.paintCaption(layer.name, pane);
    });
    this.root.dataset.frame = frame;
    if (frame !== this.frame) this.onFrameChange(frame);
  }
  onFrameChange(frame) {
    this.frame = frame;
    if (this.root.getRootNode().activeElement !== this.frameInput) this.frameInput.value = frame;
    const time = formatTime(this.times.seconds[frame], true);
    this.position.textContent = `of 0–${this.times.count - 1} · ${time}`;
    this.canvas.ariaLabel = `Video frame ${frame}, ${time}`;
    this.timelineCanvas.ariaValueNow = String(frame);
    this.timelineCanvas.ariaValueText = `Frame ${frame}, ${time}`;
    this.timeline?.setFrame(frame);
    this.updateAddress();
  }
  /** Paint the name of a layer at the top of its pane. */
  paintCaption(name, pane) {
    const { context, paneWidth } = this.stage;
    const ratio = pixelRatio();
    const left = pane * paneWidth;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.font = `600 ${13 * ratio}px ${this.font}`;
    context.textBaseline = "top";
    const { width } = context.measureText(name);
    context.fillStyle = "#0b0f10b0";
    context.fillRect(left + 8 * ratio, 8 * ratio, width + 16 * ratio, 24 * ratio);
    context.fillStyle = "#fff";
    context.fillText(name, left + 16 * ratio, 13 * ratio);
  }
  get font() {
    return getComputedStyle(this.root).fontFamily;
  }
  /** @returns {import("./paint.js").Style} How a layer is painted. */
  styleOf(layer) {
    const { selected, stage } = this;
    const hasSeveralLayers = this.layers.length > 1;
    return {
      ...this.show,
      isShown: this.boxFilter(layer),
      selected: selected && (selected.layer === layer ? selected.id : OTHER_LAYER),
      marked: this.layers[layer].marked,
      dashed: layer === 0 && hasSeveralLayers && stage.panes === 1,
      scale: stage.scale,
      ratio: pixelRatio(),
      width: stage.width,
      font: this.font
    };
  }
  // --- Filters ----------------------------------------------------------------------------------------------------
  /** A function of columns and row that says whether a box of a layer passes the filters. */
  boxFilter(layer) {
    const { summary, byId } = this.layers[layer].tracks;
    const { minScore, minBoxes, hiddenClasses } = this.filter;
    const only = this.showOnlySelected ? this.selected : null;
    return (columns, row) => {
      const id = columns.id[row];
      if (only && (only.layer !== layer || only.id !== id)) return false;
      return columns.score[row] >= minScore && !hiddenClasses.has(summary.classes[columns.classId[row]]) && (minBoxes === 0 || byId.get(id).boxes >= minBoxes);
    };
  }
  isTrackShown(layer, track) {
    const { minScore, minBoxes } = this.filter;
    return track.score >= minScore && track.boxes >= minBoxes && this.isClassShown(layer, track.classId);
  }
  isClassShown(layer, classId) {
    const { name, tracks } = this.layers[layer];
    return !this.hiddenLayers.has(name) && !this.filter.hiddenClasses.has(tracks.summary.classes[classId]);
  }
  onFilterChange() {
    this.updateTimeline();
    this.paint();
  }
  // --- Controls ---------------------------------------------------------------------------------------------------
  showMessage(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }
  updateControls() {
    const playing = this.playback?.playing;
    this.playButton.innerHTML = icon(playing ? "pause" : "play");
    this.playButton.title = this.playButton.ariaLabel = playing ? "Pause (space)" : "Play (space)";
    this.soundButton.innerHTML = icon(this.video.muted ? "muted" : "sound");
    this.speedSelect.value = String(this.video.playbackRate);
    this.frameInput.max = this.times ? this.times.count - 1 : 0;
    this.timelineCanvas.ariaValueMax = String(this.frameInput.max);
    this.updateAddress();
  }
  /** Offer what can be shown or hidden. */
  updateOptions() {
    const { layers } = this;
    const separator = () => element("i");
    const groups = [
      [
        this.showToggle("Boxes", "boxes", "A box around each object"),
        this.showToggle("IDs", "ids", "The id of each track"),
        this.showToggle("Trails", "trails", "Where each object was in the last frames"),
        this.showToggle("Scores", "scores", "Confidence of the detector")
      ],
      layers.length > 1 ? this.layerToggles() : [],
      this.classToggles(),
      this.filterSliders()
    ];
    const controls = groups.filter((group) => group.length).flatMap((group) => [separator(), ...group]);
    this.optionsRow.replaceChildren(...controls.slice(1));
    this.optionsRow.hidden = !layers.length;
  }
  showToggle(label, name, title) {
    return toggle(label, title, this.show[name], (pressed) => {
      this.show[name] = pressed;
      this.paint();
    });
  }
  /** A toggle that hides a class or a layer by adding its name to a set. */
  setToggle(name, hidden) {
    return toggle(name, `Show ${name}`, !hidden.has(name), (pressed) => {
      if (pressed) hidden.delete(name);
      else hidden.add(name);
      this.onFilterChange();
    });
  }
  /** A toggle for each class that has tracks, with their number; the most frequent classes first. */
  classToggles() {
    const counts = /* @__PURE__ */ new Map();
    for (const { tracks } of this.layers) {
      for (const { classId } of tracks.summary.tracks) {
        const name = tracks.summary.classes[classId];
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
    if (counts.size < 2) return [];
    const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
    const shown = this.showAllClasses ? names : names.slice(0, MAX_CLASSES_SHOWN);
    const toggles = shown.map((name) => {
      const created = this.setToggle(name, this.filter.hiddenClasses);
      created.replaceChildren(element("span", "", name), element("small", "", String(counts.get(name))));
      created.ariaLabel = `${name}, ${counts.get(name)} ${counts.get(name) === 1 ? "track" : "tracks"}`;
      return created;
    });
    if (shown.length < names.length) {
      const showAll = () => {
        this.showAllClasses = true;
        this.updateOptions();
        this.layOut();
      };
      const label = `${names.length - shown.length} more`;
      toggles.push(button("Show all classes", showAll, { label, className: "toggle more" }));
    }
    return toggles;
  }
  layerToggles() {
    const { layers } = this;
    const toggles = layers.map(({ name }) => this.setToggle(name, this.hiddenLayers));
    toggles.push(
      toggle("Side by side", "Show each layer in its own image", this.sideBySide, (pressed) => {
        this.sideBySide = pressed;
        this.layOut();
        this.paint();
      })
    );
    if (layers.some(({ marked }) => marked)) {
      toggles.push(this.showToggle("Differences only", "differencesOnly", "Hide boxes that match"));
    }
    return toggles;
  }
  filterSliders() {
    const { filter } = this;
    const maxBoxes = Math.max(
      1,
      ...this.layers.flatMap(({ tracks }) => tracks.summary.tracks.map(({ boxes }) => boxes))
    );
    return [
      slider("Min. score", "Hide boxes with a lower score", { max: 1, step: 0.05, value: filter.minScore }, (value) => {
        filter.minScore = value;
        this.onFilterChange();
      }),
      slider(
        "Min. track length",
        "Hide tracks with fewer boxes",
        { max: Math.min(MAX_MIN_BOXES, maxBoxes), step: 1, value: filter.minBoxes },
        (value) => {
          filter.minBoxes = value;
          this.onFilterChange();
        }
      )
    ];
  }
  /** The frames to jump between: where differences begin, else those that the page passes. */
  updateStops() {
    const differences = this.layers.flatMap(({ tracks }) => tracks.summary.differences.map(({ first }) => first));
    const frames = differences.length ? differences : this.data.stops ?? [];
    this.stops = [...new Set(frames)].sort((a, b) => a - b);
    this.previousStopButton.hidden = this.nextStopButton.hidden = !this.stops.length;
  }
  updateDifferenceList() {
    const differences = this.layers.flatMap(
      ({ tracks }, layer) => tracks.summary.differences.map((difference) => ({ ...difference, layer }))
    );
    differences.sort((a, b) => a.first - b.first || a.kind - b.kind);
    const rows = differences.slice(0, MAX_LISTED_DIFFERENCES).map((difference) => this.differenceRow(difference));
    const unlisted = differences.length - rows.length;
    if (unlisted) rows.push(element("small", "", `and ${unlisted} more: step through them with Shift ← →`));
    this.differenceList.replaceChildren(...rows);
    this.differenceList.hidden = !differences.length;
  }
  differenceRow({ first, last, kind, id, layer }) {
    const showDifference = () => {
      this.playback?.pause();
      this.select({ layer, id }, first);
    };
    const row = button("Go to this difference", showDifference, { className: "difference" });
    row.removeAttribute("aria-label");
    const dot = element("b");
    dot.style.background = MARK_COLORS[kind];
    const frames = first === last ? `frame ${first}` : `frames ${first}–${last}`;
    row.append(dot, element("span", "", MARK_NAMES[kind]), element("span", "", `#${id}`), element("span", "", frames));
    return row;
  }
  updateTimeline() {
    const isReady = this.times && this.layers.length;
    this.timelineCanvas.hidden = !isReady;
    if (!isReady) return;
    this.timeline ??= new Timeline(this.timelineCanvas, this.times, {
      seek: (frame) => this.playback?.seek(frame),
      select: (layer, id, frame) => this.select({ layer, id }, frame)
    });
    const layers = this.layers.map(({ name, tracks }, layer) => ({
      name,
      tracks,
      isShown: (track) => this.isTrackShown(layer, track),
      isClassShown: (classId) => this.isClassShown(layer, classId)
    }));
    this.timeline.setLayers(layers, this.selected);
    this.updateSelectionRow();
  }
  updateSelectionRow() {
    const { selected } = this;
    this.selectionRow.hidden = !selected;
    if (!selected) return;
    const { tracks, name } = this.layers[selected.layer];
    const { id, classId, first, last, boxes } = tracks.byId.get(selected.id);
    const layerName = this.layers.length > 1 ? ` of ${name},` : "";
    this.selectionRow.replaceChildren(
      element("strong", "", `#${id} ${tracks.summary.classes[classId]}`),
      element("span", "", `${layerName} frames ${first}–${last}, ${boxes} ${boxes === 1 ? "box" : "boxes"}`),
      element("span", "spacer"),
      button("First frame of the track", () => this.playback?.seek(first), { label: "Start" }),
      button("Last frame of the track", () => this.playback?.seek(last), { label: "End" }),
      toggle("Hide others", "Show only this track", this.showOnlySelected, (pressed) => {
        this.showOnlySelected = pressed;
        this.paint();
      }),
      button("Deselect (Esc)", () => this.select(null), { iconName: "close" })
    );
  }
  toggleOptions() {
    const isOpen = this.root.classList.toggle("options-open");
    this.optionsButton.ariaExpanded = String(isOpen);
    this.layOut();
  }
  toggleShortcuts() {
    this.shortcuts.hidden = !this.shortcuts.hidden;
  }
  // --- Actions of the user ----------------------------------------------------------------------------------------
  /**
   * Select a track, and go to a frame if one is given.
   *
   * @param {{layer: number, id: number}|null} selected
   * @param {number} [frame]
   */
  select(selected, frame) {
    this.selected = selected;
    if (!selected) this.showOnlySelected = false;
    if (frame !== void 0) this.playback?.seek(frame);
    this.updateTimeline();
    if (selected) this.timeline?.scrollToTrack(selected.layer, selected.id);
    this.paint();
  }
  /** Select the next track of this frame, or with a direction of -1 the previous one. */
  selectNext(direction) {
    const { frame, selected } = this;
    const inFrame = this.layers.flatMap(
      ({ tracks }, layer) => tracks.summary.tracks.filter((track) => this.isTrackShown(layer, track) && isInFrame(track, frame)).map(({ id }) => ({ layer, id }))
    );
    if (!inFrame.length) return;
    const index = inFrame.findIndex(({ layer, id }) => layer === selected?.layer && id === selected?.id);
    const start = index < 0 && direction < 0 ? 0 : index;
    this.select(inFrame[(start + direction + inFrame.length) % inFrame.length]);
  }
  step(frames) {
    if (!this.playback) return;
    this.playback.pause();
    this.playback.seek(this.playback.currentFrame(this.frame) + frames);
  }
  /** Go to the next stop, or with a direction of -1 to the previous one. */
  jump(direction) {
    const current = this.playback?.currentFrame(this.frame);
    const stop = direction > 0 ? this.stops.find((frame) => frame > current) : this.stops.findLast((frame) => frame < current);
    if (stop === void 0) return;
    this.playback.pause();
    this.playback.seek(stop);
  }
  togglePlay() {
    if (this.playback?.playing) this.playback.pause();
    else this.playback?.play();
  }
  /** Play forwards or backwards; faster if it already does. */
  shuttle(direction) {
    const { playback, video } = this;
    if (direction > 0) {
      const fasterIndex = Math.min(SPEEDS.length - 1, SPEEDS.indexOf(video.playbackRate) + 1);
      playback.play(video.paused ? 1 : SPEEDS[fasterIndex]);
    } else {
      const speed = playback.reverseSpeed ? Math.min(MAX_REVERSE_SPEED, playback.reverseSpeed * 2) : 1;
      playback.playBackwards(speed, this.frame);
    }
  }
  toggleSound() {
    this.video.muted = !this.video.muted;
    this.updateControls();
  }
  onKeyDown(event) {
    if (!this.playback || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    const belongsToTarget = target.matches?.("select, input[type=number]") || target.matches?.("button") && event.key === " " || target.matches?.("input[type=range]") && /^(Arrow|Home|End)/.test(event.key);
    if (belongsToTarget) return;
    const actions = {
      " ": () => this.togglePlay(),
      ArrowLeft: () => event.shiftKey ? this.jump(-1) : this.step(-1),
      ArrowRight: () => event.shiftKey ? this.jump(1) : this.step(1),
      ArrowUp: () => this.selectNext(-1),
      ArrowDown: () => this.selectNext(1),
      Home: () => this.playback.seek(0),
      End: () => this.playback.seek(this.playback.lastFrame),
      j: () => this.shuttle(-1),
      k: () => this.playback.pause(),
      l: () => this.shuttle(1),
      Escape: () => this.select(null)
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
  /** Select the track under the mouse, or deselect. A zoomed image can be dragged. */
  onPointerDown(event) {
    this.root.focus({ preventScroll: true });
    if (this.stage.view.zoom > 1) this.startPan(event);
    const track = this.trackAt(this.stage.imagePoint(event));
    if (track || this.selected) this.select(track);
  }
  /** @returns {{layer: number, id: number}|null} The track at a point; of several layers, the upper one's. */
  trackAt(point) {
    for (let layer = this.layers.length - 1; layer >= 0; layer--) {
      const isInOtherPane = this.stage.panes > 1 && layer !== point.pane;
      const { name, tracks } = this.layers[layer];
      if (isInOtherPane || this.hiddenLayers.has(name)) continue;
      const id = idAtPoint(tracks, this.frame, point, this.styleOf(layer));
      if (id !== null) return { layer, id };
    }
    return null;
  }
  startPan(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const listeners = new AbortController();
    const { signal } = listeners;
    const pan = (moveEvent) => {
      this.stage.panByMouse(moveEvent);
      this.paint();
    };
    this.canvas.addEventListener("pointermove", pan, { signal });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, () => listeners.abort(), { signal });
    }
  }
  onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.stage.zoomByWheel(event);
    this.paint();
  }
};
function isInFrame({ spans }, frame) {
  for (let k = 0; k < spans.length; k += 2) {
    if (spans[k] <= frame && frame <= spans[k + 1]) return true;
  }
  return false;
}
export {
  player_default as default
};
