from __future__ import annotations

from dataclasses import dataclass

import pytest

from backend.errors import UserError
from backend.platforms.options import form, option, parse


@dataclass(frozen=True)
class Tea:
    kind: str = option("green", "Kind", choices={"green": "green tea", "black": "black tea"})
    minutes: float = option(3.0, "Minutes", "To draw.", minimum=0.5, maximum=10)
    cups: int = option(1, "Cups", minimum=1)
    milk: bool = option(False, "Milk", group="More")


def test_a_form_has_a_field_for_each_option() -> None:
    kind, minutes, cups, milk = form(Tea, kind={"white": "white tea"})
    assert (kind.default, kind.choices) == ("green", {"white": "white tea"})
    assert (minutes.minimum, minutes.maximum, minutes.help) == (0.5, 10, "To draw.")
    assert (cups.choices, milk.group) == (None, "More")


def test_missing_values_have_their_defaults_and_texts_are_converted() -> None:
    assert parse(Tea, {}) == Tea()
    assert parse(Tea, {"minutes": "4.5", "cups": "2", "milk": "true"}) == Tea(minutes=4.5, cups=2, milk=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sugar": 1}, "Unknown option “sugar”. The options are: kind, minutes, cups, milk"),
        ({"minutes": 11}, "“Minutes” is 11, but must be 0.5 to 10"),
        ({"minutes": "nan"}, "“Minutes” is nan"),
        ({"cups": "many"}, "“Cups” is “many”, but must be a whole number"),
        ({"cups": 0}, "“Cups” is 0, but must be at least 1"),
    ],
)
def test_an_invalid_value_is_named(values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(Tea, values)
