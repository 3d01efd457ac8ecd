"""Import labels: read them, match them with videos of the workspace, fit them to the videos, and store them."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from backend.errors import UserError
from backend.files.archives import extract, is_archive
from backend.jobs.results import LabelsResult
from backend.labels import clip_lengths
from backend.labels.formats import detect_format, get_format
from backend.labels.frame_mapping import AmbiguousFrames, FrameMapping, map_to_video
from backend.labels.label_format import ReadOptions
from backend.labels.label_sequence import LabelSequence, bare_name, is_named
from backend.labels.label_store import store_labels
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.records import Labels, Video

# Suffixes that tell the address of a file from that of a folder.
FILE_SUFFIXES = {".txt", ".csv", ".json", ".xml", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"}
MAX_UNPACKED_BYTES = 10 << 30  # some MOTChallenge archives contain all their images


def import_labels(
    workspace: Workspace,
    progress: Progress,
    *,
    path: str,
    video: str | None = None,
    format: str = "auto",  # noqa: A002
    classes: list[str] | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> LabelsResult:
    """Import labels from a file or folder.

    Each sequence belongs to the video of its name. Labels of clips `<video>_0`, `<video>_1`, … of a video that is not
    cut cut it first, into clips as long as the labels say. Labels that do not fit the length of their video are
    refused unless `step` is given.

    Args:
        workspace: Workspace to import into.
        progress: Receives the progress.
        path: Output folder of a labeling job, MOTChallenge file or folder, COCO or CVAT file, or a zip or tar of one.
            May be an `s3://` address if AWS is the chosen platform.
        video: ID of the video that the labels belong to. If omitted, sequences are matched with videos by name.
        format: Name of a format in `backend.labels.formats`, or "auto" to detect it.
        classes: Names for the numbers of the class column of a MOTChallenge file.
        step: Frames of the video from one labeled image to the next. 1 takes the numbers of the images as frame
            numbers. If omitted, the labels must fit the length of the video.
        first_frame: Frame of the video, counted from 0, that the first image is. 0 if omitted.

    Raises:
        UserError: If nothing can be imported.
    """
    chosen = workspace.get(Video, video) if video else None
    mapping = FrameMapping(step, first_frame)
    with _local_copy(workspace, path, part(progress, 0, 0.2)) as local_path, _unpacked(local_path) as unpacked:
        progress(0.2, "reading labels")
        label_format = detect_format(unpacked) if format == "auto" else get_format(format)
        sequences = label_format.read(unpacked, ReadOptions(class_names=classes))
    matching = part(progress, 0.2, 0.9)
    stored, skipped = store_sequences(
        workspace,
        sequences,
        lambda usable: match_videos(workspace, matching, usable, chosen, mapping),
        label_format.title,
        path,
        mapping,
    )
    progress(1, f"{len(stored)} imported")
    return {"labels": [labels.id for labels in stored], "skipped": skipped}


def store_sequences(
    workspace: Workspace,
    sequences: list[LabelSequence],
    find_videos: Callable[[list[LabelSequence]], list[Video | None]],
    source: str,
    path: str,
    mapping: FrameMapping,
) -> tuple[list[Labels], list[str]]:
    """Store the sequences that fit a video.

    Args:
        workspace: Workspace to store them in.
        sequences: Labels as their format's reader returned them.
        find_videos: Returns the video of each sequence, None for a sequence without one.
        source: Source of the labels, such as the title of their format.
        path: Path or name of the labels for error messages.
        mapping: Which frames of the videos the labeled images are, as far as the user gave it.

    Returns:
        The stored labels, and one sentence per sequence that was skipped.

    Raises:
        AmbiguousFrames: If a sequence fits its video in several ways.
        UserError: If no sequence can be stored.
    """
    skipped = [note for sequence in sequences if not sequence.labeled_frames for note in sequence.notes]
    usable = [sequence for sequence in sequences if sequence.labeled_frames]
    if not any(len(sequence.tracks) for sequence in usable):
        raise UserError(f"The labels in {Path(path).name} are empty: they have no box. Check that labeling is done.")
    fitted: list[tuple[Video, LabelSequence]] = []
    for sequence, video in zip(usable, find_videos(usable)):
        try:
            if video is None:
                raise UserError(
                    f"The workspace has no video “{sequence.name}” with at least {mapping.frames_needed(sequence)} "
                    "frames. Add the video that was labeled, or choose it for these labels."
                )
            fitted.append((video, map_to_video(sequence, video, mapping)))
        except AmbiguousFrames:
            raise
        except UserError as error:
            skipped.append(str(error))
    if not fitted:
        raise UserError(skipped[-1])

    for sentence in skipped:
        print(sentence, flush=True)
    stored = [store_labels(workspace, video, sequence, source) for video, sequence in fitted]
    for labels in stored:
        print(f"{labels.name}: {labels.boxes} boxes of {labels.objects} objects. {' '.join(labels.notes)}", flush=True)
    return stored, skipped


def match_videos(
    workspace: Workspace,
    progress: Progress,
    sequences: list[LabelSequence],
    chosen: Video | None,
    mapping: FrameMapping,
) -> list[Video | None]:
    """Return the video of each sequence, None for a sequence without one. Cut a video if its clips were labeled.

    Args:
        workspace: Workspace with the videos.
        progress: Receives the progress of cutting.
        sequences: Labels to match.
        chosen: Video that the user chose, or None to match by name.
        mapping: Which frames of the videos the labeled images are, as far as the user gave it.
    """
    all_videos = workspace.list(Video)
    if len(sequences) == 1:
        only_match, is_decided = _match_only_sequence(all_videos, sequences[0], chosen, mapping)
        if is_decided:
            return [only_match]

    clips_by_stem: dict[str, dict[int, LabelSequence]] = defaultdict(dict)
    for sequence in sequences:
        if clip := clip_lengths.CLIP_NAME.fullmatch(bare_name(sequence.name)):
            clips_by_stem[clip["stem"]][int(clip["number"])] = sequence
    candidates = [video for video in all_videos if chosen is None or video.id == chosen.id]
    uncut_videos = [video for video in candidates if video.parent is None]
    matches = {sequence.name: _find_by_name(uncut_videos, sequence, mapping) for sequence in sequences}
    for stem, clips in clips_by_stem.items():
        if all(matches[sequence.name] for sequence in clips.values()):
            continue
        video = chosen or next((video for video in all_videos if is_named(video, stem)), None)
        if video is None:
            continue
        videos_of_clips = _find_or_cut_clips(workspace, progress, video, clips, mapping)
        for number, sequence in clips.items():
            matches[sequence.name] = matches[sequence.name] or videos_of_clips.get(number)

    def match_of(sequence: LabelSequence) -> Video | None:
        if matches[sequence.name] or clip_lengths.CLIP_NAME.fullmatch(bare_name(sequence.name)):
            return matches[sequence.name]
        return _find_by_name(all_videos, sequence, mapping)  # which may be a clip with a name of its own

    return [match_of(sequence) for sequence in sequences]


def _match_only_sequence(
    all_videos: list[Video], sequence: LabelSequence, chosen: Video | None, mapping: FrameMapping
) -> tuple[Video | None, bool]:
    """Return the video of the only sequence of an import, and whether it is decided.

    It is the chosen video, or the only video of the workspace, whatever the sequence is called, unless the sequence is
    a clip of a video.
    """
    clip = clip_lengths.CLIP_NAME.fullmatch(bare_name(sequence.name))
    if chosen is not None:
        return chosen, not (clip and is_named(chosen, clip["stem"]))
    uncut_videos = [video for video in all_videos if video.parent is None]
    is_clip = clip is not None and any(is_named(video, clip["stem"]) for video in all_videos)
    if len(uncut_videos) == 1 and not is_clip and not _find_by_name(all_videos, sequence, mapping):
        return uncut_videos[0], True
    return None, False


def _find_by_name(candidates: list[Video], sequence: LabelSequence, mapping: FrameMapping) -> Video | None:
    """Return the newest video with the name of the sequence that is long enough for it."""
    needed = mapping.frames_needed(sequence)
    return next((video for video in candidates if is_named(video, sequence.name) and video.frames >= needed), None)


def _find_or_cut_clips(
    workspace: Workspace, progress: Progress, video: Video, sequences: dict[int, LabelSequence], mapping: FrameMapping
) -> dict[int, Video]:
    """Return the labeled clips of a video by their number. Cut the video unless it has clips.

    Args:
        workspace: Workspace with the video.
        progress: Receives the progress of cutting.
        video: The video.
        sequences: Labels by the number of their clip.
        mapping: Which frames of a clip its images are, as far as the user gave it.

    Raises:
        AmbiguousFrames: If only every nth frame may be labeled.
        UserError: If the labels do not say how long the clips are, or belong to another video.
    """
    if cuts := clip_lengths.clips_by_length(workspace, video):
        return cuts[clip_lengths.length_of_cut(video, list(cuts), sequences, mapping)]
    if list(sequences) == [0] and clip_lengths.covers_video(sequences[0], video, mapping):
        return {0: video}
    length = clip_lengths.length_to_cut(video, sequences, mapping)
    videos.cut(workspace, progress, video=video.id, every_frames=length)
    return clip_lengths.clips_by_length(workspace, video)[length]


@contextmanager
def _local_copy(workspace: Workspace, path: str, progress: Progress) -> Iterator[Path]:
    """Yield a local path, or a temporary copy of what lies at an `s3://` address."""
    if not path.startswith("s3://"):
        local_path = Path(path).expanduser()
        if not local_path.exists():
            raise UserError(f"No such file or folder: {local_path}. Check the path.")
        yield local_path
        return
    platform = platform_of(workspace)
    address = PurePosixPath(path)
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / (address.name or "labels")
        if address.suffix.lower() in FILE_SUFFIXES:
            platform.files.download(path, copy, progress)
        else:
            platform.labeling.fetch_output(path, copy, progress)
        yield copy


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Yield a folder or file, or the temporary folder that an archive is unpacked to."""
    if not (path.is_file() and is_archive(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / (path.name.split(".")[0] or "labels")
        yield extract(path, folder, limit_bytes=MAX_UNPACKED_BYTES)
