"""Labels: draw them, import them, and look at them on the video."""

from __future__ import annotations

import streamlit as st

from app import address
from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import LabelingJob, Labels, Run, Verb, Video
from pages.parts.labeling_editor import JOB_PARAMETER, labeling_editor
from pages.parts.labeling_form import CORRECT_RUN, fill_in_correction
from pages.parts.labeling_jobs import labeling_jobs
from pages.parts.labels_import import discard_imported_files, labels_import
from pages.parts.labels_viewer import CHOICE_KEY, labels_viewer, suggest_new_labels

VERBS: tuple[Verb, ...] = ("import labels", "start labeling", "fetch labels", "make sample", "draw tracks")
SHOW, DRAW, IMPORT = ":material/select_all: Labels", ":material/draw: Draw", ":material/upload: Import"
TAB_KEY = "labels-tab"  # in the session state: the tab that is open
LINKED_KEY = "labels-linked"  # in the session state: the labels that the address named in the last run

ws = workspace()


def main() -> None:
    """Show the editor if the address names a labeling job; else tabs with the labels, labeling jobs, and the import."""
    if job := st.query_params.get(JOB_PARAMETER):
        labeling_editor(job)
        return
    page_header("labels")
    jobs_panel(*VERBS)
    if not ws.count(Video):
        if not jobs.active(ws):
            empty_state(
                "select_all",
                "No videos to label yet",
                "Add videos first, then draw or import their labels.",
                "Go to Videos",
                "videos",
            )
        return
    discard_imported_files()
    has_labels = ws.count(Labels) > 0
    if suggest_new_labels() or _is_linked_anew():
        st.session_state[TAB_KEY] = SHOW
    if run := ws.find(Run, st.session_state.pop(CORRECT_RUN, "")):
        fill_in_correction(run)
        st.session_state[TAB_KEY] = DRAW
    titles = [SHOW, DRAW, IMPORT] if has_labels else [DRAW, IMPORT]
    if st.session_state.get(TAB_KEY) not in titles:
        st.session_state[TAB_KEY] = DRAW if ws.count(LabelingJob) and not has_labels else titles[0]
    tabs = dict(zip(titles, st.tabs(titles, key=TAB_KEY, on_change="rerun")))
    if has_labels and tabs[SHOW].open:
        with tabs[SHOW]:
            labels_viewer()
            next_step_link("datasets", "Build a dataset from labeled clips.")
    if tabs[DRAW].open:
        with tabs[DRAW], guard():
            labeling_jobs(ws.list(Video))
    if tabs[IMPORT].open:
        with tabs[IMPORT], guard():
            labels_import(ws.list(Video))


def _is_linked_anew() -> bool:
    """Return whether the address names other labels than before, so that the user followed a link to them.

    The page itself keeps the labels that it shows in the address. That must not lead back from another tab.
    """
    linked = address.get("labels")
    known = (st.session_state.get(LINKED_KEY), st.session_state.get(CHOICE_KEY))
    st.session_state[LINKED_KEY] = linked
    return bool(linked) and linked not in known


main()
