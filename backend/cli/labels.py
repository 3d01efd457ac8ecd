"""Subcommands for labels and datasets: import labels, have clips labeled, split labels, build a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import CycloptsError

from backend.cli.app import LABELS, command
from backend.cli.options import (
    AttributeSpecs,
    BoxesNames,
    ClassNames,
    LabelFormatName,
    LabelingJobName,
    LabelsName,
    LabelsNames,
    Pairs,
    VideoName,
    VideoNames,
)
from backend.cli.session import get, get_any, ids, pairs, run_job, workspace
from backend.workspace.records import LabelingJob, Labels, Model, Run, Video


@command(LABELS, "import-labels gt.txt --video site --step 5", "import-labels labeling-job-output/site")
def import_labels(
    path: str,
    /,
    *,
    video: VideoName | None = None,
    format: LabelFormatName = "auto",  # noqa: A002 (the option is --format)
    classes: ClassNames | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> dict[str, Any]:
    """Import labels that were made elsewhere.

    Args:
        path: Output folder of a Ground Truth job, MOTChallenge file or folder, COCO or CVAT file, or an archive of
            one. An S3 address if the platform is AWS.
        video: Video that the labels belong to. If omitted, they are matched to videos by name.
        format: Format of the labels, such as mot, coco, cvat or ground_truth; auto detects it.
        classes: Class names for the numbers in a MOTChallenge file.
        step: Frames of the video from one labeled image to the next. If omitted, the labels must fit the length of
            the video.
        first_frame: Frame of the video, counted from 0, that the first labeled image shows.
    """
    if format != "auto":
        from backend.labels.formats import get_format

        get_format(format)  # raises an error before a job is started
    return run_job(
        "import labels",
        f"Import {Path(path).name}",
        path=path if "://" in path else str(Path(path).expanduser().resolve()),
        video=get(Video, video).id if video else None,
        format=format,
        classes=classes,
        step=step,
        first_frame=first_frame,
    )


@command(
    LABELS,
    "start-labeling --name streets --clips site_0 site_1 --classes person car --every 5",
    "start-labeling --name streets --clips site_0 --classes person --attribute bag color=red,blue "
    "--changing-attribute pose=standing,walking",
    'start-labeling --name again --clips site_0 --classes person --correct "site_0 - nano batch"',
)
def start_labeling(
    *,
    name: str,
    clips: VideoNames,
    classes: ClassNames,
    every: int = 1,
    correct: BoxesNames | None = None,
    short_instructions: str | None = None,
    full_instructions: str | None = None,
    attribute: AttributeSpecs | None = None,
    changing_attribute: AttributeSpecs | None = None,
    option: Pairs | None = None,
) -> dict[str, Any]:
    """Start a labeling job.

    Boxes are drawn in the console, or by a work team of Ground Truth if the platform is AWS.

    Args:
        name: Name of the labeling job.
        clips: Videos to label.
        classes: Classes to label.
        every: Step from one labeled frame to the next.
        correct: Labels, run or model whose boxes to correct: one for all clips, or one for each in their order. If
            omitted, frames start empty.
        short_instructions: Instructions for a team that are always in view.
        full_instructions: Complete instructions for a team.
        attribute: Attributes of the objects: `bag` is a checkbox, `color=red,blue` a choice, `plate=` any text.
        changing_attribute: The same for attributes whose value may change over time.
        option: Options of the platform.
    """
    videos = ids(Video, clips)
    sources = [get_any((Labels, Run, Model), source).id for source in correct or []]
    if len(sources) == 1:
        sources *= len(videos)
    if sources and len(sources) != len(videos):
        raise CycloptsError(msg=f"--correct names {len(sources)} sources for {len(videos)} clips.")
    return run_job(
        "start labeling",
        f"Start labeling {name}",
        name=name,
        clips=videos,
        classes=classes,
        every=every,
        earlier=dict(zip(videos, sources)),
        short_instructions=short_instructions or "",
        full_instructions=full_instructions or "",
        options=pairs(option or []),
        attributes=[
            *(_attribute(spec, changes=False) for spec in attribute or []),
            *(_attribute(spec, changes=True) for spec in changing_attribute or []),
        ],
    )


def _attribute(spec: str, *, changes: bool) -> dict[str, Any]:
    """Return the definition of an attribute from its name, with its values after `=`."""
    name, separator, values = spec.partition("=")
    kind = "checkbox" if not separator else "choice" if values else "text"
    return {"name": name, "kind": kind, "values": values.split(",") if values else [], "changes": changes}


@command(LABELS, "fetch-labels --labeling-job streets", "fetch-labels --platform-job their-job --step 5")
def fetch_labels(
    *,
    labeling_job: LabelingJobName | None = None,
    platform_job: str | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> dict[str, Any]:
    """Save the result of a labeling job as labels.

    Args:
        labeling_job: Labeling job that was started in this workspace.
        platform_job: Name on the platform of a labeling job that was started elsewhere.
        step: Frames of the video from one labeled image to the next, for a job that was started elsewhere.
        first_frame: Frame of the video that the first labeled image shows, for a job that was started elsewhere.
    """
    if bool(labeling_job) == bool(platform_job):
        raise CycloptsError(msg="give either --labeling-job or --platform-job.")
    return run_job(
        "fetch labels",
        f"Fetch labels of {labeling_job or platform_job}",
        labeling=get(LabelingJob, labeling_job).id if labeling_job else None,
        job=platform_job,
        step=step,
        first_frame=first_frame,
    )


@command(LABELS, "stop-labeling --labeling-job streets")
def stop_labeling(*, labeling_job: LabelingJobName) -> LabelingJob:
    """Stop a labeling job. The labels drawn so far can be fetched.

    Args:
        labeling_job: Labeling job to stop.
    """
    from backend.steps import labeling

    record = get(LabelingJob, labeling_job)
    labeling.stop(workspace(), record)
    return record


@command(LABELS, "split-labels --labels site")
def split_labels(*, labels: LabelsName, pieces: int = 7) -> dict[str, Any]:
    """Cut a labeled video into labeled clips for train, val and test.

    Args:
        labels: Labels to split.
        pieces: Number of clips.
    """
    record = get(Labels, labels)
    return run_job("split labels", f"Split {record.name} in time", labels=record.id, pieces=pieces)


@command(
    LABELS,
    "build-dataset --name streets --labels site_0 site_1 site_2 site_3",
    "build-dataset --name streets --train site_0 site_1 --val site_2 --test site_3",
)
def build_dataset(
    *,
    name: str,
    labels: LabelsNames | None = None,
    train: LabelsNames | None = None,
    val: LabelsNames | None = None,
    test: LabelsNames | None = None,
) -> dict[str, Any]:
    """Build a dataset from labeled clips.

    Args:
        name: Name of the dataset.
        labels: Labels to split automatically: about 70 % train, 15 % val, 15 % test, in the order of their names.
        train: Labels to train on.
        val: Labels to validate on.
        test: Labels held out for scoring.
    """
    if bool(labels) == bool(train):
        raise CycloptsError(msg="give either --labels or --train.")
    if labels:
        from backend.steps import datasets

        splits = datasets.suggest_split([get(Labels, label_id) for label_id in labels])
    else:
        chosen = {"train": train, "val": val, "test": test}
        splits = {split: ids(Labels, names or []) for split, names in chosen.items()}
    return run_job("build dataset", f"Build {name}", name=name, **splits)
