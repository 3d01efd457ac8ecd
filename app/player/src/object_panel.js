// The panel beside the image of the labeling editor: a filter, the objects that pass it, and the selected object.

import { colorOfTrack } from "./colors.js";
import { button, element, select, toggle } from "./dom.js";
import { lastFrameOf, spansOf } from "./drawing.js";
import { PRESENCES, attributeTexts, emptyFilter, isEmpty, passes } from "./object_filter.js";

const MAX_ROWS = 200;
const TEXT_LENGTH = 200; // of an attribute's value, as in backend/labels/attributes.py

/**
 * @typedef {object} AttributeDefinition - As in backend/labels/attributes.py.
 * @property {string} name
 * @property {"checkbox"|"choice"|"text"} kind
 * @property {string[]} values - Of a choice.
 * @property {boolean} changes - Whether the value may change over time.
 */

export class ObjectPanel {
  /**
   * @param {object} editor - See editor.js, whose drawing, frame and selection are shown, and which acts.
   * @param {string[]} classes
   * @param {AttributeDefinition[]} attributes
   */
  constructor(editor, classes, attributes) {
    Object.assign(this, { editor, classes, attributes });
    this.filter = emptyFilter();
    this.summary = element("span", "muted");
    this.clearButton = button("Show all objects", () => this.setFilter(emptyFilter()), { label: "Clear" });
    this.searchInput = element("input", "search");
    Object.assign(this.searchInput, {
      type: "search",
      placeholder: "Search id, class, value (/)",
      ariaLabel: "Search objects by id, class or value",
    });
    this.searchInput.addEventListener("input", () => this.changeFilter({ text: this.searchInput.value }));
    this.classSelect = select("Filter by class", (value) =>
      this.changeFilter({ classId: value === "" ? null : Number(value) }),
    );
    this.presenceSelect = select("Filter by presence in this frame", (value) => this.changeFilter({ presence: value }));
    this.presenceSelect.setOptions(Object.entries(PRESENCES));
    this.attributeSelect = select("Filter by attribute", (value) => this.changeFilter({ attribute: value }));
    this.list = element("ul", "objects");
    Object.assign(this.list, { role: "listbox", tabIndex: 0, ariaLabel: "Objects" });
    this.list.addEventListener("keydown", (event) => this.onListKey(event));
    this.note = element("div", "muted");
    this.selection = element("div", "selection");
    this.selection.role = "group";
    this.selection.ariaLabel = "Selected object";
    this.element = element(
      "div",
      "panel",
      element(
        "div",
        "row",
        element("strong", "", "Objects"),
        this.summary,
        element("span", "spacer"),
        this.clearButton,
      ),
      element(
        "div",
        "filters",
        this.searchInput,
        this.classSelect.element,
        this.presenceSelect.element,
        this.attributeSelect.element,
      ),
      this.note,
      this.list,
      this.selection,
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && event.target.matches("input, select")) {
        event.stopPropagation();
        editor.focus();
      }
    });
  }

  // --- Filter -----------------------------------------------------------------------------------------------------

  changeFilter(changes) {
    this.setFilter({ ...this.filter, ...changes });
  }

  setFilter(filter) {
    this.filter = filter;
    if (this.searchInput.value !== filter.text) this.searchInput.value = filter.text;
    this.editor.update();
  }

  /** Whether an object is shown: it passes the filter, or is selected. */
  shows(object) {
    const { drawing, frame, selectedId } = this.editor;
    if (object.id === selectedId || isEmpty(this.filter)) return true;
    return passes(object, drawing.boxAt(object.id, frame), this.filter, this.classes);
  }

  /** Whether which objects pass the filter depends on the frame. */
  get dependsOnFrame() {
    return this.filter.presence !== "any";
  }

  focusSearch() {
    this.searchInput.focus();
    this.searchInput.select();
  }

  focusAttributes() {
    this.selection.querySelector("[data-key]")?.focus();
  }

  // --- Display ----------------------------------------------------------------------------------------------------

  /** Show the objects, the choices of the filter, and the selected object as they are now. */
  update() {
    this.updateFilters();
    this.updateList();
    this.updateSelection();
  }

  updateFilters() {
    const objects = [...this.editor.drawing.objects.values()];
    const counts = new Map();
    const attributeCounts = new Map();
    for (const object of objects) {
      counts.set(object.classId, (counts.get(object.classId) ?? 0) + 1);
      for (const text of attributeTexts(object)) attributeCounts.set(text, (attributeCounts.get(text) ?? 0) + 1);
    }
    const { classId, attribute } = this.filter;
    const classIds = [...new Set([...counts.keys(), ...(classId === null ? [] : [classId])])].sort((a, b) => a - b);
    const texts = [...new Set([...attributeCounts.keys(), ...(attribute ? [attribute] : [])])].sort();
    this.classSelect.setOptions(
      [["", "any class"], ...classIds.map((id) => [id, `${this.classes[id]} (${counts.get(id) ?? 0})`])],
      classId ?? "",
    );
    this.attributeSelect.setOptions(
      [["", "any attribute"], ...texts.map((text) => [text, `${text} (${attributeCounts.get(text) ?? 0})`])],
      attribute,
    );
    this.presenceSelect.setOptions(Object.entries(PRESENCES), this.filter.presence);
    this.classSelect.element.hidden = classIds.length < 2 && classId === null;
    this.attributeSelect.element.hidden = !texts.length;
    this.clearButton.hidden = isEmpty(this.filter);
  }

  updateList() {
    const { drawing, selectedId, frame } = this.editor;
    const all = [...drawing.objects.values()];
    const shown = all.filter((object) => this.shows(object)).sort((a, b) => a.id - b.id);
    this.shownIds = shown.map(({ id }) => id);
    this.summary.textContent = shown.length === all.length ? `${all.length}` : `${shown.length} of ${all.length}`;
    const rows = shown.slice(0, MAX_ROWS).map((object) => {
      const row = element("li", "object");
      row.role = "option";
      row.id = `object-${object.id}`;
      row.ariaSelected = String(object.id === selectedId);
      const dot = element("b", "dot");
      dot.style.background = colorOfTrack(object.id);
      const values = [...attributeTexts(object)].join(", ");
      row.append(dot, element("span", "", `#${object.id} ${this.classes[object.classId]}`));
      row.append(element("small", "", drawing.boxAt(object.id, frame) ? values : `hidden${values && ", "}${values}`));
      row.title = values;
      row.addEventListener("click", () => this.choose(object.id));
      return row;
    });
    let note = "";
    if (shown.length > MAX_ROWS) note = `${shown.length - MAX_ROWS} more: search for them.`;
    if (!shown.length) note = all.length ? "No object passes the filter." : "Drag over the image to draw a box.";
    this.note.textContent = note;
    this.note.hidden = !note;
    this.list.replaceChildren(...rows);
    const selected = rows.find((row) => row.ariaSelected === "true");
    if (selected) {
      this.list.setAttribute("aria-activedescendant", selected.id);
      this.scrollTo(selected);
    } else {
      this.list.removeAttribute("aria-activedescendant");
    }
  }

  /** Scroll the list, and nothing around it, until a row is in view. */
  scrollTo(row) {
    const { list } = this;
    const top = row.offsetTop - list.offsetTop;
    if (top < list.scrollTop) list.scrollTop = top;
    const bottom = top + row.offsetHeight - list.clientHeight;
    if (bottom > list.scrollTop) list.scrollTop = bottom;
  }

  /** Select an object, and go to its first frame if it is not in the current one. */
  choose(id) {
    const { editor } = this;
    editor.select(id);
    const object = editor.drawing.objects.get(id);
    if (object && !editor.drawing.boxAt(id, editor.frame)) editor.images.seek(spansOf(object)[0][0]);
  }

  onListKey(event) {
    const { shownIds } = this;
    const index = shownIds.indexOf(this.editor.selectedId);
    const targets = { ArrowDown: index + 1, ArrowUp: index < 0 ? 0 : index - 1, Home: 0, End: shownIds.length - 1 };
    if (!(event.key in targets) || !shownIds.length) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(shownIds[Math.max(0, Math.min(shownIds.length - 1, targets[event.key]))]);
  }

  // --- Selected object --------------------------------------------------------------------------------------------

  updateSelection() {
    const { editor } = this;
    const { drawing, frame, selectedId: id } = editor;
    const focusedKey = this.focusedKey();
    if (id === null) {
      this.selection.replaceChildren(element("span", "muted", "Select an object to change it."));
      return;
    }
    const object = drawing.objects.get(id);
    const box = drawing.boxAt(id, frame);
    this.idInput = element("input", "number");
    Object.assign(this.idInput, { type: "number", min: 1, value: id, title: "Id (R)", ariaLabel: "Id of the object" });
    this.idInput.addEventListener("change", () => editor.changeId(id, Number(this.idInput.value)));
    const spans = spansOf(object).map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
    const spansText = element("span", "muted spans", `frames ${spans.join(", ")}`);
    spansText.title = spansText.textContent;
    const isPresent = Boolean(box);
    const isInGap = !isPresent && frame < lastFrameOf(object);
    const action = (label, title, run, isEnabled = true) => {
      const runAndFocus = () => {
        run();
        editor.focus();
      };
      const created = button(title, runAndFocus, { label, className: "action" });
      created.disabled = !isEnabled;
      return created;
    };
    const occluded = toggle("Occluded", "Partly hidden by another object (O)", Boolean(box?.occluded), () =>
      editor.toggleAttribute("occluded"),
    );
    const truncated = toggle("Truncated", "Partly outside the image (T)", Boolean(box?.truncated), () =>
      editor.toggleAttribute("truncated"),
    );
    occluded.disabled = truncated.disabled = !isPresent;
    this.selection.replaceChildren(
      element(
        "div",
        "row",
        element("strong", "", "#"),
        this.idInput,
        spansText,
        element("span", "spacer"),
        button("Deselect (Esc)", () => editor.select(null), { iconName: "close" }),
      ),
      this.attributeFields(object, box),
      element("div", "row", occluded, truncated),
      element(
        "div",
        "row",
        action("Copy to next", "Copy the box to the next frame (V)", () => editor.copyToNext()),
        action("Follow", "Find the object in the next frames (F)", () => editor.follow(), isPresent),
        action("Last frame", "The object ends in this frame (E)", () => drawing.endAt(id, frame), isPresent),
        action("Split", "From this frame on it is another object (S)", () => editor.split(), isPresent),
        action(editor.mergingId === null ? "Merge" : "Click the other object …", "Merge with another object (M)", () =>
          editor.toggleMerging(),
        ),
        isInGap
          ? action("Fill gap", "Interpolate the object in this gap (G)", () => drawing.fillGap(id, frame))
          : action("Absent here", "The object is not in this frame (X)", () => drawing.removeAt(id, frame), isPresent),
        action("Delete", "Delete the object from all frames (Shift Del)", () => drawing.remove(id)),
      ),
    );
    if (focusedKey) this.selection.querySelector(`[data-key="${CSS.escape(focusedKey)}"]`)?.focus();
  }

  /** The key of the field that has the focus, which is replaced by one with the same key. */
  focusedKey() {
    const focused = this.element.getRootNode().activeElement;
    return this.selection.contains(focused) ? focused.dataset.key : undefined;
  }

  attributeFields(object, box) {
    const fields = this.attributes.map((definition) => {
      const values = definition.changes ? box?.attributes : object.attributes;
      const field = this.attributeField(definition, values?.[definition.name]);
      field.dataset.key = definition.name;
      field.disabled = definition.changes && !box;
      const set = (value) =>
        this.editor.drawing.setAttribute(object.id, this.editor.frame, definition.name, value, definition.changes);
      field.addEventListener("change", () => set(field.type === "checkbox" ? field.checked : field.value.trim()));
      const hint = definition.changes ? "Holds from this frame on, until it changes again" : "The same in all frames";
      const label = element(
        "label",
        "attribute",
        element(
          "span",
          "",
          definition.name,
          ...(definition.changes ? [element("small", "", "from this frame on")] : []),
        ),
        field,
      );
      label.title = hint;
      return label;
    });
    return element("div", "attributes", ...fields);
  }

  attributeField({ kind, values }, value) {
    if (kind === "choice") {
      const field = element("select");
      const isForeign = value !== undefined && !values.includes(value);
      const options = ["", ...values, ...(isForeign ? [value] : [])].map((text) => new Option(text || "–", text));
      field.append(...options);
      field.value = value ?? "";
      return field;
    }
    const field = element("input");
    if (kind === "checkbox") Object.assign(field, { type: "checkbox", checked: value === true });
    else Object.assign(field, { type: "text", maxLength: TEXT_LENGTH, value: value ?? "" });
    return field;
  }
}
