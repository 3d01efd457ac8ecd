// Which drawn objects the editor shows.

/** @typedef {"any"|"present"|"absent"|"occluded"} Presence - In the current frame. */

export const PRESENCES = {
  any: "in any frame",
  present: "in this frame",
  absent: "hidden in this frame",
  occluded: "occluded in this frame",
};

/**
 * @typedef {object} ObjectFilter
 * @property {string} text - Words that must all occur in the id (`#7`), the class or the values of attributes.
 * @property {number|null} classId
 * @property {string} attribute - `name: value`, as `attributeTexts` returns it; empty for any.
 * @property {Presence} presence
 */

/** @returns {ObjectFilter} One that every object passes. */
export function emptyFilter() {
  return { text: "", classId: null, attribute: "", presence: "any" };
}

export function isEmpty(filter) {
  return !filter.text.trim() && filter.classId === null && !filter.attribute && filter.presence === "any";
}

/**
 * The attributes of an object in any of its frames, as `name: value`.
 *
 * @param {import("./drawing.js").DrawnObject} object
 * @returns {Set<string>}
 */
export function attributeTexts(object) {
  const texts = new Set();
  const add = (attributes) => {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      texts.add(`${name}: ${value === true ? "yes" : value}`);
    }
  };
  add(object.attributes);
  for (const keyframe of object.keyframes.values()) add(keyframe.attributes);
  return texts;
}

/**
 * Whether an object passes a filter.
 *
 * @param {import("./drawing.js").DrawnObject} object
 * @param {import("./drawing.js").BoxState|null} box - In the current frame.
 * @param {ObjectFilter} filter
 * @param {string[]} classes
 */
export function passes(object, box, filter, classes) {
  if (filter.classId !== null && object.classId !== filter.classId) return false;
  if (filter.presence === "present" && !box) return false;
  if (filter.presence === "absent" && box) return false;
  if (filter.presence === "occluded" && !box?.occluded) return false;
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!filter.attribute && !words.length) return true;
  const attributes = attributeTexts(object);
  if (filter.attribute && !attributes.has(filter.attribute)) return false;
  const searched = `#${object.id} ${classes[object.classId]} ${[...attributes].join(" ")}`.toLowerCase();
  return words.every((word) => (/^#?\d+$/.test(word) ? hasNumber(searched, object.id, word) : searched.includes(word)));
}

/** A number is the id, or a part of an attribute's value: `1` does not match object 12. */
function hasNumber(searched, id, word) {
  return word.replace("#", "") === String(id) || (!word.startsWith("#") && searched.split(" ").slice(1).includes(word));
}
