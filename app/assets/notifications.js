// Shows a notification of the browser when a job ends that this browser has seen running. The browser asks for permission
// when the user clicks, never before. Which jobs run is kept in the browser's storage, so that a reload and several tabs
// lead to one notification per job. Nothing leaves the machine.

const ENABLED = "studio-notify"; // in the browser's storage
const WATCHED = "studio-watched-jobs";
const LONG_SECONDS = 20; // shorter jobs are not worth a notification
const BLOCKED = "Notifications are blocked. Allow them in the browser's settings for this page.";
const INSECURE = "Browsers notify only from https or localhost.";

export default function ({ data, parentElement }) {
  announceEndedJobs(data.jobs);
  draw(parentElement.querySelector(".notify"));
}

/** Notify about watched jobs that have ended, and watch those that are running. */
function announceEndedJobs(jobs) {
  const watched = new Set(JSON.parse(localStorage.getItem(WATCHED) ?? "[]"));
  for (const job of jobs) {
    if (job.active) watched.add(job.id);
    else if (watched.delete(job.id) && job.seconds >= LONG_SECONDS && isOn()) {
      const notification = new Notification(`${job.name}: ${job.status}`, { body: job.text, tag: job.id });
      notification.onclick = () => window.focus();
    }
  }
  const known = new Set(jobs.map(({ id }) => id)); // older jobs are forgotten
  localStorage.setItem(WATCHED, JSON.stringify([...watched].filter((id) => known.has(id))));
}

function isOn() {
  return "Notification" in window && Notification.permission === "granted" && localStorage.getItem(ENABLED) === "yes";
}

function draw(box) {
  const isOffered = "Notification" in window && window.isSecureContext;
  const isBlocked = isOffered && Notification.permission === "denied";
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", checked: isOn(), disabled: !isOffered || isBlocked });
  input.onchange = async () => {
    if (input.checked && Notification.permission === "default") await Notification.requestPermission();
    localStorage.setItem(ENABLED, input.checked ? "yes" : "no");
    draw(box);
  };
  label.append(input, "Notify me when a job ends");
  label.title = "A notification of the browser, for jobs that take longer than 20 seconds, also while another tab is shown";
  box.replaceChildren(label);
  if (isOffered && !isBlocked) return;
  const note = document.createElement("small");
  note.textContent = isBlocked ? BLOCKED : INSECURE;
  box.append(note);
}
