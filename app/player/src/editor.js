// The labeling editor: the user draws boxes on the frames of a clip, and they are saved as they are drawn.
//
// Streamlit calls the default export whenever the page runs. The editor, with what was drawn, stays the same.

import { cancelQueryParameter, setQueryParameter } from "./address.js";
import { CLASS_COLORS, colorOfTrack } from "./colors.js";
import { button, element, pixelRatio, returnFocusAfterClicks, select, toggle, toggleFullScreen } from "./dom.js";
import { Drawing, MIN_BOX_SIDE, lastKeyframeIfAbsent } from "./drawing.js";
import { icon } from "./icons.js";
import { ImageSequence } from "./images.js";
import { ObjectPanel } from "./object_panel.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { FrameTimes } from "./times.js";

const GHOST_FRAMES = 12; // for how long after its end an object is offered to be continued
const MIN_DRAG_CSS_PIXELS = 4; // a shorter movement is a click
const HANDLE_CSS_PIXELS = 9; // how near to an edge of the selected box the mouse takes hold of it
const SAVE_DELAY_MS = 250;
const RETRY_AFTER_MS = 3000;
const MAX_KEEPALIVE_BYTES = 60_000; // browsers allow 64 KiB for requests that outlive the page
const CONFLICT = 409; // HTTP status: the clip was saved elsewhere since it was loaded here
const LABEL_TEXT_COLOR = "#0b0f10";
const FRAME_PARAMETER = "frame"; // of the page's address
const MAX_CLASS_BUTTONS = 9; // more classes are in a select box
const MIN_HEIGHT = 480; // CSS pixels, of the editor; in lower windows the page scrolls
const SPACE_BELOW = 12; // CSS pixels, between the editor and the end of the window
const SHORTCUTS = `Drag: draw a box (with Shift: also on top of the selected one)
Click: select; drag the selected box to move it, its edges to resize it
1 to 9: class · R: id · Tab: next object
← →: previous or next frame · Shift: ten frames · Space: play
V: copy to next frame · F: follow through the next frames
X or Del: absent in this frame · G: fill the gap · Shift Del: delete the object
E: last frame of the object · S: split here · M, then click: merge with another object
O: occluded · T: truncated · A: attributes · /: search objects, then ↓ ↑ in the list
Ctrl Z, Ctrl Y: undo, redo · Ctrl wheel: zoom · Alt drag: pan`;

/**
 * @typedef {object} EditorData - What app/player/editor.py passes.
 * @property {string} address - Of the clip's data, in which `PART` is replaced by `drawn`, `frame` or `follow`.
 * @property {number} frames - Length of the clip in frames.
 * @property {number} width - Of the images, in pixels.
 * @property {number} height - Of the images, in pixels.
 * @property {number} rate - Frames per second.
 * @property {string[]} classes
 * @property {import("./object_panel.js").AttributeDefinition[]} attributes
 * @property {string} instructions - Of the job, if it has any.
 * @property {number} start - The first frame to show.
 * @property {number} every - Step from one frame of the job to the next in the clip's video.
 * @property {number} follow - How many frames to follow an object at most.
 */

const editors = new WeakMap(); // root element → Editor

export default function ({ data, parentElement, setTriggerValue }) {
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

class Editor {
  /**
   * @param {HTMLElement} root
   * @param {EditorData} data
   */
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.drawing = this.createDrawing([]);

    this.version = 0; // of the clip on the server
    this.done = false; // whether the user has marked the clip as done
    this.unsaved = false;
    this.saving = null; // the promise of the request under way
    this.saveFailed = false;
    this.conflict = false; // whether the clip was saved elsewhere; nothing is saved until the user has decided
    this.reportDone = false; // whether the page is to run again once `done` is saved

    this.frame = null; // that is painted
    this.selectedId = null;
    this.mergingId = null; // the object that is merged with the next one that is clicked
    this.classId = 0; // of new objects
    this.drag = null; // see onPointerDown

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
      button("Full screen", () => toggleFullScreen(this.root), { iconName: "full" }),
    );
    root.replaceChildren(
      header,
      element(
        "div",
        "workbench",
        element("div", "work", this.stageBox, this.buildControls(), this.shortcuts, this.timelineCanvas),
        this.panel.element,
      ),
    );
    this.addListeners();
  }

  buildControls() {
    const { data } = this;
    this.status = element("span", "status");
    this.status.role = "status";
    this.videoFrame = element("span", "muted"); // the number in the video, if only every nth frame is labeled
    this.undoButton = button("Undo (Ctrl Z)", () => this.drawing.undo(), { label: "Undo" });
    this.redoButton = button("Redo (Ctrl Y)", () => this.drawing.redo(), { label: "Redo" });
    this.doneButton = toggle("Mark clip as done", "Everything in this clip is labeled", false, (done) =>
      this.markDone(done),
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
      this.doneButton,
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
      event.preventDefault(); // makes the browser ask whether to leave the page
    };
    window.addEventListener("beforeunload", this.onBeforeUnload);
  }

  async open() {
    const { data } = this;
    this.times = new FrameTimes(Float64Array.from({ length: data.frames }, (_, frame) => frame / data.rate));
    this.images = new ImageSequence((frame) => this.url("frame", `&n=${frame}`), this.times, {
      onFrame: () => this.paint(),
      onPlayOrPause: () => this.updatePlayButton(),
      onError: (error) => this.showStatus(`The frame could not be loaded: ${error.message}`, true),
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
      },
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
      className: "toggle",
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
    if (isFocusLost) this.focus(); // its element was replaced
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
    const unit = pixelRatio() / this.stage.scale; // image pixels per CSS pixel
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
    return object ? (this.drawing.boxAt(id, this.frame) ?? this.ghostOf(object, this.frame)) : null;
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
    // The user may have removed the object, or drawn boxes, while the server was busy.
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
    const belongsToControl = [" ", "Tab"].includes(event.key); // presses the button, or leaves it
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
      return { z: () => (shiftKey ? drawing.redo() : drawing.undo()), y: () => drawing.redo() }[key];
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
      "/": () => this.panel.focusSearch(),
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
      Delete: () => (shiftKey ? drawing.remove(id) : drawing.removeAt(id, frame)),
      Backspace: () => drawing.removeAt(id, frame),
    };
    return general[key] ?? (id === null ? undefined : ofSelected[key]);
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
      drag.xyxy =
        !x && !y
          ? this.moveIntoImage([left + dx, top + dy, right + dx, bottom + dy])
          : this.cutToImage([
              x < 0 ? left + dx : left,
              y < 0 ? top + dy : top,
              x > 0 ? right + dx : right,
              y > 0 ? bottom + dy : bottom,
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
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
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
    const near = (HANDLE_CSS_PIXELS * pixelRatio()) / this.stage.scale;
    const [left, top, right, bottom] = box.xyxy;
    const isOutside =
      point.x < left - near || point.x > right + near || point.y < top - near || point.y > bottom + near;
    if (isOutside) return null;
    const sideAt = (value, low, high) => {
      const reach = Math.min(near, (high - low) / 3); // so that small boxes can still be moved
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
}

function strokeBox(context, [left, top, right, bottom]) {
  context.strokeRect(left, top, right - left, bottom - top);
}

/** Fill the selected box lightly and mark its corners and the middles of its edges. */
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
