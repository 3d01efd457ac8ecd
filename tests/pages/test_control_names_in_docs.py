"""Check that the pages and controls which the documentation names exist.

Convention: in README.md and docs/*.md, bold marks the name of a page or of a control (button, field, tab, section), as
the user reads it on the screen: **Account**, **Use AWS**. Nothing else is bold, except headings within a paragraph,
which end with a period. Emphasis is italic.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
COMMAND_LINE = PROJECT / "docs" / "cli.md"  # its bold texts are those of the command line's help
DOCUMENTS = [PROJECT / "README.md", *sorted({*(PROJECT / "docs").glob("*.md")} - {COMMAND_LINE})]
PYTHON_FOLDERS = ("pages", "app", "backend/platforms")
BOLD = re.compile(r"\*\*(.+?)\*\*")
ANYTHING = "\0"  # stands for a part of a text that is computed


def bold_names(document: Path) -> list[str]:
    """List the bold texts of a document, without code blocks and headings within a paragraph."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    names = [" ".join(name.split()) for name in re.findall(r"\*\*(.+?)\*\*", text, flags=re.DOTALL)]
    return [name for name in names if not name.endswith(".")]


def python_texts(path: Path) -> Iterator[str]:
    """Find the strings in a Python file; computed parts are `ANYTHING`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else ANYTHING for part in node.values)


def javascript_texts(path: Path) -> Iterator[str]:
    for double, single, template in re.findall(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`]*)`', path.read_text()):
        yield double or single or re.sub(r"\$\{[^}]*\}", ANYTHING, template)


def screen_texts() -> set[str]:
    """Collect what may be the name of a page or control: whole strings and what is bold in them, without icons."""
    texts = {
        text for folder in PYTHON_FOLDERS for path in (PROJECT / folder).rglob("*.py") for text in python_texts(path)
    }
    texts |= {text for path in (PROJECT / "app" / "player" / "src").glob("*.js") for text in javascript_texts(path)}
    texts |= {bold for text in texts for bold in BOLD.findall(text)}
    without_icons = {re.sub(r"^(#+ )?(:material/\w+: )?", "", text) for text in texts}
    return {text for text in without_icons if re.search(r"[A-Za-z]{3}", text) and len(text) < 80}


@pytest.fixture(scope="module")
def known_names() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(text).replace(ANYTHING, ".+") for text in screen_texts()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_control_in_the_documentation_exists(document: Path, known_names: re.Pattern[str]) -> None:
    unknown = [name for name in bold_names(document) if not known_names.fullmatch(name)]
    assert not unknown, f"{document.name} names controls that do not exist: {unknown}"


def test_a_control_that_does_not_exist_is_found(known_names: re.Pattern[str]) -> None:
    assert known_names.fullmatch("Start training") and known_names.fullmatch("Use AWS")
    assert not known_names.fullmatch("Have people label clips")
