"""Options declared as fields of a dataclass: turned into a form for a page, and parsed from its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields, replace
from typing import Any, TypeVar, cast

from backend.errors import UserError
from backend.platforms.base import Option, Options, OptionValue

C = TypeVar("C")
NUMBER_KINDS: dict[type, str] = {int: "a whole number", float: "a number"}


def option(
    default: OptionValue,
    label: str,
    help_text: str = "",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Mapping[str, str] | None = None,
    group: str = "",
) -> Any:
    """Declare a field of an options dataclass; the arguments are those of `base.Option`."""
    metadata = {
        "label": label,
        "help": help_text,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "group": group,
    }
    return field(default=default, metadata=metadata)


def form(cls: Any, **choices: Mapping[str, str]) -> list[Option]:
    """Return the fields of an options dataclass as options.

    Args:
        cls: The dataclass.
        choices: For each field whose choices are only known at run time, its values and their labels.
    """
    declared = [Option(field.name, default=cast(OptionValue, field.default), **field.metadata) for field in fields(cls)]
    return [replace(entry, choices=choices.get(entry.name, entry.choices)) for entry in declared]


def parse(cls: type[C], values: Options) -> C:
    """Build an options dataclass from values; missing ones have their defaults.

    Raises:
        UserError: If an option is unknown or a value is invalid.
    """
    known: dict[str, Field[Any]] = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise UserError(f"Unknown option “{unknown[0]}”. The options are: {', '.join(known) or 'none'}.")
    return cls(**{name: _parse_value(known[name], value) for name, value in values.items()})


def _parse_value(field: Field[Any], value: Any) -> OptionValue:
    limits, kind = field.metadata, cast(type, type(field.default))
    label = limits["label"]
    if kind is bool:
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1", "yes")
    if kind is str:
        return str(value).strip()
    try:
        number: int | float = kind(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"“{label}” is “{value}”, but must be {NUMBER_KINDS[kind]}.") from error
    low, high = limits["minimum"], limits["maximum"]
    is_nan = number != number
    if (low is not None and number < low) or (high is not None and number > high) or is_nan:
        interval = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
        raise UserError(f"“{label}” is {value}, but must be {interval}.")
    return number
