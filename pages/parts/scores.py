"""Part of the page Evaluate that shows how a run scores against labels."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from app.theme import CHART_COLORS, class_colors
from app.widgets import Column, chart, confirm_removal, empty_state, record_list
from app.widgets.formatting import ago, percent
from app.workspace import workspace
from backend.workspace.records import Labels, Run, Score
from pages.parts.score_metrics import BREAKDOWN_METRICS, MAIN_METRICS, MEANINGS, format_metric


def score_of(run: Run, labels: Labels) -> Score | None:
    """Return the score of a run against labels, if it was evaluated."""
    return workspace().newest(Score, run=run.id, labels=labels.id)


def scores_tab(run: Run, labels: Labels | None) -> None:
    """Show the scores of a run in detail, and those of other runs with the same labels."""
    if not labels:
        empty_state(
            "select_all",
            "No labels of this video",
            "A score compares tracks with labels. Draw or import labels of this video, or choose another run.",
            "Go to Labels",
            "labels",
        )
        return
    score = score_of(run, labels)
    if not score:
        st.info("This run has not been scored against these labels yet.", icon=":material/fact_check:")
    if run.classes and (unscored := [name for name in labels.classes if name not in run.classes]):
        st.caption(
            f":material/info: The run was limited to {', '.join(run.classes)}. Labels of other classes are not scored: "
            f"{', '.join(unscored)}."
        )
    _charts(score, labels)
    if score:
        _all_metrics(score)
    all_scores = st.expander("All scores", icon=":material/list:", key="all-scores", on_change="rerun")
    if all_scores.open:
        with all_scores:
            record_list(Score, _columns, link=lambda score: {"run": score.run, "labels": score.labels})


def _columns(scores: Sequence[Score]) -> list[Column[Score]]:
    labels = workspace().names(Labels, id=[score.labels for score in scores])

    def of_metric(name: str) -> Column[Score]:
        return Column(name, lambda score: percent(score.metrics[name]), order=f"metrics.{name}", right=True)

    return [
        Column("Labels", lambda score: labels.get(score.labels, ""), secondary=True),
        *(of_metric(name) for name in MAIN_METRICS),
        Column("Created", lambda score: ago(score.created), order="created", right=True, secondary=True),
    ]


def _charts(score: Score | None, labels: Labels) -> None:
    """Show the breakdown of the score, beside all scores against the same labels."""
    same_labels = workspace().list(Score, labels=labels.id)
    same_labels.sort(key=lambda other: -other.metrics["HOTA"])
    if score and len(same_labels) > 1:
        left, right = st.columns(2, gap="large")
        with left:
            _breakdown_chart(score)
        with right:
            _runs_chart(same_labels)
    elif score:
        _breakdown_chart(score)
        st.caption("Evaluate other runs against the same labels to compare them here.")
    elif same_labels:
        _runs_chart(same_labels)


def _breakdown_chart(score: Score) -> None:
    """Show the main metrics and their components, with a bar per class."""
    per_class = len(score.per_class) > 1
    classes = score.per_class if per_class else {"all": score.metrics}
    colors = class_colors(list(classes))
    figure = go.Figure(
        [
            go.Bar(
                name=name,
                x=BREAKDOWN_METRICS,
                y=[round(metrics[metric], 1) for metric in BREAKDOWN_METRICS],
                marker_color=colors[name],
                hovertemplate="%{x} %{y} %<extra>" + name + "</extra>",
            )
            for name, metrics in classes.items()
        ]
    )
    figure.update_layout(
        barmode="group", bargap=0.35, yaxis={"title": "percent", "rangemode": "tozero"}, showlegend=per_class
    )
    title = "Breakdown per class" if per_class else "Breakdown"
    chart(figure, key=f"breakdown-{score.id}", height=330, title=title)


def _runs_chart(scores: list[Score]) -> None:
    """Show runs that were scored against the same labels, the first one on top."""
    figure = go.Figure(
        [
            go.Bar(
                name=metric,
                y=[score.name for score in scores],
                x=[round(score.metrics[metric], 1) for score in scores],
                orientation="h",
                marker_color=color,
                hovertemplate="%{y}<br>" + metric + " %{x} %<extra></extra>",
                texttemplate="%{x:.0f}",
                textposition="outside",
                textangle=0,
            )
            for metric, color in zip(MAIN_METRICS, CHART_COLORS)
        ]
    )
    figure.update_layout(
        barmode="group",
        bargap=0.3,
        xaxis={"title": "percent", "range": [min(0.0, *(score.metrics["MOTA"] for score in scores)), 108]},
        yaxis={"autorange": "reversed"},
    )
    height = max(300, 120 + 62 * len(scores))
    chart(figure, key=f"runs-{scores[0].labels}", height=height, title="Runs with the same labels")


def _all_metrics(score: Score) -> None:
    """Show every metric, overall and per class, and what it means."""
    columns = {"all": score.metrics, **(score.per_class if len(score.per_class) > 1 else {})}
    rows = [
        {"Metric": name}
        | {title: format_metric(name, metrics[name]) for title, metrics in columns.items()}
        | {"Meaning": meaning}
        for name, meaning in MEANINGS.items()
    ]
    config = {title: st.column_config.TextColumn(width=70) for title in columns}
    config["Metric"] = st.column_config.TextColumn(width=70, pinned=True)
    st.dataframe(rows, hide_index=True, height="content", column_config=config)
    if st.button("Delete score", icon=":material/delete:", type="tertiary", key=f"remove-{score.id}"):
        confirm_removal(score)
