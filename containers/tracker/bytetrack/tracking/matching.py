"""Which boxes go together: the assignment of least cost.

Of a thousand boxes and a thousand others hardly one pair in a hundred overlaps, so only those pairs are looked at: a
sweep along x finds them, and shortest augmenting paths (Jonker & Volgenant, 1987) lead through them to the assignment.
Where more than one is best, `lap` decides in the full matrix, as it does for ByteTrack's authors.

The boxes are structured arrays with the fields `xyxy` (pixels), `class_id` and `score`.
"""

from __future__ import annotations

import lap
import numpy as np
from numba import objmode

from bytetrack.boxes import box_iou
from bytetrack.compiled import compiled

BORDER = 1.0  # the authors count the corners as pixels of the box
SAME = 1e-9  # costs that differ by less are equal: what is between them comes from rounding
MOST_FOR_LAP = 1_000_000  # pairs; more would take it minutes, and any of the best ones will do then
NEVER = 1e3  # the cost of a pair of different classes

ALONE = -1


@compiled
def assign(
    a: np.ndarray, rows: np.ndarray, b: np.ndarray, columns: np.ndarray, limit: float, by_score: bool, any_class: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of least total cost, where leaving one of `a` and one of `b` alone costs `limit`.

    A pair costs 1 - IoU, or if `by_score`, 1 - IoU × score of the one in `b`.

    Args:
        a: `(N,)` boxes.
        rows: `(R,)` int64: those of `a` to look at.
        b: `(M,)` boxes.
        columns: `(C,)` int64: those of `b` to look at.
        limit: in 0..1.
        any_class: whether boxes of different classes may go together.

    Returns:
        `(K,)` int64 indices into `a`, in the order of `rows`, and those into `b` that they go with.
    """
    start, column, cost = _pairs(a, rows, b, columns, limit, by_score, any_class)
    chosen, row_price, column_price = _shortest_paths(start, column, cost, limit, len(columns))
    # With a limit of 1 even boxes that are far apart may go together, and they all cost the same.
    certain = limit <= 1 - SAME and _is_only_one(start, column, cost, limit, chosen, row_price, column_price)
    if not certain and 0 < len(rows) * len(columns) <= MOST_FOR_LAP:
        with objmode(chosen="int64[::1]"):
            chosen = _assign_by_lap(a[rows], b[columns], limit, by_score, any_class)
    of_a, of_b = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    n = 0
    for i in range(len(rows)):
        if chosen[i] != ALONE:
            of_a[n], of_b[n] = rows[i], columns[chosen[i]]
            n += 1
    return of_a[:n], of_b[:n]


def _assign_by_lap(a: np.ndarray, b: np.ndarray, limit: float, by_score: bool, any_class: bool) -> np.ndarray:
    similarity = box_iou(a["xyxy"], b["xyxy"], BORDER)
    if by_score:
        similarity *= b["score"]
    cost = 1 - similarity
    if not any_class:
        cost[a["class_id"][:, None] != b["class_id"]] = NEVER
    return lap.lapjv(cost, extend_cost=True, cost_limit=limit)[1].astype(np.int64)


@compiled
def near(
    a: np.ndarray, rows: np.ndarray, b: np.ndarray, columns: np.ndarray, limit: float, any_class: bool
) -> tuple[np.ndarray, np.ndarray]:
    """`(K,)` indices into `a` and into `b` of the pairs with 1 - IoU below `limit`; see `assign`."""
    start, column, cost = _pairs(a, rows, b, columns, limit, False, any_class)
    of_a, of_b = np.empty(len(column), np.int64), np.empty(len(column), np.int64)
    n = 0
    for i in range(len(rows)):
        for pair in range(start[i], start[i + 1]):
            if cost[pair] < limit:
                of_a[n], of_b[n] = rows[i], columns[column[pair]]
                n += 1
    return of_a[:n], of_b[:n]


@compiled
def _pairs(a, rows, b, columns, limit, by_score, any_class):
    """The pairs that cost no more than `limit`: row i has `column[start[i]:start[i + 1]]` and their `cost`."""
    xyxy, other_xyxy, class_id, other_class_id, score = a["xyxy"], b["xyxy"], a["class_id"], b["class_id"], b["score"]
    left = np.empty(len(columns))
    widest = 0.0
    for k in range(len(columns)):
        left[k] = other_xyxy[columns[k], 0]
        widest = max(widest, other_xyxy[columns[k], 2] - left[k])
    order = _ascending(left)

    start = np.zeros(len(rows) + 1, np.int64)
    column = np.empty(4 * (len(rows) + len(columns)), np.int64)
    cost = np.empty(len(column))
    n = 0
    for i in range(len(rows)):
        x1, y1, x2, y2 = xyxy[rows[i]]
        area = max(x2 - x1 + BORDER, 0.0) * max(y2 - y1 + BORDER, 0.0)
        for k in range(_first_at_least(left, order, x1 - widest - BORDER), len(order)):
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
            if by_score:
                similarity *= score[j]
            if 1 - similarity <= limit + SAME:
                if n == len(column):
                    column = np.concatenate((column, np.empty_like(column)))
                    cost = np.concatenate((cost, np.empty_like(cost)))
                column[n], cost[n] = order[k], 1 - similarity
                n += 1
        start[i + 1] = n
    return start, column[:n], cost[:n]


@compiled
def _ascending(values):
    """The order that sorts the values (Shell sort). Numba takes seconds to compile `np.argsort`, this none."""
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
def _first_at_least(values, order, least):
    """Where, in ascending order, the values begin that are `least` or more."""
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        if values[order[middle]] < least:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _shortest_paths(start, column, cost, limit, number_of_columns):
    """For each row its column, or ALONE; and the prices of rows and columns that prove it best.

    Every row may also go to a place of its own that costs `limit`. The prices keep cost - row price - column price at
    0 for chosen pairs and at 0 or more for all.
    """
    number_of_rows = len(start) - 1
    column_of_row = np.full(number_of_rows, ALONE)
    row_of_column = np.full(number_of_columns, ALONE)
    row_price = np.full(number_of_rows, limit)
    column_price = np.zeros(number_of_columns)
    contested = np.zeros(number_of_rows, np.bool_)
    for i in range(number_of_rows):  # most rows get what they want most
        wanted = ALONE
        for pair in range(start[i], start[i + 1]):
            if cost[pair] < row_price[i]:
                row_price[i], wanted = cost[pair], column[pair]
        if wanted != ALONE and row_of_column[wanted] == ALONE:
            column_of_row[i], row_of_column[wanted] = wanted, i
        else:
            contested[i] = wanted != ALONE

    distance = np.full(number_of_columns, np.inf)
    came_from = np.empty(number_of_columns, np.int64)  # the row before the column on the shortest path to it
    done = np.zeros(number_of_columns, np.bool_)
    reached = np.empty(number_of_columns, np.int64)
    for source in range(number_of_rows):
        if not contested[source]:
            continue
        # Dijkstra from `source` over reduced costs, to the nearest free column or row that had better be alone.
        number_reached = 0
        row, column_here, so_far = source, ALONE, 0.0
        alone_row, alone_distance = ALONE, np.inf
        while True:
            if so_far + limit - row_price[row] < alone_distance:
                alone_row, alone_distance = row, so_far + limit - row_price[row]
            for pair in range(start[row], start[row + 1]):
                j = column[pair]
                through = so_far + cost[pair] - row_price[row] - column_price[j]
                if not done[j] and through < distance[j]:
                    if distance[j] == np.inf:
                        reached[number_reached] = j
                        number_reached += 1
                    distance[j], came_from[j] = through, row
            column_here, so_far = ALONE, alone_distance
            for k in range(number_reached):
                if not done[reached[k]] and distance[reached[k]] < so_far:
                    column_here, so_far = reached[k], distance[reached[k]]
            if column_here == ALONE or row_of_column[column_here] == ALONE:
                break
            done[column_here] = True
            row = row_of_column[column_here]

        row_price[source] += so_far
        for k in range(number_reached):
            j = reached[k]
            if done[j]:
                row_price[row_of_column[j]] += so_far - distance[j]
                column_price[j] -= so_far - distance[j]
            distance[j], done[j] = np.inf, False

        if column_here == ALONE:  # `alone_row` gives its column up, if it has one
            column_here, column_of_row[alone_row] = column_of_row[alone_row], ALONE
            if alone_row == source:
                continue
        while True:  # every row on the path takes the next column
            row = came_from[column_here]
            row_of_column[column_here] = row
            column_of_row[row], column_here = column_here, column_of_row[row]
            if row == source:
                break
    return column_of_row, row_price, column_price


@compiled
def _is_only_one(start, column, cost, limit, column_of_row, row_price, column_price):
    """Whether every other assignment costs more.

    Another one that costs the same exchanges columns around a ring of pairs that add nothing to the prices; all that is
    alone is one place of such a ring. So: can one walk along those pairs and come back to where one was?
    """
    number_of_rows = len(start) - 1
    outside = number_of_rows
    row_of_column = np.full(len(column_price), outside)
    for i in range(number_of_rows):
        if column_of_row[i] != ALONE:
            row_of_column[column_of_row[i]] = i

    next_way = np.zeros(number_of_rows + 1, np.int64)
    on_path = np.zeros(number_of_rows + 1, np.bool_)
    path = np.empty(number_of_rows + 1, np.int64)
    for beginning in range(number_of_rows + 1):
        length = 0
        if next_way[beginning] == 0:
            path[0], on_path[beginning], length = beginning, True, 1
        while length > 0:
            place = path[length - 1]
            way = next_way[place]
            next_way[place] += 1
            target, ways = ALONE, number_of_rows
            if place != outside:
                ways = start[place + 1] - start[place] + 1
            if way >= ways:
                on_path[place] = False
                length -= 1
            elif place == outside:  # to rows that are alone, or whose column nobody else would take
                if column_of_row[way] == ALONE or column_price[column_of_row[way]] > -SAME:
                    target = way
            elif way == ways - 1:
                if column_of_row[place] != ALONE and limit - row_price[place] < SAME:
                    target = outside
            else:
                pair = start[place] + way
                j = column[pair]
                if j != column_of_row[place] and cost[pair] - row_price[place] - column_price[j] < SAME:
                    target = row_of_column[j]
            if target == ALONE:
                continue
            if on_path[target]:
                return False
            if next_way[target] == 0:
                path[length], on_path[target] = target, True
                length += 1
    return True
