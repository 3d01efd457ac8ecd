// Helpers that create DOM elements.

import { icon } from "./icons.js";

/**
 * Create an element.
 *
 * @param {string} tag
 * @param {string} className
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function element(tag, className = "", ...children) {
  const created = document.createElement(tag);
  created.className = className;
  created.append(...children);
  return created;
}

/**
 * Create a button that shows either an icon or a label.
 *
 * @param {string} title - Tooltip; also the accessible name of a button without a label.
 * @param {() => void} onClick
 * @param {object} [options]
 * @param {string} [options.iconName] - One of the names in icons.js.
 * @param {string} [options.label]
 * @param {string} [options.className]
 * @returns {HTMLButtonElement}
 */
export function button(title, onClick, { iconName = "", label = "", className = "" } = {}) {
  const created = element("button", className, label);
  created.type = "button";
  if (iconName) created.innerHTML = icon(iconName);
  created.title = title;
  if (!label) created.ariaLabel = title;
  created.addEventListener("click", onClick);
  return created;
}

/**
 * Create a button that stays pressed until it is clicked again.
 *
 * @param {string} label
 * @param {string} title
 * @param {boolean} pressed - Its state at first.
 * @param {(pressed: boolean) => void} onToggle
 * @returns {HTMLButtonElement}
 */
export function toggle(label, title, pressed, onToggle) {
  const created = button(
    title,
    () => {
      created.ariaPressed = String(created.ariaPressed !== "true");
      onToggle(created.ariaPressed === "true");
    },
    { label, className: "toggle" },
  );
  created.ariaPressed = String(pressed);
  return created;
}

/**
 * Create a labeled slider from 0 that shows its value.
 *
 * @param {string} label
 * @param {string} title
 * @param {{max: number, step: number, value: number}} range
 * @param {(value: number) => void} onInput
 * @returns {HTMLLabelElement}
 */
export function slider(label, title, { max, step, value }, onInput) {
  const input = element("input");
  Object.assign(input, { type: "range", min: 0, max, step, value, title });
  const output = element("output", "", String(value));
  input.addEventListener("input", () => {
    output.value = input.value;
    onInput(Number(input.value));
  });
  return element("label", "range", label, input, output);
}

/**
 * Create a select box whose options can be replaced while it is open or has the focus.
 *
 * @param {string} label - Its accessible name.
 * @param {(value: string) => void} onChange
 * @returns {{element: HTMLSelectElement, setOptions: (options: [string|number, string][], value?: string|number) => void}}
 */
export function select(label, onChange) {
  const created = element("select");
  created.ariaLabel = created.title = label;
  created.addEventListener("change", () => onChange(created.value));
  let shown = "";
  const setOptions = (options, value = options[0][0]) => {
    const content = JSON.stringify(options);
    if (content !== shown) created.replaceChildren(...options.map(([key, text]) => new Option(text, key)));
    shown = content;
    created.value = String(value);
  };
  return { element: created, setOptions };
}

/**
 * Return the focus to `root` after a click on one of its buttons, so that keyboard shortcuts keep working.
 *
 * A button that was pressed with the keyboard keeps the focus.
 *
 * @param {HTMLElement} root
 */
export function returnFocusAfterClicks(root) {
  root.addEventListener("click", (event) => {
    const byMouse = event.detail > 0;
    if (byMouse && event.composedPath()[0].closest?.("button")) root.focus({ preventScroll: true });
  });
}

/** Toggle full screen for `root`. */
export function toggleFullScreen(root) {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen?.();
}

/** Canvas pixels per CSS pixel. */
export function pixelRatio() {
  return window.devicePixelRatio || 1;
}
