"""The arrows of docs/architecture.md: which package may import which, read from the source of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
TRACKER = "containers/tracker/bytetrack"
AWS_LIBRARIES = ("boto3", "botocore", "sagemaker")

# Folder → what no module in it imports.
FORBIDDEN = {
    "app": ("pages", *AWS_LIBRARIES),
    "pages": ("backend.platforms.aws", "backend.platforms.local", *AWS_LIBRARIES),
    "backend": ("app", "pages", "streamlit"),
    TRACKER: ("app", "pages", "backend", "streamlit", *AWS_LIBRARIES),
    "backend/labels": ("backend.platforms", "backend.steps", "backend.jobs", "backend.cli"),
    "backend/workspace": ("backend.platforms", "backend.steps", "backend.labels", "backend.jobs", "backend.cli"),
    "backend/platforms": ("backend.steps", "backend.cli"),
    "backend/steps": ("backend.platforms.aws", "backend.platforms.local", "backend.cli"),
}


def modules(folder: str) -> Iterator[Path]:
    return (PROJECT / folder).rglob("*.py")


def imports(module: Path) -> set[str]:
    """The names that a module imports, also inside functions; `a.b` and `a.b.c` for `from a.b import c`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_module_imports_what_lies_above_it(folder: str) -> None:
    wrong = [
        f"{module.relative_to(PROJECT)} imports {name}"
        for module in modules(folder)
        for name in imports(module)
        for package in FORBIDDEN[folder]
        if is_within(name, package)
    ]
    assert not wrong


def test_only_the_aws_platform_imports_the_libraries_of_aws() -> None:
    users = {
        str(module.relative_to(PROJECT).parent)
        for folder in ("app", "pages", "backend", TRACKER)
        for module in modules(folder)
        if any(is_within(name, library) for name in imports(module) for library in AWS_LIBRARIES)
    }
    assert users == {"backend/platforms/aws"}


def test_the_rules_see_imports_of_any_form(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import a.b\n\ndef f():\n    from c import d\n    import e as g\n")
    assert imports(module) == {"a.b", "c", "c.d", "e"}
    assert is_within("a.b", "a") and is_within("a", "a") and not is_within("ab", "a")
