"""Subcommands for models: import, download, publish, and derive or change one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import CycloptsError, Parameter

from backend.cli.app import TRAINING, command
from backend.cli.options import ClassNames, ModelName, NormalizationOrBoth, Pairs, TrackerSearchName, VideoName
from backend.cli.session import get, number, pairs, run_job, workspace
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace.records import Model, TrackerSearch, Video

Normalization = Literal["raw", "imagenet"]


@command(
    TRAINING,
    "add-model mine.pth --normalization raw --input-size 416 416 --classes person car",
    "add-model mine.pth --normalization both --input-size 608 1088 --video site",
    "add-model model.tar.gz",
)
def add_model(
    source: Path,
    /,
    *,
    name: str | None = None,
    classes: ClassNames | None = None,
    normalization: NormalizationOrBoth | None = None,
    input_size: tuple[int, int] | None = None,
    video: VideoName | None = None,
    frame: int | None = None,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Import a pretrained model.

    Only its weights are read; no code in the file is run. A model of this console says everything about its input, as
    does a published YOLOX checkpoint, which is recognized by its checksum. For other checkpoints, give normalization
    and input size.

    Args:
        source: Checkpoint of YOLOX or ByteTrack (.pth, .pth.tar), or a model of this console (folder, .zip, .tar.gz).
        name: Name in the workspace; the file's name if omitted.
        classes: Class names in the model's order. If omitted, those of COCO for a model with 80 classes.
        normalization: Pixel values that the model expects: raw is 0 to 255 (YOLOX since 0.2), imagenet is RGB with
            ImageNet's mean and standard deviation (ByteTrack), both tries the two on a frame or picture and keeps the
            one with which it is clearly surer.
        input_size: Height and width of the input in pixels, multiples of 32.
        video: Video to try both on.
        frame: Frame of the video, counted from 0; the one in the middle if omitted.
        picture: Picture to try both on, in place of a video.
    """
    return run_job(
        "add model",
        f"Import {source.name}",
        source=str(source.expanduser().resolve()),
        name=name or "",
        classes=classes,
        normalization=normalization,
        input_size=list(input_size) if input_size else None,
        **_picture(video, frame, picture),
    )


@command(
    TRAINING,
    "try-model mine.pth --input-size 416 416 --video site --frame 100",
    "try-model --model mine --picture street.jpg",
)
def try_model(
    source: Path | None = None,
    /,
    *,
    model: ModelName | None = None,
    classes: ClassNames | None = None,
    input_size: tuple[int, int] | None = None,
    video: VideoName | None = None,
    frame: int | None = None,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Detect objects in one picture with both normalizations, to see which one a model expects.

    Nothing is imported. The result names two pictures with the boxes drawn on them.

    Args:
        source: File of a model, as for add-model.
        model: Model of the workspace, in place of a file.
        classes: Class names in the model's order.
        input_size: Height and width of the input in pixels, multiples of 32; as the file says if omitted.
        video: Video whose frame is used.
        frame: Frame of the video, counted from 0; the one in the middle if omitted.
        picture: Picture, in place of a video.
    """
    record = get(Model, model) if model else None
    return run_job(
        "try model",
        f"Try {record.name if record else source.name if source else ''}",
        source=str(source.expanduser().resolve()) if source else "",
        model=record.id if record else None,
        classes=classes,
        input_size=list(input_size) if input_size else None,
        **_picture(video, frame, picture),
    )


@command(
    TRAINING,
    "change-model-input --model mine --normalization imagenet",
    "change-model-input --model mine --input-size 640 640",
)
def change_model_input(
    *, model: ModelName, normalization: Normalization | None = None, input_size: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Change the normalization or the input size of an imported model.

    Batch deployments use it from their next job on, endpoints from their next update on.

    Args:
        model: Model to change.
        normalization: Pixel values that it expects, see add-model; unchanged if omitted.
        input_size: Height and width of the input in pixels, multiples of 32; unchanged if omitted.
    """
    record = get(Model, model)
    return run_job(
        "change model input",
        f"Change the input of {record.name}",
        model=record.id,
        normalization=normalization,
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


def _picture(video: str | None, frame: int | None, picture: Path | None) -> dict[str, Any]:
    """Return the parameters that say on which picture a model is tried."""
    return {
        "video": get(Video, video).id if video else None,
        "frame": frame,
        "picture": str(picture.expanduser().resolve()) if picture else "",
    }
