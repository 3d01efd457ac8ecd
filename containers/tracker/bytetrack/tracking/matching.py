"""Matching of tracks with detections: the assignment of minimum total cost, where a pair costs 1 - IoU.

In a frame with a thousand boxes on either side, fewer than one pair in a hundred overlaps. Only overlapping pairs are
considered: a sweep along x finds them, and shortest augmenting paths (Jonker & Volgenant, 1987) solve the sparse
assignment problem. If several assignments have the same minimum cost, `lap` solves the dense problem instead, so that
ties are broken as in the authors' code.

Boxes are structured arrays with the fields `xyxy` (pixels), `class_id` and `score`.
"""

from __future__ import annotations

import lap
import numpy as np
from numba import objmode

from bytetrack.arrays import FloatArray, IntArray, RecordArray
from bytetrack.boxes import box_iou
from bytetrack.compiled import compiled

BORDER = 1.0  # The authors compute IoU with the right and bottom edges as the last pixels inside the box.
COST_TOLERANCE = 1e-9  # Costs that differ by less are equal. Such differences are rounding errors.
MAX_LAP_PAIRS = 1_000_000  # `lap` takes minutes for more. An arbitrary one of the optimal assignments is used then.
FORBIDDEN_COST = 1e3  # The cost of a pair of different classes.

UNMATCHED = -1


@compiled
def assign(
    a: RecordArray,
    rows: IntArray,
    b: RecordArray,
    columns: IntArray,
    cost_limit: float,
    fuse_score: bool,
    any_class: bool,
) -> tuple[IntArray, IntArray]:
    """Find the assignment of minimum total cost, in which an unmatched row and column together cost `cost_limit`.

    A pair costs 1 - IoU, or 1 - IoU × score of the box in `b` if `fuse_score` is true.

    Args:
        a: `(N,)` boxes.
        rows: `(R,)` indices of the boxes in `a` to match.
        b: `(M,)` boxes.
        columns: `(C,)` indices of the boxes in `b` to match.
        cost_limit: Maximum cost of a pair, in 0..1.
        fuse_score: Whether the IoU is multiplied by the score.
        any_class: Whether boxes of different classes can match.

    Returns:
        `(K,)` indices into `a`, in the order of `rows`, and the `(K,)` indices into `b` of the boxes that they match.
    """
    start, column, cost = _sparse_costs(a, rows, b, columns, cost_limit, fuse_score, any_class)
    column_of_row, row_price, column_price = _shortest_augmenting_paths(start, column, cost, cost_limit, len(columns))
    # With a limit of 1, all pairs that do not overlap have the same, admissible cost, but are not among `cost`.
    is_unique = cost_limit <= 1 - COST_TOLERANCE and _is_unique_optimum(
        start, column, cost, cost_limit, column_of_row, row_price, column_price
    )
    if not is_unique and 0 < len(rows) * len(columns) <= MAX_LAP_PAIRS:
        with objmode(column_of_row="int64[::1]"):
            column_of_row = _assign_by_lap(a[rows], b[columns], cost_limit, fuse_score, any_class)
    matched_a, matched_b = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    n = 0
    for i in range(len(rows)):
        if column_of_row[i] != UNMATCHED:
            matched_a[n], matched_b[n] = rows[i], columns[column_of_row[i]]
            n += 1
    return matched_a[:n], matched_b[:n]


def _assign_by_lap(a: RecordArray, b: RecordArray, cost_limit: float, fuse_score: bool, any_class: bool) -> IntArray:
    """Return the `(N,)` column of each row, or `UNMATCHED`, as the authors' code computes it."""
    similarity = box_iou(a["xyxy"], b["xyxy"], BORDER)
    if fuse_score:
        similarity *= b["score"]
    cost = 1 - similarity
    if not any_class:
        cost[a["class_id"][:, None] != b["class_id"]] = FORBIDDEN_COST
    column_of_row: IntArray = lap.lapjv(cost, extend_cost=True, cost_limit=cost_limit)[1].astype(np.int64)
    return column_of_row


@compiled
def pairs_within(
    a: RecordArray, rows: IntArray, b: RecordArray, columns: IntArray, max_distance: float, any_class: bool
) -> tuple[IntArray, IntArray]:
    """Find all pairs of boxes with a distance of 1 - IoU below `max_distance`.

    Args:
        a: `(N,)` boxes.
        rows: `(R,)` indices of the boxes in `a` to consider.
        b: `(M,)` boxes.
        columns: `(C,)` indices of the boxes in `b` to consider.
        max_distance: In 0..1.
        any_class: Whether pairs of different classes are included.

    Returns:
        `(K,)` indices into `a` and `(K,)` indices into `b`.
    """
    start, column, cost = _sparse_costs(a, rows, b, columns, max_distance, False, any_class)
    paired_a, paired_b = np.empty(len(column), np.int64), np.empty(len(column), np.int64)
    n = 0
    for i in range(len(rows)):
        for pair in range(start[i], start[i + 1]):
            if cost[pair] < max_distance:
                paired_a[n], paired_b[n] = rows[i], columns[column[pair]]
                n += 1
    return paired_a[:n], paired_b[:n]


