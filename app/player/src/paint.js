// Boxes, ids, trails and marks, painted in the picture's pixels.

import { MARK_COLORS, colorOf } from "./colors.js";
import { FALSE, MISSED, SWITCHED } from "./tracks.js";

export const TRAIL = 30; // frames
const FAINT = 0.28;
const WRONG = new Set([MISSED, FALSE, SWITCHED]);

// look: {boxes, ids, trails, scores, onlyWrong}: what to paint; shows(columns, row): whether a box passes the filters;
// followed: a track's id or null; marked: whether colors say what is wrong; dashed: the lower of two layers; scale:
// canvas pixels per pixel of the picture; ratio: canvas pixels per pixel of the page; width: the picture's.
export function paintTracks(context, tracks, frame, look) {
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
    if (!look.shows(columns, row) || (look.onlyWrong && !WRONG.has(mark))) continue;
    const id = columns.id[row];
    const followed = look.followed === id;
    const color = look.marked ? MARK_COLORS[mark] : colorOf(id);
    context.globalAlpha = look.followed !== null && !followed ? FAINT : 1;
    const x = columns.left[row],
      y = columns.top[row];
    const width = columns.right[row] - x,
      height = columns.bottom[row] - y;
    if (look.boxes) {
      context.strokeStyle = color;
      context.lineWidth = (followed || (look.marked && WRONG.has(mark)) ? 3 : 2) * look.ratio * px;
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

// Above the box, inside where there is no room; or at its lower edge, where two layers lie on each other.
function paintLabel(context, words, x, y, color, look, px, below) {
  const width = context.measureText(words).width + 8 * px,
    height = 16 * px;
  x = Math.max(px, Math.min(x, look.width - width + px));
  const top = below ?? (y - height > 0 ? y - height : y);
  context.fillStyle = color;
  context.fillRect(x - px, top, width, height);
  context.fillStyle = "#0b0f10";
  context.fillText(words, x + 3 * px, top + height - 1.5 * px);
}

// Where the middle of each box's lower edge was in the frames before.
function paintTrails(context, tracks, frame, look, px) {
  const now = new Map();
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
    if (points.length < 2 || (look.followed !== null && look.followed !== id)) continue;
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

// The id of the smallest shown box around a place of the picture, null if there is none.
export function idAt(tracks, frame, place, look) {
  const found = tracks.at(frame);
  let best = null,
    smallest = Infinity;
  for (let row = found?.from ?? 0; row < (found?.to ?? 0); row++) {
    const { columns } = found;
    const inside =
      columns.left[row] <= place.x &&
      place.x <= columns.right[row] &&
      columns.top[row] <= place.y &&
      place.y <= columns.bottom[row];
    const area = (columns.right[row] - columns.left[row]) * (columns.bottom[row] - columns.top[row]);
    if (inside && area < smallest && look.shows(columns, row)) [best, smallest] = [columns.id[row], area];
  }
  return best;
}
