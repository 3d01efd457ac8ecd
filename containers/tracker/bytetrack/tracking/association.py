"""One frame of ByteTrack (Zhang et al., ECCV 2022): `follow` is the whole of it, a call per step of the paper.

Tracks are first matched with the detections of high score; those left over then get a second chance with the
detections of low score, which are mostly objects half hidden behind others.
"""

from __future__ import annotations

import numpy as np

from bytetrack.compiled import compiled
from bytetrack.tracking import kalman
from bytetrack.tracking.kalman import HEIGHT, VELOCITY
from bytetrack.tracking.matching import assign, near

# The paper's constants that need no tuning; the distances are 1 - IoU.
LOW_SCORE = 0.1  # below it a detection is ignored
NEW_TRACK_MARGIN = 0.1  # a new track needs a detection this much above `track_thresh`
SECOND_MATCH = 0.5
UNCONFIRMED_MATCH = 0.7
DUPLICATE = 0.15
SAME_OBJECT = 0.3  # ours, where classes are voted on: two classes that a detector reports for one object

# A track that starts is unconfirmed until a second detection matches it; lost ones may be found again. The last two are
# what happened in this frame; at its end they become TRACKED and LOST.
UNCONFIRMED, TRACKED, LOST, FOUND_AGAIN, JUST_LOST = range(5)

DETECTION = np.dtype([("xyxy", "f8", 4), ("score", "f8"), ("class_id", "i8"), ("index", "i8"), ("free", "i8")])
TRACK = np.dtype(
    [
        ("id", "i8"),
        ("class_id", "i8"),
        ("status", "i8"),
        ("expired", "i8"),  # 1 if it was lost for too long once
        ("first", "i8"),  # the frame in which it started
        ("last", "i8"),  # the frame of its latest detection
        ("index", "i8"),  # of its latest detection among those of that frame
        ("score", "f8"),  # of its latest detection
        ("votes", "f8"),  # for its class: the scores of the detections that agreed, less those that did not
        ("xyxy", "f8", 4),
        kalman.STATE,
    ]
)

# Boxes beyond these are no objects of any picture, and would only bring rounding into the filter.
LARGEST_COORDINATE = 1e6
SMALLEST_SIDE = 1e-2
LARGEST_CLASS = 2**53  # beyond, numbers that came as floats are not exact any more


@compiled
def follow(
    tracks: np.ndarray,
    detections: np.ndarray,
    frame: int,
    last_id: int,
    track_thresh: float,
    match_thresh: float,
    buffer: int,
    class_votes: bool,
) -> tuple[np.ndarray, int]:
    """The tracks after the frame, and the last id that was given.

    Args:
        tracks: `(T,)` of `TRACK`, as of the frame before; spoilt.
        detections: `(N,)` of `DETECTION`; spoilt.
        frame: its number, from 1.
        last_id: as of the frame before.
        track_thresh, match_thresh, buffer, class_votes: see `TrackerConfig`.
    """
    if class_votes:
        _keep_strongest(detections)
    low, high = _split(detections, track_thresh)
    confirmed = _confirmed(tracks)
    kalman.predict(tracks, confirmed)
    _match(tracks, confirmed, detections, high, match_thresh, True, frame, class_votes)
    _match(tracks, _unmatched(tracks, TRACKED, frame), detections, low, SECOND_MATCH, False, frame, class_votes)
    _lose(tracks, frame)
    unconfirmed = _unmatched(tracks, UNCONFIRMED, frame)
    _match(tracks, unconfirmed, detections, _free(detections, high), UNCONFIRMED_MATCH, True, frame, class_votes)
    new = _start(detections, high, track_thresh + NEW_TRACK_MARGIN, frame, last_id)
    kalman.initiate(new)
    return _drop_duplicates(_settle(tracks, new, frame, buffer)), last_id + len(new)


