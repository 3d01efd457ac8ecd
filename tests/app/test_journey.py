from __future__ import annotations

from app.journey import STEPS, journey_progress, next_step
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Labels, Model, Run, Video


def video() -> Video:
    return Video(name="v", path="v.mp4", width=64, height=48, fps=10, frames=10, seconds=1, codec="h264", size=1)


def model(source: str) -> Model:
    return Model(name="m", size="nano", classes=["person"], input_size=[64, 64], source=source)


def next_step_key(workspace: Workspace) -> str | None:
    upcoming = next_step(journey_progress(workspace))
    return upcoming.step.key if upcoming else None


def test_it_begins_with_videos(workspace: Workspace):
    assert next_step_key(workspace) == "videos"


def labels(video: Video) -> Labels:
    return Labels(name="l", video=video.id, source="COCO", classes=["person"], labeled_frames=[0], boxes=1, objects=1)


def run(video: Video) -> Run:
    return Run(
        name="r",
        video=video.id,
        endpoint="e",
        endpoint_name="e",
        mode="batch",
        model="m",
        frames=10,
        objects=1,
        seconds=1,
        fps=10,
    )


def test_who_tracks_with_a_pretrained_model_is_not_sent_to_labeling(workspace: Workspace):
    clip = workspace.add(video())
    assert next_step_key(workspace) == "track"
    workspace.add(model("YOLOX COCO"))
    assert next_step_key(workspace) == "track"
    optional = {entry.step.key for entry in journey_progress(workspace) if not entry.needed}
    assert {"labels", "datasets", "training", "deploy"} <= optional
    workspace.add(run(clip))
    assert next_step_key(workspace) is None
    workspace.add(labels(clip))
    assert next_step_key(workspace) == "evaluate"


def test_who_labels_goes_on_to_a_trained_model_and_its_scores(workspace: Workspace):
    clip = workspace.add(video())
    workspace.add(labels(clip))
    assert next_step_key(workspace) == "datasets"
    workspace.add(Dataset(name="d", splits={}, classes=["person"], frames={}, boxes={}))
    assert next_step_key(workspace) == "training"
    workspace.add(model("trained"))
    assert next_step_key(workspace) == "track", "the page Track deploys the model"
    workspace.add(run(clip))
    assert next_step_key(workspace) == "evaluate"


def test_every_step_has_a_page():
    assert all(step.page.endswith(f"{key}.py") for key, step in STEPS.items())
