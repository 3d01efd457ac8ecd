"""The sidebar under the navigation: how far the journey is, and what is running on whatever page."""

from __future__ import annotations

import streamlit as st

from app.journey import next_step, standing
from app.widgets.errors import guarded_fragment
from app.widgets.formatting import duration
from app.widgets.jobs import EVERY
from backend import jobs
from backend.workspace import Workspace


def sidebar(workspace: Workspace) -> None:
    steps = standing(workspace)
    with st.sidebar.container(gap="xsmall", key="standing"):
        st.caption("YOUR JOURNEY")
        st.html(_dots([(each.step.title, each.done, each.needed) for each in steps]))
        done = sum(each.done for each in steps)
        following = next_step(steps)
        st.markdown(f":small[{done} of {len(steps)} steps taken]")
        if following:
            st.page_link(following.page, label=f"Next: {following.title}", icon=":material/arrow_forward:")
    with st.sidebar:
        _running(workspace)


def _dots(steps: list[tuple[str, bool, bool]]) -> str:
    """One small bar per step: filled when taken, faint when another way led past it."""
    bars = ""
    for title, done, needed in steps:
        color = "#14a394" if done else "rgba(123,140,138,.28)" if needed else "rgba(20,163,148,.35)"
        state = "taken" if done else "not yet" if needed else "not needed"
        style = f"flex:1;height:6px;border-radius:3px;background:{color}"
        bars += f'<span title="{title}: {state}" style="{style}"></span>'
    return f'<div role="img" aria-label="Steps taken" style="display:flex;gap:4px;padding:2px 0">{bars}</div>'


def _running(workspace: Workspace) -> None:
    before = {job.id for job in jobs.active(workspace)}

    @guarded_fragment(run_every=EVERY if before else EVERY * 5)
    def running() -> None:
        """Looks now and then while nothing runs, since another tab or a script may start a job."""
        active = jobs.active(workspace)
        if active:
            st.caption("RUNNING")
        for job in active:
            left = job.seconds_left()
            st.progress(job.progress, text=f"{job.name}" + (f" :gray[{duration(left)} left]" if left else ""))
        if {job.id for job in active} != before:
            st.rerun()

    running()
