// Labeling in the browser: boxes drawn on a clip's frames, saved as they are drawn.

import { CLASS_COLORS, colorOf } from "./colors.js";
import { button, element, keepFocus, toggle } from "./dom.js";
import { Drawing, SMALLEST, lastKey, missing, spansOf } from "./drawing.js";
import { icon } from "./icons.js";
import { Slides } from "./slides.js";
import { Stage } from "./stage.js";
import { FrameTimes } from "./times.js";
import { Timeline } from "./timeline.js";

const GHOST = 12; // frames after its end for which an object is offered to be gone on with
const CLICK = 4; // pixels of the page: less is no drag
const HANDLE = 9; // pixels of the page around a corner or an edge
const SAVE_AFTER = 250; // milliseconds
const AGAIN_AFTER = 3000;
const KEYS = `Drag: draw a box (with Shift: also where one is selected)
Click: select; drag the selected one to move it, its edges to resize it
1 to 9: class · R: number · Tab: next object
← →: one frame back or on · Shift: ten · Space: play
V: copy to the next frame · F: follow through the next frames
X or Del: not in this frame · G: fill the gap · Shift Del: the whole object
E: ends here · S: from here on another object · M, then click: the same object
O: occluded · T: truncated
Ctrl Z, Ctrl Y: undo, redo · Ctrl wheel: zoom · Alt drag: move the picture`;

const editors = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  let editor = editors.get(root);
  if (editor && editor.data.address !== data.address) {
    editor.close();
    editor = null;
  }
  if (!editor) editors.set(root, (editor = new Editor(root, data)));
  editor.tell = setTriggerValue;
  return () => {
    editor.close();
    editors.delete(root);
  };
}

