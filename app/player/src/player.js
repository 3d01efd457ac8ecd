// A video with tracks drawn on it as data, and their timeline. Streamlit calls the default export with new data whenever
// the page runs; what the person chose stays.

import { MARK_COLORS, MARK_NAMES } from "./colors.js";
import { button, element, keepFocus, range, toggle } from "./dom.js";
import { icon } from "./icons.js";
import { idAt, paintTracks } from "./paint.js";
import { Playback } from "./playback.js";
import { Stage } from "./stage.js";
import { FrameTimes } from "./times.js";
import { Timeline, clock } from "./timeline.js";
import { Tracks } from "./tracks.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4, 8];
const KEYS = `Space: play or pause
← →: one frame back or on
Shift ← →: to the moment before or after
J K L: backwards, stop, forwards; again for faster
Home End: first or last frame
Esc: follow no track
Ctrl + wheel: zoom picture or timeline
Double click on a lane: to its start`;

const players = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  let player = players.get(root);
  if (!player) players.set(root, (player = new Player(root)));
  player.tell = setTriggerValue;
  player.update(data);
  return () => {
    player.close();
    players.delete(root);
  };
}

class Player {
  constructor(root) {
    this.root = root;
    this.data = null;
    this.layers = [];
    this.shown = null; // the number of the frame that is painted
    this.followed = null; // {layer, id}
    this.only = false; // whether others than the followed track are hidden
    this.show = { boxes: true, ids: true, trails: true, scores: false, onlyWrong: false };
    this.filter = { score: 0, length: 0, classes: new Set() }; // classes that are hidden
    this.hidden = new Set(); // names of layers
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
      (this.toPrevious = button("Moment before (Shift ←)", () => this.jump(-1), { name: "previous" })),
      button("One frame back (←)", step(-1), { name: "back" }),
      this.playButton,
      button("One frame on (→)", step(1), { name: "on" }),
      (this.toNext = button("Moment after (Shift →)", () => this.jump(1), { name: "next" })),
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
        { name: "help" },
      ),
      button("Full screen", () => this.fullScreen(), { name: "full" }),
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
      this.moments,
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
        () => this.changed(),
      );
      await this.playback.open(data.video);
      this.tellMessage("");
      if (data.start) this.playback.seek(data.start);
    } catch (error) {
      if (data !== this.data) return;
      this.tellMessage(
        this.video.error ? "This browser cannot play the video." : `The video could not be loaded: ${error.message}`,
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
        }),
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
      followed: this.followed ? (followed ?? -1) : null,
      marked: layer.marked,
      dashed: number === 0 && this.layers.length > 1 && this.stage.panes === 1,
      shows: this.shows(number),
      scale: this.stage.scale,
      width: this.stage.width,
      ratio: window.devicePixelRatio || 1,
      font: this.font,
    };
  }

  shows(number) {
    const { classes, byId } = {
      classes: this.layers[number].tracks.summary.classes,
      byId: this.layers[number].tracks.byId,
    };
    const { filter } = this;
    const alone = this.only && this.followed ? this.followed : null;
    return (columns, row) => {
      const id = columns.id[row];
      if (alone && (alone.layer !== number || alone.id !== id)) return false;
      return (
        columns.score[row] >= filter.score &&
        !filter.classes.has(classes[columns.classId[row]]) &&
        (!filter.length || byId.get(id).boxes >= filter.length)
      );
    };
  }

  showsTrack(number, track) {
    const { classes } = this.layers[number].tracks.summary;
    return (
      track.score >= this.filter.score &&
      track.boxes >= this.filter.length &&
      !this.filter.classes.has(classes[track.classId]) &&
      !this.hidden.has(this.layers[number].name)
    );
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
      ["scores", "How sure the detector is"],
    ]) {
      parts.push(
        toggle(name, title, show[name], (on) => {
          show[name] = on;
          this.paint();
        }),
      );
    }
    if (layers.length > 1) {
      parts.push(element("i"));
      for (const { name } of layers) {
        parts.push(
          toggle(name, `Show ${name}`, !this.hidden.has(name), (on) => {
            this.hidden[on ? "delete" : "add"](name);
            again();
          }),
        );
      }
      parts.push(
        toggle("side by side", "Each on a picture of its own", this.apart, (on) => {
          this.apart = on;
          this.lay();
          this.paint();
        }),
      );
    }
    if (layers.some((layer) => layer.marked)) {
      parts.push(
        toggle("differences only", "Hide boxes that match", show.onlyWrong, (on) => {
          show.onlyWrong = on;
          this.paint();
        }),
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
          }),
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
        }),
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
    const all = moments.length ? moments : (this.data.stops ?? []);
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
        { className: "moment" },
      );
      const dot = element("b");
      dot.style.background = MARK_COLORS[kind];
      row.append(
        dot,
        element("span", "", MARK_NAMES[kind]),
        element("span", "", `#${id}`),
        element("span", "", frames),
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
      follow: (layer, id, frame) => this.follow({ layer, id }, frame),
    });
    const layers = this.layers.map(({ name, tracks }, number) => ({
      name,
      tracks,
      shows: (track) => this.showsTrack(number, track),
      showsClass: (classId) => !this.hidden.has(name) && !this.filter.classes.has(tracks.summary.classes[classId]),
    }));
    this.timeline.show(layers, this.followed);
    this.offerSelection();
  }

  follow(followed, frame) {
    this.followed = followed;
    if (!followed) this.only = false;
    if (frame !== undefined) this.playback?.seek(frame);
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
      button("Follow no track (Esc)", () => this.follow(null), { name: "close" }),
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
    if (next === undefined) return;
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
    if (
      !this.playback ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      target.matches?.("select, input[type=number]")
    )
      return;
    if (target.matches?.("button") && event.key === " ") return; // which presses it
    const act = {
      " ": () => this.playOrPause(),
      ArrowLeft: () => (event.shiftKey ? this.jump(-1) : this.step(-1)),
      ArrowRight: () => (event.shiftKey ? this.jump(1) : this.step(1)),
      Home: () => this.playback.seek(0),
      End: () => this.playback.seek(this.playback.last),
      j: () => this.shuttle(-1),
      k: () => this.playback.pause(),
      l: () => this.shuttle(1),
      Escape: () => this.follow(null),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (target.matches?.("input[type=range]") && /^(Arrow|Home|End)/.test(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  press(event) {
    this.root.focus({ preventScroll: true });
    const place = this.stage.place(event);
    if (this.stage.view.zoom > 1) this.drag(event);
    for (let number = this.layers.length - 1; number >= 0; number--) {
      if ((this.stage.panes > 1 && number !== place.pane) || this.hidden.has(this.layers[number].name)) continue;
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
      this.stage.pan((-movementX * ratio) / this.stage.scale, (-movementY * ratio) / this.stage.scale);
      this.paint();
    };
    const over = new AbortController();
    this.canvas.addEventListener("pointermove", move, { signal: over.signal });
    for (const end of ["pointerup", "pointercancel"])
      this.canvas.addEventListener(end, () => over.abort(), { signal: over.signal });
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // let the page scroll
    event.preventDefault();
    this.stage.zoomAt(this.stage.place(event), Math.exp(-event.deltaY * 0.004));
    this.paint();
  }
}
