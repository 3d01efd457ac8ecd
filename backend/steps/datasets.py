"""Datasets: labeled frames of chosen videos as JPEG files with COCO annotations, split for training and testing."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from backend.errors import UserError
from backend.jobs.results import DatasetResult, SplitResult
from backend.labels import box_attributes
from backend.labels.formats import coco
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import load_labels, store_labels
from backend.progress import Progress, part
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.paths import ANNOTATIONS
from backend.workspace.records import Dataset, Labels, Video, check_name
from bytetrack.files import natural_sort_key, write_atomically
from bytetrack.video import read_frames

SPLITS = ("train", "val", "test")
HELD_OUT = 0.15  # the share of clips for val, and again for test
PIECES = 7  # that one video is split into, so that five are for training, and one each for val and test
TINY = 8  # pixels: a side below which YOLOX, whose finest grid has cells of 8 pixels, finds little
FEW_FRAMES = 50


def suggest_split(labels: list[Labels]) -> dict[str, list[str]]:
    """Ids for each of `SPLITS`, about 70/15/15: in the order of time, the last for test, those before them for val.

    Names tell the order (clip 10 comes after clip 9). Two give no val, one neither val nor test: see `split_in_time`.
    """
    ordered = [each.id for each in sorted(labels, key=lambda each: natural_sort_key(each.name))]
    held_out = max(1, round(HELD_OUT * len(ordered)))
    test = held_out if len(ordered) > 1 else 0
    val = held_out if len(ordered) > 2 else 0
    train = len(ordered) - val - test
    return {"train": ordered[:train], "val": ordered[train : train + val], "test": ordered[train + val :]}


def split_in_time(workspace: Workspace, progress: Progress, *, labels: str, pieces: int = PIECES) -> SplitResult:
    """Cut one labeled video into clips with labels of their own: {"labels": [ids], "videos": [ids]}, in time order.

    The stretch that is labeled decides the clips' length; clips without a labeled frame get no labels.

    Raises:
        UserError: if fewer than three frames are labeled.
    """
    record = workspace.get(Labels, labels)
    frames = record.labeled_frames
    if len(frames) < 3:
        raise UserError(
            f"“{record.name}” has {len(frames)} labeled frames: too few to split into train, val and test. Label more."
        )
    length = max(1, math.ceil((frames[-1] - frames[0] + 1) / pieces))
    made = videos.cut(workspace, part(progress, 0, 0.95), video=record.video, every_frames=length)["videos"]
    tracks, noted = load_labels(workspace, record), box_attributes.load(workspace.folder(record))
    parts = []
    for clip in (workspace.get(Video, id) for id in made):
        stop = clip.start + clip.frames
        labeled = [frame - clip.start for frame in frames if clip.start <= frame < stop]
        if labeled:
            note = f"A part of “{record.name}”."
            own = box_attributes.slice_frames(noted, clip.start, stop)
            sequence = LabelSequence(
                clip.name, tracks.between(clip.start, stop), labeled, notes=[note], box_attributes=own
            )
            parts.append(store_labels(workspace, clip, sequence, record.source))
    progress(1, f"{len(parts)} clips")
    return {"labels": [each.id for each in parts], "videos": made}


def problems(workspace: Workspace, train: list[str], val: list[str], test: list[str]) -> list[str]:
    """What would make training on these labels, or trusting its scores, harder than need be; a sentence each.

    Reads the labels but no video.

    Raises:
        UserError: if no dataset can be built: nothing to train on, or the same labels twice.
    """
    splits = _records(workspace, {"train": train, "val": val, "test": test})
    found = []
    if not splits["val"]:
        found.append("Nothing is chosen for val: training cannot tell how good the model becomes. Choose a clip.")
    if not splits["test"]:
        found.append("Nothing is chosen for test: there is no held-out clip to score the tracks on. Choose a clip.")
    frames = sum(len(each.labeled_frames) for each in splits["train"])
    if frames < FEW_FRAMES:
        found.append(f"Only {frames} labeled frames are for training. Label more, or start from a pretrained model.")

    counts = {split: _boxes_per_class(workspace, splits[split]) for split in SPLITS}
    for name in _classes(splits):
        if not counts["train"][name]:
            found.append(f"Class “{name}” has no box in train, so it cannot be learned. Move a clip with it to train.")
        elif splits["val"] and not counts["val"][name]:
            found.append(f"Class “{name}” has no box in val, so its AP cannot be told.")

    chosen = [(split, each) for split in SPLITS for each in splits[split]]
    for (its_split, labels), (other_split, other) in combinations(chosen, 2):
        if its_split != other_split and _overlap(workspace, labels, other):
            found.append(
                f"“{labels.name}” in {its_split} and “{other.name}” in {other_split} show the same frames, so "
                "scores will look better than they are. Keep each clip in one split."
            )

    for split in SPLITS:
        for labels in splits[split]:
            found += [f"“{labels.name}”: {what}" for what in _odd_boxes(workspace, labels)]
    return found


def build(
    workspace: Workspace, progress: Progress, *, name: str, train: list[str], val: list[str], test: list[str]
) -> DatasetResult:
    """Make a dataset of the labeled frames: {"dataset": id}.

    Frames that nobody labeled are left out: they may hold objects, and would teach the detector to overlook them.

    Raises:
        UserError: as `problems`; or if a video cannot be read.
    """
    found = problems(workspace, train, val, test)
    splits = _records(workspace, {"train": train, "val": val, "test": test})
    classes = _classes(splits)
    counts = {split: _boxes_per_class(workspace, splits[split]) for split in SPLITS}
    dataset = Dataset(
        name=check_name(name),
        splits={split: [each.id for each in splits[split]] for split in SPLITS},
        classes=classes,
        frames={split: sum(len(each.labeled_frames) for each in splits[split]) for split in SPLITS},
        boxes={split: {name: counts[split][name] for name in classes} for split in SPLITS},
    )
    folder = workspace.folder(dataset)
    total, done = sum(dataset.frames.values()), 0
    try:
        for split in SPLITS:
            parts = []
            for labels in splits[split]:
                frames = len(labels.labeled_frames)
                progress_here = part(progress, done / total, (done + frames) / total)
                parts.append(_extract(workspace, progress_here, labels, folder / split / "images"))
                done += frames
            annotations = coco.to_document(parts, classes)
            write_atomically(folder / split / ANNOTATIONS, coco.to_bytes(annotations))
            print(f"{split}: {dataset.frames[split]} frames, {dataset.boxes[split]}", flush=True)
        dataset.problems = found
        workspace.add(dataset)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for problem in found:
        print(problem, flush=True)
    progress(1, f"{total} frames")
    return {"dataset": dataset.id}


def _records(workspace: Workspace, splits: dict[str, list[str]]) -> dict[str, list[Labels]]:
    twice = [id for id, times in Counter(id for ids in splits.values() for id in ids).items() if times > 1]
    if twice:
        raise UserError(f"“{workspace.get(Labels, twice[0]).name}” is chosen twice. Keep it in one split.")
    records = {split: [workspace.get(Labels, id) for id in ids] for split, ids in splits.items()}
    if not sum(each.boxes for each in records["train"]):
        raise UserError("The train split is empty: it has not one labeled box. Choose labels to train on.")
    return records


def _classes(splits: dict[str, list[Labels]]) -> list[str]:
    return sorted({name for records in splits.values() for labels in records for name in labels.classes})


def _boxes_per_class(workspace: Workspace, records: list[Labels]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for labels in records:
        tracks = load_labels(workspace, labels)
        counts.update(tracks.classes[k] for k in tracks.class_id.tolist())
    return counts


def _overlap(workspace: Workspace, labels: Labels, other: Labels) -> bool:
    """Whether two label sets are of one video, of clips that share frames, or of a file and its copy."""
    a, b = (workspace.get(Video, each.video) for each in (labels, other))
    if a.id == b.id or (a.parent is None and b.parent is None):
        return a.id == b.id or (a.size, a.frames, a.width, a.height) == (b.size, b.frames, b.width, b.height)
    return (a.parent or a.id) == (b.parent or b.id) and a.start < b.start + b.frames and b.start < a.start + a.frames


def _odd_boxes(workspace: Workspace, labels: Labels) -> list[str]:
    video, tracks = workspace.get(Video, labels.video), load_labels(workspace, labels)
    found = []
    sides = tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]
    if tiny := int((sides.min(axis=1, initial=TINY) < TINY).sum()):
        found.append(f"{tiny} of {len(tracks)} boxes have a side below {TINY} pixels, which is hard to detect.")
    outside = (tracks.xyxy < 0).any(axis=1) | (tracks.xyxy > [video.width, video.height] * 2).any(axis=1)
    if outside.any():
        found.append(f"{int(outside.sum())} boxes reach outside the frame.")
    _, boxes = np.unique(tracks.id, return_counts=True)
    single = int((boxes == 1).sum())
    if single and len(labels.labeled_frames) > 1:
        found.append(f"{single} of {len(boxes)} objects have a single box, which tells nothing of their motion.")
    return found


def _extract(workspace: Workspace, progress: Progress, labels: Labels, folder: Path) -> coco.AnnotatedVideo:
    """Write the labeled frames as JPEG files and tell what is on them."""
    video = workspace.get(Video, labels.video)
    folder.mkdir(parents=True, exist_ok=True)
    wanted, last = set(labels.labeled_frames), max(labels.labeled_frames)
    written, size = 0, (video.width, video.height)
    try:
        for number, frame in enumerate(read_frames(video.path, stop=last + 1)):
            if number in wanted:
                picture = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
                (folder / _file_name(labels, number)).write_bytes(picture.tobytes())
                size, written = (frame.shape[1], frame.shape[0]), written + 1
                progress(written / len(wanted), f"frames of {labels.name}")
    except ValueError as error:
        raise UserError(str(error)) from error
    if written < len(wanted):
        raise UserError(
            f"“{video.name}” gave only {written} of its {len(wanted)} labeled frames: its file was damaged or changed "
            f"since it was added. Put {video.path} back as it was, or leave “{labels.name}” out."
        )
    tracks = load_labels(workspace, labels)
    return coco.AnnotatedVideo(
        labels.name, tracks, labels.labeled_frames, size, lambda number: _file_name(labels, number)
    )


def _file_name(labels: Labels, number: int) -> str:
    return f"{labels.id}_{number:06d}.jpg"
