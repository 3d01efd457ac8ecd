from __future__ import annotations

import json

import pytest

from backend.labels.label_store import load_labels
from backend.steps.comparison import tracks_path
from backend.workspace.records import Comparison, Endpoint, Model, Run
from pages.parts.comparison_results import summarize


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


@pytest.fixture
def endpoint(workspace) -> Endpoint:
    model = workspace.add(Model(name="street", size="nano", classes=["car"], input_size=[64, 64], source="trained"))
    return workspace.add(Endpoint(name="street batch", model=model.id, mode="batch", platform="local"))


def row(
    endpoint: str,
    mode: str,
    fps: float,
    latency: list[float],
    error: str = "",
    cost: float = 0.0,
    pass_fps: tuple[float, ...] = (),
    **fields: object,
) -> dict:
    """Return a row with requests of four frames each; it is of this version if it has several passes."""

    def part(value: float) -> dict[str, float]:
        return {"p50": value, "p90": value, "p99": value} if latency else {}

    frames = 4 * len(latency) or 20
    stored = {
        "endpoint": endpoint,
        "mode": mode,
        "model": "street",
        "frames": frames if not error else 0,
        "seconds": 1.0,
        "fps": fps,
        "requests": len(latency),
        "bytes_sent": 1000 * len(latency),
        "client_ms": part(1.0),
        "network_ms": part(2.0),
        "model_ms": part(9.0),
        "total_ms": part(12.0),
        "latency": latency,
        "cost_per_hour": 3600 * cost,
        "cost_per_1000_frames": cost,
        "error": error,
    }
    if pass_fps:
        stored |= {
            "passes": len(pass_fps),
            "pass_fps": list(pass_fps),
            "pass_frame_ms": [1000 / fps for fps in pass_fps] if latency else [],
            "frame_ms": part(3.0),
            "frame_latency": [value / 4 for value in latency],
            "warm_up_requests": 3,
            "video_fps": 10.0,
            "live": None,
            "cost_per_video_hour": 3600 * cost * 10 / fps,
            "runs_here": not cost,
            "other_work": 0.0,
            "other_programs": [],
        }
    return stored | fields


def on_tab(page, tab: str):
    page.session_state["compare-tab"] = f":material/{tab}"
    page.run()
    assert not page.error, [error.value for error in page.error]
    return page


def measurements(open_page):
    return on_tab(open_page("compare"), "speed: Measurements")


def summary(page) -> str:
    return next(text.value for text in page.markdown if ":material/lightbulb:" in text.value)


def test_without_videos_it_leads_to_them(open_page):
    assert button(open_page("compare"), "Go to Videos")


def test_without_endpoints_it_leads_to_them(open_page, video):
    assert button(open_page("compare"), "Go to Deploy")


def test_comparing_is_a_job(open_page, video, endpoint, finish):
    page = open_page("compare")
    (plan,) = (caption.value for caption in page.caption if "Sends the video" in caption.value)
    assert "street batch 3 times" in plan and "No run of street batch is known yet" in plan
    page.button_group(key="compare-repeats").set_value("quick").run()
    button(page, "Compare").click().run()
    job = finish()  # it fails, since this model has no files
    assert (job.verb, job.params["video"], job.params["endpoints"]) == ("compare", video.id, [endpoint.id])
    assert job.params["repeats"] == "quick"


def test_the_time_of_a_comparison_is_estimated_from_earlier_runs(open_page, workspace, video, endpoint):
    workspace.add(
        Run(
            name="earlier",
            video=video.id,
            endpoint=endpoint.id,
            endpoint_name=endpoint.name,
            mode="batch",
            model=endpoint.model,
            frames=20,
            objects=1,
            seconds=2.0,
            fps=10.0,
        )
    )
    captions = [caption.value for caption in open_page("compare").caption]
    assert any("**About 6.0 s**, from earlier runs" in caption for caption in captions)  # 3 times 20 frames


