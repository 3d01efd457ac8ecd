"""A form for what a platform lets people choose."""

from __future__ import annotations

import streamlit as st

from backend.platforms.base import Option

Value = str | int | float | bool


def options_form(
    options: list[Option], key: str, values: dict[str, Value] | None = None, columns: int = 3
) -> dict[str, Value]:
    """Draw a field for each option, the unnamed group first, the others folded away; returns what they say.

    Args:
        key: a prefix for the keys of the fields.
        values: in place of the defaults.
    """
    chosen: dict[str, Value] = {}
    groups = list(dict.fromkeys(["", *(option.group for option in options)]))
    for group in groups:
        rows = [option for option in options if option.group == group]
        place = st.expander(group, icon=":material/tune:") if group else st.container()
        with place:
            for start in range(0, len(rows), columns):
                for column, option in zip(st.columns(min(columns, len(rows))), rows[start : start + columns]):
                    with column:
                        value = (values or {}).get(option.name, option.default)
                        chosen[option.name] = _field(option, value, f"{key}-{option.name}")
    return chosen


def _field(option: Option, value: Value, key: str) -> Value:
    if option.choices is not None:
        choices = option.choices
        names = list(choices)
        return st.selectbox(
            option.label,
            names,
            names.index(str(value)) if str(value) in names else 0,
            format_func=lambda name: choices[name],
            key=key,
            help=option.help or None,
        )
    if isinstance(option.default, bool):
        return st.toggle(option.label, bool(value), key=key, help=option.help or None)
    if isinstance(option.default, str):
        return st.text_input(option.label, str(value), key=key, help=option.help or None)
    number = type(option.default)
    return st.number_input(
        option.label,
        min_value=None if option.min is None else number(option.min),
        max_value=None if option.max is None else number(option.max),
        value=number(value),
        key=key,
        help=option.help or None,
    )
