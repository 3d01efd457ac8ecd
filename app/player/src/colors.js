// One color per track, well apart from those of its neighbors, and those that say what is wrong.

const GOLDEN = 137.508; // degrees

const cache = new Map();

export function colorOf(id) {
  let color = cache.get(id);
  if (!color) cache.set(id, (color = `hsl(${((id * GOLDEN) % 360).toFixed(1)} 85% ${id % 2 ? 58 : 66}%)`));
  return color;
}

export const CLASS_COLORS = ["#14a394", "#f59e0b", "#6366f1", "#e8506a", "#0ea5e9", "#84cc16", "#a855f7", "#7b8c8a"];
export const MARK_COLORS = { 0: "#9aa7a5", 1: "#2dd4bf", 2: "#ef4444", 3: "#f59e0b", 4: "#d946ef" };
export const MARK_NAMES = { 2: "missed", 3: "false", 4: "switched" };
