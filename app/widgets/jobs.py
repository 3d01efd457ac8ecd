"""Jobs on the page: started, followed while they run, explained when they fail."""

from __future__ import annotations

import re
import time
from typing import Any, NoReturn

import streamlit as st

from app.widgets.errors import guarded_fragment
from app.widgets.formatting import duration
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import Job

EVERY = 1.0  # seconds between two looks at running jobs
NEWS = 60  # seconds for which a job that is done stays on the page
NEWSWORTHY = 3  # jobs that are done, at most, on the page
LOOK = {
    "queued": (":material/hourglass_top:", "gray"),
    "running": (":material/progress_activity:", "primary"),
    "stopping": (":material/stop_circle:", "orange"),
    "done": (":material/check_circle:", "green"),
    "failed": (":material/error:", "red"),
    "stopped": (":material/stop_circle:", "gray"),
}


def start_job(verb: str, name: str, /, **params: Any) -> Job:
    """Start a job. `name` may hold anything, such as a file's name; what a name cannot hold becomes `_`."""
    return jobs.start(workspace(), verb, re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)[:80], **params)


def run_job(verb: str, name: str, /, **params: Any) -> NoReturn:
    """Start a job and rerun the page, so that its `jobs_panel` shows it. Not in callbacks."""
    start_job(verb, name, **params)
    st.rerun()


def jobs_panel(*verbs: str) -> None:
    """Cards of the running jobs of these verbs, of those just done, and of those that failed until they are dismissed.

    It looks again every second while a job runs, without running the page; when one ends, the page runs once more.
    """
    running = {job.id for job in jobs.active(workspace()) if job.verb in verbs}

    @guarded_fragment(run_every=EVERY if running else None)
    def panel() -> None:
        mine = [job for job in jobs.refresh(workspace()) if job.verb in verbs and not dismissed(job)]
        for job in [job for job in mine if job.active or _to_be_read(job)]:
            job_card(job)
        ended = [job for job in mine if not job.active and not _to_be_read(job)]
        for job in [job for job in ended if time.time() - (job.ended or 0) < NEWS][:NEWSWORTHY]:
            with st.container(horizontal=True, vertical_alignment="center", key=f"news-{job.id}"):
                _headline(job)
        if {job.id for job in mine if job.active} != running:
            st.rerun()

    panel()


def job_card(job: Job) -> None:
    """One job: state, progress with time left, what it does now, its log, and a button to stop or dismiss it."""
    with st.container(border=True, gap="xsmall", key=f"card-{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            _headline(job)
        if job.active:
            st.progress(job.progress, text=job.step or "starting")
        _facts(job)
        if job.status == "failed":
            st.error(job.reason or "It failed without giving a reason; its log may tell.")
        for note in job.result.get("skipped", []):
            st.warning(note)
        log = st.expander("Log", icon=":material/terminal:", type="compact", key=f"log-{job.id}", on_change="rerun")
        if log.open:  # read only while someone looks
            text = jobs.log(workspace(), job) or "Nothing printed yet."
            log.code(text, language=None, height=260 if text.count("\n") > 8 else "content", wrap_lines=True)


def dismissed(job: Job) -> bool:
    return workspace().setting(f"dismissed {job.id}") == "yes"


def _to_be_read(job: Job) -> bool:
    """Whether it ended with something to say, which stays until it is dismissed."""
    return job.status == "failed" or bool(job.result.get("skipped"))


def _headline(job: Job) -> None:
    icon, color = LOOK[job.status]
    st.markdown(f":{color}[{icon}] **{job.name}** :gray[{_summary(job)}]", width="stretch")
    _button(job)


def _facts(job: Job) -> None:
    """What its platform tells: the states it went through, for how long, what it costs, where to see it there."""
    facts = job.facts
    states = facts.get("states", [])
    if not states:
        return
    ends = [began for _, began in states[1:]] + [job.ended or time.time()]
    path = " → ".join(f"{status} {duration(end - began)}" for (status, began), end in zip(states, ends))
    cost = f"{duration(facts['billable_seconds'])} billed" if facts.get("billable_seconds") else ""
    dollars = f"${facts['cost']:.2f}{' so far' if job.active else ''}" if facts.get("cost") else ""
    link = f"[{facts['where']}]({facts['link']})" if facts.get("link") else facts.get("where", "")
    st.markdown(f":small[:gray[{' · '.join(filter(None, (path, cost, dollars, link)))}]]")


def _summary(job: Job) -> str:
    if job.active:
        left = job.seconds_left()
        so_far = f"{job.progress:.0%}" if job.status == "running" else job.status
        return so_far if left is None else f"{so_far}, about {duration(left)} left"
    took = f" after {duration(job.ended - job.started)}" if job.started and job.ended else ""
    return f"{job.status}{took}"


def _button(job: Job) -> None:
    if job.active:
        stopping = job.status == "stopping"
        if st.button("Stop", icon=":material/stop:", key=f"stop-{job.id}", disabled=stopping):
            jobs.stop(workspace(), job.id)
            st.rerun()
    elif st.button("Dismiss", icon=":material/close:", type="tertiary", key=f"dismiss-{job.id}"):
        workspace().set(f"dismissed {job.id}", "yes")
        st.rerun()
