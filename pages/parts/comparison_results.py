"""Part of the page Compare that shows what was measured: figures in a line, a summary in words, a table, and charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.theme import ACCENT, CHART_COLORS, LATENCY_COLORS, LatencyPart
from app.widgets import chart, figures_line
from app.widgets.formatting import number, size
from backend.latency import REQUESTS_NEEDED
from backend.steps.deployments import MODES
from backend.wording import count, enumerate_words
from backend.workspace.records import Comparison, ComparisonRow

SHARES = {"p50": "half", "p90": "9 of 10", "p99": "99 of 100"}
PART_PHRASES: dict[LatencyPart, str] = {"client": "in the client", "network": "in the network", "model": "in the model"}
BUSY_SHARE = 0.1  # of the processor, from which on other work is reported, and nothing is ranked
MAX_PROGRAMS = 3  # that are named

Spread = Callable[[ComparisonRow], Sequence[float]]


def measured(comparison: Comparison) -> list[ComparisonRow]:
    """Return the rows with measurements."""
    return [row for row in comparison.rows if row["frames"]]


def figures(comparison: Comparison) -> None:
    """Show the throughput of each endpoint, and its time per frame if it answers requests, in one line."""
    texts = {}
    for row in measured(comparison):
        per_frame = f", {_milliseconds(row['frame_ms']['p50'])} per frame" if row["frame_ms"] else ""
        texts[row["endpoint"]] = f"{number(row['fps'])} frames/s{per_frame}"
    figures_line(texts)


def doubts(comparison: Comparison) -> None:
    """Show, in few lines, which endpoints could not be measured, and what disturbed the others."""
    for row in comparison.rows:
        if row["error"] and row["frames"]:
            st.warning(
                f"**{row['endpoint']}** failed after {count(row['passes'], 'pass', 'passes')}: {row['error']}",
                icon=":material/warning:",
            )
        elif row["error"]:
            st.warning(f"**{row['endpoint']}** could not be measured: {row['error']}", icon=":material/warning:")
    if busy := [row for row in comparison.rows if row["other_work"] >= BUSY_SHARE]:
        st.caption(f":orange[:material/warning:] {_busy_text(busy)}")


def _busy_text(rows: list[ComparisonRow]) -> str:
    """Return how much other work there was while endpoints were measured, and what that means for them."""
    shares = sorted({round(100 * row["other_work"]) for row in rows})
    share = f"{shares[0]} %" if len(shares) == 1 else f"{shares[0]} to {shares[-1]} %"
    programs = list(dict.fromkeys(name for row in rows for name in row["other_programs"]))[:MAX_PROGRAMS]
    sentences = [
        f"Other programs took {share} of this machine's processor meanwhile"
        + (f" ({', '.join(programs)})." if programs else ".")
    ]
    if here := [f"**{row['endpoint']}**" for row in rows if row["runs_here"]]:
        sentences.append(
            f"The figures of {enumerate_words(here)} may be too slow: measure again when this machine is idle."
        )
    if elsewhere := [f"**{row['endpoint']}**" for row in rows if not row["runs_here"]]:
        sentences.append(
            f"For {enumerate_words(elsewhere)}, which does not run here, only the client's times and the throughput "
            "that follows from them may be too slow."
        )
    return " ".join(sentences)


def comparison_results(comparison: Comparison) -> None:
    """Show the results of a comparison."""
    rows = measured(comparison)
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
    """Return the results in a few sentences, which rank endpoints only if their passes do not overlap."""
    return " ".join([_throughput_sentence(rows), _latency_sentence(rows), *_live_sentences(rows), _cost_sentence(rows)])


def _tied_with_best(rows: list[ComparisonRow], spread: Spread, *, highest: bool) -> list[ComparisonRow]:
    """Return the best row and those that cannot be told apart from it, the best first.

    Two rows can be told apart if both have several passes, all passes of one are better than all of the other, and
    no other work disturbed them.
    """
    sign = -1 if highest else 1
    best, *others = sorted(rows, key=lambda row: float(sign * np.median(spread(row))))
    if len(spread(best)) < 2 or _is_disturbed(rows):
        return [best, *others]
    worst_of_best = max(sign * value for value in spread(best))
    return [best] + [
        row for row in others if len(spread(row)) < 2 or min(sign * value for value in spread(row)) <= worst_of_best
    ]


def _is_disturbed(rows: list[ComparisonRow]) -> bool:
    return any(row["other_work"] >= BUSY_SHARE for row in rows)


def _throughput_sentence(rows: list[ComparisonRow]) -> str:
    tied = _tied_with_best(rows, lambda row: row["pass_fps"], highest=True)
    if len(tied) == 1 and len(rows) > 1:
        return f"**{tied[0]['endpoint']}** has the highest throughput: {_rate_and_spread(tied[0])}."
    texts = [f"**{row['endpoint']}** {_rate_and_spread(row)}" for row in tied]
    if len(rows) == 1:
        return f"{texts[0]}."
    if _is_disturbed(rows):
        return f"Throughput, not ranked because other work disturbed the measurement: {', '.join(texts)}."
    if any(len(row["pass_fps"]) < 2 for row in tied):
        return f"Throughput: {', '.join(texts)}. A ranking needs at least two passes of each."
    return f"Within the spread of their passes, the throughput is the same: {', '.join(texts)}."


def _rate_and_spread(row: ComparisonRow) -> str:
    rate, values = number(row["fps"]), row["pass_fps"]
    if len(values) < 2:
        return f"{rate} frames/s in one pass"
    return f"{rate} frames/s ({min(values):.1f}–{max(values):.1f} in {len(values)} passes)"


def _latency_sentence(rows: list[ComparisonRow]) -> str:
    live = [row for row in rows if row["mode"] == "realtime" and row["frame_ms"]]
    if not live:
        return "None of them responds before the video ends. For that, add a real-time endpoint."
    ranked = [row for row in live if row["pass_frame_ms"]]
    tied = (
        _tied_with_best(ranked, lambda row: row["pass_frame_ms"], highest=False) if len(live) == len(ranked) else live
    )
    if len(tied) > 1:
        texts = [f"**{row['endpoint']}** {_milliseconds(row['frame_ms']['p50'])}" for row in tied]
        if _is_disturbed(live):
            return f"Latency per frame (p50), not ranked: {', '.join(texts)}."
        return f"Within the spread, the latency per frame (p50) is the same: {', '.join(texts)}."
    (row,) = tied
    longest_part = max(LATENCY_COLORS, key=lambda part: _part_latency(row, part)["p50"])
    within = ", ".join(
        f"{share} within {_milliseconds(row['total_ms'][name])}"
        for name, share in SHARES.items()
        if name in row["total_ms"]
    )
    praise = "has the lowest latency: of" if len(live) > 1 else "responds as it goes: of"
    return (
        f"**{row['endpoint']}** {praise} its {count(row['requests'], 'request')}, {within} "
        f"({_milliseconds(row['frame_ms']['p50'])} per frame), most of it {PART_PHRASES[longest_part]}."
    )


def _live_sentences(rows: list[ComparisonRow]) -> list[str]:
    return [f"Behind a live camera, **{row['endpoint']}** {live_text(row)}." for row in rows if row["live"]]


def live_text(row: ComparisonRow) -> str:
    """Return whether an endpoint keeps up with a camera at the video's rate, and how far it is behind."""
    lag = row["live"]
    if not lag:
        return "answers after the whole video" if row["video_fps"] else "–"
    if not lag["keeps_up"]:
        return f"falls {lag['falls_behind']:.1f} frames further behind each second ({row['video_fps']:g} frames/s)"
    seconds = lag["frames_behind"] / row["video_fps"]
    behind = f"at most {lag['frames_behind']:.0f} frames ({seconds:.1f} s) behind"
    return f"keeps up with {row['video_fps']:g} frames/s, {behind}"


