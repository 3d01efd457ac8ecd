// A list of records as a table or as cards, with a selection and the actions on it.
//
// The selection is kept here, so that selecting is immediate. It survives changes of the list's page, order and filters,
// until `data.generation` changes, as it does after an action has changed the records.

const lists = new WeakMap(); // root element → {selected, generation, data, …}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".records");
  let list = lists.get(root);
  if (!list) lists.set(root, (list = { selected: new Set(), all: false, generation: data.generation }));
  if (list.generation !== data.generation) Object.assign(list, { selected: new Set(), all: false, generation: data.generation });
  Object.assign(list, { root, data, trigger: setTriggerValue });
  draw(list);
}

function draw(list) {
  const { root, data } = list;
  const focused = root.getRootNode().activeElement?.dataset?.focus; // restored below: drawing replaces all elements
  root.replaceChildren(selectionBar(list), data.cards ? cards(list) : table(list));
  if (focused) root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

function selectionBar(list) {
  const { data, selected } = list;
  const count = list.all ? data.total : selected.size;
  const bar = element("div", "bar");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Selection");
  bar.append(checkbox(list, "page", "Select all on this page", isPageSelected(list), (checked) => selectPage(list, checked)));
  const status = element("span", "status", count ? `${count.toLocaleString()} selected` : data.count_text);
  status.setAttribute("role", "status");
  bar.append(status);
  if (count) {
    if (!list.all && isPageSelected(list) && data.total > count) {
      bar.append(action(`Select all ${data.total.toLocaleString()}`, "all", () => update(list, { all: true })));
    }
    if (count === 1 && !list.all) bar.append(action("Edit", "edit", () => act(list, "edit")));
    bar.append(
      action("Tags", "tag", () => act(list, "tag")),
      action("Delete", "delete", () => act(list, "delete")),
      action("Clear selection", "clear", () => update(list, { all: false, selected: new Set() })),
    );
  }
  return bar;
}

function isPageSelected({ data, selected, all }) {
  return all || (data.rows.length > 0 && data.rows.every(({ id }) => selected.has(id)));
}

function selectPage(list, checked) {
  const selected = new Set(checked ? list.selected : list.all ? [] : list.selected);
  for (const { id } of list.data.rows) checked ? selected.add(id) : selected.delete(id);
  update(list, { all: false, selected });
}

function select(list, id, checked) {
  const selected = new Set(list.all ? list.data.rows.map((row) => row.id) : list.selected);
  if (checked) selected.add(id);
  else selected.delete(id);
  update(list, { all: false, selected });
}

function update(list, changes) {
  Object.assign(list, changes);
  draw(list);
}

function act(list, name) {
  list.trigger("action", { name, ids: [...list.selected], all: list.all });
}

// --- Table ----------------------------------------------------------------------------------------------------------

function table(list) {
  const { data } = list;
  const head = element("tr");
  head.append(heading(list, { title: "", order: "" }), heading(list, { title: "Name", order: "name" }));
  for (const column of data.columns) head.append(heading(list, column));
  const body = element("tbody");
  for (const row of data.rows) {
    const line = element("tr", row.id === data.current ? "current" : "");
    const name = element("th", "name");
    name.scope = "row";
    name.append(link(list, row), ...details(row));
    const select = element("td", "select");
    select.append(rowCheckbox(list, row));
    line.append(select, name);
    row.cells.forEach((text, index) => {
      const { right, secondary } = data.columns[index];
      line.append(element("td", classes({ right, secondary }), text));
    });
    body.append(line);
  }
  const thead = element("thead");
  thead.append(head);
  const created = element("table");
  created.setAttribute("aria-label", data.label);
  created.append(thead, body);
  const scroller = element("div", "scroller");
  scroller.append(created);
  return scroller;
}

function heading(list, { title, order, right, secondary }) {
  if (!title) return element("td", "select");
  const cell = element("th", classes({ right, secondary }));
  cell.scope = "col";
  if (!order) {
    cell.textContent = title;
    return cell;
  }
  const { order: current } = list.data;
  const isDescending = current === `-${order}`;
  const isSorted = isDescending || current === order;
  if (isSorted) cell.ariaSort = isDescending ? "descending" : "ascending";
  const firstOrder = order === "name" ? order : `-${order}`;
  const nextOrder = isSorted ? (isDescending ? order : `-${order}`) : firstOrder;
  const sort = element("button", isSorted ? "sorted" : "", title + (isSorted ? (isDescending ? " ↓" : " ↑") : ""));
  sort.ariaLabel = `Sort by ${title}`;
  sort.type = "button";
  sort.dataset.focus = `sort-${order}`;
  sort.onclick = () => list.trigger("sort", nextOrder);
  cell.append(sort);
  return cell;
}

// --- Cards ----------------------------------------------------------------------------------------------------------

function cards(list) {
  const { data } = list;
  const created = element("ul", "cards");
  created.setAttribute("aria-label", data.label);
  for (const row of data.rows) {
    const card = element("li", row.id === data.current ? "current" : "");
    if (row.image) {
      const image = element("img");
      Object.assign(image, { src: row.image, alt: "", loading: "lazy", width: 320, height: 180 });
      image.onerror = () => image.classList.add("missing");
      image.onclick = () => list.trigger("open", row.id); // the link beside it is for the keyboard
      card.append(image);
    }
    const title = element("div", "title");
    title.append(rowCheckbox(list, row), link(list, row));
    const facts = element("div", "facts", row.cells.filter(Boolean).join(" · "));
    card.append(title, facts, ...details(row));
    if (data.rowAction) {
      const rowAction = action(data.rowAction, `act-${row.id}`, () => list.trigger("row_action", row.id));
      rowAction.ariaLabel = `${data.rowAction} ${row.name}`;
      card.append(rowAction);
    }
    created.append(card);
  }
  return created;
}

// --- Parts of both --------------------------------------------------------------------------------------------------

function link(list, row) {
  const created = element("a", "", row.name);
  created.href = row.href;
  created.dataset.focus = `open-${row.id}`;
  if (row.id === list.data.current) created.ariaCurrent = "true";
  created.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // opens a new tab or window
    event.preventDefault();
    list.trigger("open", row.id);
  };
  return created;
}

function details({ badges, tags, description }) {
  const parts = [...badges.map((text) => element("span", "badge", text)), ...tags.map((text) => element("span", "tag", text))];
  if (description) {
    const note = element("div", "note", description);
    note.title = description;
    parts.push(note);
  }
  return parts;
}

function rowCheckbox(list, { id, name }) {
  return checkbox(list, id, `Select ${name}`, list.all || list.selected.has(id), (checked) => select(list, id, checked));
}

function checkbox(list, key, label, checked, onChange) {
  const box = element("input");
  Object.assign(box, { type: "checkbox", checked, ariaLabel: label });
  box.dataset.focus = `select-${key}`;
  box.onchange = () => onChange(box.checked);
  return box;
}

function action(label, key, onClick) {
  const button = element("button", "", label);
  button.type = "button";
  button.dataset.focus = `action-${key}`;
  button.onclick = onClick;
  return button;
}

function classes(flags) {
  return Object.keys(flags).filter((name) => flags[name]).join(" ");
}

function element(tag, className = "", text = "") {
  const created = document.createElement(tag);
  created.className = className;
  created.textContent = text;
  return created;
}
