"""The sidebar below the navigation: progress through the journey, and the running jobs of all pages."""

from __future__ import annotations

import streamlit as st

from app.journey import StepProgress, journey_progress, next_step
from app.theme import ACCENT, ACCENT_FAINT, NEUTRAL_FAINT
from app.widgets.errors import guarded_fragment
from app.widgets.formatting import duration
from app.widgets.jobs import REFRESH_SECONDS
from app.widgets.notifications import MAX_JOBS, notifications
from backend import jobs
from backend.workspace import Workspace

IDLE_REFRESH_SECONDS = 5 * REFRESH_SECONDS  # while no job runs: another tab or a script may start one


def sidebar(workspace: Workspace) -> None:
    """Show the progress through the journey and the running jobs."""
    steps = journey_progress(workspace)
    with st.sidebar.container(gap="xsmall", key="journey-progress"):
        st.caption("PROGRESS")
        st.html(_progress_bar(steps))
        st.markdown(f":small[{sum(step.done for step in steps)} of {len(steps)} steps done]")
        if upcoming := next_step(steps):
            label = f"Next: {upcoming.step.title}"
            st.page_link(upcoming.step.page, label=label, icon=":material/arrow_forward:")
    with st.sidebar:
        _running_jobs(workspace)


def _progress_bar(steps: list[StepProgress]) -> str:
    """Return HTML with one bar per step: filled if done, faint if optional."""
    bars = ""
    for progress in steps:
        if progress.done:
            color, state = ACCENT, "done"
        elif progress.needed:
            color, state = NEUTRAL_FAINT, "not done"
        else:
            color, state = ACCENT_FAINT, "optional"
        style = f"flex:1;height:6px;border-radius:3px;background:{color}"
        bars += f'<span title="{progress.step.title}: {state}" style="{style}"></span>'
    return f'<div role="img" aria-label="Steps done" style="display:flex;gap:4px;padding:2px 0">{bars}</div>'


def _running_jobs(workspace: Workspace) -> None:
    running_before = {job.id for job in jobs.active(workspace)}

    @guarded_fragment(run_every=REFRESH_SECONDS if running_before else IDLE_REFRESH_SECONDS)
    def running_jobs() -> None:
        active = jobs.active(workspace)
        if active:
            st.caption("RUNNING")
        for job in active:
            seconds_left = job.seconds_left()
            time_left = f" :gray[{duration(seconds_left)} left]" if seconds_left else ""
            st.progress(job.progress, text=f"{job.name}{time_left}")
        if {job.id for job in active} != running_before:
            st.rerun()

    running_jobs()
    if recent_jobs := jobs.recent(workspace, limit=MAX_JOBS):
        notifications(recent_jobs)  # the page runs again when a job has started or ended
