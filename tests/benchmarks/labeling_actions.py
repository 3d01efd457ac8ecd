"""Count the actions that labeling costs, with and without the help of the editor.

A program does what a careful annotator would do in the editor, and counts. Each drag, click and key press is an action;
going through the frames is not. A box is good enough from an IoU of `GOOD_IOU` with the reference labels on.

    PYTHONPATH=. python tests/benchmarks/labeling_actions.py --workspace W --labels ID [--model ID] [--frames 100]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.labels.keyframes import interpolate_boxes, select_keyframes, simplify_tracks
from backend.labels.label_store import load_labels
from backend.labels.median_flow import follow_box
from backend.progress import silent
from backend.steps import tracking
from backend.workspace import Workspace
from backend.workspace.records import Labels, Model, Video
from bytetrack.boxes import box_iou
from bytetrack.tracks import Tracks
from bytetrack.video import read_frames

GOOD_IOU = 0.7
SIMPLIFY_TOLERANCE = 1.5  # pixels, as in app/player/src/drawing.js
EXACT_TOLERANCE = 1e-3  # pixels; only boxes that are interpolated already get no keyframe
FOLLOWED_FRAMES = 50  # at once, as in app/player/editor.py

Box = NDArray[np.float64]  # (4,) xyxy in pixels
BoxesByFrame = dict[int, Box]  # of one object


def main() -> None:
    """Print the actions of each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--labels", required=True, help="id of the reference labels")
    parser.add_argument("--model", help="id of a model, not trained on the frames, whose tracks are corrected")
    parser.add_argument("--frames", type=int, default=100, help="how many frames to label, from the first one on")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    labels = workspace.get(Labels, options.labels)
    video = workspace.get(Video, labels.video)
    truth = load_labels(workspace, labels).between(0, options.frames)
    images = [
        cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame, _ in zip(read_frames(video.path), range(options.frames))
    ]
    objects = [span for track_id in np.unique(truth.id) for span in split_at_gaps(boxes_of(truth, track_id))]
    print(f"{len(truth)} boxes of {len(objects)} objects without gaps, {len(images)} frames")
    methods: dict[str, Callable[[], int]] = {
        "every box by hand": lambda: sum(map(label_by_hand, objects)),
        "keyframes with interpolation": lambda: sum(map(label_with_keyframes, objects)),
        "following": lambda: sum(label_with_following(boxes, images) for boxes in objects),
    }
    if options.model:
        predicted = tracking.track_with_model(workspace, silent, [video], workspace.get(Model, options.model))[video.id]
        predicted = simplify_tracks(predicted.between(0, options.frames))
        methods["tracks of a model, corrected"] = lambda: correct_tracks(objects, predicted, images)
    for name, method in methods.items():
        actions = method()
        print(f"{name}: {actions} actions, {actions / len(truth):.3f} per box")


def label_by_hand(truth: BoxesByFrame) -> int:
    """Draw the first box, then move a copy of it into place in each next frame; return the actions."""
    frames = sorted(truth)
    return 1 + sum(max(1, drags_to_fix(truth[a], truth[b])) for a, b in zip(frames, frames[1:]))


def label_with_keyframes(truth: BoxesByFrame) -> int:
    """Draw the first and the last box, then fix the worst interpolated box until all are good; return the actions."""
    frames = sorted(truth)
    keyframes = {frame: truth[frame] for frame in (frames[0], frames[-1])}
    actions = 1 + (drags_to_fix(truth[frames[0]], truth[frames[-1]]) if len(keyframes) > 1 else 0)
    return actions + fix_boxes(interpolate(keyframes, [frames]), truth, set(keyframes))


def label_with_following(truth: BoxesByFrame, images: list[NDArray[np.uint8]]) -> int:
    """Draw the first box and follow it, fix the last box, then the worst until all are good; return the actions."""
    frames = sorted(truth)
    shown, actions = {frames[0]: truth[frames[0]]}, 1
    while max(shown) < frames[-1]:
        start = max(shown)
        followed = list(follow_box(images[start : start + FOLLOWED_FRAMES + 1], shown[start]))
        actions += 1
        shown |= dict(enumerate(followed, start + 1))
        is_lost = len(followed) < FOLLOWED_FRAMES
        if max(shown) < frames[-1] and is_lost:
            frame = max(shown) + 1
            actions += max(1, drags_to_fix(shown[frame - 1], truth[frame]))
            shown[frame] = truth[frame]
    if max(shown) > frames[-1]:
        actions += 1  # mark the last frame
    return actions + fix_boxes({frame: shown[frame] for frame in frames}, truth, {frames[0]}, SIMPLIFY_TOLERANCE)


