"""Label formats, one module or package each. A new format is one new file here that defines `FORMAT`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from backend.errors import UserError
from backend.labels.label_format import LabelFormat


def find_formats(search_path: Iterable[str], package: str) -> dict[str, LabelFormat]:
    """Return the formats that the modules of a package define, by name, sorted by rank.

    Args:
        search_path: Folders of the package, its `__path__`.
        package: Name of the package.
    """
    modules = [importlib.import_module(f"{package}.{module.name}") for module in pkgutil.iter_modules(search_path)]
    formats: list[LabelFormat] = sorted((module.FORMAT for module in modules), key=lambda entry: entry.rank)
    return {label_format.name: label_format for label_format in formats}


FORMATS = find_formats(__path__, __name__)


def get_format(name: str) -> LabelFormat:
    """Return the format with this name.

    Raises:
        UserError: If there is none.
    """
    if name not in FORMATS:
        raise UserError(f"Unknown label format: “{name}”. Choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def detect_format(path: Path) -> LabelFormat:
    """Return the format of a file or of an unpacked folder.

    If several formats recognize it, the one that recognizes it by the file closest to the root is returned.

    Raises:
        UserError: If no format recognizes it, or it is a part of labels that cannot be imported alone.
    """
    matches = [(label_format, label_format.detect(path)) for label_format in FORMATS.values()]
    depths = [(len(match.parts), label_format) for label_format, match in matches if match is not None]
    if not depths:
        accepted = " ".join(f"{label_format.title}: {label_format.description}" for label_format in FORMATS.values())
        raise UserError(f"Unknown label format: {path.name}. Import one of these, or a zip or tar of one. {accepted}")
    return min(depths, key=lambda entry: entry[0])[1]