def _cost_sentence(rows: list[ComparisonRow]) -> str:
    if all(row["runs_here"] for row in rows):
        return "They run on this machine, which costs nothing."
    priced = [row for row in rows if row["cost_per_hour"]]
    if not priced:
        return "The prices of these endpoints are not known."
    unknown = [row["endpoint"] for row in rows if not row["cost_per_hour"] and not row["runs_here"]]
    tied = _tied_with_best(priced, lambda row: [row["cost_per_hour"] / fps for fps in row["pass_fps"]], highest=False)
    texts = [f"**{row['endpoint']}** {_cost(row)}" for row in (tied if len(tied) > 1 else priced)]
    sentence = f"Cost: {', '.join(texts)}."
    if len(tied) == 1 and len(priced) > 1:
        sentence = f"**{tied[0]['endpoint']}** has the lowest cost: {_cost(tied[0])}."
    if free := [row["endpoint"] for row in rows if row["runs_here"]]:
        sentence += f" On this machine, {enumerate_words(free)} {'costs' if len(free) == 1 else 'cost'} nothing."
    return sentence + (f" The price of {enumerate_words(unknown)} is not known." if unknown else "")


def _cost(row: ComparisonRow) -> str:
    per_thousand = f"${row['cost_per_1000_frames']:.4f} per 1,000 frames"
    return f"${row['cost_per_video_hour']:.2f} per hour of video ({per_thousand})" if row["video_fps"] else per_thousand


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
                "Spread": f"{min(row['pass_fps']):.1f}–{max(row['pass_fps']):.1f}" if len(row["pass_fps"]) > 1 else "–",
                "Passes": row["passes"],
                "Requests": row["requests"],
                "Per frame (ms)": _percentiles(row["frame_ms"], "needs {}") or "no requests",
                "Per request (ms)": _percentiles(row["total_ms"], "needs {}") or "no requests",
                "Client (ms)": _percentiles(row["client_ms"], "–") or "–",
                "Network (ms)": _percentiles(row["network_ms"], "–") or "–",
                "Model (ms)": _percentiles(row["model_ms"], "–") or "–",
                "Live camera": live_text(row),
                "Sent/request": size(row["bytes_sent"] / row["requests"]) if row["requests"] else "–",
                "Per hour of video": _price(row, "cost_per_video_hour", "${:.2f}") if row["video_fps"] else "–",
                "Per 1,000 frames": _price(row, "cost_per_1000_frames", "${:.4f}"),
                "Other work": f"{row['other_work']:.0%}" if row["video_fps"] else "not measured",
            }
            for row in rows
        ],
        hide_index=True,
        column_config={
            "Endpoint": st.column_config.TextColumn(pinned=True),
            "Frames/s": st.column_config.NumberColumn(format="%.1f", help="Mean over all passes"),
            "Spread": st.column_config.TextColumn(help="Frames/s of the slowest and of the fastest pass"),
            "Live camera": st.column_config.TextColumn(
                help="A camera at the video's rate: age of a frame when its tracks arrive, including the time until "
                "its request is full"
            ),
            "Per hour of video": st.column_config.TextColumn(
                help="From the price per hour and the measured frames/s, for recorded video. For a live camera, a "
                "real-time endpoint runs the whole hour and costs its price per hour."
            ),
            "Other work": st.column_config.TextColumn(
                help="Share of this machine's processor that other programs took"
            ),
        },
    )
    warm_up = max((row["warm_up_requests"] for row in rows), default=0)
    st.caption(
        "Latency is client, network and model together. Times are p50 / p90 / p99: p90 needs "
        f"{REQUESTS_NEEDED['p90']} requests, p99 needs {REQUESTS_NEEDED['p99']} (“–”: too few). Requests hold pieces "
        "of different length, so compare times per frame. "
        + (f"Up to {count(warm_up, 'request')} for warming up came before and are not counted. " if warm_up else "")
        + "Batch sends no requests, and its time includes the start of each job."
    )


