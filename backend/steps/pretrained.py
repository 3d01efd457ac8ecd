"""Published models by one click: download, verify, bring in."""

from __future__ import annotations

import os

from backend.errors import UserError
from backend.files import downloads
from backend.jobs.results import ModelResult
from backend.progress import Progress, part
from backend.steps import models
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace import Workspace
from backend.workspace.paths import DOWNLOADS_FOLDER

MIRROR = "BYTETRACK_STUDIO_WEIGHTS_URL"  # environment: a folder on another server that holds the same files


def download(workspace: Workspace, progress: Progress, *, entry: str) -> ModelResult:
    """Download a model of `CATALOG` and bring it in. Stopped or broken off, it goes on from there the next time.

    Args:
        entry: a key of `CATALOG`.

    Returns:
        `{"model": id}`.

    Raises:
        UserError: if there is no such entry or no address to download it from, and as `downloads.fetch` does.
    """
    published = CATALOG.get(entry)
    if published is None:
        raise UserError(f"There is no published model “{entry}”. There are: {', '.join(CATALOG)}.")
    if published.url is None or published.sha256 is None or published.megabytes is None:
        raise UserError(
            f"{published.name} is on Google Drive, which gives programs no file. Download {published.file} in the "
            f"browser from {published.page}, then add it as a file."
        )
    mirror = os.environ.get(MIRROR)
    file = downloads.fetch(
        f"{mirror.rstrip('/')}/{published.file}" if mirror else published.url,
        workspace.root / DOWNLOADS_FOLDER / published.file,
        part(progress, 0.0, 0.8),
        sha256=published.sha256,
        limit_bytes=int(2e6 * published.megabytes),
    )
    made = models.add(workspace, part(progress, 0.8, 1.0), source=str(file), name=published.name)
    file.unlink()  # its weights are the model's now
    return made
