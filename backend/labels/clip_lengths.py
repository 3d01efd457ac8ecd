"""Find out how long the clips `<video>_0`, `<video>_1`, … were that labels belong to."""

from __future__ import annotations

import re
from collections import defaultdict

from backend.errors import UserError
from backend.labels.frame_mapping import AmbiguousFrames, FrameMapping, ask_for_step, length_tolerance
from backend.labels.label_sequence import LabelSequence
from backend.workspace import Workspace
from backend.workspace.records import Video

CLIP_NAME = re.compile(r"(?P<stem>.+)_(?P<number>\d{1,4})")
MAX_SUGGESTED_STEP = 1000


def possible_lengths(frames: int, sequences: dict[int, LabelSequence], mapping: FrameMapping) -> list[int]:
    """Return all lengths in frames of clips that have as many images as the labels.

    If the labels do not state how many images a clip has, the clip with the last labeled image counts as complete, and
    the clips must cover the video.

    Args:
        frames: Number of frames of the video.
        sequences: Labels by the number of their clip.
        mapping: Which frames of a clip its images are.
    """
    last_clip = max(sequences)
    longest_clip = max(sequences, key=lambda number: sequences[number].length)
    candidates = _possible_frames(sequences[longest_clip], mapping)
    is_stated = _is_length_stated(sequences)
    lengths = set(candidates)
    if longest_clip and is_stated:  # it may be the last clip of the video, which is shorter than the others
        lengths |= {(frames - length) // longest_clip for length in candidates if (frames - length) % longest_clip == 0}

    def fits(length: int) -> bool:
        for number, sequence in sequences.items():
            clip_frames = min(length, frames - number * length)
            is_exact = sequence.frames is not None or number == longest_clip
            images = clip_frames if sequence.has_video_frame_numbers else mapping.images(clip_frames)
            if clip_frames < 1 or images < sequence.length or (is_exact and images != sequence.length):
                return False
        return is_stated or last_clip * length < frames <= (last_clip + 1) * length

    return sorted(length for length in lengths if 0 < length < frames and fits(length))


def length_to_cut(video: Video, sequences: dict[int, LabelSequence], mapping: FrameMapping) -> int:
    """Return the length in frames of the labeled clips of a video that is not cut.

    Args:
        video: Video that the clips are to be cut from.
        sequences: Labels by the number of their clip.
        mapping: Which frames of a clip its images are, as far as the user gave it.

    Raises:
        AmbiguousFrames: If only every nth frame may be labeled.
        UserError: If the labels fit no length or several, or belong to another video.
    """
    last_clip = max(sequences)
    clips = last_clip + 1
    longest = max(sequence.length for sequence in sequences.values())
    if last_clip * max(mapping.frames_needed(sequence) for sequence in sequences.values()) >= video.frames:
        raise UserError(
            f"The labels have {clips} clips of {longest} frames, but “{video.name}” has only {video.frames} frames: "
            "they are the labels of another video. Add that one."
        )
    if mapping.step is None and not _have_video_frame_numbers(sequences):
        images = last_clip * longest + sequences[last_clip].length
        if 2 * (images - 1) < video.frames:
            raise AmbiguousFrames(
                f"The labels have {clips} clips of {longest} frames, {images} in total, but the video “{video.name}” "
                f"has {video.frames} frames. {_ask_for_step(video.frames, sequences)}"
            )
    lengths = possible_lengths(video.frames, sequences, mapping)
    if len(sequences) == clips and len(lengths) > 1:  # no clip is missing, so they cover the video
        lengths = [length for length in lengths if last_clip * length < video.frames <= clips * length]
    if len(lengths) != 1:
        raise UserError(
            f"The labels do not say how long the clips of “{video.name}” are. Cut it as it was cut for labeling, then "
            "import the labels again."
        )
    return lengths[0]


def length_of_cut(video: Video, lengths: list[int], sequences: dict[int, LabelSequence], mapping: FrameMapping) -> int:
    """Return which clips of a video the labels belong to.

    Args:
        video: Video that the clips are cut from.
        lengths: Lengths in frames that the video was cut into clips of.
        sequences: Labels by the number of their clip.
        mapping: Which frames of a clip its images are, as far as the user gave it.

    Returns:
        One of `lengths`.

    Raises:
        AmbiguousFrames: If only every nth frame may be labeled.
        UserError: If the labels fit none of the lengths or several.
    """
    fitting = set(possible_lengths(video.frames, sequences, mapping))
    matches = [length for length in lengths if length in fitting]
    if len(matches) == 1:
        return matches[0]
    cut = f"“{video.name}” is cut into clips of {' and of '.join(map(str, sorted(matches or lengths)))} frames"
    if matches:
        raise UserError(
            f"{cut}, and the labels do not say which of them were labeled. Remove those that were not, then import the "
            "labels again."
        )
    if len(lengths) == 1 and (mapping.step == 1 or not (fitting or _contradicts(sequences, mapping, lengths[0]))):
        return lengths[0]
    longest = max(sequence.length for sequence in sequences.values())
    if mapping.step is None and not _have_video_frame_numbers(sequences):
        raise AmbiguousFrames(
            f"{cut}, but the labels have {longest} frames per clip. {_ask_for_step(video.frames, sequences)}"
        )
    raise UserError(
        f"{cut}, but the labels have {longest} frames per clip. Cut the video as it was cut for labeling, then import "
        "the labels again."
    )


def clips_by_length(workspace: Workspace, video: Video) -> dict[int, dict[int, Video]]:
    """Return the clips of a video by their number, for each length in frames that it was cut into.

    Clips that were cut as ranges have no number.
    """
    clips: dict[int, dict[int, Video]] = defaultdict(dict)
    for clip in workspace.list(Video):  # the newest first, which wins if a video was cut twice
        if clip.parent == video.id and not clip.is_range:
            match = CLIP_NAME.fullmatch(clip.name)
            number = int(match["number"]) if match else 0
            length = clip.start // number if number and clip.start else clip.frames
            clips[length].setdefault(clip.start // length, clip)
    return dict(clips)


def covers_video(sequence: LabelSequence, video: Video, mapping: FrameMapping) -> bool:
    """Return whether the only clip of a job is the whole video."""
    frames = video.frames - length_tolerance(video.frames)
    return sequence.length >= (frames if sequence.has_video_frame_numbers else mapping.images(frames))


def _possible_frames(sequence: LabelSequence, mapping: FrameMapping) -> range:
    """Return how many frames a clip can have whose labeled images are those of a sequence."""
    if sequence.has_video_frame_numbers:
        return range(sequence.length, sequence.length + 1)
    return range(mapping.frames_needed(sequence), mapping.frame(sequence.length) + 1)


def _is_length_stated(sequences: dict[int, LabelSequence]) -> bool:
    return any(sequence.frames is not None for sequence in sequences.values())


def _have_video_frame_numbers(sequences: dict[int, LabelSequence]) -> bool:
    return all(sequence.has_video_frame_numbers for sequence in sequences.values())


def _contradicts(sequences: dict[int, LabelSequence], mapping: FrameMapping, length: int) -> bool:
    """Return whether labels show that their clips have another length.

    They do if they state it, or if every image is labeled and several clips end with the same one.
    """
    ends = [sequence.length for sequence in sequences.values()]
    end_alike = ends.count(max(ends)) > 1 and all(
        len(sequence.labeled_frames) >= max(ends) for sequence in sequences.values()
    )
    if not _is_length_stated(sequences) and not end_alike:
        return False
    longest = max(sequences.values(), key=lambda sequence: sequence.length)
    return length not in _possible_frames(longest, mapping)


def _ask_for_step(frames: int, sequences: dict[int, LabelSequence]) -> str:
    last_clip = max(sequences)
    steps_per_clip = max(sequence.length for sequence in sequences.values()) - 1
    max_step = min(frames // max(1, steps_per_clip * max(1, last_clip)), MAX_SUGGESTED_STEP)
    for step in range(2, max_step + 1):
        lengths = possible_lengths(frames, sequences, FrameMapping(step))
        if any(last_clip * length < frames <= (last_clip + 1) * length for length in lengths):
            return ask_for_step(step, max_step)
    return ask_for_step(None, max_step)
