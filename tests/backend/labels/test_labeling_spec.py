from __future__ import annotations

import pytest

from backend.errors import UserError
from backend.labels.labeling_spec import LabelingLimits

LIMITS = LabelingLimits(
    clips=2,
    frames_per_clip=1000,
    classes=3,
    class_name_length=6,
    short_instructions_length=10,
    full_instructions_length=2000,
)


@pytest.mark.parametrize(
    ("frames", "classes", "short", "full", "message"),
    [
        ({"a": 1, "b": 1, "c": 1}, ["car"], "", "", "Too many clips: 3. .* at most 2."),
        ({"a": 1001}, ["car"], "", "", "Too many frames in “a”: 1,001. .* at most 1,000"),
        ({"a": 1}, ["a", "b", "c", "d"], "", "", "Too many classes: 4. .* at most 3."),
        ({"a": 1}, ["bicycle"], "", "", "“bicycle” has 7 characters, 6 at most"),
        ({"a": 1}, ["car"], "x" * 11, "", "short instructions have 11 characters, 10 at most"),
        ({"a": 1}, ["car"], "", "x" * 2001, "full instructions have 2,001 characters, 2,000 at most"),
    ],
)
def test_a_job_that_exceeds_a_limit_is_refused(
    frames: dict[str, int], classes: list[str], short: str, full: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        LIMITS.check(frames, classes, short, full)
    LabelingLimits().check(frames, classes, short, full)


@pytest.mark.parametrize(
    ("frames", "classes", "message"),
    [
        ({}, ["car"], "Choose at least one clip"),
        ({"a": 1}, [], "Enter at least one class"),
        ({"a": 1}, [""], "A class has no name"),
        ({"a": 1}, ["car", "bus", "car"], "“car” is listed twice"),
    ],
)
def test_an_incomplete_job_is_refused_without_any_limit(
    frames: dict[str, int], classes: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        LabelingLimits().check(frames, classes, "", "")


def test_a_job_at_the_limits_is_accepted() -> None:
    LIMITS.check({"a": 1000, "b": 1000}, ["a" * 6, "b" * 6, "c" * 6], "x" * 10, "x" * 2000)
