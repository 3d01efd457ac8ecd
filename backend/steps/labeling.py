"""Labeling jobs: send clips to a platform where people label them, and fetch their labels, which they can correct."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import UserError
from backend.jobs.results import LabelingResult, LabelsResult
from backend.labels import box_attributes
from backend.labels.attributes import check_definitions, complete_definitions
from backend.labels.box_attributes import BoxAttributes
from backend.labels.formats import FORMATS
from backend.labels.formats.ground_truth import reading
from backend.labels.frame_mapping import FrameMapping
from backend.labels.keyframes import simplify_tracks
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import attributes_of, load_labels
from backend.labels.labeling_folder import LabelingFolder
from backend.labels.labeling_spec import ClipToLabel, LabelingLimits, LabelingSpec
from backend.platforms.base import LabelingService, LabelingState
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import importing, tracking, videos
from backend.wording import count
from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import DRAWN_HERE, LabelingJob, LabelingRef, Labels, Model, Run, Video, check_name
from bytetrack.tracks import Tracks

DEFAULT_INSTRUCTIONS = (
    "Draw a tight box around every object of these classes in every frame in which it is visible, and keep its ID from "
    "frame to frame."
)
ENDED = ("done", "failed", "stopped", "gone")
MIN_SIDE_PIXELS = 1  # of a box to correct


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
    options: dict[str, Any] | None = None,
    attributes: list[dict[str, Any]] | None = None,
) -> LabelingResult:
    """Start a labeling job on the chosen platform. It goes on after this step.

    Args:
        workspace: Workspace with the clips.
        progress: Receives the progress.
        name: Name of the job.
        clips: IDs of videos.
        classes: Names of the classes to label.
        every: Step between labeled frames: 5 labels every 5th frame.
        short_instructions: Instructions that are always visible. Default for a team: `DEFAULT_INSTRUCTIONS`.
        full_instructions: Detailed instructions. Default: the short ones.
        earlier: By the ID of each clip, the ID of the boxes to correct: labels or a run of the clip or of the video
            that it was cut from, or a model that is to track the clip now. If omitted, labelers start from empty
            frames.
        options: Options of the platform. Missing ones have their defaults.
        attributes: Attributes that the objects can have, fields of `AttributeDefinition`. Those of labels to correct
            are added.

    Raises:
        UserError: If something is missing, or the job exceeds the limits of the platform.
    """
    name = check_name(name)
    service = _labeling_service(workspace)
    sources = earlier or {}
    chosen = [workspace.get(Video, clip_id) for clip_id in clips]
    short_instructions = short_instructions.strip() or (DEFAULT_INSTRUCTIONS if service.is_team else "")
    full_instructions = full_instructions.strip() or short_instructions
    frames = count_frames(chosen, every)
    service.limits.check(frames, classes, short_instructions, full_instructions)
    definitions = check_definitions(attributes or [])
    initial_tracks = _find_initial_tracks(workspace, part(progress, 0, 0.4), chosen, classes, sources)
    attributes_of_clips = {}
    for clip in chosen:
        source = workspace.find(Labels, sources.get(clip.id, ""))
        attributes_of_clips[clip.id] = _find_box_attributes(workspace, clip, source)
        if source is not None:
            names = [definition.name for definition in definitions]
            definitions += [definition for definition in attributes_of(source) if definition.name not in names]
            tracks = initial_tracks[clip.name]
            definitions = complete_definitions(definitions, attributes_of_clips[clip.id], tracks)

    with tempfile.TemporaryDirectory() as temporary:
        folders = _extract_frames(chosen, every, Path(temporary), part(progress, 0.4, 0.6))
        spec = LabelingSpec(
            name=name,
            token=secrets.token_hex(4),
            clips={
                clip.name: ClipToLabel(
                    folder=folders[clip.name],
                    length=clip.frames,
                    every=every,
                    initial_tracks=initial_tracks.get(clip.name),
                    box_attributes=attributes_of_clips[clip.id],
                )
                for clip in chosen
            },
            classes=classes,
            short_instructions=short_instructions,
            full_instructions=full_instructions,
            options=options or {},
            attributes=definitions,
        )
        ref = service.start(spec, part(progress, 0.6, 1))
        try:
            record = workspace.add(
                LabelingJob(
                    name=name,
                    clips={clip.name: clip.id for clip in chosen},
                    every=every,
                    classes=classes,
                    platform=platform_of(workspace).name,
                    ref=ref,
                    frames=sum(frames.values()),
                    corrects={clip.name: sources[clip.id] for clip in chosen} if sources else {},
                )
            )
        except BaseException:
            service.stop(ref)
            raise
    print(f"{record.name}: {count(record.frames, 'frame')} in {count(len(chosen), 'clip')}", flush=True)
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
    """Import the labels of a labeling job that has ended.

    Args:
        workspace: Workspace to import into.
        progress: Receives the progress.
        labeling: ID of a job of this workspace.
        job: Name on the chosen platform of a job that was started elsewhere, instead of `labeling`. Its clips are
            matched with videos by name.
        step: Frames of the video from one labeled image to the next, for a job that was started elsewhere. See
            `importing.import_labels`.
        first_frame: Frame of the video that the first image is, likewise.

    Raises:
        UserError: If the job has not ended, or no label can be imported.
    """
    record = workspace.get(LabelingJob, labeling) if labeling else None
    mapping = FrameMapping(step, first_frame)
    service = _labeling_service(workspace, record.platform if record else None)
    ref = record.ref if record else _find_job(service, job or "")
    title = record.name if record else job or ""
    _check_ended(title, service.state(ref))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / title  # error messages of the reader contain its name
        attribute = service.fetch(ref, folder, part(progress, 0, 0.5))
        sequences = reading.read(folder, attribute)
    matching = part(progress, 0.5, 1)

    def find_videos(usable: list[LabelSequence]) -> list[Video | None]:
        if record is None:
            return importing.match_videos(workspace, matching, usable, None, mapping)
        return [workspace.find(Video, record.clips.get(sequence.name, "")) for sequence in usable]

    is_drawn_here = service.labeling_folder(ref) is not None
    source = DRAWN_HERE if is_drawn_here else FORMATS["ground_truth"].title
    stored, skipped = importing.store_sequences(workspace, sequences, find_videos, source, title, mapping)
    if record is not None:
        with workspace.edit(LabelingJob, record.id) as edited:
            edited.labels += [labels.id for labels in stored]
    progress(1, f"{len(stored)} imported")
    return {"labels": [labels.id for labels in stored], "skipped": skipped}


def limits(workspace: Workspace) -> LabelingLimits:
    """Return how large a labeling job may be on the chosen platform."""
    return _labeling_service(workspace).limits


def is_team(workspace: Workspace) -> bool:
    """Return whether a team labels on the chosen platform, who need instructions, not the user in this console."""
    return _labeling_service(workspace).is_team


def state(workspace: Workspace, record: LabelingJob) -> LabelingState:
    """Return the progress of a labeling job on its platform."""
    return _labeling_service(workspace, record.platform).state(record.ref)


def stop(workspace: Workspace, record: LabelingJob) -> None:
    """Stop a labeling job. What is labeled by then can be fetched."""
    _labeling_service(workspace, record.platform).stop(record.ref)


def remove(workspace: Workspace, record: LabelingJob) -> None:
    """Stop a labeling job, and delete what its platform keeps of it and lets a user delete."""
    _labeling_service(workspace, record.platform).remove(record.ref)


def labeling_folder(workspace: Workspace, record: LabelingJob) -> LabelingFolder | None:
    """Return the folder of a job whose clips are labeled in this console, None if they are labeled elsewhere."""
    return _labeling_service(workspace, record.platform).labeling_folder(record.ref)


def jobs_started_elsewhere(workspace: Workspace) -> list[str]:
    """Return the names of the jobs on the chosen platform that this workspace did not start, the newest first."""
    own_refs = [record.ref for record in workspace.list(LabelingJob)]
    return [name for name, ref in _labeling_service(workspace).jobs().items() if ref not in own_refs]


def count_frames(clips: list[Video], every: int) -> dict[str, int]:
    """Return how many frames of each clip would be labeled, by the name of the clip.

    Raises:
        UserError: If `every` is less than 1.
    """
    if every < 1:
        raise UserError(f"Cannot label every nth frame with n = {every}. Choose an integer, at least 1.")
    return {clip.name: -(-clip.frames // every) for clip in clips}


def correctable_sources(workspace: Workspace, clip: Video) -> list[Labels | Run]:
    """Return the labels and runs of a clip or of the video that it was cut from, the newest first."""
    sources: list[Labels | Run] = [*workspace.list(Labels), *workspace.list(Run)]
    own = [source for source in sources if source.video in (clip.id, clip.parent)]
    return sorted(own, key=lambda source: source.created, reverse=True)


def classes_of(workspace: Workspace, source: Labels | Run) -> list[str]:
    """Return the classes that occur in labels or tracks."""
    return _used_classes(_load_tracks(workspace, source))


def tracks_to_correct(workspace: Workspace, clip: Video, source: Labels | Run) -> Tracks:
    """Return the boxes of labels or of a run in a clip, by frame numbers of the clip and inside its frame.

    Those of a run are simplified.

    Raises:
        UserError: If they belong to another video.
    """
    if source.video not in (clip.id, clip.parent):
        raise UserError(f"“{source.name}” has boxes of another video than “{clip.name}”. Choose others to correct.")
    tracks = _load_tracks(workspace, source)
    if source.video != clip.id:
        tracks = tracks.between(clip.start, clip.start + clip.frames)
    return _clip_to_frame(clip, tracks if isinstance(source, Labels) else simplify_tracks(tracks))


def _labeling_service(workspace: Workspace, platform: str | None = None) -> LabelingService:
    """Return the labeling service of a platform, by default of the chosen one."""
    return platform_of(workspace, platform).labeling


def _find_job(service: LabelingService, job: str) -> LabelingRef:
    refs = service.jobs()
    if job not in refs:
        raise UserError(
            f"Video object tracking job not found: “{job}”. The boxes of jobs of other types, such as video object "
            "detection, have no object IDs across frames. Start a tracking job on the same frames."
        )
    return refs[job]


def _check_ended(title: str, state: LabelingState) -> None:
    if state.status == "gone":
        raise UserError(f"The labeling job “{title}” no longer exists, so its labels cannot be fetched.")
    if state.status == "failed" and not state.labeled:
        raise UserError(f"The labeling job “{title}” failed: {state.reason or 'no reason was given.'}")
    if state.status not in ENDED:
        raise UserError(
            f"The labeling job “{title}” is {state.status}: {state.labeled} of {state.total} clips are labeled. Wait "
            "until it is done, or stop it to fetch what is labeled by then."
        )


def _find_initial_tracks(
    workspace: Workspace, progress: Progress, clips: list[Video], classes: list[str], sources: dict[str, str]
) -> dict[str, Tracks]:
    """Return the boxes to correct by the name of the clip; none if labelers start from empty frames.

    Args:
        workspace: Workspace with the sources.
        progress: Receives the progress of tracking by models.
        clips: Clips of the job.
        classes: Classes of the job.
        sources: IDs of labels, runs or models by the ID of the clip.

    Raises:
        UserError: If a clip has no source, or boxes of a source have a class that the job does not.
    """
    if not sources:
        return {}
    initial_tracks = {}
    clips_by_model: dict[str, list[Video]] = {}
    for clip in clips:
        if clip.id not in sources:
            raise UserError(f"“{clip.name}” has no boxes to correct. Remove it from the job, or choose boxes for it.")
        if workspace.find(Model, sources[clip.id]):
            clips_by_model.setdefault(sources[clip.id], []).append(clip)
            continue
        source = workspace.find(Labels, sources[clip.id]) or workspace.get(Run, sources[clip.id])
        tracks = tracks_to_correct(workspace, clip, source)
        if missing := sorted(set(_used_classes(tracks)) - set(classes)):
            raise UserError(f"“{source.name}” has boxes of “{missing[0]}”. Add this class to the job.")
        initial_tracks[clip.name] = tracks
    for number, (model_id, clips_of_model) in enumerate(clips_by_model.items()):
        model = workspace.get(Model, model_id)
        if not set(model.classes) & set(classes):
            raise UserError(f"“{model.name}” does not detect {', '.join(classes)}. Start from empty frames.")
        share = part(progress, number / len(clips_by_model), (number + 1) / len(clips_by_model))
        tracks_by_id = tracking.track_with_model(workspace, share, clips_of_model, model)
        for clip in clips_of_model:
            tracks = tracks_by_id[clip.id]
            class_ids = [class_id for class_id, name in enumerate(tracks.classes) if name in classes]
            tracks = tracks.select(np.isin(tracks.class_id, class_ids))
            initial_tracks[clip.name] = _clip_to_frame(clip, simplify_tracks(tracks))
    return initial_tracks


def _find_box_attributes(workspace: Workspace, clip: Video, labels: Labels | None) -> BoxAttributes:
    """Return the attributes of the labels to correct, by frame numbers of the clip."""
    if labels is None:
        return {}
    attributes = box_attributes.load(workspace.folder(labels))
    if labels.video == clip.id:
        return attributes
    return box_attributes.slice_frames(attributes, clip.start, clip.start + clip.frames)


def _clip_to_frame(clip: Video, tracks: Tracks) -> Tracks:
    """Clip boxes to the frame, and drop those that have no area in it."""
    tracks = replace(tracks, xyxy=tracks.xyxy.clip(0, [clip.width, clip.height] * 2))
    sides = tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]
    return tracks.select(np.all(sides >= MIN_SIDE_PIXELS, axis=1))


def _used_classes(tracks: Tracks) -> list[str]:
    return [tracks.classes[class_id] for class_id in np.unique(tracks.class_id).tolist()]


def _extract_frames(clips: list[Video], every: int, folder: Path, progress: Progress) -> dict[str, Path]:
    """Write the frames to label as JPEG files, and return the folder of each clip by its name."""
    total = sum(count_frames(clips, every).values())
    written = 0
    folders = {}
    for index, clip in enumerate(clips):
        clip_folder = folder / str(index)
        clip_folder.mkdir()
        folders[clip.name] = clip_folder
        for number, jpeg in videos.jpegs(clip, every):
            (clip_folder / f"frame_{number:06d}.jpg").write_bytes(jpeg)
            written += 1
            progress(written / total, f"frame {number} of {clip.name}")
    return folders


def _load_tracks(workspace: Workspace, source: Labels | Run) -> Tracks:
    if isinstance(source, Labels):
        return load_labels(workspace, source)
    return Tracks.load(workspace.folder(source) / TRACKS_JSON)
