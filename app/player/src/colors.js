// Colors of tracks, classes and differences.

// Multiples of the golden angle are spread over the color wheel, so that neighboring ids look different.
const GOLDEN_ANGLE_DEGREES = 137.508;

const cache = new Map();

/**
 * The color of a track, the same wherever it is drawn in the browser.
 *
 * @param {number} id
 * @returns {string} A CSS color.
 */
export function colorOfTrack(id) {
  let color = cache.get(id);
  if (!color) {
    const hue = (id * GOLDEN_ANGLE_DEGREES) % 360;
    color = `hsl(${hue.toFixed(1)} 85% ${id % 2 ? 58 : 66}%)`;
    cache.set(id, color);
  }
  return color;
}

/** Colors of classes, by class number; they repeat after the last one. */
export const CLASS_COLORS = ["#14a394", "#f59e0b", "#6366f1", "#e8506a", "#0ea5e9", "#84cc16", "#a855f7", "#7b8c8a"];

/** How a box compares with the other layer. The numbers are those of `bytetrack.scoring.differences`. */
export const MARK = { NOT_COMPARED: 0, MATCHED: 1, MISSED: 2, FALSE_POSITIVE: 3, ID_SWITCH: 4 };

export const MARK_COLORS = {
  [MARK.NOT_COMPARED]: "#9aa7a5",
  [MARK.MATCHED]: "#2dd4bf",
  [MARK.MISSED]: "#ef4444",
  [MARK.FALSE_POSITIVE]: "#f59e0b",
  [MARK.ID_SWITCH]: "#d946ef",
};

export const MARK_NAMES = {
  [MARK.MISSED]: "missed",
  [MARK.FALSE_POSITIVE]: "false positive",
  [MARK.ID_SWITCH]: "ID switch",
};