def fix_boxes(shown: BoxesByFrame, truth: BoxesByFrame, drawn: set[int], tolerance: float = EXACT_TOLERANCE) -> int:
    """Fix the worst box until all are good; return the actions.

    As in the editor, a fixed box becomes a keyframe, and predicted keyframes up to the nearest drawn ones are corrected
    along with it.

    Args:
        shown: The boxes before. Those that are not drawn are predicted.
        truth: What they should be.
        drawn: Frames whose boxes are drawn.
        tolerance: Pixels that an interpolated box may be off without a keyframe.
    """
    spans = [sorted(span) for span in split_at_gaps(shown)]
    keyframes: BoxesByFrame = {}
    for frames in spans:
        boxes = np.array([shown[frame] for frame in frames])
        rows = select_keyframes(np.array(frames), boxes, np.full(len(frames), tolerance))
        keyframes |= {frames[row]: boxes[row] for row in rows}
    keyframes |= {frame: shown[frame] for frame in drawn}
    actions, drawn = 0, set(drawn)
    to_check_first = [max(truth)] if drawn else []  # after following, the annotator looks at the last frame first
    while True:
        boxes_now = interpolate(keyframes, spans)
        frame = to_check_first.pop() if to_check_first else min(truth, key=lambda n: iou(boxes_now[n], truth[n]))
        drags = drags_to_fix(boxes_now[frame], truth[frame])
        if not drags:
            if all(iou(boxes_now[n], truth[n]) >= GOOD_IOU for n in truth):
                return actions
            continue
        actions += drags
        correction = truth[frame] - boxes_now[frame]
        previous_drawn = max((n for n in drawn if n < frame), default=None)
        next_drawn = min((n for n in drawn if n > frame), default=None)
        for limit in (previous_drawn, next_drawn):
            for n in keyframes if limit is not None else ():
                if min(limit, frame) < n < max(limit, frame):
                    keyframes[n] = keyframes[n] + correction * abs(n - limit) / abs(frame - limit)
        keyframes[frame] = truth[frame]
        drawn.add(frame)


def interpolate(keyframes: BoxesByFrame, spans: list[list[int]]) -> BoxesByFrame:
    """Return the boxes in all frames of the spans."""
    boxes: BoxesByFrame = {}
    for frames in spans:
        key_numbers = [frame for frame in frames if frame in keyframes]
        key_boxes = np.array([keyframes[frame] for frame in key_numbers])
        boxes |= dict(zip(frames, interpolate_boxes(np.array(key_numbers), key_boxes, np.array(frames))))
    return boxes


def correct_tracks(objects: list[BoxesByFrame], predicted: Tracks, images: list[NDArray[np.uint8]]) -> int:
    """Correct the tracks of a model; return the actions.

    Tracks that are mostly false positives are deleted, tracks of one object are merged, tracks of several objects are
    split, missing boxes are filled in or followed, and the remaining boxes are fixed.
    """
    actions = 0
    objects_on_tracks = match_tracks(objects, predicted)
    boxes_of_object: dict[int, BoxesByFrame] = {number: {} for number in range(len(objects))}
    tracks_of_object: dict[int, set[int]] = {number: set() for number in range(len(objects))}
    for track_id in np.unique(predicted.id).tolist():
        boxes, object_in_frame = boxes_of(predicted, track_id), objects_on_tracks.get(track_id, {})
        if len(object_in_frame) < len(boxes) / 2:
            actions += 2  # click, delete
            continue
        sequence = [object_in_frame[frame] for frame in sorted(object_in_frame)]
        actions += 2 * sum(a != b for a, b in zip(sequence, sequence[1:]))  # click, split
        for frame, number in object_in_frame.items():
            boxes_of_object[number].setdefault(frame, boxes[frame])
            tracks_of_object[number].add(track_id)
        false_spans = [span for span in split_at_gaps(boxes) if not set(span) & set(object_in_frame)]
        actions += 2 * len(false_spans)  # click, absent here
    for number, truth in enumerate(objects):
        shown = boxes_of_object[number]
        if not shown:
            actions += label_with_following(truth, images)
            continue
        actions += 3 * max(0, len(tracks_of_object[number]) - 1)  # click, merge, click
        missing = {frame: truth[frame] for frame in sorted(truth) if frame not in shown}
        for span in split_at_gaps(missing):
            before, after = min(span) - 1, max(span) + 1
            if before in shown and after in shown:
                actions += 1  # fill gap
                shown |= interpolate({n: shown[n] for n in (before, after)}, [[before, *sorted(span), after]])
            else:
                actions += label_with_following(span, images)
                shown |= span
        drags = fix_boxes(shown, truth, set())
        actions += drags + (1 if drags else 0)  # click to select
    return actions


def match_tracks(objects: list[BoxesByFrame], predicted: Tracks) -> dict[int, dict[int, int]]:
    """Return, per track and frame, the object whose box it overlaps most."""
    matches: dict[int, dict[int, int]] = {}
    for number, truth in enumerate(objects):
        for frame, box in truth.items():
            candidates = predicted.at(frame)
            if len(candidates) and (ious := box_iou(candidates.xyxy, box[None])[:, 0]).max() >= GOOD_IOU / 2:
                matches.setdefault(int(candidates.id[ious.argmax()]), {})[frame] = number
    return matches


def drags_to_fix(shown: Box, truth: Box) -> int:
    """Return how many drags make a box good: 0, 1 (move it, or one of its corners) or 2 (both)."""
    if iou(shown, truth) >= GOOD_IOU:
        return 0
    shift = (truth[:2] + truth[2:] - shown[:2] - shown[2:]) / 2
    moved = shown + np.tile(shift, 2)
    resized = [np.concatenate([truth[:2], shown[2:]]), np.concatenate([shown[:2], truth[2:]])]
    return 1 if max(iou(box, truth) for box in (moved, *resized)) >= GOOD_IOU else 2


def iou(one: Box, other: Box) -> float:
    """Return the IoU of two boxes."""
    return float(box_iou(one[None], other[None])[0, 0])


def boxes_of(tracks: Tracks, track_id: int) -> BoxesByFrame:
    """Return the boxes of one track."""
    track = tracks.select(tracks.id == track_id)
    return dict(zip(track.frame.tolist(), track.xyxy))


def split_at_gaps(boxes: BoxesByFrame) -> list[BoxesByFrame]:
    """Split boxes into runs of consecutive frames."""
    frames = np.array(sorted(boxes))
    return [
        {frame: boxes[frame] for frame in run.tolist()}
        for run in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1)
        if len(run)
    ]


if __name__ == "__main__":
    main()
