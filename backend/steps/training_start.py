"""The model that a training on a dataset best starts from: one of the workspace, or one that can be downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.platforms.base import Hardware
from backend.steps.model_input import TRAINED
from backend.steps.pretrained_catalog import CATALOG, COCO_CLASSES, Published
from backend.wording import enumerate_words
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Model
from bytetrack.training.hyperparameters import SIZES

CPU_SIZE, GPU_SIZE = "nano", "s"  # that suit a first training, see `docs/measurements.md`
MAX_NAMED_CLASSES = 3

Rank = tuple[float, bool, int]
"""How well a model fits, better ones higher: share of the dataset's classes that it knows; whether it was trained
elsewhere, on more than the user's own frames; and how near its size is to the one that suits, 0 for the same."""


@dataclass(frozen=True)
class StartSuggestion:
    """The model that a training best starts from.

    Attributes:
        model: The best model of the workspace; None if none knows any of the classes.
        download: A published model that fits better than `model` and can be downloaded, with its key in `CATALOG`.
        reason: A sentence that says why.
    """

    model: Model | None
    download: tuple[str, Published] | None
    reason: str


def suggest_start(workspace: Workspace, dataset: Dataset, hardware: Hardware) -> StartSuggestion:
    """Suggest the model that a training on a dataset starts from.

    A model fits if it knows at least one of the classes, by name: training keeps what it has learned about them. Models
    that were trained on frames of the dataset's validation or test split are left out, as their scores would be too
    good.

    Args:
        workspace: Workspace of the dataset.
        dataset: The dataset.
        hardware: What the training runs on.
    """
    suited_size = GPU_SIZE if hardware.gpus else CPU_SIZE
    models = {
        model.id: _rank(dataset, model.classes, model.source != TRAINED, model.size, suited_size)
        for model in workspace.list(Model)
        if not _has_seen(model, dataset)
    }
    fitting = {model_id: rank for model_id, rank in models.items() if rank[0] > 0}
    best_id = max(fitting, key=fitting.__getitem__, default=None)  # the newest of equal ones, which come first
    published = {
        key: _rank(dataset, COCO_CLASSES, True, entry.size, suited_size) for key, entry in CATALOG.items() if entry.url
    }
    best_key = max(published, key=published.__getitem__)
    is_better = published[best_key][0] > 0 and (best_id is None or published[best_key] > fitting[best_id])
    model = workspace.get(Model, best_id) if best_id else None
    download = (best_key, CATALOG[best_key]) if is_better else None
    return StartSuggestion(model, download, _reason(dataset, model, suited_size))


def known_classes(dataset: Dataset, classes: Sequence[str]) -> list[str]:
    """Return the dataset's classes that are among `classes`, compared as `bytetrack.training.pretrained` does."""
    known = {name.strip().casefold() for name in classes}
    return [name for name in dataset.classes if name.strip().casefold() in known]


def _rank(dataset: Dataset, classes: Sequence[str], is_pretrained: bool, size: str, suited_size: str) -> Rank:
    sizes = list(SIZES)
    distance = abs(sizes.index(size) - sizes.index(suited_size)) if size in sizes else len(sizes)
    return len(known_classes(dataset, classes)) / max(len(dataset.classes), 1), is_pretrained, -distance


def _has_seen(model: Model, dataset: Dataset) -> bool:
    judged = {labels for split in ("val", "test") for labels in dataset.splits.get(split, [])}
    return bool(judged & set(model.labels))


def _reason(dataset: Dataset, model: Model | None, suited_size: str) -> str:
    if model is None:
        names = _named(dataset.classes, "or")
        return f"No model in this workspace knows {names}, so training starts from scratch."
    known = known_classes(dataset, model.classes)
    unknown = [name for name in dataset.classes if name not in known]
    learns = f", and learns {_named(unknown, 'and')} anew" if unknown else ""
    size = f" Its size {model.size} suits where it trains." if model.size == suited_size else ""
    return f"Of the models here, “{model.name}” fits best: it knows {_named(known, 'and')}{learns}.{size}"


def _named(names: Sequence[str], conjunction: str) -> str:
    """Name a few classes: `person`, `person and car`, `person, car, dog and 5 more`."""
    if len(names) > MAX_NAMED_CLASSES:
        return f"{', '.join(names[:MAX_NAMED_CLASSES])} and {len(names) - MAX_NAMED_CLASSES} more"
    return enumerate_words(names).replace(" and ", f" {conjunction} ") if names else "its classes"
