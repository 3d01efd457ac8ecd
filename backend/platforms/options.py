"""Options declared as the fields of a dataclass: their form for a page, and their values checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields
from typing import Any, TypeVar, cast

from backend.errors import UserError
from backend.platforms.base import Option, Options

C = TypeVar("C")
KINDS = {int: "a whole number", float: "a number"}


def option(
    default: str | int | float | bool,
    label: str,
    help: str = "",
    *,
    min: float | None = None,
    max: float | None = None,
    choices: Mapping[str, str] | None = None,
    group: str = "",
) -> Any:
    """A field of such a dataclass; see `base.Option`."""
    about = {"label": label, "help": help, "min": min, "max": max, "choices": choices, "group": group}
    return field(default=default, metadata=about)


def form(cls: Any, **choices: Mapping[str, str]) -> list[Option]:
    """The fields as options; `choices` gives those of fields that are known only at run time."""
    return [
        Option(each.name, default=cast(Any, each.default), **{**each.metadata, **_given(each.name, choices)})
        for each in fields(cls)
    ]


def _given(name: str, choices: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {"choices": choices[name]} if name in choices else {}


def parse(cls: type[C], values: Options) -> C:
    """The dataclass with these values, of what is missing the defaults.

    Raises:
        UserError: naming the option that is unknown, or cannot be that.
    """
    known: dict[str, Field] = {each.name: each for each in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise UserError(f"There is no option “{unknown[0]}”. There are: {', '.join(known)}.")
    return cls(**{name: _value(known[name], value) for name, value in values.items()})


def _value(field: Field, given: Any) -> Any:
    about, kind = field.metadata, cast(type, type(field.default))
    label = about["label"]
    if kind is bool:
        return given if isinstance(given, bool) else str(given).lower() in ("true", "1", "yes")
    if kind is str:
        return str(given).strip()
    try:
        value = kind(given)
    except (TypeError, ValueError) as error:
        raise UserError(f"“{label}” is “{given}”, but must be {KINDS[kind]}.") from error
    low, high = about["min"], about["max"]
    if (low is not None and value < low) or (high is not None and value > high) or value != value:
        limits = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
        raise UserError(f"“{label}” is {given}, but must be {limits}.")
    return value
