from __future__ import annotations

import pytest

from backend.errors import UserError
from backend.steps.models import store_thresholds, thresholds
from backend.workspace.records import Model
from bytetrack.detection.artifact import ModelConfig, write_config


@pytest.fixture
def model(workspace) -> Model:
    model = workspace.add(Model(name="street", size="nano", classes=["car"], input_size=[64, 64], source="trained"))
    write_config(workspace.folder(model), ModelConfig(0.33, 0.25, True, ["car"], [64, 64]))
    return model


def test_other_thresholds_stay(workspace, model):
    store_thresholds(workspace, model.id, {"track_thresh": 0.4, "track_buffer": 60})
    stored = thresholds(workspace, model.id)
    assert (stored["track_thresh"], stored["track_buffer"], stored["match_thresh"]) == (0.4, 60, 0.8)


@pytest.mark.parametrize("wrong", [{"track_thresh": 2}, {"speed": 1}])
def test_wrong_thresholds_are_refused(workspace, model, wrong):
    before = thresholds(workspace, model.id)
    with pytest.raises(UserError, match=next(iter(wrong))):
        store_thresholds(workspace, model.id, wrong)
    assert thresholds(workspace, model.id) == before


def test_missing_files_are_a_user_error(workspace, model):
    (workspace.folder(model) / "model.json").unlink()
    with pytest.raises(UserError, match="model.json is missing"):
        thresholds(workspace, model.id)
