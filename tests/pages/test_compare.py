from __future__ import annotations

import json

import pytest

from backend.labels.label_store import load_labels
from backend.steps.comparison import tracks_path
from backend.workspace.records import Comparison, Endpoint, Model


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


@pytest.fixture
def endpoint(workspace) -> Endpoint:
    model = workspace.add(Model(name="street", size="nano", classes=["car"], input_size=[64, 64], source="trained"))
    return workspace.add(Endpoint(name="street batch", model=model.id, mode="batch", platform="local"))


def row(endpoint: str, mode: str, fps: float, latency: list[float], error: str = "", cost: float = 0.0) -> dict:
    def part(value: float) -> dict[str, float]:
        return {"p50": value, "p90": value, "p99": value} if latency else {}

    return {
        "endpoint": endpoint,
        "mode": mode,
        "model": "street",
        "frames": 20 if not error else 0,
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


def summary(page) -> str:
    return next(text.value for text in page.markdown if ":material/lightbulb:" in text.value)


def test_without_videos_it_leads_to_them(open_page):
    assert button(open_page("compare"), "Go to Videos")


def test_without_endpoints_it_leads_to_them(open_page, video):
    assert button(open_page("compare"), "Go to Deploy")


def test_comparing_is_a_job(open_page, video, endpoint, finish):
    page = open_page("compare")
    button(page, "Compare").click().run()
    job = finish()  # it fails, since this model has no files
    assert (job.verb, job.params["video"], job.params["endpoints"]) == ("compare", video.id, [endpoint.id])


def test_a_comparison_is_summarized_in_words_and_charts(open_page, workspace, video):
    rows = [
        row("files", "batch", 90.0, []),
        row("live", "realtime", 40.0, [12.0, 12.0]),
        row("x", "async", 0, [], "Gone."),
    ]
    workspace.add(Comparison(name="three ways", video=video.id, rows=rows))
    page = open_page("compare")
    assert "**files** has the highest throughput: 90 frames/s." in summary(page)
    assert "**live** has the lowest latency: of its 2 requests, half within 12 ms, most of it in the model" in summary(
        page
    )
    assert "No costs are known" in summary(page)
    assert "Gone." in page.warning[0].value
    assert len(page.get("plotly_chart")) == 3
    table = page.dataframe[0].value
    assert table["Requests"].tolist() == [0, 2]
    assert table["Model (ms)"].tolist() == ["–", "9 / – / –"]
    assert table["Latency (ms)"].tolist() == ["no requests", "12 / needs 10 / needs 100"]


def test_percentiles_are_shown_from_enough_requests_on(open_page, workspace, video):
    rows = [row(f"live {number}", "realtime", 40.0, [12.0] * number) for number in (1, 9, 10, 99, 100)]
    workspace.add(Comparison(name="five", video=video.id, rows=rows))
    page = open_page("compare")
    table = page.dataframe[0].value
    assert table["Requests"].tolist() == [1, 9, 10, 99, 100]
    few, some, many = "12 / needs 10 / needs 100", "12 / 12 / needs 100", "12 / 12 / 12"
    assert table["Latency (ms)"].tolist() == [few, few, some, some, many]
    assert table["Client (ms)"].tolist() == ["1 / – / –", "1 / – / –", "1 / 1 / –", "1 / 1 / –", "1 / 1 / 1"]
    assert any("p90 needs 10 requests, p99 needs 100" in caption.value for caption in page.caption)
    figures = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    names = {trace["name"] for trace in figures[2]["data"]}
    assert names >= {"live 9 (9)", "live 100 (100)"}
    assert "live 1<br>1 request" in figures[1]["data"][0]["y"]


@pytest.mark.parametrize(
    ("requests", "says"),
    [
        (9, "of its 9 requests, half within 12 ms, most"),
        (10, "of its 10 requests, half within 12 ms, 9 of 10 within 12 ms, most"),
        (100, "of its 100 requests, half within 12 ms, 9 of 10 within 12 ms, 99 of 100 within 12 ms, most"),
    ],
)
def test_the_summary_has_only_percentiles_with_enough_requests(open_page, workspace, video, requests, says):
    workspace.add(Comparison(name="one", video=video.id, rows=[row("live", "realtime", 40.0, [12.0] * requests)]))
    assert says in summary(open_page("compare"))


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


def test_known_costs_are_compared(open_page, workspace, video):
    rows = [row("big", "batch", 90.0, [], cost=0.5), row("small", "batch", 10.0, [], cost=0.25)]
    workspace.add(Comparison(name="two", video=video.id, rows=rows))
    page = open_page("compare")
    assert "**small** has the lowest cost: $0.2500" in summary(page)
    assert "add a real-time endpoint" in summary(page)
