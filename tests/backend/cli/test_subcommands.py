"""Each subcommand against the step that it runs, and all of them against the steps of the pages."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from backend import jobs
from backend.cli import main, options
from backend.cli.app import app
from backend.cli.kinds import NAMES
from backend.jobs.worker import VERBS
from backend.steps import hyperparameter_search, mot_files, training
from backend.steps.export import FILES
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import (
    KINDS,
    Dataset,
    Endpoint,
    Job,
    LabelingJob,
    Labels,
    Model,
    Run,
    TrackerSearch,
    Video,
)
from bytetrack.tracking.config import TrackerConfig
from bytetrack.training.hyperparameters import SIZES

CHECKED_START = {"train", "search hyperparameters"}  # these go through a function that checks their parameters first


@pytest.fixture
def records(workspace: Workspace) -> Workspace:
    """A workspace with one record of each kind called `it`, two clips, and no files."""
    video = {"width": 64, "height": 48, "fps": 10, "frames": 20, "seconds": 2, "codec": "h264", "size": 1}
    clips = [workspace.add(Video(name=name, path="/it.mp4", **video)) for name in ("it", "clip 1", "clip 2")]
    labels = {"source": "COCO", "classes": ["person"], "labeled_frames": [0, 1, 2], "boxes": 3, "objects": 1}
    named = [workspace.add(Labels(name=clip.name, video=clip.id, **labels)) for clip in clips]
    model = workspace.add(Model(name="it", size="nano", classes=["person"], input_size=[416, 416], source="file"))
    endpoint = workspace.add(Endpoint(name="it", model=model.id, mode="batch", platform="local"))
    run = workspace.add(
        Run(
            name="it",
            video=clips[0].id,
            endpoint=endpoint.id,
            endpoint_name="it",
            mode="batch",
            model=model.id,
            frames=20,
            objects=1,
            seconds=1,
            fps=20,
        )
    )
    workspace.add(Dataset(name="it", splits={}, classes=["person"], frames={"train": 3}, boxes={}))
    workspace.add(LabelingJob(name="it", clips={}, every=1, classes=["person"], platform="local", ref={}, frames=20))
    workspace.add(
        TrackerSearch(
            name="it",
            run=run.id,
            labels=named[0].id,
            settings={"track_thresh": 0.6},
            before={"HOTA": 50.0},
            metrics={"HOTA": 60.0},
            importances={},
            trials=[],
        )
    )
    return workspace


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that commands start; none of them runs."""
    started: list[Job] = []

    def start(workspace: Workspace, verb: str, name: str, /, **params: Any) -> Job:
        started.append(workspace.add(Job(name=name, verb=verb, params=params, status="done")))
        return started[-1]

    monkeypatch.setattr(jobs, "start", start)
    monkeypatch.setattr(jobs, "submit", lambda *args, **params: jobs.Submission(start(*args, **params), is_new=True))
    return started


