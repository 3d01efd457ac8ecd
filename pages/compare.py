"""Compare: one video through several endpoints: how fast each answers, where the time goes, what it costs."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.player.component import difference_layers, player
from app.theme import CHART_COLORS as COLORS
from app.widgets import (
    chart,
    choose,
    confirm_removal,
    empty_state,
    guard,
    jobs_panel,
    next_step_link,
    page_header,
    start_job_and_rerun,
    video_facts,
)
from app.widgets.formatting import ago, number, size
from app.workspace import workspace
from backend.latency import REQUESTS_NEEDED
from backend.steps import deployments
from backend.steps.comparison import tracks_path
from backend.steps.deployments import MODES
from backend.wording import count
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Comparison, ComparisonRow, Endpoint, Labels, Model, Run, Video
from bytetrack.files import natural_sort_key
from bytetrack.tracks import Tracks

Part = Literal["client", "network", "model"]
PARTS: dict[Part, str] = {"client": COLORS[2], "network": COLORS[1], "model": COLORS[0]}
PART_MEANING = (
    "**Client**: cutting the video into pieces and reading the answers. **Network**: under way, and waiting in the "
    "queue. **Model**: inside the container, from the request's arrival to its answer."
)
SHARES = {"p50": "half", "p90": "9 of 10", "p99": "99 of 100"}

ws = workspace()


def main() -> None:
    page_header("compare")
    videos, endpoints, comparisons = ws.list(Video), ws.list(Endpoint), ws.list(Comparison)
    if not videos:
        empty_state("movie", "No videos yet", "A comparison sends one video everywhere.", "Go to Videos", "videos")
        return
    if endpoints:
        with guard():
            start(sorted(videos, key=lambda video: natural_sort_key(video.name)), endpoints, comparisons)
    else:
        empty_state(
            "rocket_launch",
            "Nothing is deployed",
            "Deploy a model in two or three ways, then see here which one suits you.",
            "Go to Deploy",
            "deploy",
        )
    jobs_panel("compare")
    if comparisons:
        with guard():
            show(comparisons)
        next_step_link("account", "See what runs, what it costs, and remove what you no longer need.")


def start(videos: list[Video], endpoints: list[Endpoint], comparisons: list[Comparison]) -> None:
    models = {model.id: model.name for model in ws.list(Model)}
    states = {endpoint.id: deployments.deployment_of(ws, endpoint).state() for endpoint in endpoints}
    ready = [endpoint for endpoint in endpoints if states[endpoint.id].status == "in service"]
    by_id = {endpoint.id: endpoint for endpoint in ready}
    with st.expander("New comparison", icon=":material/add:", expanded=not comparisons):
        left, right = st.columns([3, 2])
        with left:
            video = choose(videos, "Video", key="compare-video", describe=video_facts)
        assert video
        with right:
            name = st.text_input("Name", f"{video.name} comparison", max_chars=80, key=f"compare-name-{video.id}")
        chosen = st.multiselect(
            "Endpoints",
            list(by_id),
            default=list(by_id),
            format_func=lambda id: f"{by_id[id].name} ({MODES[by_id[id].mode]}, {models.get(by_id[id].model, '')})",
            key=f"compare-endpoints-{hash(tuple(by_id))}",
        )
        if st.button("Compare", type="primary", icon=":material/speed:", disabled=not chosen):
            start_job_and_rerun("compare", f"Compare on {video.name}", name=name, video=video.id, endpoints=chosen)
        st.caption("One after another, so that they do not slow each other down. Let nothing else run meanwhile.")
        if resting := [endpoint.name for endpoint in endpoints if endpoint.id not in by_id]:
            st.caption(f":orange[:material/warning:] Not in service, so not offered: {', '.join(resting)}.")


def show(comparisons: list[Comparison]) -> None:
    newest = comparisons[0].id
    if st.session_state.get("newest comparison") != newest:  # one that has just been made is the one to look at
        st.session_state["newest comparison"] = st.session_state["compare-shown"] = newest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        comparison = choose(
            comparisons,
            "Comparison",
            key="compare-shown",
            describe=lambda each: f"{count(len(each.rows), 'endpoint')}, {ago(each.created)}",
        )
        assert comparison
        if st.button("Remove", icon=":material/delete:", key=f"remove-{comparison.id}"):
            confirm_removal(comparison)
    rows = [row for row in comparison.rows if not row["error"]]
    for row in comparison.rows:
        if row["error"]:
            st.warning(f"**{row['endpoint']}** could not be measured: {row['error']}", icon=":material/warning:")
    with st.container(border=True):
        st.markdown(f":primary[:material/lightbulb:] {conclusion(rows)}")
    table(rows)
    per_request = [row for row in rows if row["requests"]]
    left, right = st.columns(2, gap="large")
    with left:
        speed_chart(rows, key=f"fps-{comparison.id}")
    with right:
        if per_request:
            parts_chart(per_request, key=f"parts-{comparison.id}")
    several = [row for row in per_request if len(row["latency"]) > 1]
    if several:
        distribution_chart(several, key=f"latency-{comparison.id}")
    st.caption(PART_MEANING)
    with guard():
        watch(comparison)


def watch(comparison: Comparison) -> None:
    """Two of the video's sets of tracks on its picture, with what differs marked."""
    video = ws.get(Video, comparison.video)
    labels = {each.id: each for each in ws.list(Labels) if each.video == video.id}
    files = {id: ws.folder(each) / TRACKS_JSON for id, each in labels.items()}
    titles = {id: f"{each.name} (labels)" for id, each in labels.items()}
    for place, row in enumerate(comparison.rows):
        if not row["error"]:
            id = f"{comparison.id}-{place}"
            titles[id], files[id] = row["endpoint"], tracks_path(ws, comparison, place)
    for run in ws.list(Run):
        if run.video == video.id:
            titles[run.id], files[run.id] = f"{run.name} ({ago(run.created)})", ws.folder(run) / TRACKS_JSON
    titles = {id: title for id, title in titles.items() if files[id].exists()}
    if len(titles) < 2:
        return
    st.markdown("#### See the difference")
    left, right = st.columns(2)
    key = f"see-{comparison.id}"
    first = left.selectbox("Taken as right", list(titles), format_func=titles.__getitem__, key=f"{key}-first")
    others = [id for id in titles if id != first]
    second = right.selectbox("Against it", others, format_func=titles.__getitem__, key=f"{key}-second")
    names = ("right" if titles[first] == titles[second] else titles[first], titles[second])
    load = (lambda: Tracks.load(files[first]), lambda: Tracks.load(files[second]))
    labeled = labels[first].labeled_frames if first in labels else None
    player(video, difference_layers(names, f"{first} {second}", video, load, labeled), key=key)


