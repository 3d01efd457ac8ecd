"""Evaluate: score tracks against labels, and see what other tracker settings make of the same detections."""

from __future__ import annotations

import streamlit as st

from app import address
from app.widgets import (
    REPORT_VERB,
    choose,
    choose_of,
    empty_state,
    figures_line,
    guard,
    jobs_panel,
    next_step_link,
    page_header,
    share_button,
    start_job_and_rerun,
)
from app.widgets.formatting import number, percent
from app.workspace import workspace
from backend.wording import count
from backend.workspace.records import Labels, Run, Score
from pages.parts import tracker_settings
from pages.parts.retracking import play_tracks
from pages.parts.score_metrics import LINE_COUNTS, MAIN_METRICS, MEANINGS
from pages.parts.scores import score_of, scores_tab
from pages.parts.tracker_search import search_tab

PICTURE, SCORES = ":material/movie: Picture", ":material/fact_check: Scores"
SEARCH = ":material/manage_search: Search"

ws = workspace()


def main() -> None:
    """Show the choice of a run and labels, its scores in a line, and tabs: the picture, scores, settings, search."""
    page_header("evaluate")
    if not ws.count(Run):
        empty_state(
            "conversion_path",
            "No tracks yet",
            "Track a video first, then score its tracks here.",
            "Go to Track",
            "track",
        )
        return
    run, labels = choose_run_and_labels()
    jobs_panel("evaluate", REPORT_VERB)
    with guard():
        scores_line(run, labels)
    picture, scores, settings, search = st.tabs(
        [PICTURE, SCORES, tracker_settings.TAB, SEARCH], key=tracker_settings.TAB_KEY, on_change="rerun"
    )
    if scores.open:
        with scores, guard():
            scores_tab(run, labels)
    elif settings.open:
        with settings, guard():
            tracker_settings.tracker_settings_tab(run, labels)
    elif search.open:
        with search, guard():
            search_tab(run, labels, tracker_settings.slider_keys(run))
    else:
        with picture, guard():
            play_tracks(run, labels, None)
    if ws.count(Score):
        next_step_link("compare", "Measure latency, throughput and cost of your endpoints.")


def scores_line(run: Run, labels: Labels | None) -> None:
    """Show the main scores in one line, or what is missing for them, and the button that shares the run."""
    with st.container(horizontal=True, vertical_alignment="center"):
        _scores(run, labels)
        share_button(run)


def _scores(run: Run, labels: Labels | None) -> None:
    score = score_of(run, labels) if labels else None
    if score:
        main_scores = {name: percent(score.metrics[name]) for name in MAIN_METRICS}
        counts = {label: number(score.metrics[name]) for name, label in LINE_COUNTS.items()}
        meanings = {label: MEANINGS[name] for name, label in LINE_COUNTS.items()}
        figures_line(main_scores | counts, MEANINGS | meanings)
    elif labels:
        st.caption("Not scored against these labels yet. **Evaluate** does it in a moment.")
    else:
        st.caption("This video has no labels, so its tracks can be watched but not scored.")


def choose_run_and_labels() -> tuple[Run, Labels | None]:
    """Let the user choose a run, and labels of its video if there are any, and score them."""
    left, right, action = st.columns([5, 5, 2], vertical_alignment="bottom")
    # Without a gap, because `choose` adds an invisible element that keeps the address, which would move the button.
    with left, st.container(gap=None):
        run = choose_of(Run, "Run", key="evaluate-run", newest_first=True, parameter="run")
    assert run
    of_video = ws.list(Labels, video=run.video)
    linked = address.get("labels")
    if linked not in {labels.id for labels in of_video} and ws.find(Labels, linked):
        address.forget(linked)  # labels of the video that was chosen before
    with right, st.container(gap=None):
        labels = choose(
            of_video, "Labels", key=f"evaluate-labels-{run.video}", describe=labels_facts, parameter="labels"
        )
        if not labels:
            st.selectbox("Labels", [], placeholder="No labels of this video", disabled=True)
    with action:
        scored = bool(labels and score_of(run, labels))
        if (
            st.button(
                "Evaluated" if scored else "Evaluate",
                type="primary",
                icon=":material/check:" if scored else ":material/play_arrow:",
                width="stretch",
                disabled=scored or not labels,
            )
            and labels
        ):
            start_job_and_rerun("evaluate", f"Evaluate {run.name}", run=run.id, labels=labels.id)
    return run, labels


def labels_facts(labels: Labels) -> str:
    """Describe labels: `MOTChallenge, 12 objects on 300 frames`."""
    return f"{labels.source}, {count(labels.objects, 'object')} on {count(len(labels.labeled_frames), 'frame')}"


main()
