from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tiny_checkpoints import CLASSES

from backend.errors import UserError
from backend.jobs.processes import this_process
from backend.progress import silent
from backend.steps import model_input, models
from backend.steps.model_input import change_input
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Job, Model
from bytetrack.detection.artifact import read_config
from bytetrack.detection.engine import OnnxEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def model(workspace: Workspace, artifact: Path, tmp_path: Path) -> Model:
    shutil.copytree(artifact, tmp_path / "copy")
    return models.store(workspace, tmp_path / "copy", "mine", "file")


def test_normalization_and_size_are_changed_in_artifact_and_record(workspace: Workspace, model: Model) -> None:
    folder = workspace.folder(model)
    weights = (folder / "model.safetensors").read_bytes()
    result = change_input(workspace, silent, model=model.id, normalization="imagenet", input_size=[64, 96])
    config = read_config(folder)
    assert (config.normalization, config.input_size, config.classes) == ("imagenet", [64, 96], CLASSES)
    assert OnnxEngine(folder).input_size == (64, 96)
    assert workspace.get(Model, model.id).input_size == [64, 96] and result == {"model": model.id, "skipped": []}
    assert (folder / "model.safetensors").read_bytes() == weights
    assert sorted(path.name for path in folder.iterdir()) == sorted(models.FILES)
    change_input(workspace, silent, model=model.id, normalization="raw")
    assert (read_config(folder).normalization, read_config(folder).input_size) == ("raw", [64, 96])


def test_a_model_with_the_same_weights_keeps_its_input(workspace: Workspace, model: Model) -> None:
    derived = models.choose_classes(workspace, model.id, ["person"])
    change_input(workspace, silent, model=model.id, input_size=[96, 96])
    assert read_config(workspace.folder(derived)).input_size == [64, 64]
    assert OnnxEngine(workspace.folder(derived)).input_size == (64, 64)
    change_input(workspace, silent, model=derived.id, normalization="imagenet")
    assert read_config(workspace.folder(derived)).keep_classes == ["person"]


def test_what_is_not_possible_changes_nothing(workspace: Workspace, model: Model) -> None:
    folder = workspace.folder(model)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for options, reason in (
        ({"input_size": [100, 64]}, "multiples of 32"),
        ({"normalization": "none"}, "Unknown normalization"),
        ({"normalization": "raw"}, "has this input already"),
        ({}, "has this input already"),
    ):
        with pytest.raises(UserError, match=reason):
            change_input(workspace, silent, model=model.id, **options)
    workspace.add(Job(name="Track site", verb="deploy", params={"model": model.id}, **this_process()))
    with pytest.raises(UserError, match="The job “Track site” uses “mine”"):
        change_input(workspace, silent, model=model.id, normalization="imagenet")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_if_one_file_cannot_be_replaced_none_is(
    workspace: Workspace, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = workspace.folder(model)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    replace = os.replace

    def fail_for_configuration(source: Path, target: Path) -> None:
        if Path(target) == folder / "model.json":
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(model_input.os, "replace", fail_for_configuration)
    with pytest.raises(OSError, match="disk full"):
        change_input(workspace, silent, model=model.id, input_size=[96, 96])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_trained_model_keeps_the_input_of_its_training(workspace: Workspace, model: Model) -> None:
    with workspace.edit(Model, model.id) as stored:
        stored.source = "trained"
    with pytest.raises(UserError, match="was trained here, with this input"):
        change_input(workspace, silent, model=model.id, normalization="imagenet")


def test_endpoints_that_have_loaded_it_are_marked(workspace: Workspace, model: Model) -> None:
    other = Endpoint(name="other", model="model-0", mode="realtime", platform="local")
    endpoints = [Endpoint(name=mode, model=model.id, mode=mode, platform="local") for mode in ("batch", "realtime")]
    for endpoint in (other, *endpoints):
        workspace.add(endpoint)
    result = change_input(workspace, silent, model=model.id, normalization="imagenet")
    assert result["skipped"] == ["“realtime” still answers with the earlier input. Update on Deploy."]
    marked = {endpoint.name for endpoint in workspace.list(Endpoint) if endpoint.model_changed}
    assert marked == {"realtime"}
