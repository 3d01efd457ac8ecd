"""The detectors that can track a video: models of the workspace and published ones, the best fitting first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.platforms import registry
from backend.steps.pretrained import find_downloaded
from backend.steps.pretrained_catalog import CATALOG, COCO_CLASSES, Published
from backend.workspace import Workspace
from backend.workspace.records import Labels, Model, Run, Video
from bytetrack.devices import is_gpu_present

FAST_ENTRY, ACCURATE_ENTRY = "yolox_nano", "yolox_s"  # of the catalog: suggested for a CPU, and for a GPU
QUICK_CLASSES = ("person", "car", "truck", "bus", "bicycle", "motorcycle", "dog", "bird")
"""The classes of COCO that people track most, most frequent first."""
MANY_CLASSES = len(QUICK_CLASSES)  # a model with more than these is offered by its quick classes


@dataclass(frozen=True)
class DetectorChoice:
    """A detector to choose from: either a model of the workspace, or a published one to download.

    Attributes:
        key: The model's id, or the published one's key in `CATALOG`.
        name: Its name.
        classes: Its classes, in the model's order.
        model: The model, None for a published one.
        published: The published one, None for a model.
    """

    key: str
    name: str
    classes: tuple[str, ...]
    model: Model | None = None
    published: Published | None = None

    def quick_classes(self) -> list[str]:
        """Return the few classes to offer at first: all of a small model, the common ones of COCO."""
        if len(self.classes) <= MANY_CLASSES:
            return list(self.classes)
        common = [name for name in QUICK_CLASSES if name in self.classes]
        return common or list(self.classes[:MANY_CLASSES])

    def default_classes(self) -> list[str]:
        """Return the classes to track unless the user chooses others; empty for all, as of a model with few."""
        return [] if len(self.classes) <= MANY_CLASSES else self.quick_classes()[:1]


def detectors_for(workspace: Workspace, video: Video) -> list[DetectorChoice]:
    """Return the models of the workspace, then the published ones that are not among them, the best fitting first.

    A model fits best if it was trained on labels of this video or of its clips; then one that tracked this video
    before, or any video; then trained ones before imported ones; then the newest.
    """
    whole = video.parent or video.id
    family = [whole, *workspace.names(Video, parent=whole)]
    labels_here = workspace.names(Labels, video=family)
    used_here, used_last = _newest_model(workspace, video=family), _newest_model(workspace)

    def rank(model: Model) -> int:
        if any(labels_id in labels_here for labels_id in model.labels):
            return 0
        if model.id in (used_here, used_last):
            return 1 if model.id == used_here else 2
        return 3 if model.source == "trained" else 4

    models = sorted(workspace.list(Model), key=rank)  # the newest of several with the same rank first
    available = [DetectorChoice(model.id, model.name, tuple(model.classes), model=model) for model in models]
    suggested = ACCURATE_ENTRY if registry.chosen(workspace) != registry.DEFAULT or is_gpu_present() else FAST_ENTRY
    published = [
        DetectorChoice(key, entry.name, COCO_CLASSES, published=entry)
        for key, entry in sorted(CATALOG.items(), key=lambda item: item[0] != suggested)
        if entry.url and not find_downloaded(workspace, key)
    ]
    return available + published


def _newest_model(workspace: Workspace, **fields: Sequence[str]) -> str:
    """Return the id of the model of the newest run with these values of fields; empty if there is none."""
    newest = workspace.newest(Run, **fields)
    return newest.model if newest else ""