def conclusion(rows: list[ComparisonRow]) -> str:
    """What the numbers say, in a few sentences."""
    fastest = max(rows, key=lambda row: row["fps"])
    sentences = [f"**{fastest['endpoint']}** gets the most done: {number(fastest['fps'])} frames per second."]
    answering = [row for row in rows if len(row["latency"]) > 1]
    if answering:
        quickest = min(answering, key=lambda row: row["total_ms"]["p50"])
        largest = max(PARTS, key=lambda part: part_latency(quickest, part)["p50"])
        where = {"client": "in preparing requests", "network": "under way", "model": "in the model"}[largest]
        within = ", ".join(
            f"{share} within {milliseconds(quickest['total_ms'][name])}"
            for name, share in SHARES.items()
            if name in quickest["total_ms"]
        )
        sentences.append(
            f"**{quickest['endpoint']}** answers soonest: of its {count(quickest['requests'], 'request')}, {within}, "
            f"most of it spent {where}."
        )
    else:
        sentences.append("None of them answers while the video still runs: for that, add a real-time endpoint.")
    costs = [row["cost_per_1000_frames"] for row in rows]
    if any(costs):
        cheapest = min(rows, key=lambda row: row["cost_per_1000_frames"])
        sentences.append(
            f"**{cheapest['endpoint']}** costs least: ${cheapest['cost_per_1000_frames']:.4f} per 1,000 frames."
        )
    else:
        sentences.append("On this machine none of them costs anything.")
    return " ".join(sentences)


def part_latency(row: ComparisonRow, part: Part) -> dict[str, float]:
    """Return the percentiles of the time that requests spent in one part of the way."""
    return {"client": row["client_ms"], "network": row["network_ms"], "model": row["model_ms"]}[part]


def milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def table(rows: list[ComparisonRow]) -> None:
    st.dataframe(
        [
            {
                "Endpoint": row["endpoint"],
                "Way": MODES[row["mode"]],
                "Model": row["model"],
                "Frames/s": row["fps"],
                "Requests": row["requests"],
                "latency (ms)": percentiles(row["total_ms"], "needs {}") or "no requests",
                **{f"{part} (ms)": percentiles(part_latency(row, part), "–") or "–" for part in PARTS},
                "Sent/request": size(row["bytes_sent"] / row["requests"]) if row["requests"] else "–",
                "$/1k": row["cost_per_1000_frames"],
            }
            for row in rows
        ],
        hide_index=True,
        column_config={
            "Endpoint": st.column_config.TextColumn(pinned=True),
            "Frames/s": st.column_config.NumberColumn(format="%.1f"),
            "$/1k": st.column_config.NumberColumn(format="%.4f", help="US dollars per 1,000 frames"),
        },
    )
    st.caption(
        "Latency is client, network and model together. Times are p50 / p90 / p99 per request: p90 needs "
        f"{REQUESTS_NEEDED['p90']} requests, p99 needs {REQUESTS_NEEDED['p99']} (“–”: too few). "
        "Batch sends no requests."
    )


def percentiles(values: dict[str, float], unknown: str) -> str:
    """Format percentiles in milliseconds as `334 / 402 / needs 100`; empty where there are none.

    Args:
        unknown: Stands for a percentile that needs more requests, whose number fills its braces.
    """
    shown = [
        f"{values[name]:,.0f}" if name in values else unknown.format(needed) for name, needed in REQUESTS_NEEDED.items()
    ]
    return " / ".join(shown) if values else ""


def speed_chart(rows: list[ComparisonRow], *, key: str) -> None:
    figure = go.Figure(
        go.Bar(
            x=[row["fps"] for row in rows],
            y=[row["endpoint"] for row in rows],
            orientation="h",
            marker_color=COLORS[0],
            texttemplate="%{x:.1f}",
            hovertemplate="%{y}: %{x:.1f} frames/s<extra></extra>",
        )
    )
    figure.update_layout(bargap=0.45, xaxis_title="frames per second", yaxis_autorange="reversed")
    chart(figure, key=key, height=bar_height(rows), title="Throughput")


def parts_chart(rows: list[ComparisonRow], *, key: str) -> None:
    """Where half of the requests spend their time, per frame: a request may hold one piece or a whole video."""
    figure = go.Figure()
    names = [f"{row['endpoint']}<br>{count(row['requests'], 'request')}" for row in rows]
    for part, color in PARTS.items():
        figure.add_bar(
            name=part,
            y=names,
            x=[part_latency(row, part)["p50"] * row["requests"] / row["frames"] for row in rows],
            orientation="h",
            marker_color=color,
            hovertemplate="%{y}: %{x:.1f} ms<extra>" + part + "</extra>",
        )
    figure.update_layout(
        barmode="stack", bargap=0.45, xaxis_title="milliseconds per frame (p50)", yaxis_autorange="reversed"
    )
    chart(figure, key=key, height=bar_height(rows), title="Where the time goes")


def distribution_chart(rows: list[ComparisonRow], *, key: str) -> None:
    """The share of requests that were answered within a time."""
    figure = go.Figure()
    for place, row in enumerate(rows):
        latency = np.sort(row["latency"])
        figure.add_scatter(
            name=f"{row['endpoint']} ({row['requests']:,})",
            x=np.r_[latency[0], latency],
            y=100 * np.arange(len(latency) + 1) / len(latency),
            mode="lines",
            line={"shape": "hv", "width": 2.5, "color": COLORS[place % len(COLORS)]},
            hovertemplate="%{y:.0f} % within %{x:.0f} ms",
        )
    figure.update_layout(
        xaxis={"title": "milliseconds per request (requests in brackets)", "rangemode": "tozero"},
        yaxis={"title": "percent answered", "range": [0, 103]},
    )
    chart(figure, key=key, height=320, title="How many requests are answered within a time")


def bar_height(rows: list[ComparisonRow]) -> int:
    return 150 + 44 * len(rows)


main()
