from __future__ import annotations

from bytetrack.files import natural_sort_key


def test_names_sort_by_the_numbers_in_them() -> None:
    names = ["clip 10", "clip 9", "Clip 1", "2 clips", "clip"]
    assert sorted(names, key=natural_sort_key) == ["2 clips", "clip", "Clip 1", "clip 9", "clip 10"]
