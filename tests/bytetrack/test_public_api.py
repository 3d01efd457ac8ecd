"""The public names of the package, and the examples in its docstring and in the README."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import bytetrack

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", bytetrack.__all__)
def test_public_names_are_defined_in_the_module_that_type_checkers_see(name: str) -> None:
    value = getattr(bytetrack, name)
    tree = ast.parse(Path(bytetrack.__file__).read_text())
    imports = {
        alias.name: statement.module
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert value is getattr(sys.modules[imports[name]], name)


def test_unknown_names_raise_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="module 'bytetrack' has no attribute 'ByteTracer'"):
        bytetrack.ByteTracer  # noqa: B018


def test_the_import_loads_no_heavy_package() -> None:
    code = "import bytetrack, sys; print(sorted({'cv2', 'numba', 'numpy', 'onnxruntime', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_example_in_the_docstring_works() -> None:
    results = doctest.testmod(bytetrack)
    assert results.attempted and not results.failed


def test_the_example_in_the_readme_works_and_is_that_of_the_docstring() -> None:
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted and not results.failed
    parser = doctest.DocTestParser()
    readme, docstring = parser.get_examples(README.read_text()), parser.get_examples(bytetrack.__doc__ or "")
    assert [(one.source, one.want) for one in readme] == [(one.source, one.want) for one in docstring]
