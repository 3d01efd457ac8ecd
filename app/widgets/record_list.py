"""A list of records: search, tags, order, pages, and actions on one or several of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import streamlit as st

from app import address
from app.routes import component_data
from app.widgets.record_editing import GENERATION, edit_record, tag_records
from app.widgets.removal import confirm_removal
from app.workspace import workspace
from backend.steps.removal import count_records
from backend.workspace.query import Query
from backend.workspace.records import Record

R = TypeVar("R", bound=Record)

ASSETS = Path(__file__).parents[1] / "assets"
ROWS_PER_PAGE = 25
CARDS_PER_PAGE = 24
NEWEST_FIRST = "-created"
_component = st.components.v2.component(
    "studio_records",
    html='<div class="records"></div>',
    css=(ASSETS / "records.css").read_text(),
    js=(ASSETS / "records.js").read_text(),
)


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column of a list.

    Attributes:
        title: Its heading.
        text: Returns the cell of a record.
        order: Field of the record to sort by, as in `backend.workspace.query`; empty if one cannot sort by it.
        right: Whether the cells are aligned to the right, as numbers are.
        secondary: Whether phones do not show it.
    """

    title: str
    text: Callable[[R], str]
    order: str = ""
    right: bool = False
    secondary: bool = False


def record_list(
    kind: type[R],
    columns: Sequence[Column[R]] | Callable[[Sequence[R]], Sequence[Column[R]]],
    *,
    parameter: str = "",
    link: Callable[[R], Mapping[str, str]] | None = None,
    filters: Mapping[str, Mapping[str, bool]] | None = None,
    fields: Mapping[str, str | Sequence[str]] | None = None,
    badges: Callable[[Sequence[R]], Mapping[str, Sequence[str]]] | None = None,
    thumbnail: Callable[[R], bytes] | None = None,
    order: str = NEWEST_FIRST,
    row_action: tuple[str, Callable[[R], None]] | None = None,
) -> None:
    """Show the records of a kind, with everything that can be done with them.

    A click on a name puts the record's id into the address, as the parameter. The page shows that record then, which it
    gets from `address.linked`. Search, tags, order and page of the list are in the address too.

    Args:
        kind: The kind.
        columns: What to show beside the names; or a function that returns it for the records on the page, so that it
            can look up all that they refer to at once.
        parameter: Parameter of the address that names a record; by default the name of the kind.
        link: Returns the parameters of the address that show a record, if its own id is not enough.
        filters: Views to choose between by their labels, each with the fields that must be set or must not be set.
        fields: Values that fields must have, as in `Query.fields`.
        badges: Returns short texts by the records' ids, which are shown beside their names.
        thumbnail: Returns a JPEG image of a record. If given, the list shows cards instead of rows.
        order: Field to sort by until the user chooses another one, with a `-` in front for descending order.
        row_action: Label of a button on each card, and what is called with the record after a click.
    """
    parameter = parameter or address.parameter_of(kind)
    key = f"list of {parameter}"
    if not workspace().count(kind, None, **(fields or {})):
        return
    query = _filters(kind, filters or {}, fields or {}, key)
    per_page = CARDS_PER_PAGE if thumbnail else ROWS_PER_PAGE
    chosen_order = address.get("sort") or order
    page_number = int(address.get("page")) if address.get("page").isdecimal() else 1
    query = _ordered(query, chosen_order)
    records, total = _records_of(kind, replace(query, limit=per_page, offset=max(page_number - 1, 0) * per_page), order)
    title = count_records(kind, 2).split(" ", 1)[1]
    if not total:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{key} empty"):
            st.markdown(f":gray[No {title} match.]", width="content")
            st.button(
                "Show all", key=f"{key} reset", on_click=lambda: address.show(q="", tag="", show="", page="", sort="")
            )
        return
    links = {record.id: dict(link(record)) if link else {parameter: record.id} for record in records}
    shown_columns = columns(records) if callable(columns) else columns
    badges_by_id = badges(records) if badges else {}
    images = _thumbnails(kind, thumbnail) if thumbnail else ""
    result = _component(
        key=key,
        data={
            "label": title.capitalize(),
            "cards": thumbnail is not None,
            "columns": [
                {"title": column.title, "order": column.order, "right": column.right, "secondary": column.secondary}
                for column in shown_columns
            ],
            "rows": [
                {
                    "id": record.id,
                    "name": record.name,
                    "href": f"?{urlencode(links[record.id])}",
                    "cells": [column.text(record) for column in shown_columns],
                    "tags": record.tags,
                    "badges": list(badges_by_id.get(record.id, ())),
                    "description": record.description,
                    "image": f"{images}/{record.id}" if images else "",
                }
                for record in records
            ],
            "total": total,
            "count_text": count_records(kind, total),
            "order": chosen_order,
            "current": address.get(parameter),
            "generation": st.session_state.get(GENERATION, 0),
            "rowAction": row_action[0] if row_action else "",
        },
        on_open_change=lambda: address.show(**links[st.session_state[key]["open"]]),
        on_sort_change=lambda: address.show(sort=st.session_state[key]["sort"], page=""),
        on_action_change=lambda: None,
        on_row_action_change=lambda: None,
    )
    if row_action and result.row_action:
        row_action[1](workspace().get(kind, result.row_action))
    _pages(total, per_page, key)
    if result.action:
        _act(kind, query, result.action)


