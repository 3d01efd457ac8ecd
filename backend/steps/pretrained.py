"""Download published models, verify them and add them to the workspace."""

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

MIRROR_VARIABLE = "BYTETRACK_STUDIO_WEIGHTS_URL"  # environment variable: URL of a folder with the same files


def download(workspace: Workspace, progress: Progress, *, entry: str) -> ModelResult:
    """Download a published model and add it. An interrupted download is continued the next time.

    Args:
        workspace: Workspace that gets the model.
        progress: Called with the progress.
        entry: A key of `CATALOG`.

    Raises:
        UserError: If there is no such entry, no address to download it from, or the download fails.
    """
    published = CATALOG.get(entry)
    if published is None:
        raise UserError(f"Unknown published model “{entry}”. Choose one of {', '.join(CATALOG)}.")
    if published.url is None or published.sha256 is None or published.megabytes is None:
        raise UserError(
            f"{published.name} is on Google Drive, which does not serve files to programs. Download {published.file} "
            f"in the browser from {published.page}, then add it as a file."
        )
    mirror = os.environ.get(MIRROR_VARIABLE)
    file = downloads.fetch(
        f"{mirror.rstrip('/')}/{published.file}" if mirror else published.url,
        workspace.root / DOWNLOADS_FOLDER / published.file,
        part(progress, 0.0, 0.8),
        sha256=published.sha256,
        limit_bytes=int(2e6 * published.megabytes),
    )
    added = models.add(workspace, part(progress, 0.8, 1.0), source=str(file), name=published.name)
    file.unlink()  # the model has its own copy of the weights
    return added
