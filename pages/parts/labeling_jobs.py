"""Part of the page Labels for labeling jobs: a form for a new one, their progress, and the editor."""

from __future__ import annotations

import streamlit as st

from app.player.editor import editor
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
from backend.workspace.records import LabelingJob, Run, Video
from bytetrack.files import natural_sort_key
from pages.parts.labeling_form import fill_in_correction, is_filled_in, labeling_form

CORRECT_RUN = "correct"  # in the session state: the id of the run whose tracks the page Track wants corrected
OPEN_JOB = "labeling-open"  # in the session state: the id of the job that is open in the editor
REFRESH_SECONDS = 15
STATUS_COLORS = {"in progress": "blue", "starting": "orange", "stopping": "orange", "done": "green", "failed": "red"}


def labeling_jobs(videos: list[Video]) -> None:
    """Show the form for a new job, the jobs of this workspace, the editor, and jobs started outside this console."""
    if run := workspace().find(Run, st.session_state.pop(CORRECT_RUN, "")):
        fill_in_correction(run)
    with st.expander("Label clips", icon=":material/draw:", expanded=is_filled_in()), guard():
        labeling_form(sorted(videos, key=lambda video: natural_sort_key(video.name)))
    if workspace().list(LabelingJob):
        _job_cards()
        with guard():
            _open_editor()
    others = st.expander(
        "Jobs started outside this console", icon=":material/travel_explore:", key="elsewhere", on_change="rerun"
    )
    if others.open:
        with others, guard():
            _import_other_job()


@guarded_fragment(run_every=REFRESH_SECONDS)
def _job_cards() -> None:
    for job in workspace().list(LabelingJob):
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
        st.markdown(f":primary[:material/groups:] **{job.name}** {badge}", width="content")
        st.space("stretch")
        if state.link:
            st.link_button("Workers' portal", state.link, icon=":material/open_in_new:")
        if labeled_here and state.status in ("in progress", "done"):
            _open_or_close_button(job)
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


def _open_or_close_button(job: LabelingJob) -> None:
    is_open = st.session_state.get(OPEN_JOB) == job.id
    if st.button(
        "Close" if is_open else "Draw",
        icon=":material/close:" if is_open else ":material/draw:",
        type="tertiary" if is_open else "primary",
        key=f"draw-{job.id}",
    ):
        st.session_state[OPEN_JOB] = None if is_open else job.id
        st.rerun()


def _progress(job: LabelingJob, state: LabelingState) -> None:
    total = max(state.total, len(job.clips))
    failed = f", {state.failed} failed" if state.failed else ""
    st.progress(state.labeled / total, text=f"{state.labeled} of {count(total, 'clip')} labeled{failed}")
    work = "Correcting" if job.corrects else "Labeling"
    step = f" (every {job.every} frames)" if job.every > 1 else ""
    classes = f"{'class' if len(job.classes) == 1 else 'classes'}: {', '.join(job.classes)}"
    st.caption(f"{work} {count(job.frames, 'frame')}{step}, {classes} · {state.location} · started {ago(job.created)}")


def _open_editor() -> None:
    """Show the editor with a clip of the open job, and a control to choose another of its clips."""
    job = workspace().find(LabelingJob, st.session_state.get(OPEN_JOB) or "")
    folder = labeling.labeling_folder(workspace(), job) if job else None
    if job is None or folder is None or not folder.exists():
        return
    clips = folder.job.clips
    with st.container(border=True):
        done = [folder.annotations(index).done for index in range(len(clips))]
        chosen = st.pills(
            job.name,
            range(len(clips)),
            default=done.index(False) if False in done else 0,
            format_func=lambda index: f"{':material/check: ' if done[index] else ''}{clips[index].name}",
            key=f"labeling-clip-{job.id}",
            required=True,
        )
        video = workspace().get(Video, job.clips[clips[chosen].name])
        editor(folder, chosen, (video.width, video.height), video.fps, key=f"editor-{job.id}-{chosen}")


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
