// The player: a video with tracks drawn on it, and their timeline.
//
// Streamlit calls the default export whenever the page runs, with what the page shows then. What the user has chosen in
// the player stays.

import { MARK_COLORS, MARK_NAMES } from "./colors.js";
import { button, element, pixelRatio, returnFocusAfterClicks, slider, toggle, toggleFullScreen } from "./dom.js";
import { fitPicture } from "./fitting.js";
import { icon } from "./icons.js";
import { idAtPoint, paintTracks } from "./paint.js";
import { Playback } from "./playback.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { FrameTimes, formatTime } from "./times.js";
import { Tracks } from "./tracks.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4, 8];
const MAX_REVERSE_SPEED = 8;
const MAX_LISTED_DIFFERENCES = 300;
const MAX_MIN_BOXES = 100; // upper end of the slider for the length of tracks
const MAX_CLASSES_SHOWN = 6; // before the user asks for the rest
const SIDE_WIDTH = 256; // CSS pixels for what is beside the picture, with the gap
const WIDE = 880; // CSS pixels from which on there is room for it
const NARROW = 640; // CSS pixels up to which options are folded away
const ADDRESS_DELAY_MS = 300;
const OTHER_LAYER = -1; // stands for the selected track in layers that it is not in
const SHORTCUTS = `Space: play or pause
← →: previous or next frame
Shift ← →: previous or next marked frame
J K L: play backwards, pause, play; again: faster
Home End: first or last frame
↑ ↓: select a track of this frame
Esc: deselect
Ctrl + wheel: zoom the image or the timeline
Double click on the timeline: start of a track`;

/**
 * @typedef {object} PlayerData - What app/player/component.py passes.
 * @property {string} video - Its address.
 * @property {string} times - Address of the times of its frames, see `FrameTimes.fetch`.
 * @property {number} width - Of the video, in pixels.
 * @property {number} height - Of the video, in pixels.
 * @property {{name: string, url: string, marked: boolean, version: number}[]} layers - See `Tracks`; `marked` ones
 *   show differences, and the `version` of tracks that are still being computed increases.
 * @property {number[]} stops - Frames to jump between, if there are no differences.
 * @property {number} start - The frame to show first.
 * @property {boolean} inAddress - Whether the page's address has the frame, in its parameter `frame`.
 */

const players = new WeakMap(); // root element → Player

/** Text that differs if other layers are shown, not if the same ones have grown. */
const layersOf = (data) => JSON.stringify(data?.layers.map(({ name, url, marked }) => [name, url, marked]));

