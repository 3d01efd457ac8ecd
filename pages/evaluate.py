"""Evaluate: score tracks against labels, and see what other tracker settings make of the same detections."""

from __future__ import annotations

import streamlit as st

from app.widgets import (
    choose,
    empty_state,
    guard,
    jobs_panel,
    next_step_link,
    page_header,
    start_job_and_rerun,
)
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.wording import count
from backend.workspace.records import Labels, Run, Score
from pages.parts.scores import score_of, scores_tab
from pages.parts.tracker_settings import tracker_settings_tab

SCORES, TRACKER_SETTINGS = ":material/fact_check: Scores", ":material/tune: Tracker settings"

ws = workspace()


def main() -> None:
    """Show the choice of a run and labels, and two tabs: its scores, and the tracker's settings."""
    page_header("evaluate")
    runs = ws.list(Run)
    if not runs:
        empty_state(
            "conversion_path",
            "No tracks yet",
            "Track a video first, then score its tracks here.",
            "Go to Track",
            "track",
        )
        return
    run, labels = choose_run_and_labels(runs)
    jobs_panel("evaluate")
    scores, settings = st.tabs([SCORES, TRACKER_SETTINGS], key="evaluate-tab", on_change="rerun")
    if settings.open:
        with settings, guard():
            tracker_settings_tab(run, labels)
    else:
        with scores, guard():
            scores_tab(run, labels)
    if ws.list(Score):
        next_step_link("compare", "Measure latency, throughput and cost of your endpoints.")


def choose_run_and_labels(runs: list[Run]) -> tuple[Run, Labels | None]:
    """Let the user choose a run, and labels of its video if there are any, and score them."""
    with st.container(border=True):
        left, right, action = st.columns([5, 5, 2], vertical_alignment="bottom")
        with left:
            run = choose(runs, "Run", key="evaluate-run", describe=lambda run: ago(run.created))
        assert run
        of_video = [labels for labels in ws.list(Labels) if labels.video == run.video]
        with right:
            labels = choose(of_video, "Labels", key=f"evaluate-labels-{run.video}", describe=labels_facts)
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