def _filters(
    kind: type[Record],
    filters: Mapping[str, Mapping[str, bool]],
    fields: Mapping[str, str | Sequence[str]],
    key: str,
) -> Query:
    """Show the search box, the tags and the views; return what they select."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key} filters"):
        search_key = f"{key} search"
        on_search = address.follow("q", search_key)
        search = st.text_input(
            "Search",
            key=search_key,
            placeholder="Search names, notes, tags",
            label_visibility="collapsed",
            icon=":material/search:",
            width=280,
            on_change=_on_first_page(on_search),
        )
        present: Mapping[str, bool] = {}
        if filters:
            view_key, views = f"{key} view", list(filters)
            on_view = address.follow("show", view_key, views[0])
            if st.session_state[view_key] not in filters:
                st.session_state[view_key] = views[0]
            view = st.segmented_control(
                "Show",
                views,
                key=view_key,
                required=True,
                label_visibility="collapsed",
                on_change=_on_first_page(on_view),
            )
            present = filters[view or views[0]]
        tag = ""
        if tags := workspace().tags(kind):
            tag_key = f"{key} tag"
            on_tag = address.follow("tag", tag_key)
            if st.session_state[tag_key] not in tags:
                st.session_state[tag_key] = None
            tag = (
                st.selectbox(
                    "Tag",
                    tags,
                    index=None,
                    key=tag_key,
                    placeholder="All tags",
                    label_visibility="collapsed",
                    width=180,
                    on_change=_on_first_page(on_tag),
                )
                or ""
            )
    return Query(search=search or "", tags=[tag] if tag else [], present=present, fields=fields)


def _on_first_page(on_change: Callable[[], None]) -> Callable[[], None]:
    """Return a callback that also goes back to the first page."""

    def changed() -> None:
        on_change()
        if address.get("page"):
            address.show(page="")

    return changed


def _records_of(kind: type[R], query: Query, default_order: str) -> tuple[Sequence[R], int]:
    """Return the records on a page of the list, which is the last one if there are not so many pages any more."""
    try:
        records, total = workspace().search(kind, query)
    except ValueError:  # the address has an order that does not exist
        records, total = workspace().search(kind, _ordered(query, default_order))
    if total and not records:
        last_offset = (total - 1) // query.limit * query.limit
        records, total = workspace().search(kind, replace(query, offset=last_offset))
    return records, total


def _ordered(query: Query, order: str) -> Query:
    return replace(query, order=order.removeprefix("-"), descending=order.startswith("-"))


def _pages(total: int, per_page: int, key: str) -> None:
    """Show the numbers of the list's pages if there are several."""
    pages = -(-total // per_page)
    if pages < 2:
        return
    number = address.get("page")
    current = min(max(int(number), 1), pages) if number.isdecimal() else 1
    pages_key = f"{key} page {current} of {pages}"

    def on_change() -> None:
        chosen = st.session_state[pages_key]
        address.show(page=str(chosen) if chosen > 1 else "")

    st.pagination(pages, default=current, key=pages_key, on_change=on_change)


def _thumbnails(kind: type[R], thumbnail: Callable[[R], bytes]) -> str:
    """Return the address of the thumbnails; their parts are the ids of the records."""

    def read_part(record_id: str) -> tuple[bytes, str]:
        record = workspace().find(kind, record_id)
        if record is None:
            raise LookupError(record_id)
        return thumbnail(record), "image/jpeg"

    return component_data.offer(f"thumbnails {workspace().root} {kind.__name__}", read_part)


def _act(kind: type[R], query: Query, action: Mapping[str, Any]) -> None:
    """Open the dialog for an action on the selected records."""
    if action["all"]:
        records, _ = workspace().search(kind, query)
    else:
        records = workspace().list(kind, id=list(action["ids"]))
    if not records:
        return
    match action["name"]:
        case "edit":
            edit_record(records[0])
        case "tag":
            tag_records(records)
        case "delete":
            confirm_removal(*records)
