"""Subcommands for models: import, download, publish, and derive or change one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import CycloptsError, Parameter

from backend.cli.app import TRAINING, command
from backend.cli.options import ClassNames, ModelName, Pairs, TrackerSearchName
from backend.cli.session import get, number, pairs, run_job, workspace
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace.records import Model, TrackerSearch

Origin = Literal["auto", "YOLOX", "ByteTrack"]


@command(TRAINING, "add-model yolox_s.pth", "add-model weights.pth.tar --origin ByteTrack --classes person")
def add_model(
    source: Path,
    /,
    *,
    name: str | None = None,
    classes: ClassNames | None = None,
    origin: Origin = "auto",
    input_size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Import a pretrained model.

    Only its weights are read; no code in the file is run.

    Args:
        source: Checkpoint of YOLOX or ByteTrack (.pth, .pth.tar), or a model of this console (folder, .zip, .tar.gz).
        name: Name in the workspace; the file's name if omitted.
        classes: Class names in the model's order, if they are not those of COCO or MOT.
        origin: Program that a checkpoint is for, which decides how its input is normalized.
        input_size: Height and width of the input in pixels, multiples of 32; as published if omitted.
    """
    return run_job(
        "add model",
        f"Import {source.name}",
        source=str(source.expanduser().resolve()),
        name=name or "",
        classes=classes,
        origin=origin,
        input_size=list(input_size) if input_size else None,
    )


@command(TRAINING, "download-model yolox_nano")
def download_model(model: Annotated[str, Parameter(metavar="MODEL", choices=tuple(CATALOG))], /) -> dict[str, Any]:
    """Download a published model and import it.

    Args:
        model: Name of the published model.
    """
    return run_job("download model", f"Download {CATALOG[model].name}", entry=model)


@command(TRAINING, 'publish-model --model "streets nano"')
def publish_model(*, model: ModelName) -> dict[str, Any]:
    """Register a model with the platform's model registry.

    Args:
        model: Model to register.
    """
    record = get(Model, model)
    return run_job("publish model", f"Publish {record.name}", model=record.id)


@command(TRAINING, "limit-classes --model YOLOX-s --classes person car")
def limit_classes(*, model: ModelName, classes: ClassNames, name: str | None = None) -> Model:
    """Save a copy of a model that reports certain classes only.

    Args:
        model: Model to derive from.
        classes: Classes to report.
        name: Name of the new model; model and classes if omitted.
    """
    from backend.steps import models

    return models.choose_classes(workspace(), get(Model, model).id, classes, name or "")


@command(
    TRAINING,
    'save-tracker-settings --model "streets nano" --setting track_thresh=0.6',
    'save-tracker-settings --model "streets nano" --tracker-search "site - nano batch"',
)
def save_tracker_settings(
    *, model: ModelName, setting: Pairs | None = None, tracker_search: TrackerSearchName | None = None
) -> Model:
    """Save settings of the tracker to a model.

    Batch deployments use them from their next job on, endpoints from their next update or restart on.

    Args:
        model: Model to change.
        setting: Settings to save.
        tracker_search: Search whose best settings to save.
    """
    if bool(setting) == bool(tracker_search):
        raise CycloptsError(msg="give either --setting or --tracker-search.")
    if tracker_search:
        from backend.steps import tracker_search as searches

        search = get(TrackerSearch, tracker_search)
        values = search.settings
        print(" ".join(filter(None, (searches.describe(search), search.warning))), file=sys.stderr, flush=True)
    else:
        values = {name: number(name, text) for name, text in pairs(setting or []).items()}
    from backend.steps import models

    record = get(Model, model)
    models.store_thresholds(workspace(), record.id, values)
    return record
