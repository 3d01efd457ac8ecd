"""Labeling jobs: clips go to people on a platform, what they draw comes back as labels, to be corrected once more."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.errors import UserError
from backend.jobs.results import LabelingResult, LabelsResult
from backend.labels import box_attributes
from backend.labels.box_attributes import BoxAttributes
from backend.labels.formats.ground_truth import reading
from backend.labels.formats.ground_truth.job_input import check
from backend.labels.frame_mapping import FrameMapping
from backend.labels.keyframes import simplify_tracks
from backend.labels.label_sequence import load_labels
from backend.labels.labeling_folder import LabelingFolder
from backend.platforms import base
from backend.platforms.base import ClipToLabel, LabelingSpec, LabelingState
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import importing, tracking, videos
from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import LabelingJob, Labels, Model, Run, Video, check_name
from bytetrack.tracks import Tracks

INSTRUCTIONS = (
    "Draw a tight box around every object of these classes on every frame where it is seen, "
    "and keep its number from frame to frame."
)
ENDED = ("done", "failed", "stopped", "gone")


def start(
    workspace: Workspace,
    progress: Progress,
    *,
    name: str,
    clips: list[str],
    classes: list[str],
    every: int = 1,
    short_instructions: str = "",
    full_instructions: str = "",
    earlier: dict[str, str] | None = None,
    options: dict | None = None,
) -> LabelingResult:
    """Have people label every `every`-th frame of clips: {"labeling": id}. Their work goes on when this is done.

    Args:
        clips: ids of videos.
        earlier: for each of them the id of the labels or the run whose boxes are to be corrected, of the clip itself or
            of the video that it was cut from, or of a model that is to track it now; nothing where people begin with
            empty frames.
        options: of the platform, see its `options`; its defaults where None.

    Raises:
        UserError: naming what is missing or beyond the limits of such a job.
    """
    name, labeling = check_name(name), _on_platform(workspace)
    chosen = [workspace.get(Video, id) for id in clips]
    short = short_instructions.strip() or INSTRUCTIONS
    full = full_instructions.strip() or short
    count = frames_to_label(chosen, every)
    check(count, classes, short, full)
    boxes = _all_earlier(workspace, part(progress, 0, 0.4), chosen, classes, earlier or {})
    noted = {video.name: _marks(workspace, video, (earlier or {}).get(video.id, "")) for video in chosen}

    with tempfile.TemporaryDirectory() as temporary:
        folders = _extract(chosen, every, Path(temporary), part(progress, 0.4, 0.6))
        record = LabelingJob(
            name=name,
            clips={video.name: video.id for video in chosen},
            every=every,
            classes=classes,
            platform=platform_of(workspace).name,
            ref={},
            frames=sum(count.values()),
            corrects={video.name: earlier[video.id] for video in chosen} if earlier else {},
        )
        spec = LabelingSpec(
            name=name,
            token=record.id.rpartition("-")[2],
            clips={
                video.name: ClipToLabel(
                    folders[video.name], video.frames, every, boxes.get(video.name), noted[video.name]
                )
                for video in chosen
            },
            classes=classes,
            short_instructions=short,
            full_instructions=full,
            options=options or {},
        )
        record.ref = labeling.start(spec, part(progress, 0.6, 1))
        try:
            workspace.add(record)
        except BaseException:
            labeling.stop(record.ref)
            raise
    print(f"{record.name}: {record.frames} frames of {len(chosen)} clips", flush=True)
    return {"labeling": record.id}


def fetch(
    workspace: Workspace,
    progress: Progress,
    *,
    labeling: str | None = None,
    job: str | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> LabelsResult:
    """Bring in what people labeled: {"labels": [ids], "skipped": [a sentence for each clip that could not be used]}.

    Args:
        labeling: the id of a job that was started here, or else
        job: the name that the chosen platform has for one that was started elsewhere: names decide of which videos its
            labels are.
        step: Frames of the video from one labeled picture to the next, for a job that was started elsewhere. See
            `importing.import_labels`.
        first_frame: Frame of the video that the first picture is, likewise.

    Raises:
        UserError: if it is not done yet, or nothing in it can be used.
    """
    record, mapping = workspace.get(LabelingJob, labeling) if labeling else None, FrameMapping(step, first_frame)
    platform = _on_platform(workspace, record.platform if record else None)
    ref = record.ref if record else _ref_of(platform, job or "")
    title = record.name if record else job or ""
    _check_ended(title, platform.state(ref))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / title  # which the reader's sentences name
        attribute = platform.fetch(ref, folder, part(progress, 0, 0.5))
        sequences = reading.read(folder, attribute)
    source, rest = importing.FORMATS["ground_truth"], part(progress, 0.5, 1)
    if record is None:
        stored, skipped = importing.keep(
            workspace, sequences, lambda usable: importing.videos_for(workspace, rest, usable, None, mapping),
            source, title, mapping,
        )  # fmt: skip
    else:
        of = record.clips
        stored, skipped = importing.keep(
            workspace, sequences, lambda usable: [workspace.find(Video, of.get(each.name, "")) for each in usable],
            source, title, mapping,
        )  # fmt: skip
        with workspace.edit(LabelingJob, record.id) as known:
            known.labels += [labels.id for labels in stored]
    progress(1, f"{len(stored)} brought in")
    return {"labels": [labels.id for labels in stored], "skipped": skipped}


def state(workspace: Workspace, record: LabelingJob) -> LabelingState:
    """How far the people are, asked of the platform."""
    return _on_platform(workspace, record.platform).state(record.ref)


def stop(workspace: Workspace, record: LabelingJob) -> None:
    """Take the clips from the people; what is labeled until then can be brought in."""
    _on_platform(workspace, record.platform).stop(record.ref)


def remove(workspace: Workspace, record: LabelingJob) -> None:
    """Stop it, and remove what its platform keeps of it and lets one remove."""
    _on_platform(workspace, record.platform).remove(record.ref)


def labeling_folder(workspace: Workspace, record: LabelingJob) -> LabelingFolder | None:
    """Where people label, if that is this console."""
    return _on_platform(workspace, record.platform).labeling_folder(record.ref)


def elsewhere(workspace: Workspace) -> list[str]:
    """The names of the chosen platform's labeling jobs that were not started in this workspace, newest first."""
    here = [record.ref for record in workspace.list(LabelingJob)]
    return [name for name, ref in _on_platform(workspace).jobs().items() if ref not in here]


