"""The clips `<video>_0`, `<video>_1`, … that labels name: those that are there, or cut as long as the labels say."""

from __future__ import annotations

import re
from collections import defaultdict

from backend.errors import UserError
from backend.labels.frame_mapping import AmbiguousFrames, FrameMapping, tolerance, which_frames
from backend.labels.label_sequence import LabelSequence
from backend.progress import Progress
from backend.steps import videos
from backend.workspace import Workspace
from backend.workspace.records import Video

NAME = re.compile(r"(?P<stem>.+)_(?P<number>\d{1,4})")
MOST_STEP = 1000  # that is tried for a suggestion


def of_video(
    workspace: Workspace, progress: Progress, whole: Video, sequences: dict[int, LabelSequence], mapping: FrameMapping
) -> dict[int, Video]:
    """Return the clips of a video by their numbers. A video that has clips is not cut again.

    Args:
        whole: The video.
        sequences: Labels by the number of their clip.
        mapping: Which frames of a clip its pictures are, as far as the user said so.

    Raises:
        AmbiguousFrames: If the labels may be of every n-th frame.
        UserError: If the labels do not tell how long the clips were, or are of another video.
    """
    if cuts := _cuts(workspace, whole):
        return cuts[_length_there(whole, list(cuts), sequences, mapping)]
    if list(sequences) == [0] and _covers(sequences[0], whole, mapping):
        return {0: whole}
    length = _length(whole, sequences, mapping)
    videos.cut(workspace, progress, video=whole.id, every_frames=length)
    return _cuts(workspace, whole)[length]


