// Made by `make player` of src, whose SHA-256 is dd6e9fae5474ed6e08c08f6763d3876c6130c0465e8eb16a6889edd47e6b3a5a.
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

// src/times.js
function formatTime(seconds, tenths = false) {
  const EPSILON = 1e-6;
  const whole = Math.floor(seconds + EPSILON);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const fraction = tenths ? `.${Math.floor((seconds - whole) * 10 + EPSILON)}` : "";
  const rest = String(whole % 60).padStart(2, "0") + fraction;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// src/filmstrip.js
var COMMIT_DELAY_MS = 300;
var PREVIEW_DELAY_MS = 120;
var FRAMES_PER_SHIFT_KEY = 10;
var NEW_RANGE_SHARE = 0.15;
var MAX_RANGES = 100;
var MAX_NAME_LENGTH = 80;
var filmstrips = /* @__PURE__ */ new WeakMap();
function filmstrip_default({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".player");
  let filmstrip = filmstrips.get(root);
  if (filmstrip && filmstrip.data.address !== data.address) {
    filmstrip.close();
    filmstrip = null;
  }
  if (!filmstrip) {
    filmstrip = new Filmstrip(root, data);
    filmstrips.set(root, filmstrip);
  }
  filmstrip.setStateValue = setStateValue;
  return () => {
    filmstrip.close();
    filmstrips.delete(root);
  };
}
var Filmstrip = class {
  /**
   * @param {HTMLElement} root
   * @param {FilmstripData} data
   */
  constructor(root, data) {
    Object.assign(this, { root, data });
    this.ranges = [{ ...data.first, name: data.first.name ?? "" }];
    this.active = 0;
    this.seconds = null;
    this.build();
    this.loadTimes();
    this.observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      this.observer.disconnect();
      this.loadPictures();
    });
    this.observer.observe(this.strip);
    this.update();
  }
  get range() {
    return this.ranges[this.active];
  }
  url(part) {
    return `${this.data.address}/${part}`;
  }
  build() {
    const { root, data } = this;
    root.classList.add("filmstrip");
    this.pictures = data.numbers.map((number) => {
      const picture = element("img");
      Object.assign(picture, { alt: "", draggable: false, number });
      return picture;
    });
    this.bands = element("div", "bands");
    this.shade = element("div", "shade");
    this.handles = {
      first: this.buildHandle("first", "Start of the clip"),
      last: this.buildHandle("last", "End of the clip")
    };
    this.strip = element(
      "div",
      "strip",
      element("div", "pictures", ...this.pictures),
      this.bands,
      this.shade,
      this.handles.first,
      this.handles.last
    );
    this.strip.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    this.strip.addEventListener("pointermove", (event) => this.onPointerMove(event));
    this.strip.addEventListener("pointerup", () => this.onPointerUp());
    this.strip.addEventListener("pointercancel", () => this.onPointerUp());
    this.previews = {
      first: this.buildPreview("first", "First frame"),
      last: this.buildPreview("last", "Last frame")
    };
    this.list = element("div", "ranges");
    this.list.role = "list";
    this.addButton = button("Add a range to cut another clip", () => this.addRange(), {
      label: "Add range",
      className: "toggle"
    });
    root.replaceChildren(
      this.strip,
      element("div", "previews", this.previews.first.element, this.previews.last.element),
      this.list,
      element("div", "row", this.addButton)
    );
  }
  buildHandle(side, label) {
    const handle = element("div", `handle ${side}`);
    Object.assign(handle, { role: "slider", tabIndex: 0, ariaLabel: label });
    handle.addEventListener("keydown", (event) => this.onHandleKey(event, side));
    return handle;
  }
  buildPreview(side, title) {
    const picture = element("img");
    picture.alt = title;
    const input = element("input", "number");
    Object.assign(input, { type: "number", min: 0, max: this.data.frames - 1, ariaLabel: `${title} number` });
    input.addEventListener("change", () => this.move(side, Math.round(Number(input.value)) || 0));
    const time = element("span", "muted");
    const label = element("label", "row", element("strong", "", title), input, time);
    return { element: element("figure", "preview", picture, label), picture, input, time };
  }
  // --- Loading ----------------------------------------------------------------------------------------------------
  async loadTimes() {
    const response = await fetch(this.url("seconds")).catch(() => null);
    if (!response?.ok) return;
    this.seconds = new Float64Array(await response.arrayBuffer());
    this.update();
  }
  /** Load the pictures one after the other, since the server decodes them in this order. */
  async loadPictures() {
    for (const picture of this.pictures) {
      if (this.isClosed) return;
      await new Promise((resolve) => {
        picture.addEventListener("load", resolve, { once: true });
        picture.addEventListener("error", resolve, { once: true });
        picture.src = this.url(`strip-${picture.number}`);
      });
    }
    this.root.dataset.loaded = "true";
  }
  loadPreview(side) {
    const number = this.range[side];
    const { picture } = this.previews[side];
    if (picture.number === number) return;
    picture.number = number;
    picture.src = this.url(`frame-${number}`);
  }
  close() {
    this.isClosed = true;
    this.observer.disconnect();
    clearTimeout(this.commitTimer);
    clearTimeout(this.previewTimer);
  }
  // --- Changes ----------------------------------------------------------------------------------------------------
  /** Move an end of the active range to a frame, not beyond its other end. */
  move(side, frame, { isDragging = false } = {}) {
    const { first, last } = this.range;
    const [low, high] = side === "first" ? [0, last] : [first, this.data.frames - 1];
    this.range[side] = Math.max(low, Math.min(high, frame));
    this.update();
    if (!isDragging) this.commit();
  }
  addRange() {
    const { frames } = this.data;
    const length = Math.max(1, Math.round(frames * NEW_RANGE_SHARE));
    const end = Math.max(...this.ranges.map(({ last }) => last)) + 1;
    const first = end < frames ? end : 0;
    this.ranges.push({ first, last: Math.min(frames - 1, first + length - 1), name: "" });
    this.activate(this.ranges.length - 1);
    this.handles.first.focus({ preventScroll: true });
    this.commit();
  }
  removeRange(index) {
    this.ranges.splice(index, 1);
    this.activate(Math.min(this.active, this.ranges.length - 1));
    this.commit();
  }
  activate(index) {
    this.active = index;
    this.update();
  }
  /** Tell the page the ranges once the user pauses. */
  commit() {
    clearTimeout(this.commitTimer);
    this.commitTimer = setTimeout(() => {
      this.setStateValue(
        "ranges",
        this.ranges.map((range) => ({ ...range }))
      );
    }, COMMIT_DELAY_MS);
  }
  // --- Display ----------------------------------------------------------------------------------------------------
  /** The time of a frame in seconds; null until the times are loaded. */
  secondsOf(frame) {
    return this.seconds?.[frame] ?? null;
  }
  timeText(frame) {
    const seconds = this.secondsOf(frame);
    return seconds === null ? "" : formatTime(seconds, true);
  }
  lengthText({ first, last }) {
    const count = last - first + 1;
    const end = last + 1 < this.data.frames ? this.secondsOf(last + 1) : this.secondsOf(last);
    const seconds = end === null || end === void 0 ? "" : `, ${(end - this.secondsOf(first)).toFixed(1)} s`;
    return `${count} ${count === 1 ? "frame" : "frames"}${seconds}`;
  }
  percent(frame) {
    return 100 * frame / this.data.frames;
  }
  update() {
    const { first, last } = this.range;
    for (const side of ["first", "last"]) {
      const frame = this.range[side];
      const handle = this.handles[side];
      handle.style.left = `${this.percent(side === "first" ? first : last + 1)}%`;
      handle.ariaValueMin = String(side === "first" ? 0 : first);
      handle.ariaValueMax = String(side === "first" ? last : this.data.frames - 1);
      handle.ariaValueNow = String(frame);
      handle.ariaValueText = `frame ${frame}, ${this.timeText(frame)}`;
      handle.title = handle.ariaValueText;
      const { input, time } = this.previews[side];
      input.value = frame;
      time.textContent = this.timeText(frame);
    }
    this.shade.style.left = `${this.percent(first)}%`;
    this.shade.style.width = `${this.percent(last + 1 - first)}%`;
    this.bands.replaceChildren(
      ...this.ranges.map((range, index) => {
        const band = element("i", index === this.active ? "active" : "");
        band.style.left = `${this.percent(range.first)}%`;
        band.style.width = `${this.percent(range.last + 1 - range.first)}%`;
        return band;
      })
    );
    this.updateList();
    this.addButton.disabled = this.ranges.length >= MAX_RANGES;
    clearTimeout(this.previewTimer);
    this.previewTimer = setTimeout(() => {
      this.loadPreview("first");
      this.loadPreview("last");
    }, PREVIEW_DELAY_MS);
  }
  /** Show a row per range. Rows stay, so that a name that is being typed keeps the focus. */
  updateList() {
    while (this.list.children.length > this.ranges.length) this.list.lastChild.remove();
    while (this.list.children.length < this.ranges.length) this.list.append(this.buildRow(this.list.children.length));
    for (const [index, range] of this.ranges.entries()) {
      const { row, select, name, facts, remove } = this.list.children[index].parts;
      row.classList.toggle("active", index === this.active);
      select.ariaPressed = String(index === this.active);
      select.textContent = `Range ${index + 1}`;
      if (name.value !== range.name) name.value = range.name;
      name.placeholder = `${this.data.name}_${range.first}-${range.last}`;
      facts.textContent = `frames ${range.first}–${range.last} · ${this.lengthText(range)}`;
      remove.hidden = this.ranges.length === 1;
    }
  }
  buildRow(index) {
    const select = button("Change this range", () => this.activate(index), { label: "Range", className: "toggle" });
    const name = element("input");
    Object.assign(name, { type: "text", maxLength: MAX_NAME_LENGTH, ariaLabel: `Name of clip ${index + 1}` });
    name.addEventListener("input", () => {
      this.ranges[index].name = name.value;
      this.commit();
    });
    const facts = element("span", "muted");
    const remove = button(`Remove range ${index + 1}`, () => this.removeRange(index), { iconName: "close" });
    const row = element("div", "row", select, name, facts, element("span", "spacer"), remove);
    row.role = "listitem";
    row.parts = { row, select, name, facts, remove };
    return row;
  }
  // --- Mouse and keyboard -----------------------------------------------------------------------------------------
  frameAt(event) {
    const { left, width } = this.strip.getBoundingClientRect();
    return (event.clientX - left) / width * this.data.frames;
  }
  /** Drag the nearer handle. */
  onPointerDown(event) {
    const frame = this.frameAt(event);
    const { first, last } = this.range;
    const isFirstNearer = Math.abs(frame - first) < Math.abs(frame - last - 1) || frame < first;
    this.dragged = isFirstNearer ? "first" : "last";
    this.strip.setPointerCapture(event.pointerId);
    this.handles[this.dragged].focus({ preventScroll: true });
    event.preventDefault();
    this.onPointerMove(event);
  }
  onPointerMove(event) {
    if (!this.dragged) return;
    const frame = this.frameAt(event);
    this.move(this.dragged, this.dragged === "first" ? Math.round(frame) : Math.round(frame) - 1, { isDragging: true });
  }
  onPointerUp() {
    if (!this.dragged) return;
    this.dragged = null;
    this.commit();
  }
  onHandleKey(event, side) {
    const frame = this.range[side];
    const step = event.shiftKey ? FRAMES_PER_SHIFT_KEY : 1;
    const second = Math.max(1, Math.round(this.data.frames / (this.seconds?.at(-1) || this.data.frames)));
    const targets = {
      ArrowLeft: frame - step,
      ArrowDown: frame - step,
      ArrowRight: frame + step,
      ArrowUp: frame + step,
      PageDown: frame - second,
      PageUp: frame + second,
      Home: side === "first" ? 0 : this.range.first,
      End: side === "first" ? this.range.last : this.data.frames - 1
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    this.move(side, targets[event.key]);
  }
};
export {
  filmstrip_default as default
};
