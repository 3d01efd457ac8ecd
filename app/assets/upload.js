// Uploads one file after another with XMLHttpRequest, which, unlike fetch, tells how much of the body was sent.
// The queue lives on the window: Streamlit may take the component away and bring it back while a file is under way.

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
  text.append(element("b", "", data.prompt), element("small", "", "Drop here or click to choose. " + data.accept.join(" ")));
  drop.append(text);
  const input = element("input");
  Object.assign(input, { type: "file", multiple: data.several, accept: data.accept.join(","), hidden: true });
  zone.append(drop, input, element("div", "files"));

  drop.onclick = () => input.click();
  input.onchange = () => { add(queue, input.files); input.value = ""; };
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => { event.preventDefault(); drop.classList.remove("over"); add(queue, event.dataTransfer.files); };
}

function add(queue, files) {
  for (const file of queue.data.several ? files : [...files].slice(0, 1)) {
    const known = queue.data.accept.some((suffix) => file.name.toLowerCase().endsWith(suffix));
    const error = known ? "" : "This type is not taken. Known are " + queue.data.accept.join(" ");
    queue.files.push({ file, sent: 0, error });
  }
  queue.draw();
  next(queue);
}

function next(queue) {
  const entry = queue.files.find((each) => !each.error && !each.request);
  if (queue.busy || !entry) return;
  queue.busy = true;
  const request = (entry.request = new XMLHttpRequest());
  entry.started = performance.now();
  const finish = (error) => {
    queue.busy = false;
    entry.error = error;
    if (!error) queue.files = queue.files.filter((each) => each !== entry);
    queue.draw();
    next(queue);
  };
  request.upload.onprogress = (event) => { entry.sent = event.loaded; queue.draw(); };
  request.onload = () => {
    const answer = parse(request.responseText);
    finish(request.status === 200 ? "" : answer.error || `The console refused it (${request.status}).`);
    if (request.status === 200) queue.arrived(answer.name);
  };
  request.onerror = () => finish("The connection broke. Is the console still running? Choose the file again.");
  request.onabort = () => finish("");
  request.open("POST", queue.data.url + "&name=" + encodeURIComponent(entry.file.name));
  request.setRequestHeader("X-Studio-Token", queue.data.token);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(entry.file);
}

function drawFiles(list, queue) {
  list.replaceChildren(...queue.files.map((entry) => {
    const row = element("div", entry.error ? "file failed" : "file");
    const button = element("button", "", entry.error ? "Dismiss" : "Cancel");
    button.onclick = () => {
      queue.files = queue.files.filter((each) => each !== entry);
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
  if (!entry.request) return "waiting";
  if (entry.sent >= entry.file.size) return "saving";
  const seconds = (performance.now() - entry.started) / 1000;
  const left = entry.sent > 0 && seconds > 1 ? (seconds * (entry.file.size - entry.sent)) / entry.sent : 0;
  const of = `${percent(entry).toFixed(0)}% of ${(entry.file.size / 1e6).toFixed(1)} MB`;
  return left ? `${of}, ${left < 90 ? Math.ceil(left) + " s" : Math.ceil(left / 60) + " min"} left` : of;
}

const percent = (entry) => (100 * entry.sent) / entry.file.size;

function parse(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
