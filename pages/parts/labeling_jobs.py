"""Part of the page Labels for labeling jobs: a form for a new one, and their progress."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from app.widgets import (
    confirm_removal,
    frame_mapping_form,
    guard,
    guarded_fragment,
    start_job,
    start_job_and_rerun,
)
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.platforms.base import LabelingState
from backend.steps import labeling
from backend.wording import count
from backend.workspace.records import LabelingJob, Video
from bytetrack.files import natural_sort_key
from pages.parts.labeling_editor import open_editor
from pages.parts.labeling_form import is_filled_in, labeling_form

REFRESH_SECONDS = 15
JOBS_SHOWN = 6  # at first, and how many more each click shows
STATUS_COLORS = {"in progress": "blue", "starting": "orange", "stopping": "orange", "done": "green", "failed": "red"}
MAX_CLASSES_NAMED = 8


def labeling_jobs(videos: list[Video]) -> None:
    """Show the form for a new job, the jobs of this workspace, and jobs started outside this console."""
    jobs = workspace().list(LabelingJob)
    form = st.expander(
        "Label clips",
        icon=":material/add:",
        expanded=not jobs or is_filled_in(),
        key="labeling-new",
        on_change="rerun",
    )
    if form.open:
        with form, guard():
            labeling_form(sorted(videos, key=lambda video: natural_sort_key(video.name)))
    if jobs:
        shown = st.session_state.setdefault("labeling-shown", JOBS_SHOWN)
        _job_cards(shown)
        if len(jobs) > shown and st.button(f"Show more of {len(jobs)} jobs", icon=":material/expand_more:"):
            st.session_state["labeling-shown"] = shown + JOBS_SHOWN
            st.rerun()
    others = st.expander(
        "Jobs started outside this console", icon=":material/travel_explore:", key="elsewhere", on_change="rerun"
    )
    if others.open:
        with others, guard():
            _import_other_job()


@guarded_fragment(run_every=REFRESH_SECONDS)
def _job_cards(shown: int) -> None:
    for job in workspace().list(LabelingJob)[:shown]:
        with st.container(border=True, key=f"labeling-{job.id}"), guard():
            _job_card(job)


def _job_card(job: LabelingJob) -> None:
    """Show the progress of a labeling job and its buttons."""
    final_states: dict[str, LabelingState] = st.session_state.setdefault("labeling-ended", {})
    state = final_states.get(job.id) or labeling.state(workspace(), job)
    labeled_here = labeling.labeling_folder(workspace(), job) is not None
    if state.status in labeling.ENDED and not labeled_here:  # in this console, a clip's mark as done can be removed
        final_states[job.id] = state
    with st.container(horizontal=True, vertical_alignment="center"):
        badge = f":{STATUS_COLORS.get(state.status, 'gray')}-badge[{state.status}]"
        icon = "draw" if labeled_here else "groups"
        st.markdown(f":primary[:material/{icon}:] **{job.name}** {badge}", width="content")
        st.space("stretch")
        if state.link:
            st.link_button("Workers' portal", state.link, icon=":material/open_in_new:")
        if labeled_here and state.status in ("in progress", "done"):
            kind: Literal["primary", "secondary"] = "primary" if state.status == "in progress" else "secondary"
            if st.button("Draw", icon=":material/draw:", type=kind, key=f"draw-{job.id}"):
                open_editor(job)
        if state.status in ("starting", "in progress"):
            if st.button("Stop", icon=":material/stop:", key=f"stop-{job.id}"):
                labeling.stop(workspace(), job)
                st.rerun()
        elif state.status in labeling.ENDED:
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"remove-{job.id}"):
                confirm_removal(job)
            if state.labeled and st.button(
                "Update labels" if job.labels else "Save as labels",
                icon=":material/download:",
                key=f"save-labels-{job.id}",
                type="primary",
            ):
                start_job("fetch labels", f"Save labels of {job.name}", labeling=job.id)
                st.rerun()
    _progress(job, state)
    if state.reason:
        st.error(state.reason)


def _progress(job: LabelingJob, state: LabelingState) -> None:
    total = max(state.total, len(job.clips))
    failed = f", {state.failed} failed" if state.failed else ""
    st.progress(state.labeled / total, text=f"{state.labeled} of {count(total, 'clip')} labeled{failed}")
    work = "Correcting" if job.corrects else "Labeling"
    step = f" (every {job.every} frames)" if job.every > 1 else ""
    named = ", ".join(job.classes[:MAX_CLASSES_NAMED])
    more = f" and {len(job.classes) - MAX_CLASSES_NAMED} more" if len(job.classes) > MAX_CLASSES_NAMED else ""
    classes = f"{'class' if len(job.classes) == 1 else 'classes'}: {named}{more}"
    st.caption(f"{work} {count(job.frames, 'frame')}{step}, {classes} · {state.location} · started {ago(job.created)}")


def _import_other_job() -> None:
    """Show the form that imports the labels of a job that the platform has and this workspace has not."""
    names = labeling.jobs_started_elsewhere(workspace())
    if not names:
        st.caption("No other jobs: all video object tracking jobs were started here.")
        return
    mapping = frame_mapping_form("elsewhere")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Job", names, key="elsewhere-job", help="Only video object tracking jobs are listed, the newest first."
        )
        if st.button("Import", icon=":material/download:", key="elsewhere-import"):
            start_job_and_rerun("fetch labels", f"Import {name}", job=name, **mapping)
