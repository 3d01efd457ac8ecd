"""Part of the page Labels that shows the editor with a clip of a labeling job, at an address of its own."""

from __future__ import annotations

import streamlit as st

from app.player.editor import editor
from app.widgets import empty_state, guard, jobs_panel, start_job_and_rerun
from app.workspace import workspace
from backend import jobs
from backend.labels.labeling_folder import LabelingFolder
from backend.steps import labeling
from backend.wording import count
from backend.workspace.records import LabelingJob, Verb, Video

JOB_PARAMETER, CLIP_PARAMETER, FRAME_PARAMETER = "job", "clip", "frame"  # of the editor's address
SAVE_VERB: Verb = "fetch labels"
# The editor takes the whole window beside the sidebar.
FULL_WIDTH = """<style>
[data-testid="stMainBlockContainer"] { padding: 0.75rem 1.25rem 0; max-width: none; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.5rem; }
.st-key-editor-bar h1 { font-size: 1.1rem; padding: 0; }
@media (max-width: 768px) { [data-testid="stMainBlockContainer"] { padding-top: 4rem; } } /* below the header */
</style>"""


def open_editor(job: LabelingJob) -> None:
    """Go to the address of the editor, with the first clip of the job that is not done."""
    st.query_params.from_dict({JOB_PARAMETER: job.id})
    st.rerun()


def labeling_editor(job_id: str) -> None:
    """Show the editor with the clip and frame that the address names.

    Args:
        job_id: ID of the labeling job.
    """
    st.html(FULL_WIDTH)
    job = workspace().find(LabelingJob, job_id)
    folder = labeling.labeling_folder(workspace(), job) if job else None
    if job is None or folder is None or not folder.exists():
        _not_found()
        return
    state = labeling.state(workspace(), job)
    is_done = [folder.annotations(index).done for index in range(len(folder.job.clips))]
    with st.container(horizontal=True, vertical_alignment="center", key="editor-bar"):
        if st.button("All labels", icon=":material/arrow_back:", type="tertiary"):
            st.query_params.clear()
            st.rerun()
        st.title(job.name, anchor=False, width="content")
        clip = _chosen_clip(job, folder, is_done)
        st.markdown(f":gray[{sum(is_done)} of {count(len(is_done), 'clip')} done]", width="stretch")
        if state.status in labeling.ENDED and state.labeled:
            is_saving = any(saving.params.get("labeling") == job.id for saving in jobs.active(workspace(), SAVE_VERB))
            if st.button(
                "Update labels" if job.labels else "Save as labels",
                icon=":material/download:",
                type="primary",
                disabled=is_saving,
            ):
                start_job_and_rerun(SAVE_VERB, f"Save labels of {job.name}", labeling=job.id)
    jobs_panel(SAVE_VERB)
    if state.status == "stopped":
        st.warning("This job was stopped: its boxes can be looked at, but no longer be changed.")
    with guard():
        video = workspace().get(Video, job.clips[folder.job.clips[clip].name])
        editor(folder, clip, video, _frame_in_address(), key=f"editor-{job.id}-{clip}")


def _not_found() -> None:
    """Say that the address names no job that is labeled here."""
    empty_state(
        "link_off",
        "Labeling job not found",
        "It was deleted, it belongs to another workspace, or it is labeled by a team elsewhere.",
        "Go to Labels",
        "labels",
    )


def _chosen_clip(job: LabelingJob, folder: LabelingFolder, is_done: list[bool]) -> int:
    """Let the user choose among several clips. Return the index of the clip, which the address then names."""
    names = [clip.name for clip in folder.job.clips]
    key = f"labeling-clip-{job.id}"
    shown_before = f"{key}-in-address"
    named = st.query_params.get(CLIP_PARAMETER, "")
    if key not in st.session_state or (named and named != st.session_state.get(shown_before)):
        first_unfinished = is_done.index(False) if False in is_done else 0
        if named and named not in names:
            st.toast(f"The job has no clip “{named}”.", icon=":material/info:")
        st.session_state[key] = names.index(named) if named in names else first_unfinished
    chosen: int = st.session_state[key]
    if len(names) > 1:
        chosen = st.selectbox(
            "Clip",
            range(len(names)),
            format_func=lambda index: f"{names[index]}{'  ✓ done' if is_done[index] else ''}",
            key=key,
            label_visibility="collapsed",
            width=280,
        )
    if st.query_params.get(CLIP_PARAMETER) != names[chosen]:
        is_another = CLIP_PARAMETER in st.query_params
        st.query_params[CLIP_PARAMETER] = names[chosen]
        if is_another:
            st.query_params.pop(FRAME_PARAMETER, None)
    st.session_state[shown_before] = names[chosen]
    return chosen


def _frame_in_address() -> int:
    """Return the number of the frame in the address, which the editor keeps up to date; 0 if there is none."""
    number = st.query_params.get(FRAME_PARAMETER, "")
    return int(number) if number.isdecimal() else 0
