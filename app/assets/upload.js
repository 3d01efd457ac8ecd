// Uploads one file after another with XMLHttpRequest which, unlike fetch, reports how much of the body was sent.
// The queue is a property of the window: Streamlit may remove and recreate the component during an upload.

const ICON = `<svg width="34" height="34" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6"
  stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M12 16V5m0 0L8 9m4-4 4 4"/>
  <path d="M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3"/></svg>`;

export default function ({ data, parentElement, setTriggerValue }) {
  const queues = (window.studioUploads ??= {});
  const queue = (queues[data.purpose] ??= { files: [], busy: false });
  const zone = parentElement.querySelector(".zone");
  queue.data = data;
  queue.arrived = (name) => setTriggerValue("uploaded", name);
  queue.draw = () => drawFiles(zone.querySelector(".files"), queue);
  if (!zone.querySelector(".drop")) build(zone, queue);
  queue.draw();
}

function build(zone, queue) {
  const { data } = queue;
  const drop = element("button", "drop");
  drop.type = "button";
  drop.innerHTML = ICON;
  const text = element("span");
  text.append(element("b", "", data.prompt), element("small", "", "Drop files here or click to choose. " + data.suffixes.join(" ")));
  drop.append(text);
  const input = element("input");
  Object.assign(input, { type: "file", multiple: true, accept: data.suffixes.join(","), hidden: true });
  zone.append(drop, input, element("div", "files"));

  drop.onclick = () => input.click();
  input.onchange = () => { add(queue, input.files); input.value = ""; };
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => { event.preventDefault(); drop.classList.remove("over"); add(queue, event.dataTransfer.files); };
}

function add(queue, files) {
  const suffixes = queue.data.suffixes;
  for (const file of files) {
    const supported = suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix));
    const error = supported ? "" : "This file type is not supported. Supported are " + suffixes.join(" ");
    queue.files.push({ file, sent: 0, error });
  }
  queue.draw();
  next(queue);
}

function next(queue) {
  const entry = queue.files.find((candidate) => !candidate.error && !candidate.request);
  if (queue.busy || !entry) return;
  queue.busy = true;
  const request = (entry.request = new XMLHttpRequest());
  entry.started = performance.now();
  const finish = (error) => {
    queue.busy = false;
    entry.error = error;
    if (!error) queue.files = queue.files.filter((other) => other !== entry);
    queue.draw();
    next(queue);
  };
  request.upload.onprogress = (event) => { entry.sent = event.loaded; queue.draw(); };
  request.onload = () => {
    const answer = parse(request.responseText);
    finish(request.status === 200 ? "" : answer.error || `The console rejected the file (HTTP status ${request.status}).`);
    if (request.status === 200) queue.arrived(answer.name);
  };
  request.onerror = () => finish("The connection was lost. Check that the console is running, then choose the file again.");
  request.onabort = () => finish("");
  request.open("POST", queue.data.address + "?name=" + encodeURIComponent(entry.file.name));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(entry.file);
}

function drawFiles(list, queue) {
  list.replaceChildren(...queue.files.map((entry) => {
    const row = element("div", entry.error ? "file failed" : "file");
    const button = element("button", "", entry.error ? "Dismiss" : "Cancel");
    button.onclick = () => {
      queue.files = queue.files.filter((other) => other !== entry);
      if (entry.request && !entry.error) entry.request.abort();
      queue.draw();
    };
    row.append(element("span", "name", entry.file.name), element("span", "note", entry.error ? "" : state(entry)), button);
    if (entry.error) row.append(element("span", "why", entry.error));
    else {
      const bar = element("div", "bar");
      bar.append(element("div"));
      bar.firstChild.style.width = percent(entry) + "%";
      row.append(bar);
    }
    return row;
  }));
}

function state(entry) {
  if (!entry.request) return "Waiting";
  if (entry.sent >= entry.file.size) return "Saving";
  const seconds = (performance.now() - entry.started) / 1000;
  const left = entry.sent > 0 && seconds > 1 ? (seconds * (entry.file.size - entry.sent)) / entry.sent : 0;
  const of = `${percent(entry).toFixed(0)} % of ${(entry.file.size / 1e6).toFixed(1)} MB`;
  return left ? `${of}, ${left < 90 ? Math.ceil(left) + " s" : Math.ceil(left / 60) + " min"} left` : of;
}

const percent = (entry) => (100 * entry.sent) / entry.file.size;

function parse(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}