def frames_to_label(clips: list[Video], every: int) -> dict[str, int]:
    """How many frames of each clip people would see, by its name.

    Raises:
        UserError: if `every` is no step.
    """
    if every < 1:
        raise UserError(f"“{every}” cannot be n for every n-th frame: give a whole number from 1.")
    return {video.name: -(-video.frames // every) for video in clips}


def corrigible(workspace: Workspace, clip: Video) -> list[Labels | Run]:
    """Whose boxes of the clip people could correct, the newest first."""
    found: list[Labels | Run] = [*workspace.list(Labels)]
    found += workspace.list(Run)
    return sorted((each for each in found if each.video in (clip.id, clip.parent)), key=lambda each: -each.created)


def classes_of(workspace: Workspace, source: Labels | Run) -> list[str]:
    """The classes that its boxes have."""
    return _names(_tracks(workspace, source))


def earlier_boxes(workspace: Workspace, clip: Video, source: Labels | Run) -> Tracks:
    """The boxes of labels, or of a run as key frames tell them, within the clip's frames by its own frame numbers.

    Raises:
        UserError: if they are of another video.
    """
    if source.video not in (clip.id, clip.parent):
        raise UserError(f"“{source.name}” are boxes of another video than “{clip.name}”. Choose others to correct.")
    tracks = _tracks(workspace, source)
    if source.video != clip.id:
        tracks = tracks.between(clip.start, clip.start + clip.frames)
    return _within(clip, tracks if isinstance(source, Labels) else simplify_tracks(tracks))


def _on_platform(workspace: Workspace, name: str | None = None) -> base.LabelingService:
    return platform_of(workspace, name).labeling


def _ref_of(platform: base.LabelingService, job: str) -> dict:
    refs = platform.jobs()
    if job not in refs:
        raise UserError(
            f"“{job}” is not among the jobs for tracking objects in video. In a job of another kind, such as video "
            "object detection, boxes are not tied together over the frames: start one for tracking on the same frames."
        )
    return refs[job]


def _check_ended(title: str, state: LabelingState) -> None:
    done = f"{state.labeled} of {state.total} clips are labeled"
    if state.status == "gone":
        raise UserError(f"The labeling job “{title}” does not exist any more, so nothing can be brought in.")
    if state.status == "failed" and not state.labeled:
        raise UserError(f"The labeling job “{title}” failed: {state.reason or 'no reason was given.'}")
    if state.status not in ENDED:
        raise UserError(
            f"“{title}” is {state.status}: {done}. Wait until it is done, or stop it: what is labeled by then can be "
            "brought in."
        )


def _all_earlier(
    workspace: Workspace, progress: Progress, clips: list[Video], classes: list[str], earlier: dict[str, str]
) -> dict[str, Tracks]:
    """The boxes to correct, by the clips' names."""
    if not earlier:
        return {}
    boxes = {}
    of_model: dict[str, list[Video]] = {}
    for clip in clips:
        if clip.id not in earlier:
            raise UserError(f"“{clip.name}” has no boxes to correct. Leave it out, or choose some for it.")
        if workspace.find(Model, earlier[clip.id]):
            of_model.setdefault(earlier[clip.id], []).append(clip)
            continue
        source = workspace.find(Labels, earlier[clip.id]) or workspace.get(Run, earlier[clip.id])
        boxes[clip.name] = earlier_boxes(workspace, clip, source)
        if missing := sorted(set(_names(boxes[clip.name])) - set(classes)):
            raise UserError(f"“{source.name}” has boxes of “{missing[0]}”. Add that to the classes of the job.")
    for number, (id, tracked) in enumerate(of_model.items()):
        model = workspace.get(Model, id)
        if not set(model.classes) & set(classes):
            raise UserError(f"“{model.name}” knows nothing of {', '.join(classes)}. Begin with empty frames.")
        found = tracking.track_with_model(
            workspace, part(progress, number / len(of_model), (number + 1) / len(of_model)), tracked, model
        )
        for clip in tracked:
            tracks = found[clip.id]
            wanted = [number for number, name in enumerate(tracks.classes) if name in classes]
            boxes[clip.name] = _within(clip, simplify_tracks(tracks.select(np.isin(tracks.class_id, wanted))))
    return boxes


def _marks(workspace: Workspace, clip: Video, source: str) -> BoxAttributes:
    """What was noted of the boxes to correct, by the clip's own frame numbers; only labels have that."""
    labels = workspace.find(Labels, source) if source else None
    if labels is None:
        return {}
    found = box_attributes.load(workspace.folder(labels))
    return (
        found if labels.video == clip.id else box_attributes.slice_frames(found, clip.start, clip.start + clip.frames)
    )


def _within(clip: Video, tracks: Tracks) -> Tracks:
    """What of the boxes is inside the picture."""
    tracks = replace(tracks, xyxy=tracks.xyxy.clip(0, [clip.width, clip.height, clip.width, clip.height]))
    sides = tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]
    return tracks.select((sides >= 1).all(axis=1))


def _names(tracks: Tracks) -> list[str]:
    """The classes that boxes have."""
    return [tracks.classes[number] for number in np.unique(tracks.class_id).tolist()]


def _extract(clips: list[Video], every: int, folder: Path, progress: Progress) -> dict[str, Path]:
    """The frames as files, in a folder per clip."""
    total, count, folders = sum(frames_to_label(clips, every).values()), 0, {}
    for index, clip in enumerate(clips):
        folders[clip.name] = folder / str(index)
        folders[clip.name].mkdir()
        for number, picture in videos.jpegs(clip, every):
            (folders[clip.name] / f"frame_{number:06d}.jpg").write_bytes(picture)
            count += 1
            progress(count / total, f"frame {number} of {clip.name}")
    return folders


def _tracks(workspace: Workspace, source: Labels | Run) -> Tracks:
    if isinstance(source, Labels):
        return load_labels(workspace, source)
    return Tracks.load(workspace.folder(source) / TRACKS_JSON)
