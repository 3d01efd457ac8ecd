"""How many actions a labeled box costs, with and without the editor's help, for labels that are taken as the truth.

Nobody sits there: a program does what a careful person would do with the editor, and counts. A drag, a click and a key
are an action each; going through the frames is not. A box will do from an overlap of `GOOD` with the true one on.

    PYTHONPATH=. python tests/benchmarks/labeling_actions.py --workspace W --labels ID [--model ID] [--frames 100]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from backend.labels.keyframes import interpolate_boxes, select_keyframes, simplify_tracks
from backend.labels.label_sequence import load_labels
from backend.labels.median_flow import follow_box
from backend.progress import silent
from backend.steps import tracking
from backend.workspace import Workspace
from backend.workspace.records import Labels, Model, Video
from bytetrack.boxes import box_iou
from bytetrack.tracks import Tracks
from bytetrack.video import read_frames

GOOD = 0.7  # intersection over union
STRAIGHT = 1.5  # pixels; as in app/player/src/drawing.js
SAME = 1e-3
FOLLOWED = 50  # frames at once, as in app/player/editor.py
Boxes = dict[int, np.ndarray]  # of one object, by frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--labels", required=True, help="the truth")
    parser.add_argument("--model", help="whose tracks are corrected; one that has not seen these frames")
    parser.add_argument("--frames", type=int, default=100, help="from the beginning")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    labels = workspace.get(Labels, options.labels)
    video = workspace.get(Video, labels.video)
    truth = load_labels(workspace, labels).between(0, options.frames)
    pictures = [
        cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame, _ in zip(read_frames(video.path), range(options.frames))
    ]
    objects = [piece for id in np.unique(truth.id) for piece in pieces(boxes_of(truth, id))]
    print(f"{len(truth)} boxes of {len(objects)} objects without gaps, {len(pictures)} frames")
    ways: dict[str, Callable[[], int]] = {
        "every box by hand": lambda: sum(map(by_hand, objects)),
        "key frames, even motion between": lambda: sum(map(by_key_frames, objects)),
        "following": lambda: sum(with_following(each, pictures) for each in objects),
    }
    if options.model:
        found = tracking.track_with_model(workspace, silent, [video], workspace.get(Model, options.model))[video.id]
        found = simplify_tracks(found.between(0, options.frames))
        ways["a model's tracks, corrected"] = lambda: corrected(objects, found, pictures)
    for name, way in ways.items():
        actions = way()
        print(f"{name}: {actions} actions, {actions / len(truth):.3f} per box")


def by_hand(truth: Boxes) -> int:
    """Drawn once, then in each frame the box of the frame before is put where it belongs."""
    frames = sorted(truth)
    return 1 + sum(max(1, mending(truth[one], truth[other])) for one, other in zip(frames, frames[1:]))


def by_key_frames(truth: Boxes) -> int:
    """First and last, then again and again the frame in which the box between is worst."""
    frames = sorted(truth)
    keys = {frame: truth[frame] for frame in (frames[0], frames[-1])}
    actions = 1 + (mending(truth[frames[0]], truth[frames[-1]]) if len(keys) > 1 else 0)
    return actions + mended(between(keys, [frames]), truth, set(keys))


def with_following(truth: Boxes, pictures: list[np.ndarray]) -> int:
    """Drawn in the first frame and followed; the last, then again and again the worst of the others, is put right."""
    frames = sorted(truth)
    shown, actions = {frames[0]: truth[frames[0]]}, 1
    while max(shown) < frames[-1]:  # as far as it goes, and drawn again where it is lost
        start = max(shown)
        found = list(follow_box(pictures[start : start + FOLLOWED + 1], shown[start]))
        actions += 1
        shown |= dict(enumerate(found, start + 1))
        if max(shown) < frames[-1] and len(found) < FOLLOWED:
            lost = max(shown) + 1
            actions += max(1, mending(shown[lost - 1], truth[lost]))
            shown[lost] = truth[lost]
    actions += max(shown) > frames[-1]  # it ends here
    return actions + mended({frame: shown[frame] for frame in frames}, truth, {frames[0]}, STRAIGHT)


def mended(shown: Boxes, truth: Boxes, drawn: set[int], tolerance: float = SAME) -> int:
    """Actions until all boxes are good, the worst first. A box that is put right takes along those up to the next key
    frame, and predicted key frames up to the next drawn one."""
    stretches = [sorted(piece) for piece in pieces(shown)]
    keys: Boxes = {}
    for frames in stretches:
        boxes = np.array([shown[frame] for frame in frames])
        kept = select_keyframes(np.array(frames), boxes, np.full(len(frames), tolerance))
        keys |= {frames[row]: boxes[row] for row in kept}
    keys |= {frame: shown[frame] for frame in drawn}
    actions, drawn = 0, set(drawn)
    order = [max(truth)] if drawn else []  # who followed looks at the end first
    while True:
        told = between(keys, stretches)
        worst = order.pop() if order else min(truth, key=lambda frame: share(told[frame], truth[frame]))
        cost = mending(told[worst], truth[worst])
        if not cost:
            if all(share(told[frame], truth[frame]) >= GOOD for frame in truth):
                return actions
            continue
        actions += cost
        shift = truth[worst] - told[worst]
        for other in (
            max((frame for frame in drawn if frame < worst), default=None),
            min((frame for frame in drawn if frame > worst), default=None),
        ):
            for frame in keys if other is not None else ():
                if min(other, worst) < frame < max(other, worst):
                    keys[frame] = keys[frame] + shift * abs(frame - other) / abs(worst - other)
        keys[worst] = truth[worst]
        drawn.add(worst)


def between(keys: Boxes, stretches: list[list[int]]) -> Boxes:
    """All boxes that key frames tell."""
    found: Boxes = {}
    for frames in stretches:
        own = [frame for frame in frames if frame in keys]
        found |= dict(
            zip(frames, interpolate_boxes(np.array(own), np.array([keys[frame] for frame in own]), np.array(frames)))
        )
    return found


def corrected(objects: list[Boxes], found: Tracks, pictures: list[np.ndarray]) -> int:
    """Tracks that are mostly of nothing go; pieces of one object are merged, those of several split; then as above."""
    actions = 0
    owner: dict[int, dict[int, int]] = {}  # track → frame → object that it is on
    for number, truth in enumerate(objects):
        for frame, box in truth.items():
            here = found.at(frame)
            if len(here) and (shares := box_iou(here.xyxy, box[None])[:, 0]).max() >= GOOD / 2:
                owner.setdefault(int(here.id[shares.argmax()]), {})[frame] = number
    of_object: dict[int, Boxes] = {number: {} for number in range(len(objects))}
    tracks_of: dict[int, set[int]] = {number: set() for number in range(len(objects))}
    for id in np.unique(found.id).tolist():
        boxes, on = boxes_of(found, id), owner.get(id, {})
        if len(on) < len(boxes) / 2:
            actions += 2  # click, delete
            continue
        runs = [on[frame] for frame in sorted(on)]
        actions += 2 * sum(one != other for one, other in zip(runs, runs[1:]))  # click, split
        for frame, number in on.items():
            of_object[number].setdefault(frame, boxes[frame])
            tracks_of[number].add(id)
        actions += sum(
            2 for piece in pieces(boxes) if not set(piece) & set(on)
        )  # stretches of nothing: click, not here
    for number, truth in enumerate(objects):
        shown = of_object[number]
        if not shown:
            actions += with_following(truth, pictures)
            continue
        actions += 3 * max(0, len(tracks_of[number]) - 1)  # click, merge, click
        missing = [frame for frame in sorted(truth) if frame not in shown]
        for piece in pieces({frame: truth[frame] for frame in missing}):
            frames = sorted(piece)
            if frames[0] - 1 in shown and frames[-1] + 1 in shown:
                actions += 1  # fill the gap evenly
                for frame in frames:
                    w = (frame - frames[0] + 1) / (len(frames) + 1)
                    shown[frame] = (1 - w) * shown[frames[0] - 1] + w * shown[frames[-1] + 1]
            else:
                actions += with_following(piece, pictures)
                shown |= piece
        wrong = mended(shown, truth, set())
        actions += wrong + (1 if wrong else 0)  # click to select
    return actions


def mending(shown: np.ndarray, true: np.ndarray) -> int:
    """Drags that make a box right: to move it whole, or a corner; both where one does not do. 0 where it is good."""
    if share(shown, true) >= GOOD:
        return 0
    middle = (true[:2] + true[2:] - shown[:2] - shown[2:]) / 2
    moved = shown + np.tile(middle, 2)
    corner = [
        np.array([*(true[:2] if first else shown[:2]), *(shown[2:] if first else true[2:])]) for first in (True, False)
    ]
    return 1 if max(share(box, true) for box in (moved, *corner)) >= GOOD else 2


def share(one: np.ndarray, other: np.ndarray) -> float:
    return float(box_iou(one[None], other[None])[0, 0])


def boxes_of(tracks: Tracks, id: int) -> Boxes:
    own = tracks.select(tracks.id == id)
    return dict(zip(own.frame.tolist(), own.xyxy))


def pieces(boxes: Boxes) -> list[Boxes]:
    """Stretches of frames in a row."""
    frames = np.array(sorted(boxes))
    return [
        {frame: boxes[frame] for frame in part.tolist()}
        for part in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1)
        if len(part)
    ]


if __name__ == "__main__":
    main()