export default function ({ data, parentElement, setTriggerValue }) {
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

class Player {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {PlayerData|null} */
    this.data = null;
    this.layers = []; // {name, url, marked, tracks}
    this.stops = []; // frames to jump between, ascending
    this.frame = null; // that is painted
    this.selected = null; // {layer, id} of a track
    this.showOnlySelected = false;
    this.show = { boxes: true, ids: true, trails: true, scores: false, differencesOnly: false };
    this.filter = { minScore: 0, minBoxes: 0, hiddenClasses: new Set() };
    this.hiddenLayers = new Set(); // names
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
    this.video.ariaHidden = "true"; // the canvas shows its frames
    this.message = element("div", "message", "Loading the video …");
    this.message.role = "status";
    this.stageBox = element("div", "stage", this.video, this.canvas, this.message);
    this.stage = new Stage(this.canvas, 16, 9); // until the size of the video is known
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
      button("Full screen", () => toggleFullScreen(this.root), { iconName: "full" }),
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
    if (page) this.resizeObserver.observe(page); // its height changes with what is above the player
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
    requestAnimationFrame(() => this.layOut()); // what is above the player may have another height now
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
      if (data !== this.data) return; // the page shows something else by now
      this.times = times;
      this.playback = new Playback(this.video, times, {
        onFrame: () => this.paint(),
        onChange: () => this.updateControls(),
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
      isUnplayable ? "This browser cannot play the video." : `The video could not be loaded: ${error.message}`,
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
    if (layersOf(data) !== layersOf(this.data)) return; // the page shows something else by now
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
      return; // the next version follows soon
    }
    if (layers !== this.layers) return; // the page shows something else by now
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
    const place = isBeside ? side : root; // else below the timeline
    if (this.differenceList.parentElement !== place) place.append(this.differenceList);
    fitPicture(root, this.stageBox, {
      shape: (data.width * stage.panes) / data.height,
      takenWidth: isBeside ? SIDE_WIDTH : 0,
      rows: [this.controls, ...(isBeside ? [] : [this.optionsRow]), this.timelineCanvas],
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
      font: this.font,
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
      return (
        columns.score[row] >= minScore &&
        !hiddenClasses.has(summary.classes[columns.classId[row]]) &&
        (minBoxes === 0 || byId.get(id).boxes >= minBoxes)
      );
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
        this.showToggle("Scores", "scores", "Confidence of the detector"),
      ],
      layers.length > 1 ? this.layerToggles() : [],
      this.classToggles(),
      this.filterSliders(),
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
    const counts = new Map();
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
      }),
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
      ...this.layers.flatMap(({ tracks }) => tracks.summary.tracks.map(({ boxes }) => boxes)),
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
        },
      ),
    ];
  }

  /** The frames to jump between: where differences begin, else those that the page passes. */
  updateStops() {
    const differences = this.layers.flatMap(({ tracks }) => tracks.summary.differences.map(({ first }) => first));
    const frames = differences.length ? differences : (this.data.stops ?? []);
    this.stops = [...new Set(frames)].sort((a, b) => a - b);
    this.previousStopButton.hidden = this.nextStopButton.hidden = !this.stops.length;
  }

  updateDifferenceList() {
    const differences = this.layers.flatMap(({ tracks }, layer) =>
      tracks.summary.differences.map((difference) => ({ ...difference, layer })),
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
    row.removeAttribute("aria-label"); // the row's text says more
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
      select: (layer, id, frame) => this.select({ layer, id }, frame),
    });
    const layers = this.layers.map(({ name, tracks }, layer) => ({
      name,
      tracks,
      isShown: (track) => this.isTrackShown(layer, track),
      isClassShown: (classId) => this.isClassShown(layer, classId),
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
      button("Deselect (Esc)", () => this.select(null), { iconName: "close" }),
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
    if (frame !== undefined) this.playback?.seek(frame);
    this.updateTimeline();
    if (selected) this.timeline?.scrollToTrack(selected.layer, selected.id);
    this.paint();
  }

  /** Select the next track of this frame, or with a direction of -1 the previous one. */
  selectNext(direction) {
    const { frame, selected } = this;
    const inFrame = this.layers.flatMap(({ tracks }, layer) =>
      tracks.summary.tracks
        .filter((track) => this.isTrackShown(layer, track) && isInFrame(track, frame))
        .map(({ id }) => ({ layer, id })),
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
    const stop =
      direction > 0 ? this.stops.find((frame) => frame > current) : this.stops.findLast((frame) => frame < current);
    if (stop === undefined) return;
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
    const belongsToTarget =
      target.matches?.("select, input[type=number]") ||
      (target.matches?.("button") && event.key === " ") ||
      (target.matches?.("input[type=range]") && /^(Arrow|Home|End)/.test(event.key));
    if (belongsToTarget) return;
    const actions = {
      " ": () => this.togglePlay(),
      ArrowLeft: () => (event.shiftKey ? this.jump(-1) : this.step(-1)),
      ArrowRight: () => (event.shiftKey ? this.jump(1) : this.step(1)),
      ArrowUp: () => this.selectNext(-1),
      ArrowDown: () => this.selectNext(1),
      Home: () => this.playback.seek(0),
      End: () => this.playback.seek(this.playback.lastFrame),
      j: () => this.shuttle(-1),
      k: () => this.playback.pause(),
      l: () => this.shuttle(1),
      Escape: () => this.select(null),
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
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    this.stage.zoomByWheel(event);
    this.paint();
  }
}

/** Whether a track has a box in a frame. */
function isInFrame({ spans }, frame) {
  for (let k = 0; k < spans.length; k += 2) {
    if (spans[k] <= frame && frame <= spans[k + 1]) return true;
  }
  return false;
}