COMMANDS = {
    "make sample": "make-sample --scenes 1",
    "add video": "add-video it.mp4",
    "cut video": "cut-video --video it --every-seconds 1",
    "draw tracks": "draw-tracks --labels it",
    "make browser copy": "make-browser-copy --video it",
    "extract frames": "extract-frames --video it --every 5",
    "import labels": "import-labels gt.txt --video it --step 5 --format mot --classes person car",
    "start labeling": "start-labeling --name a --clips 'clip 1' 'clip 2' --classes person --correct it",
    "fetch labels": "fetch-labels --labeling-job it",
    "split labels": "split-labels --labels it",
    "build dataset": "build-dataset --name a --train it 'clip 1' --val 'clip 2'",
    "add model": "add-model it.pth --classes person --normalization both --input-size 416 416 --video it --frame 3",
    "try model": "try-model it.pth --input-size 416 416 --video it",
    "change model input": "change-model-input --model it --normalization imagenet",
    "download model": "download-model yolox_nano",
    "deploy": "deploy --model it --mode async --option instance_type=ml.g5.xlarge",
    "restart endpoint": "restart-endpoint --endpoint it",
    "update endpoint": "update-endpoint --endpoint it --model it",
    "track": "track --video it --endpoint it --classes person --no-draw",
    "track video": "track-video --video it --model it --classes person",
    "evaluate": "evaluate --run it --labels it",
    "search tracker settings": "search-tracker-settings --run it --labels it --trials 5",
    "compare": "compare --name a --video it --endpoints it",
    "make report": "make-report --run it",
    "publish model": "publish-model --model it",
    "set up": "set-up stack",
    "take down": "take-down stack",
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_subcommand_starts_the_job_of_its_step(verb: str, records: Workspace, started: list[Job]) -> None:
    assert main([*shlex.split(COMMANDS[verb]), "--workspace", str(records.root)]) == 0
    (job,) = started
    assert job.verb == verb
    module, function = VERBS[verb].split(":")
    step = getattr(importlib.import_module(module), function)
    inspect.signature(step).bind(None, None, **job.params)  # raises TypeError if the step has other parameters
    assert json.loads(json.dumps(job.params)) == job.params
    assert "it" not in job.params.values(), "records are passed by their ID"


def test_there_is_a_subcommand_for_every_verb() -> None:
    subcommands = {name for name in app if not name.startswith("-")}
    assert {verb.replace(" ", "-") for verb in VERBS} <= subcommands
    assert COMMANDS.keys() | CHECKED_START == VERBS.keys()


def test_there_is_a_subcommand_for_every_job_that_pages_start() -> None:
    sources = [path.read_text() for folder in ("pages", "app") for path in (PROJECT / folder).rglob("*.py")]
    verbs = {verb for text in sources for verb in re.findall(r'start_job(?:_and_rerun)?\(\s*"([a-z ]+)"', text)}
    assert len(verbs) > 10 and verbs <= VERBS.keys()


def test_correct_takes_one_source_for_all_clips_or_one_for_each(records: Workspace, started: list[Job]) -> None:
    command = "start-labeling --name a --clips 'clip 1' 'clip 2' --classes person --workspace"
    for sources, code in (["it"], 0), (["clip 1", "clip 2"], 0), (["it", "it", "it"], 2):
        assert main([*shlex.split(command), str(records.root), "--correct", *sources]) == code
    first, second = [records.get(Video, name).id for name in ("clip 1", "clip 2")]
    whole, *parts = [records.get(Labels, name).id for name in ("it", "clip 1", "clip 2")]
    assert [job.params["earlier"] for job in started] == [
        {first: whole, second: whole},
        {first: parts[0], second: parts[1]},
    ]


def test_labels_are_split_like_on_the_page(records: Workspace, started: list[Job]) -> None:
    command = "build-dataset --name a --labels it 'clip 1' 'clip 2' --workspace"
    assert main([*shlex.split(command), str(records.root)]) == 0
    names = {
        split: [records.get(Labels, label_id).name for label_id in started[0].params[split]]
        for split in ("train", "val", "test")
    }
    assert names == {"train": ["clip 1"], "val": ["clip 2"], "test": ["it"]}


def test_train_passes_what_is_suggested_and_what_is_given(
    records: Workspace, started: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Any, ...]] = []

    def suggest(workspace: Workspace, *arguments: Any, **keywords: Any) -> dict[str, str]:
        given.append((*arguments, keywords))
        return {"max_epoch": "30", "batch_size": "4"}

    monkeypatch.setattr("backend.steps.training.suggest", suggest)
    monkeypatch.setattr("backend.steps.training.check", lambda *arguments: None)
    command = "train --dataset it --base it --preset quick --epochs 30 --hyperparameter batch_size=8"
    assert main([*command.split(), "--option", "spot=true", "--workspace", str(records.root)]) == 0
    dataset, model = records.get(Dataset, "it").id, records.get(Model, "it").id
    assert given == [(dataset, "nano", 30, {"pretrained": True, "preset": "quick", "gpu": False})]
    params = started[0].params
    assert params["hyperparameters"] == {"max_epoch": "30", "batch_size": "8"}
    assert (params["name"], params["base"], params["options"]) == ("it it", model, {"spot": "true"})


def test_search_hyperparameters_parses_ranges(records: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "backend.steps.training.suggest", lambda *_, **__: {"basic_lr_per_img": "0.001", "batch_size": "8"}
    )
    monkeypatch.setattr(
        hyperparameter_search,
        "start",
        lambda workspace, **params: searches.append(params) or Job(name="a", verb="a", params={}),
    )
    monkeypatch.setattr("backend.cli.training.follow", lambda job: {})
    command = ["search-hyperparameters", "--dataset", "it", "--workspace", str(records.root)]
    assert main(command) == 0
    assert main([*command, "--range", "basic_lr_per_img=0.0001:0.01", "batch_size=2:8", "optimizer=adamw, sgd"]) == 0
    assert main([*command, "--range", "speed=1:2"]) == 1
    suggested, given = [search["ranges"] for search in searches]
    assert suggested.keys() == {"basic_lr_per_img"}
    assert given == {
        "basic_lr_per_img": {"low": 0.0001, "high": 0.01, "whole": False, "logarithmic": True},
        "batch_size": {"low": 2, "high": 8, "whole": True, "logarithmic": False},
        "optimizer": {"choices": ["adamw", "sgd"]},
    }


