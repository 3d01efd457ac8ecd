from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployment_helpers import add_model, add_video, deploy
from moving_squares import FRAMES

from backend.errors import UserError
from backend.progress import silent
from backend.steps import comparison as comparison_step
from backend.steps import deployments
from backend.steps.comparison import REPEATS, Thoroughness, compare, estimate, expected_passes, tracks_path
from backend.steps.tracking import Tracked
from backend.workspace import Workspace
from backend.workspace.records import Comparison, Endpoint, ServingMode, Video
from bytetrack.tracks import Tracks

pytestmark = pytest.mark.slow


@pytest.fixture
def video(workspace: Workspace, tmp_path: Path) -> Video:
    return add_video(workspace, tmp_path)


@pytest.fixture
def endpoints(workspace: Workspace) -> Iterator[list[Endpoint]]:
    """One endpoint whose process is gone, and two that work."""
    model = add_model(workspace)
    missing = Endpoint(
        name="gone",
        model=model.id,
        mode="realtime",
        platform="local",
        ref={"port": 1, "pid": 1, "pid_started": 1.0, "folder": str(workspace.root / "gone")},
    )
    workspace.add(missing)
    working = [deploy(workspace, model, mode) for mode in ("batch", "realtime")]
    yield [missing, *working]
    for endpoint in working:
        deployments.deployment_of(workspace, endpoint).delete()


def test_a_comparison_continues_if_an_endpoint_fails(
    workspace: Workspace, video: Video, endpoints: list[Endpoint]
) -> None:
    steps: list[tuple[float, str]] = []
    result = compare(
        workspace,
        lambda share, step: steps.append((share, step)),
        name="all",
        video=video.id,
        endpoints=[endpoint.id for endpoint in endpoints],
        repeats="quick",
    )
    broken, *rows = workspace.get(Comparison, result["comparison"]).rows
    assert "process is gone" in broken["error"]
    assert (broken["frames"], broken["fps"], broken["latency"], broken["total_ms"]) == (0, 0, [], {})
    assert [row["mode"] for row in rows] == ["batch", "realtime"]
    assert all(row["error"] == "" and row["fps"] > 0 and row["runs_here"] for row in rows)
    batch, realtime = rows
    assert (batch["passes"], batch["frames"], len(batch["pass_fps"])) == (2, 2 * FRAMES, 2)
    # Three requests a pass, and ten are needed.
    assert realtime["model"] == "squares" and (realtime["passes"], realtime["requests"]) == (4, 12)
    assert realtime["frames"] == 4 * FRAMES and realtime["warm_up_requests"] == 3
    assert len(realtime["latency"]) == len(realtime["frame_latency"]) == 12 and len(realtime["pass_frame_ms"]) == 4
    assert all(
        realtime[part].keys() == {"p50", "p90"}
        for part in ("client_ms", "network_ms", "model_ms", "total_ms", "frame_ms")
    )
    assert min(realtime["pass_fps"]) <= realtime["fps"] <= max(realtime["pass_fps"])
    assert realtime["live"] and realtime["live"]["frames_behind"] > 12 and batch["live"] is None
    assert 0 <= realtime["other_work"] <= 1
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and any(step == "realtime: pass 4 of 4" for _, step in steps)
    assert json.dumps(rows)
    comparison = workspace.get(Comparison, result["comparison"])
    paths = [tracks_path(workspace, comparison, number) for number in range(3)]
    assert not paths[0].exists() and len(Tracks.load(paths[1])) > 0
    assert paths[1].read_bytes() == paths[2].read_bytes()

    known = estimate(workspace, video, endpoints, REPEATS["quick"])
    assert known.unknown == ["gone"] and known.cost == 0
    assert known.seconds == pytest.approx(2 * FRAMES / batch["fps"] + 4 * FRAMES / realtime["fps"], rel=0.01)
    with pytest.raises(UserError, match="All endpoints failed. gone: .*process is gone"):
        compare(workspace, silent, name="none", video=video.id, endpoints=[endpoints[0].id], repeats="quick")
    with pytest.raises(UserError, match="cannot be a name"):
        compare(workspace, silent, name="a/b", video=video.id, endpoints=[endpoints[1].id])
    assert len(workspace.list(Comparison)) == 1
    assert [path.name for path in workspace.folder_of(Comparison).iterdir()] == [comparison.id]


