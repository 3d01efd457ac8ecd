"""Jobs on a page: start them, follow them while they run, and show why one failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn

import streamlit as st

from app.widgets.errors import guarded_fragment
from app.widgets.formatting import duration
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import Job, Verb, name_from

REFRESH_SECONDS = 1.0  # between two looks at running jobs
DONE_SHOWN_SECONDS = 60  # for which a finished job stays on the page
MAX_DONE_SHOWN = 3
STATUS_LOOK = {  # icon and color
    "queued": (":material/hourglass_top:", "gray"),
    "running": (":material/progress_activity:", "primary"),
    "stopping": (":material/stop_circle:", "orange"),
    "done": (":material/check_circle:", "green"),
    "failed": (":material/error:", "red"),
    "stopped": (":material/stop_circle:", "gray"),
}


WARNING_LOOK = (":material/warning:", "orange")  # of a job that is done, with a reason to doubt its result


def look_of(job: Job) -> tuple[str, str]:
    """Return the icon and the color of a job."""
    return WARNING_LOOK if job.result.get("warnings") else STATUS_LOOK[job.status]


def start_job(verb: Verb, name: str, /, **params: Any) -> Job:
    """Start a job, or return the one that does the same and has not ended, which a message then says.

    In its name, which may hold the name of a file, unsupported characters become `_`.
    """
    submission = jobs.submit(workspace(), verb, name_from(name), **params)
    job = submission.job
    if not submission.is_new:
        advice = "Start it again once it has stopped." if job.status == "stopping" else "It was not started again."
        st.toast(f"“{job.name}” is {job.status} already. {advice}", icon=":material/info:")
    return job


def start_job_and_rerun(verb: Verb, name: str, /, **params: Any) -> NoReturn:
    """Start a job and rerun the page, so that its `jobs_panel` shows the job. Not for callbacks."""
    start_job(verb, name, **params)
    st.rerun()


def jobs_panel(*verbs: Verb) -> None:
    """Show the running jobs of these verbs, those that finished recently, and the failed ones until dismissed.

    The panel refreshes every second while a job runs, without rerunning the page. When a job ends, the page reruns.
    """
    running = {job.id for job in jobs.active(workspace()) if job.verb in verbs}

    @guarded_fragment(run_every=REFRESH_SECONDS if running else None)
    def panel() -> None:
        candidates = [job for job in jobs.refresh(workspace(), *verbs) if _is_news(job)]
        shown = [job for job in candidates if not _is_dismissed(job)]
        for job in shown:
            if job.active or _needs_attention(job):
                job_card(job)
        finished = [job for job in shown if not job.active and not _needs_attention(job)]
        for job in finished[:MAX_DONE_SHOWN]:
            with st.container(horizontal=True, vertical_alignment="center", key=f"news-{job.id}"):
                _headline(job)
        if {job.id for job in shown if job.active} != running:
            st.rerun()

    panel()


def job_card(job: Job, read_log: Callable[[], str] | None = None) -> None:
    """Show a job: status, progress with time left, current step, log, and a button to stop or dismiss it.

    Args:
        job: The job.
        read_log: Returns the end of its log; the job's own if omitted.
    """
    with st.container(border=True, gap="xsmall", key=f"card-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            _headline(job)
        if job.active:
            st.progress(job.progress, text=job.step or "Starting")
        _platform_facts(job)
        if job.status == "failed":
            st.error(job.reason or "The job failed without a reason. See its log.")
        for note in job.result.get("skipped", []):
            st.warning(note)
        log = st.expander("Log", icon=":material/terminal:", type="compact", key=f"log-{job.id}", on_change="rerun")
        if log.open:  # Read the log only while it is shown.
            text = (read_log() if read_log else jobs.log(workspace(), job)) or (
                "No output yet." if job.active else "No output."
            )
            log.code(text, language=None, height=260 if text.count("\n") > 8 else "content", wrap_lines=True)


def _is_news(job: Job) -> bool:
    """Return whether the job runs, needs attention, or ended just now."""
    return job.active or _needs_attention(job) or time.time() - (job.ended or 0) < DONE_SHOWN_SECONDS


def _is_dismissed(job: Job) -> bool:
    return workspace().setting(f"dismissed {job.id}") == "yes"


def _needs_attention(job: Job) -> bool:
    """Return whether the job ended with a message that stays until the user dismisses it."""
    return job.status == "failed" or bool(job.result.get("skipped"))


def _headline(job: Job) -> None:
    icon, color = look_of(job)
    st.markdown(f":{color}[{icon}] **{job.name}** :gray[{_summary(job)}]", width="stretch")
    _stop_or_dismiss_button(job)


def _platform_facts(job: Job) -> None:
    """Show what the platform reports: the job's states and their durations, its cost, and a link to it."""
    facts = job.facts
    states = facts.get("states", [])
    if not states:
        return
    ends = [start for _, start in states[1:]] + [job.ended or time.time()]
    path = " → ".join(f"{status} {duration(end - start)}" for (status, start), end in zip(states, ends))
    billed = f"{duration(facts['billable_seconds'])} billed" if facts.get("billable_seconds") else ""
    cost = f"${job.cost():.2f}{' so far' if job.active else ''}" if job.cost() else ""
    link = f"[{facts['where']}]({facts['link']})" if facts.get("link") else facts.get("where", "")
    st.markdown(f":small[:gray[{' · '.join(filter(None, (path, billed, cost, link)))}]]")


def _summary(job: Job) -> str:
    if job.active:
        seconds_left = job.seconds_left()
        so_far = f"{job.progress:.0%}" if job.status == "running" else job.status
        left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
        return f"{so_far}{left}{_resumptions(job)}"
    seconds = job.seconds_worked()
    after = f" after {duration(seconds)}" if seconds else ""
    return f"{job.status}{after}{_resumptions(job)}"


def _resumptions(job: Job) -> str:
    """Return how often a job was started again, as the end of a sentence."""
    times = len(job.attempts)
    return f", resumed {'once' if times == 1 else f'{times} times'}" if times else ""


def _stop_or_dismiss_button(job: Job) -> None:
    if job.active:
        stopping = job.status == "stopping"
        if st.button("Stop", icon=":material/stop:", key=f"stop-{job.id}", disabled=stopping):
            jobs.stop(workspace(), job.id)
            st.rerun()
    elif st.button("Dismiss", icon=":material/close:", type="tertiary", key=f"dismiss-{job.id}"):
        workspace().set(f"dismissed {job.id}", "yes")
        st.rerun()
