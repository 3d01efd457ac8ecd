from __future__ import annotations

from pathlib import Path

import pytest
from deployment_helpers import add_model, add_video

from backend import jobs
from backend.errors import UserError
from backend.progress import silent
from backend.steps import pretrained
from backend.steps.video_tracking import track_video
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Model, Run, Video

pytestmark = pytest.mark.slow


@pytest.fixture
def video(workspace: Workspace, tmp_path: Path) -> Video:
    return add_video(workspace, tmp_path)


def test_a_video_is_tracked_with_the_best_fitting_model(workspace: Workspace, video: Video) -> None:
    model = add_model(workspace)
    result = track_video(workspace, silent, video=video.id, classes=["red"])
    run, endpoint = workspace.get(Run, result["run"]), workspace.get(Endpoint, result["endpoint"])
    assert (result["model"], endpoint.model, endpoint.mode, endpoint.name) == (
        model.id,
        model.id,
        "batch",
        "squares batch",
    )
    assert (run.endpoint, run.classes, run.objects, run.warnings) == (endpoint.id, ["red"], 1, [])
    again = track_video(workspace, silent, video=video.id, model=model.id)
    assert workspace.list(Endpoint) == [workspace.get(Endpoint, endpoint.id)], "it is deployed once"
    assert workspace.get(Run, again["run"]).objects == 2


def test_without_a_detector_it_says_what_to_do(workspace: Workspace, video: Video) -> None:
    with pytest.raises(UserError, match="no detector .* --download yolox_.* MB.* add-model, or train one"):
        track_video(workspace, silent, video=video.id)


def test_a_model_is_downloaded_first(workspace: Workspace, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    model = add_model(workspace)
    monkeypatch.setattr(pretrained, "download", lambda *_, entry: {"model": model.id})
    assert track_video(workspace, silent, video=video.id, download="yolox_nano")["model"] == model.id


@pytest.mark.parametrize("detector", [{"download": "yolox_nano"}, {}])
def test_an_unknown_class_is_refused_before_anything_is_made(
    workspace: Workspace, video: Video, detector: dict[str, str]
) -> None:
    add_model(workspace)
    with pytest.raises(UserError, match="has no class “green”. Its classes are "):
        track_video(workspace, silent, video=video.id, classes=["green"], **detector)
    assert not workspace.list(Endpoint) and [model.name for model in workspace.list(Model)] == ["squares"]


def test_either_a_model_or_a_download(workspace: Workspace, video: Video) -> None:
    with pytest.raises(UserError, match="not both"):
        track_video(workspace, silent, video=video.id, model="m", download="yolox_nano")


@pytest.mark.slow
def test_the_job_leaves_no_partial_tracks(workspace: Workspace, video: Video) -> None:
    add_model(workspace)
    job = jobs.start(workspace, "track video", "Track", video=video.id)
    assert jobs.wait(workspace, job.id, silent).result["run"] == workspace.list(Run)[0].id
    assert not jobs.temporary_folder(workspace, job).exists()