def test_unreliable_percentiles_of_a_stored_comparison_are_dropped(workspace: Workspace, video: Video) -> None:
    """Earlier versions stored the slowest of two requests as their p99."""
    stored = {"p50": 12.0, "p90": 14.0, "p99": 14.0}
    rows = [{"requests": number, "model_ms": stored, "fps": 9.0} for number in (0, 2, 10, 100)]
    comparison = workspace.add(Comparison(name="old", video=video.id, rows=[]))
    with workspace.edit(Comparison, comparison.id) as record:
        record.rows = rows
    opened = workspace.get(Comparison, comparison.id)
    assert [list(row["model_ms"]) for row in opened.rows] == [[], ["p50"], ["p50", "p90"], ["p50", "p90", "p99"]]
    assert opened.rows[3].items() >= rows[3].items()


def test_rows_of_earlier_versions_are_one_pass_without_spread(workspace: Workspace, video: Video) -> None:
    row = {
        "endpoint": "live",
        "frames": 24,
        "fps": 9.0,
        "requests": 2,
        "latency": [120.0, 240.0],
        "total_ms": {"p50": 120.0},
        "cost_per_hour": 0.0,
    }
    (completed,) = Comparison(name="old", video=video.id, rows=[row]).rows
    assert (completed["passes"], completed["pass_fps"], completed["pass_frame_ms"]) == (1, [9.0], [])
    assert completed["frame_ms"] == {"p50": 10.0} and completed["frame_latency"] == [10.0, 20.0]
    assert completed["live"] is None and row.keys() < completed.keys()


@pytest.mark.parametrize(
    ("mode", "frames", "repeats", "passes"),
    [
        ("batch", 300, "standard", 3),
        ("realtime", 300, "standard", 4),  # 25 requests each
        ("realtime", 20, "standard", 50),  # 2 requests each
        ("realtime", 100_000, "standard", 3),
        ("async", 300, "quick", 2),
        ("async", 300, "standard", 10),
        ("realtime", 300, "thorough", 12),
    ],
)
def test_a_short_video_is_sent_again_until_there_are_enough_requests(
    mode: ServingMode, frames: int, repeats: Thoroughness, passes: int
) -> None:
    assert expected_passes(mode, frames, REPEATS[repeats]) == passes


def test_an_endpoint_that_fails_later_keeps_what_was_measured(
    workspace: Workspace, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([Tracked(Tracks.empty(), FRAMES, 1.0), UserError("The endpoint's process is gone.")])

    def track_through(*_: object) -> Tracked:
        answer = next(answers)
        if isinstance(answer, UserError):
            raise answer
        return answer

    monkeypatch.setattr(comparison_step, "track_through", track_through)
    result = compare(workspace, silent, name="half", video=video.id, endpoints=[add_endpoint(workspace)])
    (row,) = workspace.get(Comparison, result["comparison"]).rows
    assert (row["error"], row["passes"], row["fps"]) == ("The endpoint's process is gone.", 1, FRAMES)


def test_an_unknown_number_of_repeats_is_refused(workspace: Workspace, video: Video) -> None:
    with pytest.raises(UserError, match="“often” is not a number of repeats. Choose one of quick, standard, thorough."):
        compare(workspace, silent, name="a", video=video.id, endpoints=[add_endpoint(workspace)], repeats="often")


def add_endpoint(workspace: Workspace) -> str:
    model = add_model(workspace)
    return workspace.add(Endpoint(name="batch", model=model.id, mode="batch", platform="local")).id


def test_a_comparison_needs_an_endpoint(workspace: Workspace, video: Video) -> None:
    with pytest.raises(UserError, match="at least one endpoint"):
        compare(workspace, silent, name="none", video=video.id, endpoints=[])