class Editor {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.drawing = this.drawingOf([]);
    this.version = 0;
    this.done = false;
    this.saving = null;
    this.unsaved = false;
    this.selected = null;
    this.classId = 0;
    this.merging = null;
    this.drag = null;
    this.shown = null;
    this.build();
    this.open();
  }

  drawingOf(objects) {
    const { classes, frames, width, height } = this.data;
    return new Drawing(objects, classes, frames, [width, height], () => this.changed());
  }

  at(part, query = "") {
    return this.data.address.replace("PART", part) + query;
  }

  build() {
    const { root, data } = this;
    root.tabIndex = 0;
    this.canvas = element("canvas", "picture");
    this.message = element("div", "message", "Loading the frames …");
    this.stageBox = element("div", "stage", this.canvas, this.message);
    this.stageBox.style.aspectRatio = `${data.width} / ${data.height}`;
    this.stage = new Stage(this.canvas, data.width, data.height);

    this.classRow = element("div", "row wrap");
    this.status = element("span", "status");
    this.undoButton = button("Undo (Ctrl Z)", () => this.drawing.undo(), { words: "Undo" });
    this.redoButton = button("Redo (Ctrl Y)", () => this.drawing.redo(), { words: "Redo" });
    this.doneButton = toggle("Clip is done", "Everything in this clip is labeled", false, (on) => this.finish(on));
    this.doneButton.classList.add("done");

    this.playButton = button("Play (space)", () => this.playOrPause(), { name: "play", className: "main" });
    this.frameField = element("input", "frame");
    Object.assign(this.frameField, { type: "number", min: 0, max: data.frames - 1, title: "Frame, counted from 0" });
    this.frameField.addEventListener("change", () => this.slides.seek(Number(this.frameField.value)));
    this.of = element("span", "of");
    this.keys = element("pre", "keys", KEYS);
    this.keys.hidden = true;
    const transport = element(
      "div",
      "row",
      button("First frame (Home)", () => this.slides.seek(0), { name: "first" }),
      button("One frame back (←)", () => this.step(-1), { name: "back" }),
      this.playButton,
      button("One frame on (→)", () => this.step(1), { name: "on" }),
      button("Last frame (End)", () => this.slides.seek(data.frames - 1), { name: "last" }),
      element("label", "at", "Frame", this.frameField),
      this.of,
      element("span", "space"),
      this.undoButton,
      this.redoButton,
      this.status,
      this.doneButton,
      button(
        "Keys",
        () => {
          this.keys.hidden = !this.keys.hidden;
        },
        { name: "help" },
      ),
      button("Full screen", () => this.fullScreen(), { name: "full" }),
    );
    this.selection = element("div", "row selection");
    this.timelineCanvas = element("canvas", "timeline");
    root.replaceChildren(this.classRow, this.stageBox, transport, this.keys, this.selection, this.timelineCanvas);

    const { canvas } = this;
    keepFocus(root);
    root.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => {
      this.drag = null;
      this.paint();
    });
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.resized = new ResizeObserver(() => {
      this.paint();
      this.timeline?.paint();
    });
    this.resized.observe(this.stageBox);
    this.resized.observe(this.timelineCanvas);
    this.leaving = (event) => {
      if (!this.unsaved && !this.saving) return;
      this.save();
      event.preventDefault(); // the browser asks whether to leave
    };
    window.addEventListener("beforeunload", this.leaving);
  }

  async open() {
    const { data } = this;
    const seconds = Float64Array.from({ length: data.frames }, (_, n) => n / data.rate);
    this.times = new FrameTimes(seconds);
    this.slides = new Slides(
      (n) => this.at("frame", `&n=${n}`),
      this.times,
      () => this.paint(),
      () => this.transportChanged(),
      (error) => this.tellStatus(`The frame could not be loaded: ${error.message}`, true),
    );
    try {
      const [objects] = await Promise.all([this.load(), this.slides.open()]);
      this.drawing = this.drawingOf(objects);
    } catch (error) {
      this.message.textContent = `The clip could not be loaded: ${error.message}`;
      return;
    }
    this.message.hidden = true;
    this.timeline = new Timeline(
      this.timelineCanvas,
      this.times,
      {
        seek: (frame) => this.slides.seek(frame),
        follow: (_, id, frame) => {
          this.select(id);
          this.slides.seek(frame);
        },
      },
      "Nothing is drawn yet.",
    );
    this.tellStatus("Saved");
    this.redraw();
  }

  async load() {
    const answer = await fetch(this.at("drawn"), { cache: "no-store" });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    [this.version, this.done] = [found.version, found.done];
    return found.objects;
  }

  close() {
    if (this.unsaved) this.save();
    this.slides?.close();
    this.resized.disconnect();
    window.removeEventListener("beforeunload", this.leaving);
  }

  // --- Saving -----------------------------------------------------------------------------------------------------

  changed() {
    this.unsaved = true;
    this.tellStatus("…");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER);
    this.redraw();
  }

  // One request at a time; what changes meanwhile goes with the next.
  async save() {
    clearTimeout(this.timer);
    if (this.saving || this.conflict) return this.saving;
    this.saving = this.send();
    await this.saving;
    this.saving = null;
    if (this.unsaved && !this.conflict) this.timer = setTimeout(() => this.save(), this.failed ? AGAIN_AFTER : 0);
  }

  async send() {
    const body = JSON.stringify({ version: this.version, done: this.done, objects: this.drawing.toJson() });
    this.unsaved = false;
    try {
      const answer = await fetch(this.at("drawn"), { method: "PUT", body, keepalive: body.length < 60_000 });
      const found = await answer.json();
      if (answer.ok) {
        this.version = found.version;
        this.failed = false;
        this.tellStatus(this.unsaved ? "…" : "Saved");
        if (this.finished && !this.unsaved) this.tell("finished", { done: this.done, version: this.version });
        if (!this.unsaved) this.finished = false;
        return;
      }
      this.unsaved = true;
      this.failed = true;
      if (answer.status === 409) this.tellConflict(found.error);
      else this.tellStatus(found.error, true);
    } catch {
      this.unsaved = true;
      this.failed = true;
      this.tellStatus("Not saved: the console does not answer. It is tried again.", true);
    }
  }

  tellStatus(text, bad = false) {
    this.status.textContent = text;
    this.status.classList.toggle("bad", bad);
  }

  tellConflict(sentence) {
    this.conflict = true;
    this.message.hidden = false;
    this.message.replaceChildren(
      element(
        "div",
        "choice",
        element("p", "", sentence),
        button(
          "Load what they drew",
          async () => {
            let objects;
            try {
              objects = await this.load();
            } catch (error) {
              return this.tellStatus(`It could not be loaded: ${error.message}`, true);
            }
            this.drawing.replace(objects);
            this.conflict = this.unsaved = false;
            this.message.hidden = true;
            this.tellStatus("Saved");
            this.redraw();
          },
          { words: "Load what they drew", className: "toggle" },
        ),
      ),
    );
    this.tellStatus("Not saved", true);
  }

  // The page is told once it is saved, be it after another try.
  async finish(done) {
    this.done = done;
    this.unsaved = this.finished = true;
    await this.saving;
    await this.save();
  }

  // --- Showing ----------------------------------------------------------------------------------------------------

  redraw() {
    const { drawing } = this;
    if (this.selected !== null && !drawing.objects.has(this.selected)) this.selected = null;
    if (this.merging !== null && !drawing.objects.has(this.merging)) this.merging = null;
    const active = this.root.getRootNode().activeElement;
    const replaced = active && (this.classRow.contains(active) || this.selection.contains(active));
    this.undoButton.disabled = !drawing.before.length;
    this.redoButton.disabled = !drawing.after.length;
    this.doneButton.ariaPressed = String(this.done);
    this.offerClasses();
    this.offerSelection();
    this.timeline?.show(
      [{ name: "", tracks: { summary: drawing.summary }, shows: () => true, showsClass: () => true }],
      this.selected === null ? null : { layer: 0, id: this.selected },
    );
    if (replaced) this.root.focus({ preventScroll: true });
    this.root.dataset.boxes = drawing.boxes;
    this.root.dataset.objects = drawing.objects.size;
    this.paint();
  }

  offerClasses() {
    const current = this.drawing.objects.get(this.selected)?.classId ?? this.classId;
    this.classRow.replaceChildren(
      element("span", "of", this.selected === null ? "Draw" : "Class"),
      ...this.data.classes.map((name, number) => {
        const chip = button(`${name} (${number + 1})`, () => this.chooseClass(number), { className: "toggle" });
        const dot = element("b", "dot");
        dot.style.background = CLASS_COLORS[number % CLASS_COLORS.length];
        chip.append(dot, name, element("small", "", number < 9 ? String(number + 1) : ""));
        chip.ariaPressed = String(number === current);
        return chip;
      }),
      element("span", "space"),
      element("span", "of", this.data.instructions),
    );
  }

  offerSelection() {
    const id = this.selected;
    this.selection.hidden = id === null;
    if (id === null) return;
    const object = this.drawing.objects.get(id);
    const box = this.drawing.boxAt(id, this.shown);
    const number = element("input", "number");
    Object.assign(number, { type: "number", min: 1, value: id, title: "Its number (R)" });
    number.addEventListener("change", () => this.renumber(id, Number(number.value)));
    this.numberField = number;
    const spans = spansOf(object)
      .map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`))
      .join(", ");
    const act = (words, title, run, off = false) => {
      const made = button(
        title,
        () => {
          run();
          this.root.focus({ preventScroll: true });
        },
        { words },
      );
      made.disabled = off;
      return made;
    };
    this.selection.replaceChildren(
      element("strong", "", "#"),
      number,
      element("span", "of", `frames ${spans}`),
      element("span", "space"),
      toggle("Occluded", "Partly hidden by something else (O)", Boolean(box?.occluded), () => this.mark("occluded")),
      toggle("Truncated", "Partly outside the picture (T)", Boolean(box?.truncated), () => this.mark("truncated")),
      act("Copy on", "Copy to the next frame (V)", () => this.copyOn()),
      act("Follow", "Find it in the next frames (F)", () => this.follow(), !box),
      act("Ends here", "This is its last frame (E)", () => this.drawing.endAt(id, this.shown), !box),
      act("Split", "From this frame on it is another object (S)", () => this.split(), !box),
      act(this.merging === null ? "Merge" : "Click the other …", "Another track is the same object (M)", () =>
        this.startMerging(),
      ),
      !box && this.shown < lastKey(object)
        ? act("Fill the gap", "It is here, too, and moves evenly (G)", () => this.drawing.fill(id, this.shown))
        : act("Not here", "It is not in this frame (X)", () => this.drawing.removeHere(id, this.shown), !box),
      act("Delete", "The whole object (Shift Del)", () => this.drawing.remove(id)),
      button("Select nothing (Esc)", () => this.select(null), { name: "close" }),
    );
  }

  transportChanged() {
    const { playing } = this.slides;
    this.playButton.innerHTML = icon(playing ? "pause" : "play");
  }

  paint() {
    if (!this.slides?.ready) return;
    const { stage } = this;
    stage.fit();
    const frame = this.slides.capture((picture) => {
      stage.clear();
      stage.context.imageSmoothingEnabled = stage.scale < 3;
      stage.inPane(0, (context) => context.drawImage(picture, 0, 0, stage.width, stage.height));
    });
    stage.inPane(0, (context) => this.paintBoxes(context, frame));
    this.root.dataset.frame = frame;
    if (frame === this.shown) return;
    this.shown = frame;
    if (this.root.getRootNode().activeElement !== this.frameField) this.frameField.value = frame;
    this.of.textContent = `of ${this.data.frames}`;
    this.offerSelection();
    this.timeline?.at(frame);
  }

  paintBoxes(context, frame) {
    const ratio = window.devicePixelRatio || 1,
      px = ratio / this.stage.scale;
    context.font = `600 ${12 * px}px ${getComputedStyle(this.root).fontFamily}`;
    context.textBaseline = "bottom";
    for (const object of this.drawing.objects.values()) {
      const box = this.boxShown(object.id, frame);
      const ghost = box ? null : this.ghost(object, frame);
      if (!box && !ghost) continue;
      const [left, top, right, bottom] = (box ?? ghost).xyxy;
      const selected = object.id === this.selected;
      context.strokeStyle = context.fillStyle = colorOf(object.id);
      context.globalAlpha = ghost ? 0.5 : 1;
      context.lineWidth = (selected ? 3 : box?.isKey && !box.predicted ? 2.2 : 1.4) * px;
      context.setLineDash(ghost ? [3 * px, 4 * px] : box.occluded ? [7 * px, 4 * px] : []);
      context.strokeRect(left, top, right - left, bottom - top);
      context.setLineDash([]);
      if (selected && box) {
        context.globalAlpha = 0.12;
        context.fillRect(left, top, right - left, bottom - top);
        context.globalAlpha = 1;
        for (const x of [left, (left + right) / 2, right]) {
          for (const y of [top, (top + bottom) / 2, bottom]) {
            if (x === (left + right) / 2 && y === (top + bottom) / 2) continue;
            context.fillRect(x - 3.5 * px, y - 3.5 * px, 7 * px, 7 * px);
          }
        }
      }
      const words = `#${object.id} ${this.data.classes[object.classId]}${box?.truncated ? " ◧" : ""}`;
      const width = context.measureText(words).width + 8 * px,
        height = 16 * px;
      const y = top - height > 0 ? top - height : top;
      context.fillRect(left - px, y, width, height);
      context.fillStyle = "#0b0f10";
      context.fillText(words, left + 3 * px, y + height - 1.5 * px);
      context.globalAlpha = 1;
    }
    if (this.drag?.kind === "draw") {
      const [left, top, right, bottom] = this.drag.xyxy;
      context.strokeStyle = "#fff";
      context.lineWidth = 1.5 * px;
      context.strokeRect(left, top, right - left, bottom - top);
    }
  }

  // As it is while it is dragged.
  boxShown(id, frame) {
    if (this.drag?.id === id && this.drag.xyxy) return { isKey: true, xyxy: this.drag.xyxy };
    return this.drawing.boxAt(id, frame);
  }

  // Where an object that is missing was last, if that is a moment ago: a proposal to go on with.
  ghost(object, frame) {
    const [last, key] = missing(object, frame) ?? [Infinity];
    return frame <= last + GHOST || object.id === this.selected ? (key ?? null) : null;
  }

  // --- What the person does ---------------------------------------------------------------------------------------

  select(id) {
    if (this.merging !== null && id !== null && id !== this.merging) return this.mergeWith(id);
    this.merging = null;
    this.selected = id;
    this.redraw();
  }

  chooseClass(number) {
    if (number >= this.data.classes.length) return;
    this.classId = number;
    if (this.selected !== null) this.drawing.setClass(this.selected, number);
    else this.redraw();
  }

  renumber(id, number) {
    if (this.drawing.renumber(id, number)) this.selected = number;
    else this.tellStatus(`#${number} is another object, or no whole number. Merge them, or choose a free one.`, true);
    this.redraw();
    this.root.focus({ preventScroll: true });
  }

  mark(name) {
    if (this.selected !== null) this.drawing.mark(this.selected, this.shown, name);
  }

  startMerging() {
    this.merging = this.merging === null ? this.selected : null;
    this.offerSelection();
  }

  mergeWith(other) {
    const id = this.merging;
    this.merging = null;
    const both = this.drawing.merge(id, other);
    if (both !== null)
      this.tellStatus(`#${id} and #${other} are both in frame ${both}: they cannot be one object.`, true);
    this.selected = id;
    this.redraw();
  }

  split() {
    const other = this.drawing.splitAt(this.selected, this.shown);
    if (other !== null) this.select(other);
  }

  // The box, or what is left of it, once more in the next frame.
  copyOn() {
    const object = this.drawing.objects.get(this.selected);
    const here = object && (this.drawing.boxAt(object.id, this.shown) ?? this.ghost(object, this.shown));
    if (!here || this.shown + 1 >= this.data.frames) return;
    this.drawing.setBox(object.id, this.shown + 1, here.xyxy);
    this.step(1);
  }

  async follow() {
    const id = this.selected,
      frame = this.shown;
    const box = this.drawing.boxAt(id, frame);
    if (!box || frame + 1 >= this.data.frames) return;
    const most = Math.min(this.data.follow, this.drawing.room(id, frame));
    if (most < 1) return this.tellStatus("The next box was drawn by hand: boxes between move evenly.");
    this.tellStatus("Following …");
    let found;
    try {
      const answer = await fetch(this.at("follow"), {
        method: "POST",
        body: JSON.stringify({ frame, xyxy: box.xyxy, most }),
      });
      found = await answer.json();
      if (!answer.ok) return this.tellStatus(found.error, true);
    } catch {
      return this.tellStatus("Not followed: the console does not answer. Try again.", true);
    }
    if (!found.length) return this.tellStatus("It is lost in the next frame already: draw it there.", true);
    this.tellStatus(this.unsaved || this.saving ? "…" : "Saved");
    if (!this.drawing.boxAt(id, frame)) return; // it was removed meanwhile
    const room = this.drawing.room(id, frame); // somebody may have drawn there meanwhile
    if (room > 0) this.slides.seek(this.drawing.predict(id, frame, found.slice(0, room)));
  }

  step(by) {
    this.slides.pause();
    this.slides.seek(this.slides.current + by);
  }

  playOrPause() {
    if (this.slides.playing) this.slides.pause();
    else this.slides.play();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  nextObject(direction) {
    const ids = this.drawing.at(this.shown);
    const place = ids.indexOf(this.selected);
    this.select(ids[(place + direction + ids.length) % ids.length] ?? ids[0]);
  }

  key(event) {
    const target = event.composedPath()[0];
    if (!this.slides?.ready || this.conflict || target.matches?.("input, select")) return;
    if (target.matches?.("button") && [" ", "Tab"].includes(event.key)) return; // which presses or leaves it
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = event.ctrlKey || event.metaKey;
    const id = this.selected;
    let act;
    if (command) {
      act = { z: () => (event.shiftKey ? this.drawing.redo() : this.drawing.undo()), y: () => this.drawing.redo() }[
        letter
      ];
    } else if (/^[1-9]$/.test(letter)) {
      act = () => this.chooseClass(Number(letter) - 1);
    } else {
      act = {
        " ": () => this.playOrPause(),
        ArrowLeft: () => this.step(event.shiftKey ? -10 : -1),
        ArrowRight: () => this.step(event.shiftKey ? 10 : 1),
        Home: () => this.slides.seek(0),
        End: () => this.slides.seek(this.data.frames - 1),
        ...(this.drawing.at(this.shown).length ? { Tab: () => this.nextObject(event.shiftKey ? -1 : 1) } : {}),
        Escape: () => this.select(null),
        v: () => this.copyOn(),
        ...(id === null
          ? {}
          : {
              r: () => this.numberField.select(),
              f: () => this.follow(),
              e: () => this.drawing.endAt(id, this.shown),
              s: () => this.split(),
              m: () => this.startMerging(),
              o: () => this.mark("occluded"),
              t: () => this.mark("truncated"),
              g: () => this.drawing.fill(id, this.shown),
              x: () => this.drawing.removeHere(id, this.shown),
              Delete: () => (event.shiftKey ? this.drawing.remove(id) : this.drawing.removeHere(id, this.shown)),
              Backspace: () => this.drawing.removeHere(id, this.shown),
            }),
      }[letter];
    }
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  press(event) {
    this.root.focus({ preventScroll: true });
    if (this.conflict) return;
    this.slides.pause();
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.stage.place(event);
    const begun = { x: event.clientX, y: event.clientY, place };
    if (event.button === 1 || event.altKey) {
      this.drag = { kind: "pan", ...begun };
      return;
    }
    const grip = event.shiftKey || this.merging !== null ? null : this.gripAt(place);
    if (grip) {
      const { xyxy } = this.boxOrGhost(this.selected);
      this.drag = { kind: "change", id: this.selected, grip, start: xyxy, ...begun };
    } else {
      this.drag = { kind: "draw", xyxy: [place.x, place.y, place.x, place.y], ...begun };
    }
  }

  boxOrGhost(id) {
    const object = this.drawing.objects.get(id);
    return object ? (this.drawing.boxAt(id, this.shown) ?? this.ghost(object, this.shown)) : null;
  }

  // What of the selected box is under the mouse: {x, y} say which sides go along, all of them inside.
  gripAt(place) {
    const box = this.selected === null ? null : this.boxOrGhost(this.selected);
    if (!box) return null;
    const near = (HANDLE * (window.devicePixelRatio || 1)) / this.stage.scale;
    const [left, top, right, bottom] = box.xyxy;
    const inside =
      left - near <= place.x && place.x <= right + near && top - near <= place.y && place.y <= bottom + near;
    if (!inside) return null;
    const side = (low, high, at) =>
      Math.abs(at - low) <= Math.min(near, (high - low) / 3)
        ? -1
        : Math.abs(at - high) <= Math.min(near, (high - low) / 3)
          ? 1
          : at < low
            ? -1
            : at > high
              ? 1
              : 0;
    return { x: side(left, right, place.x), y: side(top, bottom, place.y) };
  }

  move(event) {
    const place = this.stage.place(event);
    const { drag, stage } = this;
    if (!drag) {
      const grip = this.gripAt(place);
      const names = {
        "-1-1": "nwse",
        11: "nwse",
        "-11": "nesw",
        "1-1": "nesw",
        "-10": "ew",
        10: "ew",
        "0-1": "ns",
        "01": "ns",
      };
      this.canvas.style.cursor = !grip
        ? "crosshair"
        : grip.x || grip.y
          ? `${names[`${grip.x}${grip.y}`]}-resize`
          : "move";
      return;
    }
    if (drag.kind === "pan") {
      const ratio = window.devicePixelRatio || 1;
      stage.pan((-event.movementX * ratio) / stage.scale, (-event.movementY * ratio) / stage.scale);
    } else if (drag.kind === "draw") {
      drag.xyxy = this.within([
        Math.min(drag.place.x, place.x),
        Math.min(drag.place.y, place.y),
        Math.max(drag.place.x, place.x),
        Math.max(drag.place.y, place.y),
      ]);
    } else {
      const [dx, dy] = [place.x - drag.place.x, place.y - drag.place.y];
      const [left, top, right, bottom] = drag.start,
        { x, y } = drag.grip;
      const whole = !x && !y;
      drag.xyxy = this.within(
        [
          left + (whole || x < 0 ? dx : 0),
          top + (whole || y < 0 ? dy : 0),
          right + (whole || x > 0 ? dx : 0),
          bottom + (whole || y > 0 ? dy : 0),
        ],
        whole,
      );
    }
    this.paint();
  }

  release(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.kind === "pan") return;
    const moved = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= CLICK;
    if (!moved) {
      const id = this.idAt(drag.place);
      if (drag.kind === "draw" || id !== this.selected) this.select(id);
      else this.paint();
      return;
    }
    const [left, top, right, bottom] = drag.xyxy;
    if (right - left < SMALLEST || bottom - top < SMALLEST) return this.paint();
    const xyxy = drag.xyxy.map((value) => Math.round(value * 100) / 100);
    if (drag.kind === "draw") {
      const id = this.drawing.draw(this.shown, xyxy, this.classId);
      this.select(id);
    } else {
      this.drawing.setBox(drag.id, this.shown, xyxy);
    }
  }

  // The smallest box under the mouse, ghosts last.
  idAt(place) {
    let best = null,
      smallest = Infinity;
    for (const object of this.drawing.objects.values()) {
      const box = this.drawing.boxAt(object.id, this.shown);
      const shown = box ?? this.ghost(object, this.shown);
      if (!shown) continue;
      const [left, top, right, bottom] = shown.xyxy;
      const area = (right - left) * (bottom - top) + (box ? 0 : 1e9);
      if (left <= place.x && place.x <= right && top <= place.y && place.y <= bottom && area < smallest) {
        [best, smallest] = [object.id, area];
      }
    }
    return best;
  }

  // Inside the picture; a box that is moved keeps its size.
  within([left, top, right, bottom], whole = false) {
    const { width, height } = this.stage;
    if (whole) {
      const dx = Math.max(0, -left) - Math.max(0, right - width),
        dy = Math.max(0, -top) - Math.max(0, bottom - height);
      return [left + dx, top + dy, right + dx, bottom + dy];
    }
    const x = (value) => Math.max(0, Math.min(width, value)),
      y = (value) => Math.max(0, Math.min(height, value));
    return [x(Math.min(left, right)), y(Math.min(top, bottom)), x(Math.max(left, right)), y(Math.max(top, bottom))];
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.stage.zoomAt(this.stage.place(event), Math.exp(-event.deltaY * 0.004));
    this.paint();
  }
}