def _price(row: ComparisonRow, key: str, form: str) -> str:
    if row["runs_here"]:
        return "free"
    costs = {"cost_per_video_hour": row["cost_per_video_hour"], "cost_per_1000_frames": row["cost_per_1000_frames"]}
    return form.format(costs[key]) if row["cost_per_hour"] else "not known"


def _percentiles(values: dict[str, float], unknown: str) -> str:
    """Format percentiles in milliseconds, such as `334 / 402 / needs 100`; empty if there are none.

    Args:
        values: Percentiles by name.
        unknown: Stands for a percentile that needs more requests, whose number fills its braces.
    """
    texts = [
        (f"{values[name]:,.0f}" if values[name] >= 10 else f"{values[name]:.1f}")
        if name in values
        else unknown.format(needed)
        for name, needed in REQUESTS_NEEDED.items()
    ]
    return " / ".join(texts) if values else ""


def _throughput_chart(rows: list[ComparisonRow], *, key: str) -> None:
    """Show the mean throughput, with the slowest and the fastest pass as error bars."""
    rates = [row["fps"] for row in rows]
    figure = go.Figure(
        go.Bar(
            x=rates,
            y=[row["endpoint"] for row in rows],
            orientation="h",
            marker_color=ACCENT,
            error_x={
                "array": [max(row["pass_fps"]) - row["fps"] for row in rows],
                "arrayminus": [row["fps"] - min(row["pass_fps"]) for row in rows],
                "thickness": 1.5,
            },
            texttemplate="%{x:.1f}",
            textposition="inside",
            insidetextanchor="start",
            hovertemplate="%{y}: %{x:.1f} frames/s<extra></extra>",
        )
    )
    figure.update_layout(
        bargap=0.45,
        xaxis={"title": "frames per second (bars: mean; lines: slowest and fastest pass)", "rangemode": "tozero"},
        yaxis_autorange="reversed",
    )
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
    """Show the share of requests that were answered within a time per frame."""
    figure = go.Figure()
    for index, row in enumerate(rows):
        latency = np.sort(row["frame_latency"])
        figure.add_scatter(
            name=f"{row['endpoint']} ({row['requests']:,})",
            x=np.r_[latency[0], latency],
            y=100 * np.arange(len(latency) + 1) / len(latency),
            mode="lines",
            line={"shape": "hv", "width": 2.5, "color": CHART_COLORS[index % len(CHART_COLORS)]},
            hovertemplate="%{y:.0f} % within %{x:.1f} ms per frame",
        )
    figure.update_layout(
        xaxis={"title": "milliseconds per frame (requests in parentheses)", "rangemode": "tozero"},
        yaxis={"title": "percent of requests", "range": [0, 103]},
    )
    chart(figure, key=key, height=320, title="Latency distribution")


def _bar_chart_height(rows: list[ComparisonRow]) -> int:
    return 150 + 44 * len(rows)
