from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
from served import add_model, add_video, all_ended, deploy

from backend import deployments
from backend.errors import UserError
from backend.progress import silent
from backend.records import Endpoint
from backend.tracking import track
from backend.workspace import Workspace


def test_batch_needs_no_process(workspace: Workspace) -> None:
    endpoint = deploy(workspace, add_model(workspace), "batch")
    assert deployments.state(workspace, endpoint).status == "in service"
    assert deployments.log(workspace, endpoint) == "" and endpoint.ref == {}
    assert deployments.restart(workspace, silent, endpoint=endpoint.id) == {"endpoint": endpoint.id}
    deployments.delete(workspace, endpoint)
    assert workspace.list(Endpoint) == []


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_an_endpoint_lives_is_killed_restarted_and_deleted(workspace: Workspace, tmp_path: Path, mode: str) -> None:
    video = add_video(workspace, tmp_path)
    endpoint = deploy(workspace, add_model(workspace), mode)
    state = deployments.state(workspace, endpoint)
    assert state.status == "in service" and "127.0.0.1" in state.where and state.since
    assert "Uvicorn running" in deployments.log(workspace, endpoint)

    psutil.Process(endpoint.ref["pid"]).kill()
    deadline = time.monotonic() + 5
    while deployments.state(workspace, endpoint).status != "gone":
        assert time.monotonic() < deadline
    with pytest.raises(UserError, match="process is gone. Start it again on Deploy"):
        track(workspace, silent, video=video.id, endpoint=endpoint.id)

    deployments.restart(workspace, silent, endpoint=endpoint.id)
    again = workspace.get(Endpoint, endpoint.id)
    assert deployments.state(workspace, again).status == "in service" and again.name == endpoint.name
    assert all_ended(endpoint.ref["folder"]) and not Path(endpoint.ref["folder"]).exists()
    track(workspace, silent, video=video.id, endpoint=again.id, draw=False)

    deployments.delete(workspace, again)
    assert workspace.list(Endpoint) == [] and all_ended(workspace.root)
    assert list((workspace.root / "local" / "endpoints").iterdir()) == []


def test_what_cannot_be_deployed(workspace: Workspace) -> None:
    model = add_model(workspace)
    with pytest.raises(UserError, match="no way of serving called “carrier”. Choose one of batch, realtime, async"):
        deployments.deploy(workspace, silent, name="e", model=model.id, mode="carrier")
    with pytest.raises(UserError, match="no model “model-0”"):
        deployments.deploy(workspace, silent, name="e", model="model-0", mode="batch")
    with pytest.raises(UserError, match="cannot be a name"):
        deployments.deploy(workspace, silent, name="a/b", model=model.id, mode="realtime")
    (workspace.folder(model) / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="did not start. It printed: .*model.onnx"):
        deployments.deploy(workspace, silent, name="e", model=model.id, mode="realtime")
    assert workspace.list(Endpoint) == [] and all_ended(workspace.root)
