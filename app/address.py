"""The address of a page: which record it shows, and how lists are filtered, as query parameters.

A link opens the same view, and the browser's back button returns to the view before. Parameters that name a record are
called like its kind: `video`, `run`, `model`, …; their values are ids. The player keeps its frame in `frame`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import streamlit as st

from app.journey import STEPS, StepKey
from app.workspace import workspace
from backend.workspace.records import LabelingJob, Record, TrackerSearch, noun

FRAME = "frame"  # of the video that the player shows
PAGES: dict[type[Record], StepKey] = {step.record: step.key for step in STEPS.values() if step.record} | {
    LabelingJob: "labels",
    TrackerSearch: "evaluate",
}
"""The page that lists the records of each kind."""
_component = st.components.v2.component(
    "studio_address", js=(Path(__file__).parent / "assets" / "address.js").read_text()
)

R = TypeVar("R", bound=Record)


def get(parameter: str) -> str:
    """Return the value of a parameter; empty if the address does not have it."""
    return st.query_params.get(parameter, "")


def show(**parameters: str) -> None:
    """Go to another view of this page, which becomes an entry of the browser's history.

    Args:
        **parameters: New values of parameters; an empty value removes the parameter. The others stay, except the frame.
    """
    address = {name: value for name, value in st.query_params.to_dict().items() if name != FRAME} | parameters
    st.query_params.from_dict({name: value for name, value in address.items() if value})


def keep(**parameters: str) -> None:
    """Complete the address of this view, so that it can be shared. This adds no entry to the browser's history.

    Args:
        **parameters: Values of parameters, such as the id of the record that the page shows without being asked to.
    """
    missing = {name: value for name, value in parameters.items() if get(name) != value}
    if missing:
        _component(key=f"address {' '.join(sorted(parameters))}", data=missing)


def forget(*values: str) -> None:
    """Remove the parameters with these values from the address, such as the ids of records that were removed."""
    address = st.query_params.to_dict()
    remaining = {name: value for name, value in address.items() if value not in values}
    if remaining != address:
        st.query_params.from_dict({name: value for name, value in remaining.items() if name != FRAME})


def follow(parameter: str, key: str, default: str = "") -> Callable[[], None]:
    """Make a widget show the value of a parameter, whenever the address changes.

    Args:
        parameter: The parameter.
        key: Key of the widget, which is created after this call and whose value is a text or None.
        default: Value of the widget if the address does not have the parameter, for which it then is left out.

    Returns:
        The widget's `on_change`, which puts its value into the address.
    """
    value, shown_before = get(parameter) or default, f"{key} in the address"
    if st.session_state.get(shown_before) != value or key not in st.session_state:
        st.session_state[key] = st.session_state[shown_before] = value

    def on_change() -> None:
        chosen = st.session_state.get(key) or default
        st.session_state[shown_before] = chosen
        show(**{parameter: "" if chosen == default else chosen})

    return on_change


def parameter_of(kind: type[Record]) -> str:
    """Return the parameter whose value is the id of a record of this kind."""
    return kind.__name__.lower()


def linked(kind: type[R], parameter: str = "") -> R | None:
    """Return the record that the address names; None if it names none.

    If there is no such record, the page says so, links to the list of those there are, and ends.

    Args:
        kind: The kind of record.
        parameter: The parameter with its id; by default the name of the kind.
    """
    record_id = get(parameter or parameter_of(kind))
    if not record_id:
        return None
    record = workspace().find(kind, record_id)
    if record is None:
        end_with_unknown(kind, record_id)
    return record


def end_with_unknown(kind: type[Record], record_id: str) -> NoReturn:
    """Say that the address names a record that does not exist, link to the list, and end the page."""
    st.error(
        f"This workspace has no {noun(kind)} “{record_id[:80]}”. It was deleted, or the link belongs to another "
        "workspace.",
        icon=":material/link_off:",
    )
    if page := PAGES.get(kind):
        st.page_link(STEPS[page].page, label=f"Go to {STEPS[page].title}", icon=STEPS[page].material)
    st.stop()
