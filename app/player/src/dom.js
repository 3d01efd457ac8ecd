// Making elements with few words.

import { icon } from "./icons.js";

export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

// A button with an icon, or with words where `name` is no icon's.
export function button(title, act, { name = "", words = "", className = "" } = {}) {
  const made = element("button", className, words);
  made.type = "button";
  if (name) made.innerHTML = icon(name);
  made.title = made.ariaLabel = title;
  made.addEventListener("click", act);
  return made;
}

// A button that is pressed or not.
export function toggle(words, title, pressed, act) {
  const made = button(
    title,
    () => {
      made.ariaPressed = String(made.ariaPressed !== "true");
      act(made.ariaPressed === "true");
    },
    { words, className: "toggle" },
  );
  made.ariaPressed = String(pressed);
  return made;
}

// A button that was clicked gives the keyboard back, so that its keys go on working; one reached by keyboard keeps it.
export function keepFocus(root) {
  root.addEventListener("click", (event) => {
    if (event.detail > 0 && event.composedPath()[0].closest?.("button")) root.focus({ preventScroll: true });
  });
}

export function range(words, title, most, step, value, act) {
  const input = element("input");
  Object.assign(input, { type: "range", min: 0, max: most, step, value, title });
  const shown = element("output", "", String(value));
  input.addEventListener("input", () => {
    shown.value = input.value;
    act(Number(input.value));
  });
  return element("label", "range", words, input, shown);
}
