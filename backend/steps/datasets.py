"""Datasets: labeled frames as JPEG files with COCO annotations, split into train, val and test."""

from __future__ import annotations

import math
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import cv2

from backend.errors import UserError
from backend.jobs.results import DatasetResult, SplitResult
from backend.labels import box_attributes
from backend.labels.formats import coco
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_statistics import SMALL_SIDE_PIXELS, statistics_of
from backend.labels.label_store import attributes_of, load_labels, store_labels
from backend.progress import Progress, part
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.paths import ANNOTATIONS
from backend.workspace.records import DRAWN_HERE, Dataset, Labels, Video, check_name
from bytetrack.files import natural_sort_key, write_atomically
from bytetrack.video import read_frames

SPLITS = ("train", "val", "test")
HELD_OUT_SHARE = 0.15  # of the clips for val, and the same for test
PIECES = 7  # that a single video is split into: five for train, one each for val and test
MIN_FRAMES_TO_SPLIT = 3
FEW_FRAMES = 50
MAX_PROBLEMS_PER_KIND = 5  # from which on a kind of problem of single clips is summed up
JPEG_QUALITY = 95


def suggest_split(labels: list[Labels]) -> dict[str, list[str]]:
    """Suggest a split of about 70/15/15 in the order of time: train first, then val, and test last.

    The natural order of the names counts as the order of time. Two clips leave nothing for val, and one nothing for
    val and test; see `split_in_time`.

    Returns:
        IDs of labels for each of `SPLITS`.
    """
    ordered = [record.id for record in sorted(labels, key=lambda record: natural_sort_key(record.name))]
    held_out = max(1, round(HELD_OUT_SHARE * len(ordered)))
    test = held_out if len(ordered) > 1 else 0
    val = held_out if len(ordered) > 2 else 0
    train = len(ordered) - val - test
    return {"train": ordered[:train], "val": ordered[train : train + val], "test": ordered[train + val :]}


def select_distinct(workspace: Workspace, labels: list[Labels]) -> list[Labels]:
    """Leave out labels that would put the same frames into a dataset twice.

    Of several labels of a video, those drawn here are kept, or else the newest. Labels of a video whose clips are
    labeled are left out.
    """
    labeled_videos = {record.video for record in labels}
    parents = {video.parent for video in workspace.list(Video) if video.id in labeled_videos}
    best: dict[str, Labels] = {}
    for record in labels:
        other = best.get(record.video)
        rank = (record.source == DRAWN_HERE, record.created)
        if record.video not in parents and (other is None or rank > (other.source == DRAWN_HERE, other.created)):
            best[record.video] = record
    return list(best.values())


def split_in_time(workspace: Workspace, progress: Progress, *, labels: str, pieces: int = PIECES) -> SplitResult:
    """Cut a labeled video into clips with labels of their own, so that they can be split into train, val and test.

    Args:
        workspace: Workspace with the labels.
        progress: Receives the progress.
        labels: ID of the labels.
        pieces: Number of clips that the labeled part of the video is cut into. The rest of the video is cut into clips
            of the same length; clips without a labeled frame get no labels.

    Raises:
        UserError: If fewer than `MIN_FRAMES_TO_SPLIT` frames are labeled.
    """
    record = workspace.get(Labels, labels)
    frames = record.labeled_frames
    if len(frames) < MIN_FRAMES_TO_SPLIT:
        raise UserError(
            f"“{record.name}” has too few labeled frames to split: {len(frames)}. Label at least {MIN_FRAMES_TO_SPLIT}."
        )
    length = max(1, math.ceil((frames[-1] - frames[0] + 1) / pieces))
    clip_ids = videos.cut(workspace, part(progress, 0, 0.95), video=record.video, every_frames=length)["videos"]
    tracks, attributes = load_labels(workspace, record), box_attributes.load(workspace.folder(record))
    stored = []
    for clip in (workspace.get(Video, clip_id) for clip_id in clip_ids):
        stop = clip.start + clip.frames
        labeled_frames = [frame - clip.start for frame in frames if clip.start <= frame < stop]
        if labeled_frames:
            sequence = LabelSequence(
                name=clip.name,
                tracks=tracks.between(clip.start, stop),
                labeled_frames=labeled_frames,
                notes=[f"A part of “{record.name}”."],
                box_attributes=box_attributes.slice_frames(attributes, clip.start, stop),
                attributes=attributes_of(record),
            )
            stored.append(store_labels(workspace, clip, sequence, record.source))
    progress(1, f"{len(stored)} clips")
    return {"labels": [part_of.id for part_of in stored], "videos": clip_ids}


