"""Route for large uploads, streamed to disk: Streamlit's own uploader would hold each file whole in memory.

A file arrives in `uploads/<purpose>/` of the workspace and waits there, through reloads and restarts, until a page
takes it to start a job with it (`take`) or the user discards it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.routes.signing import is_same_origin, is_signed, sign
from backend.errors import UserError, is_disk_full
from backend.workspace.paths import UPLOADS_FOLDER
from backend.workspace.records import INVALID_IN_NAME

PATH = "/studio/upload"
Purpose = Literal["videos", "labels", "models"]
ACCEPTED_SUFFIXES: dict[str, tuple[str, ...]] = {  # by purpose
    "videos": (".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".3gp"),
    "labels": (".zip", ".tar", ".tgz", ".gz", ".txt", ".json", ".xml", ".manifest", ".jsonl"),
    "models": (".pth", ".pt", ".tar", ".gz", ".tgz", ".zip", ".safetensors"),
}
MAX_FILE_BYTES = 100 << 30
RESERVED_DISK_BYTES = 500 << 20  # stay free for the database and the logs
BUFFER_BYTES = 4 << 20
DAY_SECONDS = 24 * 3600


def address_of(purpose: Purpose) -> str:
    """Return the address to which a page uploads files of one purpose, by POST with the query `?name=<file name>`."""
    return f"{PATH}/{sign('upload', purpose)}/{purpose}"


def route(root: Callable[[], Path]) -> Route:
    """Return the upload route.

    Args:
        root: Returns the root folder of the workspace.
    """

    async def upload(request: Request) -> JSONResponse:
        try:
            purpose = _check_address(request)
            name = _safe_name(request, purpose)
            size = _check_size(request, root())
            saved = await _receive(request, root() / UPLOADS_FOLDER / purpose, name, size)
        except _Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)
        except OSError as error:
            if is_disk_full(error):
                return JSONResponse({"error": "The disk is full. Free some space, then try again."}, 507)
            return JSONResponse({"error": f"The file could not be saved: {error.strerror}."}, 500)
        return JSONResponse({"name": saved.name})

    return Route(f"{PATH}/{{signature}}/{{purpose}}", upload, methods=["POST"])


class _Refused(Exception):
    """An upload that is refused, with the HTTP status and the sentence for the user."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _check_address(request: Request) -> str:
    """Return the purpose of an upload to a signed address from one of the console's own pages."""
    purpose = request.path_params["purpose"]
    if not is_same_origin(request):
        raise _Refused(403, "Uploads are accepted only from the console's own pages.")
    if purpose not in ACCEPTED_SUFFIXES or not is_signed(request.path_params["signature"], "upload", purpose):
        raise _Refused(403, "This link is no longer valid. Reload the page, then try again.")
    return str(purpose)


def _safe_name(request: Request, purpose: str) -> str:
    """Return a name for the file that is safe on disk and has the suffix of the uploaded one."""
    suffixes = ACCEPTED_SUFFIXES[purpose]
    name = request.query_params.get("name", "").replace("\\", "/").rsplit("/", 1)[-1]
    if not name.lower().endswith(suffixes):
        raise _Refused(415, f"The file type of “{name[:80]}” is not supported. Supported types: {' '.join(suffixes)}.")
    stem, dot, suffix = INVALID_IN_NAME.sub("_", name).lstrip(" ._()-").partition(".")
    return f"{stem.strip()[:70] or 'upload'}{dot}{suffix[-40:]}" if dot else f"upload.{stem}"


def _check_size(request: Request, root: Path) -> int:
    """Return the size of the file in bytes, if there is room for it on the workspace's disk."""
    try:
        size = int(request.headers.get("content-length", ""))
    except ValueError:
        raise _Refused(411, "The browser did not say how large the file is.") from None
    if size == 0:
        raise _Refused(400, "The file is empty. Choose another one.")
    if size > MAX_FILE_BYTES:
        raise _Refused(413, f"The file is larger than {MAX_FILE_BYTES >> 30} GB. Enter its path on the server instead.")
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free - RESERVED_DISK_BYTES
    if size > free:
        raise _Refused(
            507,
            f"The file is {size / 1e9:.1f} GB, but only {max(free, 0) / 1e9:.1f} GB are free on the workspace's disk. "
            "Free some space, then try again.",
        )
    return size


async def _receive(request: Request, folder: Path, name: str, size: int) -> Path:
    """Write the body to `folder/name`, or to a free name like it, completely or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    received, buffer = 0, bytearray()
    try:
        with os.fdopen(handle, "wb") as file:
            async for chunk in request.stream():
                received += len(chunk)
                if received > size:
                    raise _Refused(400, "The browser sent more data than it announced. Try again.")
                buffer += chunk
                if len(buffer) >= BUFFER_BYTES:
                    await to_thread.run_sync(file.write, bytes(buffer))
                    buffer.clear()
            await to_thread.run_sync(file.write, bytes(buffer))
        if received != size:
            raise _Refused(400, "The upload was interrupted. Try again.")
        return _move_to_free_name(Path(temporary), folder / name)
    except ClientDisconnect:
        raise _Refused(400, "The upload was canceled.") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _move_to_free_name(temporary: Path, wanted: Path) -> Path:
    """Rename `temporary` to `wanted` or to the next free name, such as `name (2).mp4`, and return the new path.

    It never replaces a file.
    """
    stem, dot, suffix = wanted.name.partition(".")
    number = 1
    while True:
        target = wanted if number == 1 else wanted.with_name(f"{stem} ({number}){dot}{suffix}")
        try:
            os.link(temporary, target)  # Unlike a rename, a link fails if the name is in use.
            os.chmod(target, 0o644)
            return target
        except FileExistsError:
            number += 1


def waiting(root: Path, purpose: Purpose) -> list[Path]:
    """List the files that arrived for this purpose and were not taken yet, oldest first."""
    files = [path for path in (root / UPLOADS_FOLDER / purpose).glob("*") if not path.name.startswith(".")]
    return sorted(files, key=lambda path: path.stat().st_mtime)


def take(root: Path, path: Path) -> Path:
    """Claim a waiting file for a job, so that no other tab takes it too, and return its new path.

    Raises:
        UserError: If it was taken or discarded in the meantime.
    """
    claimed = root / UPLOADS_FOLDER / "taken" / secrets.token_hex(4) / path.name
    claimed.parent.mkdir(parents=True)
    try:
        return path.rename(claimed)
    except FileNotFoundError:
        claimed.parent.rmdir()
        raise UserError(f"“{path.name}” is no longer waiting: another page used or discarded it.") from None


def release(root: Path, path: Path) -> None:
    """Remove a file that `take` returned, once its job has ended. Any other path is left alone."""
    if path.parent.parent == root / UPLOADS_FOLDER / "taken":
        shutil.rmtree(path.parent, ignore_errors=True)


def discard(path: Path) -> None:
    """Remove a waiting file. No-op if it does not exist."""
    path.unlink(missing_ok=True)


def clean_up(root: Path) -> None:
    """Remove interrupted uploads, and taken files that were not released for a day. Called when the server starts."""
    for part in (root / UPLOADS_FOLDER).glob("*/.*.part"):
        part.unlink(missing_ok=True)
    for folder in (root / UPLOADS_FOLDER / "taken").glob("*"):
        if folder.stat().st_mtime < time.time() - DAY_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