def test_tracker_settings_are_saved_from_a_search_or_from_values(
    records: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[dict[str, float]] = []
    monkeypatch.setattr("backend.steps.models.store_thresholds", lambda workspace, model, values: saved.append(values))
    command = ["save-tracker-settings", "--model", "it", "--workspace", str(records.root)]
    assert main([*command, "--tracker-search", "it"]) == 0
    assert main([*command, "--setting", "track_thresh=0.7", "smooth=3"]) == 0
    assert main([*command, "--setting", "track_thresh=high"]) == 1
    assert main(command) == 2
    assert saved == [{"track_thresh": 0.6}, {"track_thresh": 0.7, "smooth": 3}]


def test_choices_are_those_of_the_steps() -> None:
    assert set(get_args(options.ModelSize)) == set(SIZES)
    assert set(get_args(options.Benchmark)) == set(mot_files.BENCHMARKS)
    from backend.cli.tracking import SUFFIXES, TrackFormat
    from backend.cli.training import Objective, PresetName

    assert set(get_args(TrackFormat)) == set(FILES)
    assert {name: Path(FILES[name]).suffix for name in get_args(TrackFormat)} == SUFFIXES
    assert set(get_args(Objective)) == set(hyperparameter_search.OBJECTIVES)
    assert set(get_args(PresetName)) == set(training.PRESETS)
    assert [name.replace("-", "") for name in NAMES] == list(KINDS)


def test_track_detections_has_every_setting_of_the_tracker() -> None:
    from backend.cli.tracking import track_detections

    parameters = inspect.signature(track_detections).parameters
    defaults = {field.name: field.default for field in fields(TrackerConfig)} | mot_files.UNREFINED
    assert {name: parameters[name].default for name in defaults} == defaults


def test_run_passes_its_options_on(
    workspace: Workspace, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "backend.steps.demo.run",
        lambda workspace, progress, **params: {key: str(value) for key, value in params.items()},
    )
    command = "run --video a.mp4 --labels gt.txt --step 5 --first-frame 4 --start-from it.pth --workspace"
    assert main([*command.split(), str(workspace.root)]) == 0
    result = json.loads(capfd.readouterr().out)
    assert (result["step"], result["first_frame"], result["model"]) == ("5", "4", "nano")
    assert result["start_from"] == "it.pth"


def test_endpoints_are_shown_with_their_state(records: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "endpoint", "it", "--workspace", str(records.root)]) == 0
    assert json.loads(capfd.readouterr().out)["state"]["status"] == "in service"
    assert main(["log", "it", "--workspace", str(records.root)]) == 0
    assert capfd.readouterr().out == "\n"  # a batch endpoint has no log of its own


def test_what_the_platform_has(records: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    for command in ("checks", "inventory"):
        assert main([command, "--workspace", str(records.root)]) == 0
        assert json.loads(capfd.readouterr().out) == []
    assert main(["use", "local", "--workspace", str(records.root)]) == 0
    assert json.loads(capfd.readouterr().out) == {"platform": "local", "checks": []}
    assert main(["use", "moon", "--workspace", str(records.root)]) == 1
    assert "Unknown platform “moon”" in capfd.readouterr().err


def test_export_writes_where_the_user_says(
    records: Workspace, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    labels = records.get(Labels, "it")
    (records.folder(labels) / "tracks.txt").write_text("1,1,0,0,2,2,1,1,1\n")
    (records.folder(labels) / "tracks.json").write_text("{}")
    command = ["export", "--labels", "it", "--workspace", str(records.root), "--out", str(tmp_path / "gt.txt")]
    assert main(command) == 0
    assert json.loads(capfd.readouterr().out) == {"file": str(tmp_path / "gt.txt")}
    assert (tmp_path / "gt.txt").read_text().startswith("1,1,")


def test_do_still_works_and_names_its_replacement(
    records: Workspace, started: list[Job], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["do", "--workspace", str(records.root), "cut video", "video=it", "every_frames=3"]) == 0
    assert started[0].params == {"video": "it", "every_frames": 3}
    assert "`bytetrack-studio cut-video --help`" in capfd.readouterr().err
    assert main(["do", "fly", "--workspace", str(records.root)]) == 1