def find_problems(workspace: Workspace, train: list[str], val: list[str], test: list[str]) -> list[str]:
    """Return what impairs training on these labels or makes its scores unreliable, one sentence each.

    Only records are read, neither boxes nor videos.

    Raises:
        UserError: If no dataset can be built: train is empty, or labels are chosen twice.
    """
    splits = _load_records(workspace, {"train": train, "val": val, "test": test})
    problems = []
    if not splits["val"]:
        problems.append("No clip is chosen for val, so training cannot measure how good the model gets. Choose one.")
    if not splits["test"]:
        problems.append("No clip is chosen for test, so tracks cannot be scored on a held-out clip. Choose one.")
    frames = sum(len(labels.labeled_frames) for labels in splits["train"])
    if frames < FEW_FRAMES:
        problems.append(f"Only {frames} labeled frames are in train. Label more, or start from a pretrained model.")
    boxes_per_class = {split: _count_boxes_per_class(workspace, splits[split]) for split in SPLITS}
    for name in _find_classes(splits):
        if not boxes_per_class["train"][name]:
            problems.append(
                f"Class “{name}” has no box in train, so it cannot be learned. Move a clip with it to train."
            )
        elif splits["val"] and not boxes_per_class["val"][name]:
            problems.append(f"Class “{name}” has no box in val, so its AP cannot be measured.")
    problems += _find_shared_frames(workspace, splits)
    problems += _find_odd_boxes(workspace, [labels for split in SPLITS for labels in splits[split]])
    return problems


def build(
    workspace: Workspace, progress: Progress, *, name: str, train: list[str], val: list[str], test: list[str]
) -> DatasetResult:
    """Build a dataset from labeled frames.

    Other frames are left out: they may show objects, and would teach the detector to miss them.

    Args:
        workspace: Workspace with the labels.
        progress: Receives the progress.
        name: Name of the dataset.
        train: IDs of the labels to train on.
        val: IDs of the labels to validate on during training.
        test: IDs of the labels held out for testing.

    Raises:
        UserError: If train is empty, labels are chosen twice, or a video cannot be read.
    """
    problems = find_problems(workspace, train, val, test)
    splits = _load_records(workspace, {"train": train, "val": val, "test": test})
    classes = _find_classes(splits)
    boxes_per_class = {split: _count_boxes_per_class(workspace, splits[split]) for split in SPLITS}
    dataset = Dataset(
        name=check_name(name),
        splits={split: [labels.id for labels in splits[split]] for split in SPLITS},
        classes=classes,
        frames={split: sum(len(labels.labeled_frames) for labels in splits[split]) for split in SPLITS},
        boxes={split: {class_name: boxes_per_class[split][class_name] for class_name in classes} for split in SPLITS},
        problems=problems,
    )
    folder = workspace.folder(dataset)
    total, written = sum(dataset.frames.values()), 0
    try:
        for split in SPLITS:
            annotated = []
            for labels in splits[split]:
                frames = len(labels.labeled_frames)
                share = part(progress, written / total, (written + frames) / total)
                annotated.append(_extract_frames(workspace, share, labels, folder / split / "images"))
                written += frames
            document = coco.to_document(annotated, classes)
            write_atomically(folder / split / ANNOTATIONS, coco.to_bytes(document))
            print(f"{split}: {dataset.frames[split]} frames, {dataset.boxes[split]}", flush=True)
        workspace.add(dataset)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for problem in problems:
        print(problem, flush=True)
    progress(1, f"{total} frames")
    return {"dataset": dataset.id}


def _load_records(workspace: Workspace, splits: dict[str, list[str]]) -> dict[str, list[Labels]]:
    """Load the labels of each split.

    Raises:
        UserError: If labels are chosen twice, or train has no box.
    """
    uses = Counter(labels_id for ids in splits.values() for labels_id in ids)
    for labels_id, times in uses.items():
        if times > 1:
            raise UserError(f"“{workspace.get(Labels, labels_id).name}” is chosen twice. Keep it in one split.")
    by_id = {labels.id: labels for labels in workspace.list(Labels)}
    records = {
        split: [by_id.get(labels_id) or workspace.get(Labels, labels_id) for labels_id in ids]
        for split, ids in splits.items()
    }
    if not sum(labels.boxes for labels in records["train"]):
        raise UserError("The train split is empty: it has no labeled box. Choose labels to train on.")
    return records


def _find_classes(splits: dict[str, list[Labels]]) -> list[str]:
    return sorted({name for records in splits.values() for labels in records for name in labels.classes})


def _count_boxes_per_class(workspace: Workspace, records: list[Labels]) -> Counter[str]:
    boxes: Counter[str] = Counter()
    for labels in records:
        boxes.update(statistics_of(workspace, labels)["boxes_per_class"])
    return boxes


