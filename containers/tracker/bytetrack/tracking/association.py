"""One frame of ByteTrack (Zhang et al., ECCV 2022). `follow` is the whole algorithm, one call per step of the paper.

Tracks are first matched with the detections of high score. The tracks that remain are then matched with the detections
of low score, most of which are partly occluded objects.

Tracks and detections are structured arrays. Functions work on subsets of them: `rows` are indices of tracks and
`columns` indices of detections, as in the cost matrix of the assignment.
"""

from __future__ import annotations

import numpy as np

from bytetrack.arrays import BoolArray, FloatArray, IntArray, RecordArray
from bytetrack.compiled import compiled
from bytetrack.tracking import kalman
from bytetrack.tracking.kalman import HEIGHT, VELOCITY
from bytetrack.tracking.matching import assign, pairs_within

# The paper's fixed thresholds. Distances are 1 - IoU.
MIN_SCORE = 0.1  # Detections of this score or less are ignored.
NEW_TRACK_MARGIN = 0.1  # A detection starts a track if its score is at least `track_thresh` plus this margin.
LOW_SCORE_MATCH_THRESH = 0.5
UNCONFIRMED_MATCH_THRESH = 0.7
DUPLICATE_DISTANCE = 0.15

# Not in the paper: with class votes, closer detections of different classes are the same object.
SAME_OBJECT_DISTANCE = 0.3

# A new track is UNCONFIRMED until a second detection matches it. REFOUND and NEWLY_LOST are changes in the current
# frame, at whose end they become TRACKED and LOST.
UNCONFIRMED, TRACKED, LOST, REFOUND, NEWLY_LOST = range(5)

DETECTION = np.dtype([("xyxy", "f8", 4), ("score", "f8"), ("class_id", "i8"), ("index", "i8"), ("unmatched", "i8")])
TRACK = np.dtype(
    [
        ("id", "i8"),
        ("class_id", "i8"),
        ("status", "i8"),
        ("expired", "i8"),  # 1 if the track has been already lost for longer than `max_lost_frames`
        ("first", "i8"),  # frame of its first detection
        ("last", "i8"),  # frame of its latest detection
        ("index", "i8"),  # index of its latest detection among all detections of that frame
        ("score", "f8"),  # score of its latest detection
        ("votes", "f8"),  # votes for `class_id`: scores of detections of this class minus scores of those of others
        ("xyxy", "f8", 4),
        kalman.STATE,
    ]
)

# Boxes beyond these limits cannot be objects in a frame, and would cause rounding errors in the Kalman filter.
MAX_COORDINATE_PIXELS = 1e6
MIN_SIDE_PIXELS = 1e-2
MAX_CLASS_ID = 2**53  # Class ids arrive as floats, which cannot represent every larger integer.


@compiled
def follow(
    tracks: RecordArray,
    detections: RecordArray,
    frame: int,
    last_id: int,
    track_thresh: float,
    match_thresh: float,
    max_lost_frames: int,
    class_votes: bool,
) -> tuple[RecordArray, int]:
    """Associate the detections of one frame with the tracks.

    Args:
        tracks: `(T,)` records of `TRACK`. State after the previous frame. Modified in place.
        detections: `(N,)` records of `DETECTION`. Modified in place.
        frame: Number of the frame, from 1.
        last_id: Highest id that has been assigned to a track.
        track_thresh: Score above which detections are matched first. See `TrackerConfig`.
        match_thresh: Maximum distance of a match with a high score, 1 - IoU × score. See `TrackerConfig`.
        max_lost_frames: Number of frames for which a lost track is kept.
        class_votes: Whether a track may match detections of any class. See `TrackerConfig`.

    Returns:
        The tracks after this frame, and the highest id that has been assigned.
    """
    if class_votes:
        _suppress_across_classes(detections)
    low, high = _split_by_score(detections, track_thresh)
    confirmed = _confirmed(tracks)
    kalman.predict(tracks, confirmed)
    _match(tracks, confirmed, detections, high, match_thresh, True, frame, class_votes)
    unmatched = _unmatched_tracks(tracks, TRACKED, frame)
    _match(tracks, unmatched, detections, low, LOW_SCORE_MATCH_THRESH, False, frame, class_votes)
    _mark_lost(tracks, frame)
    unconfirmed = _unmatched_tracks(tracks, UNCONFIRMED, frame)
    high = _unmatched_detections(detections, high)
    _match(tracks, unconfirmed, detections, high, UNCONFIRMED_MATCH_THRESH, True, frame, class_votes)
    new = _start_tracks(detections, high, track_thresh + NEW_TRACK_MARGIN, frame, last_id)
    kalman.initiate(new)
    return _drop_duplicates(_finish_frame(tracks, new, frame, max_lost_frames)), last_id + len(new)


