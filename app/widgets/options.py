"""A form for the options that a platform offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import streamlit as st

from backend.platforms.base import Option

Value = str | int | float | bool
Number = TypeVar("Number", int, float)


def options_form(
    options: list[Option], key: str, values: Mapping[str, Value] | None = None, columns: int = 3
) -> dict[str, Value]:
    """Show a field per option, options without a group first and each group in an expander.

    Args:
        options: The options that the platform offers.
        key: Prefix for the keys of the fields.
        values: Values to show instead of the defaults.
        columns: Number of fields in a row.

    Returns:
        The values of the fields by the options' names.
    """
    chosen: dict[str, Value] = {}
    for group in dict.fromkeys(["", *(option.group for option in options)]):
        in_group = [option for option in options if option.group == group]
        with st.expander(group, icon=":material/tune:") if group else st.container():
            for start in range(0, len(in_group), columns):
                row = in_group[start : start + columns]
                for column, option in zip(st.columns(min(columns, len(in_group))), row):
                    with column:
                        value = (values or {}).get(option.name, option.default)
                        chosen[option.name] = _field(option, value, f"{key}-{option.name}")
    return chosen


def _field(option: Option, value: Value, key: str) -> Value:
    tooltip = option.help or None
    if option.choices is not None:
        # A stored value that is no longer offered stays in the list: showing another one would change it unnoticed.
        choices = option.choices if str(value) in option.choices else {str(value): str(value), **option.choices}
        names = list(choices)
        index = names.index(str(value))
        return st.selectbox(option.label, names, index, format_func=choices.__getitem__, key=key, help=tooltip)
    if isinstance(option.default, bool):
        return st.toggle(option.label, bool(value), key=key, help=tooltip)
    if isinstance(option.default, str):
        return st.text_input(option.label, str(value), key=key, help=tooltip)
    return _number_field(option, type(option.default), value, key)


def _number_field(option: Option, number: type[Number], value: Value, key: str) -> Number:
    """Show a field for integers or for real numbers."""
    return st.number_input(
        option.label,
        min_value=None if option.minimum is None else number(option.minimum),
        max_value=None if option.maximum is None else number(option.maximum),
        value=number(value),
        key=key,
        help=option.help or None,
    )
