// The timeline below the image: a ruler, how many objects there are over time, differences, and a lane per track.
// Sizes are CSS pixels.

import { CLASS_COLORS, MARK_COLORS, colorOfTrack } from "./colors.js";
import { pixelRatio } from "./dom.js";
import { formatTime } from "./times.js";

const LEFT_MARGIN = 62; // for the ids of tracks
const RIGHT_MARGIN = 10; // for the scroll bar
const BOTTOM_MARGIN = 4;
const RULER_HEIGHT = 18;
const COUNTS_HEIGHT = 42;
const DIFFERENCES_HEIGHT = 12;
const LANE_HEIGHT = 13;
const MIN_VISIBLE_LANES = 4;
const MAX_VISIBLE_LANES = 14;
const LANES_SHARE = 0.11; // of the window's height, which the picture needs more
const CLICK_TOLERANCE = 3;
const MIN_TICK_DISTANCE = 64;
const TICK_SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const MIN_FRAMES_IN_VIEW = 20;
const ZOOM_PER_WHEEL_PIXEL = 0.004;
const MUTED_ALPHA = 0.65;

/**
 * @typedef {object} TimelineLayer
 * @property {string} name
 * @property {{summary: import("./tracks.js").Summary}} tracks
 * @property {(track: import("./tracks.js").Track) => boolean} isShown - Whether a track passes the filters.
 * @property {(classId: number) => boolean} isClassShown
 */

export class Timeline {
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
    /** @type {TimelineLayer[]} */
    this.layers = [];
    this.lanes = []; // {heading} or {track, layer}
    this.selected = null; // {layer, id}
    this.frame = 0;
    this.range = { from: 0, to: times.count }; // frames in view
    this.scroll = 0; // of the lanes, in pixels
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
    const roomForLanes = Math.floor((window.innerHeight * LANES_SHARE) / LANE_HEIGHT);
    const maxLanes = Math.max(MIN_VISIBLE_LANES, Math.min(MAX_VISIBLE_LANES, roomForLanes));
    const visibleLanes = Math.max(1, Math.min(maxLanes, this.lanes.length));
    this.canvas.style.height = `${this.lanesTop + visibleLanes * LANE_HEIGHT + BOTTOM_MARGIN}px`;
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
    return this.canvas.clientHeight - this.lanesTop - BOTTOM_MARGIN;
  }

  xOf(frame) {
    return LEFT_MARGIN + ((frame - this.range.from) / (this.range.to - this.range.from)) * this.width;
  }

  frameAt(x) {
    const share = (x - LEFT_MARGIN) / this.width;
    const frame = Math.floor(this.range.from + share * (this.range.to - this.range.from));
    return Math.max(0, Math.min(this.times.count - 1, frame));
  }

  laneAt(y) {
    if (y < this.lanesTop) return undefined;
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
        ([first, last]) => this.xOf(first) - CLICK_TOLERANCE <= x && x <= this.xOf(last + 1) + CLICK_TOLERANCE,
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
      const factor = Math.exp(event.deltaY * ZOOM_PER_WHEEL_PIXEL);
      const underMouse = this.range.from + ((event.offsetX - LEFT_MARGIN) / this.width) * length;
      this.setRange(underMouse - (underMouse - this.range.from) * factor, length * factor);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.setRange(this.range.from + ((event.deltaX || event.deltaY) / this.width) * length, length);
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
    if (!width) return; // hidden
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
    const EPSILON = 1e-9; // so that a tick at a frame's own time is at that frame
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
    const curves = this.layers.flatMap(({ tracks, isClassShown }, layer) =>
      tracks.summary.counts.flatMap((counts, classId) =>
        isClassShown(classId) ? [{ counts, classId, layer, step: tracks.summary.step }] : [],
      ),
    );
    const max = curves.reduce((highest, { counts }) => counts.reduce((a, b) => Math.max(a, b), highest), 1);
    const yOf = (count) => RULER_HEIGHT + COUNTS_HEIGHT - 2 - (count / max) * (COUNTS_HEIGHT - 8);
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
}

/** The first and last frame of each run of frames in which a track has boxes. */
function spansOfTrack({ spans }) {
  const pairs = [];
  for (let k = 0; k < spans.length; k += 2) pairs.push([spans[k], spans[k + 1]]);
  return pairs;
}