@compiled
def valid_detections(boxes: FloatArray, scores: FloatArray, class_ids: FloatArray) -> RecordArray:
    """Return records of `DETECTION` for the detections that can be objects.

    Detections with a number that is not finite, with an empty box or with a box beyond all frames are left out. Scores
    above 1 are clipped.

    Args:
        boxes: `(N, 4)` xyxy in pixels.
        scores: `(N,)` scores.
        class_ids: `(N,)` class ids.
    """
    detections = np.empty(len(scores), DETECTION)
    xyxy = detections["xyxy"]
    n = 0
    for i in range(len(scores)):
        x1, y1, x2, y2 = boxes[i]
        is_inside = max(abs(x1), abs(y1), abs(x2), abs(y2)) <= MAX_COORDINATE_PIXELS  # False for NaN
        has_values = np.isfinite(scores[i]) and abs(class_ids[i]) <= MAX_CLASS_ID
        if is_inside and has_values and x2 - x1 >= MIN_SIDE_PIXELS and y2 - y1 >= MIN_SIDE_PIXELS:
            xyxy[n, 0], xyxy[n, 1], xyxy[n, 2], xyxy[n, 3] = x1, y1, x2, y2
            detections["score"][n], detections["class_id"][n] = min(scores[i], 1.0), class_ids[i]
            detections["index"][n], detections["unmatched"][n] = i, 1
            n += 1
    return detections[:n]


@compiled
def _flatnonzero(condition: BoolArray) -> IntArray:
    """Replace `np.flatnonzero`, which takes Numba a second to compile."""
    indices = np.empty(len(condition), np.int64)
    n = 0
    for i in range(len(condition)):
        if condition[i]:
            indices[n] = i
            n += 1
    return indices[:n]


@compiled
def _suppress_across_classes(detections: RecordArray) -> None:
    """Remove detections that are close to a detection of another class with a higher score."""
    columns, score, class_id = _flatnonzero(detections["unmatched"] == 1), detections["score"], detections["class_id"]
    firsts, seconds = pairs_within(detections, columns, detections, columns, SAME_OBJECT_DISTANCE, True)
    for k in range(len(firsts)):
        i, j = firsts[k], seconds[k]
        if class_id[i] != class_id[j] and (score[i] > score[j] or (score[i] == score[j] and i < j)):
            detections["unmatched"][j] = 0


@compiled
def _split_by_score(detections: RecordArray, threshold: float) -> tuple[IntArray, IntArray]:
    """Return the detections of low and of high score.

    As in the authors' code, a score equal to a threshold is neither.
    """
    score, unmatched = detections["score"], detections["unmatched"] == 1
    low = _flatnonzero(unmatched & (score > MIN_SCORE) & (score < threshold))
    return low, _flatnonzero(unmatched & (score > threshold))


@compiled
def _unmatched_detections(detections: RecordArray, columns: IntArray) -> IntArray:
    selected: IntArray = columns[detections["unmatched"][columns] == 1]
    return selected


@compiled
def _confirmed(tracks: RecordArray) -> IntArray:
    return _flatnonzero(tracks["status"] != UNCONFIRMED)


@compiled
def _unmatched_tracks(tracks: RecordArray, status: int, frame: int) -> IntArray:
    return _flatnonzero((tracks["status"] == status) & (tracks["last"] < frame))


@compiled
def _match(
    tracks: RecordArray,
    rows: IntArray,
    detections: RecordArray,
    columns: IntArray,
    match_thresh: float,
    fuse_score: bool,
    frame: int,
    class_votes: bool,
) -> None:
    """Match tracks with detections of the same class, and update them.

    With class votes, the tracks and detections that remain are then matched regardless of class.
    """
    for any_class in range(2 if class_votes else 1):
        if any_class:
            rows, columns = rows[tracks["last"][rows] < frame], _unmatched_detections(detections, columns)
        if len(rows) > 0 and len(columns) > 0:
            matched_rows, matched_columns = assign(
                tracks, rows, detections, columns, match_thresh, fuse_score, any_class == 1
            )
            kalman.update(tracks, matched_rows, detections, matched_columns)
            _record_matches(tracks, matched_rows, detections, matched_columns, frame)


@compiled
def _record_matches(
    tracks: RecordArray, rows: IntArray, detections: RecordArray, columns: IntArray, frame: int
) -> None:
    """Update status, score and class of the tracks `rows` with the detections `columns`, pair by pair."""
    status, class_id, votes = tracks["status"], tracks["class_id"], tracks["votes"]
    for k in range(len(rows)):
        i, j = rows[k], columns[k]
        score, detected_class_id = detections["score"][j], detections["class_id"][j]
        detections["unmatched"][j] = 0
        status[i] = REFOUND if status[i] == LOST else TRACKED
        tracks["last"][i], tracks["index"][i], tracks["score"][i] = frame, detections["index"][j], score
        votes[i] += score if detected_class_id == class_id[i] else -score
        if votes[i] < 0:
            class_id[i], votes[i] = detected_class_id, -votes[i]