@compiled
def usable(boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
    """`(N,)` of `DETECTION`: what can be an object."""
    detections = np.empty(len(scores), DETECTION)
    xyxy = detections["xyxy"]
    n = 0
    for i in range(len(scores)):
        x1, y1, x2, y2 = boxes[i]
        inside = max(abs(x1), abs(y1), abs(x2), abs(y2)) <= LARGEST_COORDINATE  # False for NaN
        known = np.isfinite(scores[i]) and abs(class_ids[i]) <= LARGEST_CLASS
        if inside and known and x2 - x1 >= SMALLEST_SIDE and y2 - y1 >= SMALLEST_SIDE:
            xyxy[n, 0], xyxy[n, 1], xyxy[n, 2], xyxy[n, 3] = x1, y1, x2, y2
            detections["score"][n], detections["class_id"][n] = min(scores[i], 1.0), class_ids[i]
            detections["index"][n], detections["free"][n] = i, 1
            n += 1
    return detections[:n]


@compiled
def _where(condition):
    """As `np.flatnonzero`, which takes Numba a second to compile."""
    rows = np.empty(len(condition), np.int64)
    n = 0
    for i in range(len(condition)):
        if condition[i]:
            rows[n] = i
            n += 1
    return rows[:n]


@compiled
def _keep_strongest(detections):
    """Of detections of different classes at the same place, which are one object, only the one of highest score."""
    rows, score, class_id = _where(detections["free"] == 1), detections["score"], detections["class_id"]
    one, other = near(detections, rows, detections, rows, SAME_OBJECT, True)
    for k in range(len(one)):
        i, j = one[k], other[k]
        if class_id[i] != class_id[j] and (score[i] > score[j] or (score[i] == score[j] and i < j)):
            detections["free"][j] = 0


@compiled
def _split(detections, threshold):
    """Detections of low and of high score; what is right on the threshold is neither, as in the authors' code."""
    score, free = detections["score"], detections["free"] == 1
    return _where(free & (score > LOW_SCORE) & (score < threshold)), _where(free & (score > threshold))


@compiled
def _free(detections, columns):
    return columns[detections["free"][columns] == 1]


@compiled
def _with_status(tracks, status):
    return _where(tracks["status"] == status)


@compiled
def _confirmed(tracks):
    return _where(tracks["status"] != UNCONFIRMED)


@compiled
def _unmatched(tracks, status, frame):
    return _where((tracks["status"] == status) & (tracks["last"] < frame))


@compiled
def _match(tracks, rows, detections, columns, limit, by_score, frame, class_votes):
    """Match and update: within a class first, then, where votes decide on the class, what is left of any class."""
    for any_class in range(2 if class_votes else 1):
        if any_class:
            rows, columns = rows[tracks["last"][rows] < frame], _free(detections, columns)
        if len(rows) > 0 and len(columns) > 0:
            matched, chosen = assign(tracks, rows, detections, columns, limit, by_score, any_class == 1)
            kalman.update(tracks, matched, detections, chosen)
            _mark(tracks, matched, detections, chosen, frame)


@compiled
def _mark(tracks, rows, detections, columns, frame):
    """Note that the tracks of `rows` were seen as the detections of `columns`, one for one."""
    status, class_id, votes = tracks["status"], tracks["class_id"], tracks["votes"]
    for k in range(len(rows)):
        i, j = rows[k], columns[k]
        score, seen_class_id = detections["score"][j], detections["class_id"][j]
        detections["free"][j] = 0
        status[i] = FOUND_AGAIN if status[i] == LOST else TRACKED
        tracks["last"][i], tracks["index"][i], tracks["score"][i] = frame, detections["index"][j], score
        votes[i] += score if seen_class_id == class_id[i] else -score
        if votes[i] < 0:
            class_id[i], votes[i] = seen_class_id, -votes[i]


@compiled
def _lose(tracks, frame):
    """What was not matched is lost, and neither grows nor shrinks from now on: nothing would correct it."""
    for i in range(len(tracks)):
        if tracks["status"][i] == TRACKED and tracks["last"][i] < frame:
            tracks["status"][i] = JUST_LOST
            tracks["state"][i, VELOCITY, HEIGHT] = 0.0


@compiled
def _start(detections, columns, least, frame, last_id):
    """New tracks; in the first frame there is nothing to wait for, so they count at once."""
    new = np.zeros(len(columns), TRACK)
    n = 0
    for j in columns:
        score = detections["score"][j]
        if detections["free"][j] == 1 and score >= least:
            new["id"][n], new["class_id"][n] = last_id + n + 1, detections["class_id"][j]
            new["status"][n] = TRACKED if frame == 1 else UNCONFIRMED
            new["first"][n], new["last"][n], new["index"][n] = frame, frame, detections["index"][j]
            new["score"][n], new["votes"][n] = score, score
            for k in range(4):
                new["xyxy"][n, k] = detections["xyxy"][j, k]
            n += 1
    return new[:n]


@compiled
def _settle(tracks, new, frame, buffer):
    """The tracks after the frame: those in view, the new ones, those found again, then the lost ones.

    This is the order of the authors' lists, which decides where assignments are equally good. As with them, an expired
    track can still be found in the one frame that follows; if it is, it goes as soon as it is lost again.
    """
    status, last, expired = tracks["status"], tracks["last"], tracks["expired"]
    settled = np.empty(len(tracks) + len(new), TRACK)
    n = 0
    for i in range(len(tracks)):
        if status[i] == TRACKED or (status[i] == UNCONFIRMED and last[i] == frame):
            settled[n] = tracks[i]
            n += 1
    for i in range(len(new)):
        settled[n] = new[i]
        n += 1
    for group in (FOUND_AGAIN, LOST, JUST_LOST):
        for i in range(len(tracks)):
            if status[i] == group and (group == FOUND_AGAIN or expired[i] == 0):
                settled[n] = tracks[i]
                settled["status"][n] = TRACKED if group == FOUND_AGAIN else LOST
                if frame - last[i] > buffer:
                    settled["expired"][n] = 1
                n += 1
    return settled[:n]


@compiled
def _drop_duplicates(tracks):
    """Of a track and a lost one at the same place, the one that was followed for longer stays."""
    lost_ones = _with_status(tracks, LOST)
    if len(lost_ones) == 0:
        return tracks
    present, lost = near(tracks, _where(tracks["status"] != LOST), tracks, lost_ones, DUPLICATE, False)
    stays = np.ones(len(tracks), np.bool_)
    for k in range(len(present)):
        i, j = present[k], lost[k]
        followed, lost_followed = tracks["last"][i] - tracks["first"][i], tracks["last"][j] - tracks["first"][j]
        stays[j if followed > lost_followed else i] = False
    return tracks[stays]


@compiled
def in_view(tracks: np.ndarray, least_area: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`(M, 4)` boxes, `(M,)` ids, scores and classes of what is tracked and no smaller than `least_area`, by id."""
    identity, box = tracks["id"], tracks["xyxy"]
    rows = np.empty(len(tracks), np.int64)
    n = 0
    for i in range(len(tracks)):
        width, height = box[i, 2] - box[i, 0], box[i, 3] - box[i, 1]
        if tracks["status"][i] == TRACKED and width > 0 and height > 0 and width * height >= least_area:
            k = n  # they are nearly sorted by id
            while k > 0 and identity[rows[k - 1]] > identity[i]:
                rows[k] = rows[k - 1]
                k -= 1
            rows[k] = i
            n += 1
    rows = rows[:n]
    return box[rows], identity[rows], tracks["score"][rows], tracks["class_id"][rows]
