"""TrackEval's HOTA (Luiten et al., IJCV 2020), five times as fast: the same numbers, which a test compares.

TrackEval goes through its 19 thresholds in every frame; here the matches of all frames are collected first, as they are
the same for all thresholds. Everything else is TrackEval's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import HOTA

from bytetrack.compiled import compiled


class FastHOTA(HOTA):
    def eval_sequence(self, data: dict[str, Any]) -> dict[str, Any]:
        """One sequence in TrackEval's form: lists of ids and of similarities, an array per frame."""
        if data["num_gt_dets"] == 0 or data["num_tracker_dets"] == 0:
            return super().eval_sequence(data)
        truth_ids, track_ids = np.concatenate(data["gt_ids"]), np.concatenate(data["tracker_ids"])
        truth_count = np.bincount(truth_ids, minlength=data["num_gt_ids"])
        track_count = np.bincount(track_ids, minlength=data["num_tracker_ids"])
        truth_id, track_id, similarity = self._matches(data, truth_ids, track_ids, truth_count, track_count)

        pairs, pair = np.unique(truth_id * len(track_count) + track_id, return_inverse=True)
        truth_boxes, track_boxes = truth_count[pairs // len(track_count)], track_count[pairs % len(track_count)]
        result: dict[str, Any] = {name: np.zeros(len(self.array_labels)) for name in self.float_array_fields}
        result |= dict.fromkeys(self.float_fields, 0)
        hits = similarity >= self.array_labels[:, None] - np.finfo(float).eps
        result["HOTA_TP"] = hits.sum(axis=1).astype(float)
        result["HOTA_FN"] = data["num_gt_dets"] - result["HOTA_TP"]
        result["HOTA_FP"] = data["num_tracker_dets"] - result["HOTA_TP"]
        for k, hit in enumerate(hits):
            matches = np.bincount(pair[hit], minlength=len(pairs))
            found = max(1, result["HOTA_TP"][k])
            result["AssA"][k] = (matches**2 / (truth_boxes + track_boxes - matches)).sum() / found
            result["AssRe"][k] = (matches**2 / truth_boxes).sum() / found
            result["AssPr"][k] = (matches**2 / track_boxes).sum() / found
        located = (hits * similarity).sum(axis=1)
        result["LocA"] = np.maximum(1e-10, located) / np.maximum(1e-10, result["HOTA_TP"])
        return self._compute_final_fields(result)

    @staticmethod
    def _matches(
        data: dict[str, Any],
        truth_ids: np.ndarray,
        track_ids: np.ndarray,
        truth_count: np.ndarray,
        track_count: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(K,)` ids of both sides and similarities of the boxes that go together, over all frames."""
        similarities: list[np.ndarray] = data["similarity_scores"]
        sizes = np.array([each.shape for each in similarities])
        potential = np.zeros((len(truth_count), len(track_count)))
        _add_potential(potential, truth_ids, track_ids, sizes, np.concatenate([each.ravel() for each in similarities]))
        alignment = potential / (truth_count[:, None] + track_count - potential)

        matched = []
        for truth, track, similarity in zip(data["gt_ids"], data["tracker_ids"], similarities):
            rows, columns = linear_sum_assignment(-alignment[truth[:, None], track] * similarity)
            matched.append((truth[rows], track[columns], similarity[rows, columns]))
        truth_id, track_id, similarity = (np.concatenate(column) for column in zip(*matched))
        return truth_id, track_id, similarity


@compiled
def _add_potential(potential, truth_ids, track_ids, sizes, similarity):
    """Add to each pair of ids, frame by frame, its similarity as a share of all similarity that the two have there."""
    i = j = k = 0  # where the frame begins
    for rows, columns in sizes:
        of_row, of_column = np.zeros(rows), np.zeros(columns)
        for row in range(rows):
            for column in range(columns):
                of_row[row] += similarity[k + row * columns + column]
                of_column[column] += similarity[k + row * columns + column]
        for row in range(rows):
            for column in range(columns):
                own = similarity[k + row * columns + column]
                total = of_row[row] + of_column[column] - own
                if total > np.finfo(np.float64).eps:
                    potential[truth_ids[i + row], track_ids[j + column]] += own / total
        i, j, k = i + rows, j + columns, k + rows * columns
