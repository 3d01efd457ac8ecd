from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_checkpoints import add

from backend.errors import UserError
from backend.steps import models
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Model

pytestmark = pytest.mark.slow


def test_choose_classes(workspace: Workspace, checkpoint: Path) -> None:
    model = add(workspace, checkpoint)
    chosen = models.choose_classes(workspace, model.id, ["dog", "person"])
    assert (chosen.name, chosen.classes, chosen.base) == ("mine person dog", ["person", "dog"], model.id)
    card = models.card(workspace, chosen)
    assert (card.classes, card.known_classes) == (["person", "dog"], ["person", "car", "dog"])
    assert card.base == "mine"
    assert models.card(workspace, model).classes == ["person", "car", "dog"]
    workspace.remove(model)  # the new model has its own link to the weights
    assert models.card(workspace, chosen).parameters == card.parameters
    assert models.choose_classes(workspace, chosen.id, ["car"], name="cars").classes == ["car"]
    with pytest.raises(UserError, match="was not trained for cat. Its classes are person, car, dog"):
        models.choose_classes(workspace, chosen.id, ["cat"])
    with pytest.raises(UserError, match="at least one class"):
        models.choose_classes(workspace, chosen.id, [])


def test_a_trained_model_is_stored_with_its_origin(workspace: Workspace, artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "trained")
    config = json.loads((tmp_path / "trained" / "model.json").read_text())
    config |= {"metrics": {"AP50": 0.8}, "hyperparameters": {"max_epoch": 30}}
    (tmp_path / "trained" / "model.json").write_text(json.dumps(config))
    dataset = workspace.add(
        Dataset(name="site", splits={"train": ["labels-gone"]}, classes=["person"], frames={"train": 1}, boxes={})
    )
    model = models.store(workspace, tmp_path / "trained", "night shift", "trained", dataset=dataset.id, job="job-1")
    assert workspace.list(Model) == [model]
    assert (model.metrics, model.hyperparameters) == ({"AP50": 0.8}, {"max_epoch": "30"})
    card = models.card(workspace, model)
    assert (card.dataset, card.labels, card.metrics) == ("site", [], {"AP50": 0.8})
    with pytest.raises(UserError, match="incomplete: model.safetensors"):
        models.store(workspace, tmp_path / "trained", "again", "trained")


def test_the_card_of_a_model_without_files_is_a_user_error(workspace: Workspace, checkpoint: Path) -> None:
    model = add(workspace, checkpoint)
    (workspace.folder(model) / "model.safetensors").unlink()
    with pytest.raises(UserError, match="missing or damaged"):
        models.card(workspace, model)