def test_a_comparison_is_summarized_in_words_and_charts(open_page, workspace, video):
    rows = [
        row("files", "batch", 90.0, [], pass_fps=(88.0, 92.0)),
        row("live", "realtime", 40.0, [12.0, 12.0], pass_fps=(39.0, 41.0)),
        row("x", "async", 0, [], "Gone."),
    ]
    workspace.add(Comparison(name="three ways", video=video.id, rows=rows))
    page = open_page("compare")
    assert "Gone." in page.warning[0].value and not page.get("plotly_chart")  # the picture comes first
    assert any(
        "files]\u00a0**90 frames/s**" in text.value and "3.0 ms per frame" in text.value for text in page.markdown
    )
    page = on_tab(page, "speed: Measurements")
    assert "**files** has the highest throughput: 90 frames/s (88.0–92.0 in 2 passes)." in summary(page)
    assert "**live** responds as it goes: of its 2 requests, half within 12 ms (3.0 ms per frame)" in summary(page)
    assert "most of it in the model" in summary(page)
    assert "They run on this machine, which costs nothing." in summary(page)
    assert len(page.get("plotly_chart")) == 3
    table = page.dataframe[0].value
    assert table["Requests"].tolist() == [0, 2] and table["Spread"].tolist() == ["88.0–92.0", "39.0–41.0"]
    assert table["Model (ms)"].tolist() == ["–", "9.0 / – / –"] and table["Per hour of video"].tolist() == [
        "free",
        "free",
    ]
    assert table["Per frame (ms)"].tolist() == ["no requests", "3.0 / needs 10 / needs 100"]
    assert table["Per request (ms)"].tolist() == ["no requests", "12 / needs 10 / needs 100"]


def test_percentiles_are_shown_from_enough_requests_on(open_page, workspace, video):
    rows = [row(f"live {number}", "realtime", 40.0, [12.0] * number) for number in (1, 9, 10, 99, 100)]
    workspace.add(Comparison(name="five", video=video.id, rows=rows))
    page = measurements(open_page)
    table = page.dataframe[0].value
    assert table["Requests"].tolist() == [1, 9, 10, 99, 100]
    few, some, many = "12 / needs 10 / needs 100", "12 / 12 / needs 100", "12 / 12 / 12"
    assert table["Per request (ms)"].tolist() == [few, few, some, some, many]
    assert table["Per frame (ms)"].tolist()[-1] == "3.0 / 3.0 / 3.0"
    assert table["Client (ms)"].tolist()[1:3] == ["1.0 / – / –", "1.0 / 1.0 / –"]
    assert any("p90 needs 10 requests, p99 needs 100" in caption.value for caption in page.caption)
    figures = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    names = {trace["name"] for trace in figures[2]["data"]}
    assert names >= {"live 9 (9)", "live 100 (100)"}
    assert "live 1<br>1 request" in figures[1]["data"][0]["y"]


@pytest.mark.parametrize(
    ("requests", "says"),
    [
        (9, "of its 9 requests, half within 12 ms (3"),
        (10, "of its 10 requests, half within 12 ms, 9 of 10 within 12 ms (3"),
        (100, "of its 100 requests, half within 12 ms, 9 of 10 within 12 ms, 99 of 100 within 12 ms (3"),
    ],
)
def test_the_summary_has_only_percentiles_with_enough_requests(requests, says):
    (complete,) = Comparison(name="one", video="video-0", rows=[row("live", "realtime", 40.0, [12.0] * requests)]).rows
    assert says in summarize([complete])


def test_nothing_is_ranked_within_the_spread():
    """Of three endpoints the passes of two overlap, in throughput and in latency."""
    close = [
        row("a", "realtime", 40.0, [12.0] * 10, pass_fps=(38.0, 42.0)),
        row("b", "realtime", 41.0, [12.0] * 10, pass_fps=(39.0, 43.0)),
        row("c", "realtime", 20.0, [12.0] * 10, pass_fps=(19.0, 21.0)),
    ]
    text = summarize(close)
    assert "highest" not in text and "lowest" not in text
    same = "Within the spread of their passes, the throughput is the same"
    assert f"{same}: **b** 41 frames/s (39.0–43.0 in 2 passes), **a**" in text
    assert "Within the spread, the latency per frame (p50) is the same: **b**" in text and "**c**" not in text
    apart = [row("a", "realtime", 40.0, [12.0] * 10, pass_fps=(38.0, 42.0)), close[2]]
    assert "**a** has the highest throughput" in summarize(apart)
    assert "**a** has the lowest latency" in summarize(apart)