def _find_shared_frames(workspace: Workspace, splits: dict[str, list[Labels]]) -> list[str]:
    """Return a sentence for each labels that show the same frames as others in another split.

    Labels of one recording are visited in the order of their first frame. Comparing each with those of every other
    split that reach furthest so far finds all of them, without a comparison of every pair.
    """
    videos_by_id = {video.id: video for video in workspace.list(Video)}
    recordings: dict[tuple[object, ...], list[tuple[int, int, str, Labels]]] = defaultdict(list)
    for split in SPLITS:
        for labels in splits[split]:
            video = videos_by_id[labels.video]
            stretch = (video.start, video.start + video.frames, split, labels)
            recordings[_recording(video, videos_by_id)].append(stretch)
    pairs = []
    for stretches in recordings.values():
        furthest: dict[str, tuple[int, Labels]] = {}
        for start, stop, split, labels in sorted(stretches, key=lambda stretch: stretch[:2]):
            for other_split, (other_stop, other) in furthest.items():
                if other_split != split and start < other_stop:
                    pairs.append(
                        sorted([(split, labels), (other_split, other)], key=lambda pair: SPLITS.index(pair[0]))
                    )
            if stop > furthest.get(split, (0, labels))[0]:
                furthest[split] = (stop, labels)
    consequence = "so scores will look better than they are. Keep each clip in one split."
    if len(pairs) > MAX_PROBLEMS_PER_KIND:
        (split, labels), (other_split, other) = pairs[0]
        return [
            f"{len(pairs)} pairs of clips in different splits show the same frames, such as “{labels.name}” in {split} "
            f"and “{other.name}” in {other_split}, {consequence}"
        ]
    return [
        f"“{labels.name}” in {split} and “{other.name}” in {other_split} show the same frames, {consequence}"
        for (split, labels), (other_split, other) in pairs
    ]


def _recording(video: Video, videos_by_id: Mapping[str, Video]) -> tuple[object, ...]:
    """Return what identifies the recording that a video or clip shows: a file and its copy are the same one."""
    whole = videos_by_id.get(video.parent or video.id)
    if whole is None:
        return (video.parent,)
    return (whole.size, whole.frames, whole.width, whole.height)


def _find_odd_boxes(workspace: Workspace, records: list[Labels]) -> list[str]:
    """Return sentences about boxes that are too small, reach outside the frame, or belong to no track."""
    problems = []
    statistics = [(labels, statistics_of(workspace, labels)) for labels in records]
    for sentence, parts in (
        (
            f"{{}} of {{}} boxes have a side below {SMALL_SIDE_PIXELS} pixels, which is hard to detect.",
            [(labels, counts["small_boxes"], labels.boxes) for labels, counts in statistics],
        ),
        (
            "{} of {} boxes reach outside the frame.",
            [(labels, counts["boxes_outside"], labels.boxes) for labels, counts in statistics],
        ),
        (
            "{} of {} objects have a single box, which shows no motion.",
            [
                (labels, counts["objects_with_one_box"], labels.objects)
                for labels, counts in statistics
                if len(labels.labeled_frames) > 1
            ],
        ),
    ):
        affected = [(labels, odd, total) for labels, odd, total in parts if odd]
        if len(affected) <= MAX_PROBLEMS_PER_KIND:
            problems += [f"“{labels.name}”: {sentence.format(odd, total)}" for labels, odd, total in affected]
            continue
        worst, most, _ = max(affected, key=lambda part: part[1])
        summed = sentence.format(sum(odd for _, odd, _ in affected), sum(total for _, _, total in affected))
        problems.append(f"{len(affected)} clips: {summed} “{worst.name}” has the most, {most}.")
    return problems


def _extract_frames(workspace: Workspace, progress: Progress, labels: Labels, folder: Path) -> coco.AnnotatedVideo:
    """Write the labeled frames as JPEG files into `folder`, and return their labels.

    Raises:
        UserError: If the video lacks some of them.
    """
    video = workspace.get(Video, labels.video)
    folder.mkdir(parents=True, exist_ok=True)
    labeled_frames = set(labels.labeled_frames)
    written, size = 0, (video.width, video.height)
    try:
        for number, frame in enumerate(read_frames(video.path, stop=max(labeled_frames) + 1)):
            if number in labeled_frames:
                jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
                (folder / _file_name(labels, number)).write_bytes(jpeg.tobytes())
                size = (frame.shape[1], frame.shape[0])
                written += 1
                progress(written / len(labeled_frames), f"frames of {labels.name}")
    except ValueError as error:
        raise UserError(str(error)) from error
    if written < len(labeled_frames):
        raise UserError(
            f"Only {written} of the {len(labeled_frames)} labeled frames of “{video.name}” can be read: its file is "
            f"damaged or was changed after it was added. Restore {video.path}, or leave “{labels.name}” out."
        )
    return coco.AnnotatedVideo(
        name=labels.name,
        tracks=load_labels(workspace, labels),
        labeled_frames=labels.labeled_frames,
        size=size,
        file_name=lambda number: _file_name(labels, number),
        box_attributes=box_attributes.load(workspace.folder(labels)),
    )


def _file_name(labels: Labels, frame: int) -> str:
    return f"{labels.id}_{frame:06d}.jpg"
