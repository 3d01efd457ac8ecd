"""Errors in fragments and dialogs, which Streamlit runs outside the page's own error handling."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

PROJECT = Path(__file__).parents[2]
GUARDS = PROJECT / "app" / "widgets" / "errors.py"  # the only place that may use Streamlit's own
UNGUARDED = {"fragment", "dialog", "experimental_fragment", "experimental_dialog"}


def unguarded_uses(source: str) -> Iterator[str]:
    """Yield `st.fragment`, `st.dialog` and imports of them in the source of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in UNGUARDED:
            yield f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("streamlit"):
            yield from (f"line {node.lineno}: {name.name}" for name in node.names if name.name in UNGUARDED)


def test_every_fragment_and_dialog_is_guarded() -> None:
    modules = [path for folder in ("app", "pages") for path in (PROJECT / folder).rglob("*.py") if path != GUARDS]
    assert len(modules) > 50
    uses = {str(path.relative_to(PROJECT)): list(unguarded_uses(path.read_text())) for path in modules}
    assert not {path: found for path, found in uses.items() if found}, "use guarded_fragment or guarded_dialog"


@pytest.mark.parametrize(
    "source",
    [
        "import streamlit as st\n@st.fragment\ndef part(): ...",
        "import streamlit as st\n@st.fragment(run_every=1)\ndef part(): ...",
        "import streamlit\n@streamlit.dialog('Sure?')\ndef part(): ...",
        "from streamlit import fragment as live\n@live\ndef part(): ...",
    ],
)
def test_the_search_finds_unguarded_ones(source: str) -> None:
    assert list(unguarded_uses(source))


def failing_page() -> None:
    import streamlit as st

    from app.widgets import guard, guarded_dialog, guarded_fragment
    from backend.errors import UserError

    @guarded_fragment()
    def part() -> None:
        if st.button("Fail", key="fragment"):
            raise UserError("The fragment has no region.")
        if st.button("Break", key="bug"):
            raise KeyError("secret")

    @guarded_dialog("Sure?")
    def dialog() -> None:
        raise UserError("The dialog has no region.")

    with guard():
        part()
    with guard():
        if st.button("Open", key="dialog"):
            dialog()
    st.markdown("The rest of the page")


@pytest.mark.parametrize(
    "key, sentence",
    [
        ("fragment", "The fragment has no region."),
        ("dialog", "The dialog has no region."),
        ("bug", "Unexpected error (KeyError). No data was lost. See the console's terminal for details."),
    ],
)
def test_an_error_inside_is_one_sentence_and_the_page_goes_on(key: str, sentence: str) -> None:
    page = AppTest.from_function(failing_page).run()
    page.button(key=key).click().run()
    assert [error.value for error in page.error] == [sentence]
    assert not page.exception and any(text.value == "The rest of the page" for text in page.markdown)
