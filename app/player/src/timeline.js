// Under the picture: how many objects there are over time, what went wrong when, and one lane per track.

import { CLASS_COLORS, MARK_COLORS, colorOf } from "./colors.js";

const GUTTER = 62,
  RIGHT = 10; // pixels of the page
const RULER = 18,
  COUNTS = 42,
  MOMENTS = 12,
  LANE = 13,
  MOST_LANES = 14;
const CLOSEST = 20; // frames that fill the width at least
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export class Timeline {
  // act: {seek(frame), follow(layer, id, frame)}; nothing: what it says where there are no tracks
  constructor(canvas, times, act, nothing = "There are no tracks.") {
    Object.assign(this, { canvas, times, act, nothing, lanes: [], layers: [], scroll: 0, frame: 0, followed: null });
    this.context = canvas.getContext("2d");
    this.range = { from: 0, to: times.count }; // frames in view
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
    return GUTTER + ((frame - this.range.from) / (this.range.to - this.range.from)) * this.width;
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
          ([a, b]) => this.x(a) - 3 <= event.offsetX && event.offsetX <= this.x(b + 1) + 3,
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
          const factor = Math.exp(event.deltaY * 0.004);
          const under = this.range.from + ((event.offsetX - GUTTER) / this.width) * length;
          this.look(under - (under - this.range.from) * factor, length * factor);
        } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          this.look(this.range.from + ((event.deltaX || event.deltaY) / this.width) * length, length);
        } else {
          const before = this.scroll;
          this.scrollTo(this.scroll + event.deltaY);
          if (this.scroll === before) return; // let the page scroll
        }
        event.preventDefault();
        this.paint();
      },
      { passive: false },
    );
  }

  laneAt(y) {
    return y < this.lanesTop ? undefined : this.lanes[Math.floor((y - this.lanesTop + this.scroll) / LANE)];
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
    const wide = canvas.clientWidth,
      high = canvas.clientHeight;
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
    const to =
      this.range.to < times.count ? seconds[Math.floor(this.range.to)] : seconds[times.count - 1] + times.lastLength();
    const step = STEPS.find((each) => (each / (to - from)) * this.width > 64) ?? 7200;
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
    const shown = this.layers.map(({ tracks, showsClass }) =>
      tracks.summary.counts.map((line, k) => (showsClass(k) ? line : [])),
    );
    const most = shown.flat().reduce((highest, line) => line.reduce((a, b) => Math.max(a, b), highest), 1);
    const y = (count) => RULER + COUNTS - 2 - (count / most) * (COUNTS - 8);
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
        const x = Math.max(GUTTER, this.x(a)),
          end = Math.min(this.canvas.clientWidth - RIGHT, this.x(b + 1));
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
    context.fillStyle = context.strokeStyle =
      getComputedStyle(this.canvas).getPropertyValue("--st-primary-color") || "#14a394";
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
}

function spans(track) {
  const found = [];
  for (let k = 0; k < track.spans.length; k += 2) found.push([track.spans[k], track.spans[k + 1]]);
  return found;
}

export function clock(seconds, tenths = false) {
  const whole = Math.floor(seconds + 1e-6);
  const hours = Math.floor(whole / 3600),
    minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0") + (tenths ? `.${Math.floor((seconds - whole) * 10 + 1e-6)}` : "");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
