from __future__ import annotations

from app.journey import STEPS, journey_progress, next_step
from backend.workspace import Workspace
from backend.workspace.records import Model, Video


def video() -> Video:
    return Video(name="v", path="v.mp4", width=64, height=48, fps=10, frames=10, seconds=1, codec="h264", size=1)


def model(source: str) -> Model:
    return Model(name="m", size="nano", classes=["person"], input_size=[64, 64], source=source)


def next_step_key(workspace: Workspace) -> str | None:
    upcoming = next_step(journey_progress(workspace))
    return upcoming.step.key if upcoming else None


def test_it_begins_with_videos(workspace: Workspace):
    assert next_step_key(workspace) == "videos"


def test_a_pretrained_model_leads_past_labels_and_training(workspace: Workspace):
    workspace.add(video())
    assert next_step_key(workspace) == "labels"
    workspace.add(model("YOLOX COCO"))
    assert next_step_key(workspace) == "deploy"
    assert {entry.step.key for entry in journey_progress(workspace) if not entry.needed} == {
        "labels",
        "datasets",
        "training",
    }


def test_every_step_has_a_page():
    assert all(step.page.endswith(f"{key}.py") for key, step in STEPS.items())
