// Paint boxes, labels and trails of tracks on a frame. Coordinates are pixels of the image.

import { MARK, MARK_COLORS, colorOfTrack } from "./colors.js";

const TRAIL_FRAMES = 30;
const UNSELECTED_ALPHA = 0.28;
const LABEL_TEXT_COLOR = "#0b0f10";
const WRONG = new Set([MARK.MISSED, MARK.FALSE_POSITIVE, MARK.ID_SWITCH]);

/**
 * @typedef {object} Style
 * @property {boolean} boxes - Whether to paint boxes.
 * @property {boolean} ids - Whether to paint ids and, if there are several, classes.
 * @property {boolean} trails - Whether to paint where each object was in the last frames.
 * @property {boolean} scores - Whether to paint scores.
 * @property {boolean} differencesOnly - Whether to leave out boxes that match.
 * @property {(columns: import("./tracks.js").Columns, row: number) => boolean} isShown - Whether a box passes the
 *   filters.
 * @property {number|null} selected - Id of the selected track; -1 if the selected track is in another layer.
 * @property {boolean} marked - Whether colors mark differences instead of telling tracks apart.
 * @property {boolean} dashed - Whether lines are dashed: for the lower of two layers in one image.
 * @property {number} scale - Canvas pixels per image pixel.
 * @property {number} ratio - Canvas pixels per CSS pixel.
 * @property {number} width - Of the image, in pixels.
 * @property {string} font - CSS font family.
 */

/**
 * Paint the tracks of one layer; nothing if its boxes are not loaded yet.
 *
 * @param {CanvasRenderingContext2D} context - Transformed to image pixels.
 * @param {import("./tracks.js").Tracks} tracks
 * @param {number} frame
 * @param {Style} style
 */
export function paintTracks(context, tracks, frame, style) {
  const boxes = tracks.boxesAt(frame);
  if (!boxes) return;
  const { columns } = boxes;
  const unit = style.ratio / style.scale; // image pixels per CSS pixel
  if (style.trails) paintTrails(context, tracks, frame, style, unit);
  context.lineJoin = "round";
  context.font = `600 ${12 * unit}px ${style.font}`;
  context.textBaseline = "bottom";
  for (let row = boxes.from; row < boxes.to; row++) {
    const mark = columns.mark[row];
    if (!style.isShown(columns, row) || (style.differencesOnly && !WRONG.has(mark))) continue;
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
      context.lineWidth = (isSelected || (style.marked && WRONG.has(mark)) ? 3 : 2) * unit;
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

/**
 * Paint a label above its box, or inside it at the image's upper edge. The labels of dashed boxes are below them, so
 * that those of two layers in one image do not cover each other.
 */
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

/** Paint the path of the center of each box's bottom edge over the last `TRAIL_FRAMES` frames. */
function paintTrails(context, tracks, frame, style, unit) {
  const points = new Map(); // id → points, latest first
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
    if (path.length < 2 || (style.selected !== null && style.selected !== id)) continue;
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

/**
 * The id of the smallest shown box around a point of the image; null if there is none.
 *
 * @param {import("./tracks.js").Tracks} tracks
 * @param {number} frame
 * @param {{x: number, y: number}} point - Image pixels.
 * @param {Style} style
 * @returns {number|null}
 */
export function idAtPoint(tracks, frame, point, style) {
  const boxes = tracks.boxesAt(frame);
  if (!boxes) return null;
  const { columns } = boxes;
  let smallestId = null;
  let smallestArea = Infinity;
  for (let row = boxes.from; row < boxes.to; row++) {
    const isInside =
      columns.left[row] <= point.x &&
      point.x <= columns.right[row] &&
      columns.top[row] <= point.y &&
      point.y <= columns.bottom[row];
    const area = (columns.right[row] - columns.left[row]) * (columns.bottom[row] - columns.top[row]);
    if (isInside && area < smallestArea && style.isShown(columns, row)) {
      [smallestId, smallestArea] = [columns.id[row], area];
    }
  }
  return smallestId;
}
