"""Part of the page Compare that shows what was measured: a summary in words, a table, and charts."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.theme import ACCENT, CHART_COLORS, LATENCY_COLORS, LatencyPart
from app.widgets import chart
from app.widgets.formatting import number, size
from backend.latency import REQUESTS_NEEDED
from backend.steps.deployments import MODES
from backend.wording import count
from backend.workspace.records import Comparison, ComparisonRow

SHARES = {"p50": "half", "p90": "9 of 10", "p99": "99 of 100"}
PART_PHRASES: dict[LatencyPart, str] = {"client": "in the client", "network": "in the network", "model": "in the model"}


def comparison_results(comparison: Comparison) -> None:
    """Show the results of a comparison."""
    rows = [row for row in comparison.rows if not row["error"]]
    for row in comparison.rows:
        if row["error"]:
            st.warning(f"**{row['endpoint']}** could not be measured: {row['error']}", icon=":material/warning:")
    with st.container(border=True):
        st.markdown(f":primary[:material/lightbulb:] {summarize(rows)}")
    _table(rows)
    with_requests = [row for row in rows if row["requests"]]
    left, right = st.columns(2, gap="large")
    with left:
        _throughput_chart(rows, key=f"fps-{comparison.id}")
    with right:
        if with_requests:
            _latency_parts_chart(with_requests, key=f"parts-{comparison.id}")
    if several := [row for row in with_requests if len(row["latency"]) > 1]:
        _latency_distribution_chart(several, key=f"latency-{comparison.id}")
    st.caption(
        "**Client**: encoding requests and decoding responses. **Network**: transfer and queue. **Model**: from the "
        "arrival of a request in the container to its response."
    )


def summarize(rows: list[ComparisonRow]) -> str:
    """Return the results in a few sentences."""
    fastest = max(rows, key=lambda row: row["fps"])
    sentences = [f"**{fastest['endpoint']}** has the highest throughput: {number(fastest['fps'])} frames/s."]
    several_requests = [row for row in rows if len(row["latency"]) > 1]
    if several_requests:
        quickest = min(several_requests, key=lambda row: row["total_ms"]["p50"])
        longest_part = max(LATENCY_COLORS, key=lambda part: _part_latency(quickest, part)["p50"])
        within = ", ".join(
            f"{share} within {_milliseconds(quickest['total_ms'][name])}"
            for name, share in SHARES.items()
            if name in quickest["total_ms"]
        )
        sentences.append(
            f"**{quickest['endpoint']}** has the lowest latency: of its {count(quickest['requests'], 'request')}, "
            f"{within}, most of it {PART_PHRASES[longest_part]}."
        )
    else:
        sentences.append("None of them responds before the video ends. For that, add a real-time endpoint.")
    if any(row["cost_per_1000_frames"] for row in rows):
        cheapest = min(rows, key=lambda row: row["cost_per_1000_frames"])
        cost = cheapest["cost_per_1000_frames"]
        sentences.append(f"**{cheapest['endpoint']}** has the lowest cost: ${cost:.4f} per 1,000 frames.")
    else:
        sentences.append("No costs are known for these endpoints.")
    return " ".join(sentences)


def _part_latency(row: ComparisonRow, part: LatencyPart) -> dict[str, float]:
    """Return the percentiles, in milliseconds, of the time that requests spent in one part."""
    return {"client": row["client_ms"], "network": row["network_ms"], "model": row["model_ms"]}[part]


def _milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _table(rows: list[ComparisonRow]) -> None:
    st.dataframe(
        [
            {
                "Endpoint": row["endpoint"],
                "Mode": MODES[row["mode"]],
                "Model": row["model"],
                "Frames/s": row["fps"],
                "Requests": row["requests"],
                "Latency (ms)": _percentiles(row["total_ms"], "needs {}") or "no requests",
                "Client (ms)": _percentiles(row["client_ms"], "–") or "–",
                "Network (ms)": _percentiles(row["network_ms"], "–") or "–",
                "Model (ms)": _percentiles(row["model_ms"], "–") or "–",
                "Sent/request": size(row["bytes_sent"] / row["requests"]) if row["requests"] else "–",
                "$/1,000 frames": row["cost_per_1000_frames"],
            }
            for row in rows
        ],
        hide_index=True,
        column_config={
            "Endpoint": st.column_config.TextColumn(pinned=True),
            "Frames/s": st.column_config.NumberColumn(format="%.1f"),
            "$/1,000 frames": st.column_config.NumberColumn(format="%.4f", help="US dollars per 1,000 frames"),
        },
    )
    st.caption(
        "Latency is client, network and model together. Times are p50 / p90 / p99 per request: p90 needs "
        f"{REQUESTS_NEEDED['p90']} requests, p99 needs {REQUESTS_NEEDED['p99']} (“–”: too few). "
        "Batch sends no requests."
    )


def _percentiles(values: dict[str, float], unknown: str) -> str:
    """Format percentiles in milliseconds, such as `334 / 402 / needs 100`; empty if there are none.

    Args:
        values: Percentiles by name.
        unknown: Stands for a percentile that needs more requests, whose number fills its braces.
    """
    texts = [
        f"{values[name]:,.0f}" if name in values else unknown.format(needed) for name, needed in REQUESTS_NEEDED.items()
    ]
    return " / ".join(texts) if values else ""


def _throughput_chart(rows: list[ComparisonRow], *, key: str) -> None:
    figure = go.Figure(
        go.Bar(
            x=[row["fps"] for row in rows],
            y=[row["endpoint"] for row in rows],
            orientation="h",
            marker_color=ACCENT,
            texttemplate="%{x:.1f}",
            hovertemplate="%{y}: %{x:.1f} frames/s<extra></extra>",
        )
    )
    figure.update_layout(bargap=0.45, xaxis_title="frames per second", yaxis_autorange="reversed")
    chart(figure, key=key, height=_bar_chart_height(rows), title="Throughput")


def _latency_parts_chart(rows: list[ComparisonRow], *, key: str) -> None:
    """Show the median time of each part of a request, per frame: a request may hold one piece or a whole video."""
    figure = go.Figure()
    names = [f"{row['endpoint']}<br>{count(row['requests'], 'request')}" for row in rows]
    for part, color in LATENCY_COLORS.items():
        figure.add_bar(
            name=part,
            y=names,
            x=[_part_latency(row, part)["p50"] * row["requests"] / row["frames"] for row in rows],
            orientation="h",
            marker_color=color,
            hovertemplate="%{y}: %{x:.1f} ms<extra>" + part + "</extra>",
        )
    figure.update_layout(
        barmode="stack", bargap=0.45, xaxis_title="milliseconds per frame (p50)", yaxis_autorange="reversed"
    )
    chart(figure, key=key, height=_bar_chart_height(rows), title="Latency breakdown")


def _latency_distribution_chart(rows: list[ComparisonRow], *, key: str) -> None:
    """Show the share of requests that were answered within a time."""
    figure = go.Figure()
    for index, row in enumerate(rows):
        latency = np.sort(row["latency"])
        figure.add_scatter(
            name=f"{row['endpoint']} ({row['requests']:,})",
            x=np.r_[latency[0], latency],
            y=100 * np.arange(len(latency) + 1) / len(latency),
            mode="lines",
            line={"shape": "hv", "width": 2.5, "color": CHART_COLORS[index % len(CHART_COLORS)]},
            hovertemplate="%{y:.0f} % within %{x:.0f} ms",
        )
    figure.update_layout(
        xaxis={"title": "milliseconds per request (requests in parentheses)", "rangemode": "tozero"},
        yaxis={"title": "percent of requests", "range": [0, 103]},
    )
    chart(figure, key=key, height=320, title="Latency distribution")


def _bar_chart_height(rows: list[ComparisonRow]) -> int:
    return 150 + 44 * len(rows)