@compiled
def _mark_lost(tracks: RecordArray, frame: int) -> None:
    """Mark unmatched tracks as lost, and fix their height, because no detection would correct a change of it."""
    for i in range(len(tracks)):
        if tracks["status"][i] == TRACKED and tracks["last"][i] < frame:
            tracks["status"][i] = NEWLY_LOST
            tracks["state"][i, VELOCITY, HEIGHT] = 0.0


@compiled
def _start_tracks(
    detections: RecordArray, columns: IntArray, min_score: float, frame: int, last_id: int
) -> RecordArray:
    """Start tracks from unmatched detections. Those of the first frame are confirmed at once."""
    new = np.zeros(len(columns), TRACK)
    n = 0
    for j in columns:
        score = detections["score"][j]
        if detections["unmatched"][j] == 1 and score >= min_score:
            new["id"][n], new["class_id"][n] = last_id + n + 1, detections["class_id"][j]
            new["status"][n] = TRACKED if frame == 1 else UNCONFIRMED
            new["first"][n], new["last"][n], new["index"][n] = frame, frame, detections["index"][j]
            new["score"][n], new["votes"][n] = score, score
            for k in range(4):
                new["xyxy"][n, k] = detections["xyxy"][j, k]
            n += 1
    return new[:n]


@compiled
def _finish_frame(tracks: RecordArray, new: RecordArray, frame: int, max_lost_frames: int) -> RecordArray:
    """Return the tracks that continue: tracked ones, new ones, refound ones and lost ones, in this order.

    It is the order of the authors' lists, which decides between assignments of equal cost. As in the authors' code, an
    expired track can still be refound in the next frame. If it is, it is removed as soon as it is lost again.
    """
    status, last, expired = tracks["status"], tracks["last"], tracks["expired"]
    following = np.empty(len(tracks) + len(new), TRACK)
    n = 0
    for i in range(len(tracks)):
        if status[i] == TRACKED or (status[i] == UNCONFIRMED and last[i] == frame):
            following[n] = tracks[i]
            n += 1
    for i in range(len(new)):
        following[n] = new[i]
        n += 1
    for group in (REFOUND, LOST, NEWLY_LOST):
        for i in range(len(tracks)):
            if status[i] == group and (group == REFOUND or expired[i] == 0):
                following[n] = tracks[i]
                following["status"][n] = TRACKED if group == REFOUND else LOST
                if frame - last[i] > max_lost_frames:
                    following["expired"][n] = 1
                n += 1
    return following[:n]


@compiled
def _drop_duplicates(tracks: RecordArray) -> RecordArray:
    """Where a track and a lost track almost coincide, drop the one with the shorter history.

    If both histories are equally long, the lost track stays, as in the authors' code.
    """
    lost = _flatnonzero(tracks["status"] == LOST)
    if len(lost) == 0:
        return tracks
    not_lost = _flatnonzero(tracks["status"] != LOST)
    rows, lost_rows = pairs_within(tracks, not_lost, tracks, lost, DUPLICATE_DISTANCE, False)
    keep = np.ones(len(tracks), np.bool_)
    for k in range(len(rows)):
        i, j = rows[k], lost_rows[k]
        age, lost_age = tracks["last"][i] - tracks["first"][i], tracks["last"][j] - tracks["first"][j]
        keep[j if age > lost_age else i] = False
    kept_tracks: RecordArray = tracks[keep]
    return kept_tracks


@compiled
def active_tracks(tracks: RecordArray, min_area: float) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Return boxes, ids, scores and classes of the tracks seen in the current frame, sorted by id.

    Args:
        tracks: `(T,)` records of `TRACK`, as `follow` returned them.
        min_area: Minimum area of a box in square pixels.

    Returns:
        `(M, 4)` xyxy in pixels, `(M,)` ids, `(M,)` scores and `(M,)` class ids.
    """
    track_id, box = tracks["id"], tracks["xyxy"]
    rows = np.empty(len(tracks), np.int64)
    n = 0
    for i in range(len(tracks)):
        width, height = box[i, 2] - box[i, 0], box[i, 3] - box[i, 1]
        if tracks["status"][i] == TRACKED and width > 0 and height > 0 and width * height >= min_area:
            k = n  # Insertion sort: the tracks are nearly sorted by id.
            while k > 0 and track_id[rows[k - 1]] > track_id[i]:
                rows[k] = rows[k - 1]
                k -= 1
            rows[k] = i
            n += 1
    rows = rows[:n]
    return box[rows], track_id[rows], tracks["score"][rows], tracks["class_id"][rows]