def lengths(frames: int, sequences: dict[int, LabelSequence], mapping: FrameMapping) -> list[int]:
    """Return all lengths of clips that give as many pictures as the labels have.

    Where no file states how many pictures a clip has, the one with the last labeled picture is taken as complete, and
    the clips must cover the video.

    Args:
        frames: How many frames the video has that the clips are of.
        sequences: Labels by the number of their clip.
        mapping: Which frames of a clip its pictures are.
    """
    last, most = max(sequences), max(sequences, key=lambda number: sequences[number].length)
    longest = _frames(sequences[most], mapping)
    stated = _is_stated(sequences)
    found = set(longest)
    if most and stated:  # it may be the last clip, which is shorter than the others
        found |= {(frames - length) // most for length in longest if (frames - length) % most == 0}

    def fits(length: int) -> bool:
        for number, sequence in sequences.items():
            clip = min(length, frames - number * length)
            exact = sequence.frames is not None or number == most
            pictures = clip if sequence.placed else mapping.pictures(clip)
            if clip < 1 or pictures < sequence.length or (exact and pictures != sequence.length):
                return False
        return stated or last * length < frames <= (last + 1) * length

    return sorted(length for length in found if 0 < length < frames and fits(length))


def _frames(sequence: LabelSequence, mapping: FrameMapping) -> range:
    """Return how many frames a clip may have that gives the pictures of a sequence."""
    if sequence.placed:
        return range(sequence.length, sequence.length + 1)
    return range(mapping.frames_needed(sequence), mapping.frame(sequence.length) + 1)


def _is_stated(sequences: dict[int, LabelSequence]) -> bool:
    """Return whether the labels state how many pictures a clip has."""
    return any(sequence.frames is not None for sequence in sequences.values())


def _length(whole: Video, sequences: dict[int, LabelSequence], mapping: FrameMapping) -> int:
    """Return how long the clips were that the labels are of, of a video that is not cut."""
    last = max(sequences)
    most = max(sequence.length for sequence in sequences.values())
    if last * max(mapping.frames_needed(sequence) for sequence in sequences.values()) >= whole.frames:
        raise UserError(
            f"The labels are of {last + 1} clips of {most} frames, but “{whole.name}” has only {whole.frames} frames: "
            "they are the labels of another video. Add that one."
        )
    if mapping.step is None and not all(sequence.placed for sequence in sequences.values()):
        together = last * most + sequences[last].length
        if 2 * (together - 1) < whole.frames:
            raise AmbiguousFrames(
                f"The labels are of {last + 1} clips of {most} frames, {together} together, but the video "
                f"“{whole.name}” has {whole.frames} frames. {_question(whole.frames, sequences)}"
            )
    found = lengths(whole.frames, sequences, mapping)
    if len(sequences) == last + 1 and len(found) > 1:  # all clips are there, so they cover the video
        found = [length for length in found if last * length < whole.frames <= (last + 1) * length]
    if len(found) != 1:
        raise UserError(
            f"The labels do not tell how long the clips of “{whole.name}” were. Cut it as it was cut for labeling, "
            "then import the labels again."
        )
    return found[0]


def _length_there(whole: Video, there: list[int], sequences: dict[int, LabelSequence], mapping: FrameMapping) -> int:
    """Return the length of those clips that the labels are of, if the video is cut into clips of these lengths."""
    fitting = set(lengths(whole.frames, sequences, mapping))
    of_labels = [length for length in there if length in fitting]
    if len(of_labels) == 1:
        return of_labels[0]
    clips = f"“{whole.name}” is cut into clips of {' and of '.join(map(str, sorted(of_labels or there)))} frames"
    if of_labels:
        raise UserError(
            f"{clips}, and the labels do not tell which of them were labeled. Remove those that were not, then import "
            "the labels again."
        )
    if len(there) == 1 and (mapping.step == 1 or not (fitting or _contradict(sequences, mapping, there[0]))):
        return there[0]
    most = max(sequence.length for sequence in sequences.values())
    if mapping.step is None and not all(sequence.placed for sequence in sequences.values()):
        raise AmbiguousFrames(
            f"{clips}, but the labels are of {most} frames a clip. {_question(whole.frames, sequences)}"
        )
    raise UserError(
        f"{clips}, but the labels are of {most} frames a clip. Cut the video as it was cut for labeling, then import "
        "the labels again."
    )


def _contradict(sequences: dict[int, LabelSequence], mapping: FrameMapping, length: int) -> bool:
    """Return whether labels cannot be of clips of this length: by what they state, or as clips end with one picture."""
    ends = [sequence.length for sequence in sequences.values()]
    alike = ends.count(max(ends)) > 1 and min(len(each.labeled_frames) for each in sequences.values()) == max(ends)
    if not _is_stated(sequences) and not alike:
        return False
    longest = max(sequences.values(), key=lambda sequence: sequence.length)
    return length not in _frames(longest, mapping)


def _question(frames: int, sequences: dict[int, LabelSequence]) -> str:
    last = max(sequences)
    least = max(sequence.length for sequence in sequences.values()) - 1  # steps in a clip
    largest = min(frames // max(1, least * max(1, last)), MOST_STEP)
    for step in range(2, largest + 1):
        found = lengths(frames, sequences, FrameMapping(step))
        if any(last * length < frames <= (last + 1) * length for length in found):
            return which_frames(step, largest)
    return which_frames(None, largest)


def _cuts(workspace: Workspace, whole: Video) -> dict[int, dict[int, Video]]:
    """Return the clips of a video by their numbers, for each length that it was cut into."""
    cuts: dict[int, dict[int, Video]] = defaultdict(dict)
    for clip in workspace.list(Video):  # the newest first
        if clip.parent == whole.id:
            number = NAME.fullmatch(clip.name)
            index = int(number["number"]) if number else 0
            length = clip.start // index if index and clip.start else clip.frames
            cuts[length].setdefault(clip.start // length, clip)
    return dict(cuts)


def _covers(sequence: LabelSequence, whole: Video, mapping: FrameMapping) -> bool:
    """Return whether the one clip of a job is the whole video."""
    frames = whole.frames - tolerance(whole.frames)
    return sequence.length >= (frames if sequence.placed else mapping.pictures(frames))