def test_a_single_pass_is_no_ground_for_a_ranking():
    rows = Comparison(name="old", video="video-0", rows=[row("a", "batch", 90.0, []), row("b", "batch", 10.0, [])]).rows
    assert "A ranking needs at least two passes of each" in summarize(rows) and "highest" not in summarize(rows)


def test_the_lag_behind_a_live_camera_is_said():
    behind = {"keeps_up": True, "frames_behind": 21.0, "falls_behind": 0.0}
    rows = [row("live", "realtime", 40.0, [12.0] * 10, pass_fps=(39.0, 41.0), live=behind)]
    assert "**live** keeps up with 10 frames/s, at most 21 frames (2.1 s) behind." in summarize(rows)
    slow = {"keeps_up": False, "frames_behind": 300.0, "falls_behind": 3.5}
    rows = [row("live", "realtime", 6.5, [12.0] * 10, pass_fps=(6.0, 7.0), live=slow)]
    assert "**live** falls 3.5 frames further behind each second (10 frames/s)." in summarize(rows)


@pytest.mark.parametrize(
    ("runs_here", "effect"),
    [
        (True, "The figures of **live** may be too slow: measure again when this machine is idle."),
        (False, "For **live**, which does not run here, only the client's times"),
    ],
)
def test_other_work_on_the_machine_is_reported_and_prevents_a_ranking(open_page, workspace, video, runs_here, effect):
    busy = {"other_work": 0.34, "other_programs": ["ffmpeg (process 7)"], "runs_here": runs_here}
    rows = [
        row("live", "realtime", 40.0, [12.0] * 10, pass_fps=(39.0, 41.0), **busy),
        row("quiet", "realtime", 20.0, [12.0] * 10, pass_fps=(19.0, 21.0), other_work=0.05),
    ]
    workspace.add(Comparison(name="busy", video=video.id, rows=rows))
    (text,) = (caption.value for caption in open_page("compare").caption if "Other programs" in caption.value)
    assert "took 34 % of this machine's processor meanwhile (ffmpeg (process 7))." in text and effect in text
    assert "highest" not in summarize(rows) and "lowest" not in summarize(rows)
    assert "Throughput, not ranked because other work disturbed the measurement: **live** 40" in summarize(rows)


def test_the_tracks_of_the_endpoints_are_shown_on_the_video(open_page, workspace, video, labels):
    rows = [row("files", "batch", 90.0, []), row("live", "realtime", 40.0, [12.0]), row("x", "async", 0, [], "Gone.")]
    comparison = workspace.add(Comparison(name="ways", video=video.id, rows=rows))
    for place in (0, 1):
        load_labels(workspace, labels).save(tracks_path(workspace, comparison, place))
    page = open_page("compare")
    first, second = (page.selectbox(key=f"see-{comparison.id}-{side}") for side in ("first", "second"))
    assert first.options == [f"{labels.name} (labels)", "files", "live"] and second.options == ["files", "live"]
    first.select(f"{comparison.id}-0").run()
    assert not page.exception and page.selectbox(key=f"see-{comparison.id}-second").value == labels.id


def test_the_only_tracks_are_shown_on_their_own(open_page, workspace, video, labels, played):
    comparison = workspace.add(Comparison(name="one", video=video.id, rows=[row("files", "batch", 90.0, [])]))
    load_labels(workspace, labels).save(tracks_path(workspace, comparison, 0))
    workspace.remove(labels)
    assert [layer["name"] for layer in played(open_page("compare"))["layers"]] == ["files"]


def test_known_costs_are_compared():
    rows = [
        row("big", "batch", 90.0, [], cost=0.5, pass_fps=(89.0, 91.0), cost_per_hour=9.0),
        row("small", "batch", 10.0, [], cost=0.25, pass_fps=(9.0, 11.0), cost_per_hour=0.5),
    ]
    text = summarize(rows)
    assert "**small** has the lowest cost: $" in text and "per hour of video ($0.2500 per 1,000 frames)" in text
    assert "add a real-time endpoint" in text
    free = summarize([rows[0], row("here", "batch", 20.0, [], pass_fps=(19.0, 21.0))])
    assert "Cost: **big** $" in free and "On this machine, here costs nothing." in free
    unknown = summarize([row("there", "batch", 20.0, [], pass_fps=(19.0, 21.0), runs_here=False)])
    assert "The prices of these endpoints are not known." in unknown