@compiled
def _sparse_costs(
    a: RecordArray,
    rows: IntArray,
    b: RecordArray,
    columns: IntArray,
    cost_limit: float,
    fuse_score: bool,
    any_class: bool,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Compute the costs of all pairs up to `cost_limit`, as a sparse matrix in compressed row format.

    Returns:
        `start`, `column` and `cost`: row i has the entries `start[i]` to `start[i + 1] - 1` of `column` and `cost`.
    """
    xyxy, other_xyxy, class_id, other_class_id, score = a["xyxy"], b["xyxy"], a["class_id"], b["class_id"], b["score"]
    left = np.empty(len(columns))
    widest = 0.0
    for k in range(len(columns)):
        left[k] = other_xyxy[columns[k], 0]
        widest = max(widest, other_xyxy[columns[k], 2] - left[k])
    order = _argsort(left)

    start = np.zeros(len(rows) + 1, np.int64)
    column = np.empty(4 * (len(rows) + len(columns)), np.int64)
    cost = np.empty(len(column))
    n = 0
    for i in range(len(rows)):
        x1, y1, x2, y2 = xyxy[rows[i]]
        area = max(x2 - x1 + BORDER, 0.0) * max(y2 - y1 + BORDER, 0.0)
        for k in range(_searchsorted(left, order, x1 - widest - BORDER), len(order)):
            j = columns[order[k]]
            other_x1, other_y1, other_x2, other_y2 = other_xyxy[j]
            if other_x1 >= x2 + BORDER:
                break
            width = min(x2, other_x2) - max(x1, other_x1) + BORDER
            height = min(y2, other_y2) - max(y1, other_y1) + BORDER
            if width <= 0 or height <= 0 or not (any_class or class_id[rows[i]] == other_class_id[j]):
                continue
            other_area = (other_x2 - other_x1 + BORDER) * (other_y2 - other_y1 + BORDER)
            similarity = width * height / (area + other_area - width * height)
            if fuse_score:
                similarity *= score[j]
            if 1 - similarity <= cost_limit + COST_TOLERANCE:
                if n == len(column):
                    column = np.concatenate((column, np.empty_like(column)))
                    cost = np.concatenate((cost, np.empty_like(cost)))
                column[n], cost[n] = order[k], 1 - similarity
                n += 1
        start[i + 1] = n
    return start, column[:n], cost[:n]


@compiled
def _argsort(values: FloatArray) -> IntArray:
    """Return the indices that sort the values (Shell sort). Numba takes seconds to compile `np.argsort`."""
    order = np.empty(len(values), np.int64)
    for i in range(len(values)):
        order[i] = i
    gap = len(values) // 2
    while gap > 0:
        for i in range(gap, len(values)):
            moving, k = order[i], i
            while k >= gap and values[order[k - gap]] > values[moving]:
                order[k] = order[k - gap]
                k -= gap
            order[k] = moving
        gap //= 2
    return order


@compiled
def _searchsorted(values: FloatArray, order: IntArray, minimum: float) -> int:
    """Return the position in `order`, which sorts the values, of the first value that is `minimum` or more."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        if values[order[middle]] < minimum:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _shortest_augmenting_paths(
    start: IntArray, column: IntArray, cost: FloatArray, cost_limit: float, number_of_columns: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Solve the sparse assignment problem, in which leaving a row unmatched costs `cost_limit`.

    The prices are the dual variables, which prove that the assignment is optimal: the reduced cost of a pair,
    cost - row price - column price, is 0 for matched pairs and at least 0 for all pairs.

    Returns:
        `(R,)` column of each row, or `UNMATCHED`, `(R,)` prices of the rows and `(C,)` prices of the columns.
    """
    number_of_rows = len(start) - 1
    column_of_row = np.full(number_of_rows, UNMATCHED)
    row_of_column = np.full(number_of_columns, UNMATCHED)
    row_price = np.full(number_of_rows, cost_limit)
    column_price = np.zeros(number_of_columns)
    is_contested = np.zeros(number_of_rows, np.bool_)
    for i in range(number_of_rows):  # Most rows get their cheapest column, without a search.
        cheapest = UNMATCHED
        for pair in range(start[i], start[i + 1]):
            if cost[pair] < row_price[i]:
                row_price[i], cheapest = cost[pair], column[pair]
        if cheapest != UNMATCHED and row_of_column[cheapest] == UNMATCHED:
            column_of_row[i], row_of_column[cheapest] = cheapest, i
        else:
            is_contested[i] = cheapest != UNMATCHED

    distance = np.full(number_of_columns, np.inf)
    previous_row = np.empty(number_of_columns, np.int64)  # The row before each column on the shortest path to it.
    is_scanned = np.zeros(number_of_columns, np.bool_)
    reached = np.empty(number_of_columns, np.int64)
    for source in range(number_of_rows):
        if not is_contested[source]:
            continue
        # Dijkstra's algorithm over reduced costs, from `source` to the nearest end of an augmenting path: a column that
        # is free, or a row that gives up its column and becomes unmatched.
        reached_count = 0
        row, path_column, path_cost = source, UNMATCHED, 0.0
        leaving_row, leaving_cost = UNMATCHED, np.inf
        while True:
            if path_cost + cost_limit - row_price[row] < leaving_cost:
                leaving_row, leaving_cost = row, path_cost + cost_limit - row_price[row]
            for pair in range(start[row], start[row + 1]):
                j = column[pair]
                path_cost_to_column = path_cost + cost[pair] - row_price[row] - column_price[j]
                if not is_scanned[j] and path_cost_to_column < distance[j]:
                    if distance[j] == np.inf:
                        reached[reached_count] = j
                        reached_count += 1
                    distance[j], previous_row[j] = path_cost_to_column, row
            path_column, path_cost = UNMATCHED, leaving_cost
            for k in range(reached_count):
                if not is_scanned[reached[k]] and distance[reached[k]] < path_cost:
                    path_column, path_cost = reached[k], distance[reached[k]]
            if path_column == UNMATCHED or row_of_column[path_column] == UNMATCHED:
                break
            is_scanned[path_column] = True
            row = row_of_column[path_column]

        row_price[source] += path_cost
        for k in range(reached_count):
            j = reached[k]
            if is_scanned[j]:
                row_price[row_of_column[j]] += path_cost - distance[j]
                column_price[j] -= path_cost - distance[j]
            distance[j], is_scanned[j] = np.inf, False

        if path_column == UNMATCHED:  # `leaving_row` gives up its column, if it has one.
            path_column, column_of_row[leaving_row] = column_of_row[leaving_row], UNMATCHED
            if leaving_row == source:
                continue
        while True:  # Every row on the path takes the next column of the path.
            row = previous_row[path_column]
            row_of_column[path_column] = row
            column_of_row[row], path_column = path_column, column_of_row[row]
            if row == source:
                break
    return column_of_row, row_price, column_price


@compiled
def _is_unique_optimum(
    start: IntArray,
    column: IntArray,
    cost: FloatArray,
    cost_limit: float,
    column_of_row: IntArray,
    row_price: FloatArray,
    column_price: FloatArray,
) -> bool:
    """Return whether every other assignment costs more.

    The optimum is unique iff the zero-reduced-cost graph has no alternating cycle. Contracted to rows, the graph has an
    edge from one row to another if it could take the other's column at no additional cost. One more node, `outside`,
    stands for everything that is unmatched: rows have an edge to it if they could be unmatched, or could take a free
    column, at no additional cost; it has an edge to rows that are unmatched, or whose column could be free. A
    depth-first search looks for a cycle.
    """
    number_of_rows = len(start) - 1
    outside = number_of_rows
    row_of_column = np.full(len(column_price), outside)
    for i in range(number_of_rows):
        if column_of_row[i] != UNMATCHED:
            row_of_column[column_of_row[i]] = i

    next_edge = np.zeros(number_of_rows + 1, np.int64)  # 0 for nodes that have not been visited
    is_on_path = np.zeros(number_of_rows + 1, np.bool_)
    path = np.empty(number_of_rows + 1, np.int64)
    for root in range(number_of_rows + 1):
        length = 0
        if next_edge[root] == 0:
            path[0], is_on_path[root], length = root, True, 1
        while length > 0:
            node = path[length - 1]
            edge = next_edge[node]
            next_edge[node] += 1
            target, number_of_edges = UNMATCHED, number_of_rows
            if node != outside:
                number_of_edges = start[node + 1] - start[node] + 1
            if edge >= number_of_edges:
                is_on_path[node] = False
                length -= 1
            elif node == outside:
                if column_of_row[edge] == UNMATCHED or column_price[column_of_row[edge]] > -COST_TOLERANCE:
                    target = edge
            elif edge == number_of_edges - 1:  # The row could be unmatched.
                if column_of_row[node] != UNMATCHED and cost_limit - row_price[node] < COST_TOLERANCE:
                    target = outside
            else:  # The row could take another column.
                pair = start[node] + edge
                j = column[pair]
                if j != column_of_row[node] and cost[pair] - row_price[node] - column_price[j] < COST_TOLERANCE:
                    target = row_of_column[j]
            if target == UNMATCHED:
                continue
            if is_on_path[target]:
                return False
            if next_edge[target] == 0:
                path[length], is_on_path[target] = target, True
                length += 1
    return True
