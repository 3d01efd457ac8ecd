from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployment_helpers import add_model, add_video, deploy
from moving_squares import FRAMES

from backend.errors import UserError
from backend.progress import silent
from backend.steps import deployments
from backend.steps.comparison import compare, tracks_path
from backend.workspace import Workspace
from backend.workspace.records import Comparison, Endpoint, Video
from bytetrack.tracks import Tracks


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
    result = compare(workspace, silent, name="all", video=video.id, endpoints=[endpoint.id for endpoint in endpoints])
    broken, *rows = workspace.get(Comparison, result["comparison"]).rows
    assert "process is gone" in broken["error"]
    assert (broken["frames"], broken["fps"], broken["latency"], broken["total_ms"]) == (0, 0, [], {})
    assert [row["mode"] for row in rows] == ["batch", "realtime"]
    assert all(row["error"] == "" and row["frames"] == FRAMES and row["fps"] > 0 for row in rows)
    realtime = rows[1]
    assert realtime["model"] == "squares" and len(realtime["latency"]) == realtime["requests"] > 1
    assert realtime["requests"] < 10
    assert all(realtime[part].keys() == {"p50"} for part in ("client_ms", "network_ms", "model_ms", "total_ms"))
    assert json.dumps(rows)
    comparison = workspace.get(Comparison, result["comparison"])
    paths = [tracks_path(workspace, comparison, number) for number in range(3)]
    assert not paths[0].exists() and len(Tracks.load(paths[1])) > 0
    assert paths[1].read_bytes() == paths[2].read_bytes()

    with pytest.raises(UserError, match="All endpoints failed. gone: .*process is gone"):
        compare(workspace, silent, name="none", video=video.id, endpoints=[endpoints[0].id])
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
    assert opened.rows[3] == rows[3]


def test_a_comparison_needs_an_endpoint(workspace: Workspace, video: Video) -> None:
    with pytest.raises(UserError, match="at least one endpoint"):
        compare(workspace, silent, name="none", video=video.id, endpoints=[])
