from __future__ import annotations

from backend.wording import count, enumerate_words


def test_one_and_several_are_counted():
    assert count(1, "box", "boxes") == "1 box"
    assert count(1200, "box", "boxes") == "1,200 boxes"
    assert count(0, "clip") == "0 clips"


def test_words_are_joined_as_in_a_sentence():
    assert enumerate_words(["one"]) == "one"
    assert enumerate_words(["one", "two"]) == "one and two"
    assert enumerate_words(["one", "two", "three"]) == "one, two and three"
