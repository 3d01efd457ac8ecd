"""Download published models, verify them and add them to the workspace."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import UserError
from backend.files import downloads
from backend.jobs.results import ModelResult
from backend.progress import Progress, part
from backend.steps.model_import import add_published
from backend.steps.pretrained_catalog import CATALOG
from backend.workspace import Workspace
from backend.workspace.paths import DOWNLOADS_FOLDER
from backend.workspace.records import Model

MIRROR_VARIABLE = "BYTETRACK_STUDIO_WEIGHTS_URL"  # environment variable: URL of a folder with the same files

POLL_SECONDS = 0.5


def download(workspace: Workspace, progress: Progress, *, entry: str) -> ModelResult:
    """Download a published model and add it; no-op if the workspace has it already.

    An interrupted download is continued the next time. Of several jobs that need the model at once, one downloads it.

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
    folder = workspace.root / DOWNLOADS_FOLDER
    with _turn(folder / f"{entry}.lock", progress):
        if model := find_downloaded(workspace, entry):
            return {"model": model.id}
        mirror = os.environ.get(MIRROR_VARIABLE)
        file = downloads.fetch(
            f"{mirror.rstrip('/')}/{published.file}" if mirror else published.url,
            folder / published.file,
            part(progress, 0.0, 0.8),
            sha256=published.sha256,
            limit_bytes=int(2e6 * published.megabytes),
        )
        added = add_published(workspace, part(progress, 0.8, 1.0), file, published)
        file.unlink()  # the model has its own copy of the weights
        return added


def find_downloaded(workspace: Workspace, entry: str) -> Model | None:
    """Return the workspace's model of a catalog entry, with all its classes, or None if it has to be downloaded."""
    published = CATALOG[entry]
    candidates = workspace.list(Model, source=published.origin, size=published.size)
    return next((model for model in candidates if model.base is None), None)


@contextmanager
def _turn(lock: Path, progress: Progress) -> Iterator[None]:
    """Wait until no other process holds the lock, and hold it while the block runs."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("wb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(0.0, "waiting for another job that downloads this model")
                time.sleep(POLL_SECONDS)
        yield
