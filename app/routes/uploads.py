"""Large files from the browser to disk, streamed: Streamlit's own uploader would hold each whole in memory.

A file arrives by `POST /studio/upload` in `uploads/<purpose>/` of the workspace and waits there, through reloads and
restarts, until a page takes it (`take`) to start a job on it, or the person discards it.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from backend.errors import UserError, is_disk_full
from backend.workspace.paths import UPLOADS_FOLDER

PATH = "/studio/upload"
TOKEN = secrets.token_urlsafe(24)  # new with every server: only pages that this server rendered know it
ACCEPT = {
    "videos": (".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".3gp"),
    "labels": (".zip", ".tar", ".tgz", ".gz", ".txt", ".json", ".manifest", ".jsonl"),
    "models": (".pth", ".pt", ".tar", ".gz", ".tgz", ".zip", ".safetensors"),
}
LARGEST = 100 << 30  # bytes
RESERVE = 500 << 20  # bytes of disk that stay free for the database and the logs
BUFFER = 4 << 20
DAY = 24 * 3600


def route(root: Callable[[], Path]) -> Route:
    """The upload route into the workspace that `root()` names."""

    async def upload(request: Request) -> JSONResponse:
        try:
            _check_caller(request)
            purpose, name = _check_name(request)
            size = _check_size(request, root())
            saved = await _receive(request, root() / UPLOADS_FOLDER / purpose, name, size)
        except _Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status)
        except OSError as error:
            full = is_disk_full(error)
            sentence = "The disk is full" if full else f"The file could not be saved ({error.strerror})"
            return JSONResponse({"error": f"{sentence}. Free some space, then try again."}, 507 if full else 500)
        return JSONResponse({"name": saved.name})

    return Route(PATH, upload, methods=["POST"])


class _Refused(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def same_origin(request: Request) -> bool:
    """Whether the request comes from one of our own pages, as far as the browser tells."""
    origin = request.headers.get("origin")
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none") and (
        origin is None or urlsplit(origin).netloc == request.headers.get("host")
    )


def _check_caller(request: Request) -> None:
    if not same_origin(request):
        raise _Refused(403, "Uploads are taken from the console's own pages only.")
    if not hmac.compare_digest(request.headers.get("x-studio-token", "").encode(), TOKEN.encode()):
        raise _Refused(403, "The console was restarted meanwhile. Reload the page, then try again.")


def _check_name(request: Request) -> tuple[str, str]:
    purpose = request.query_params.get("purpose", "")
    if purpose not in ACCEPT:
        raise _Refused(400, "There is nothing to upload this for.")
    name = request.query_params.get("name", "").replace("\\", "/").rsplit("/", 1)[-1]
    if not name.lower().endswith(ACCEPT[purpose]):
        raise _Refused(415, f"“{name[:80]}” is of no known type. Known are {' '.join(ACCEPT[purpose])}.")
    stem, dot, suffix = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name).lstrip(" ._()-").partition(".")
    return purpose, f"{stem.strip()[:70] or 'upload'}{dot}{suffix[-40:]}" if dot else f"upload.{stem}"


def _check_size(request: Request, root: Path) -> int:
    try:
        size = int(request.headers.get("content-length", ""))
    except ValueError:
        raise _Refused(411, "The browser did not say how large the file is.") from None
    if size == 0:
        raise _Refused(400, "The file is empty. Choose another one.")
    if size > LARGEST:
        raise _Refused(413, f"The file is larger than {LARGEST >> 30} GB. Name its path on this machine instead.")
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free - RESERVE
    if size > free:
        raise _Refused(
            507,
            f"The file has {size / 1e9:.1f} GB, and the workspace's disk has room for {max(free, 0) / 1e9:.1f} GB. "
            "Free some space, then try again.",
        )
    return size


async def _receive(request: Request, folder: Path, name: str, size: int) -> Path:
    """Write the body to `folder/name`, or to a free name like it; whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    received, buffer = 0, bytearray()
    try:
        with os.fdopen(handle, "wb") as file:
            async for chunk in request.stream():
                received += len(chunk)
                if received > size:
                    raise _Refused(400, "More arrived than the browser had said. Try again.")
                buffer += chunk
                if len(buffer) >= BUFFER:
                    await to_thread.run_sync(file.write, bytes(buffer))
                    buffer.clear()
            await to_thread.run_sync(file.write, bytes(buffer))
        if received != size:
            raise _Refused(400, "The upload broke off. Try again.")
        return _settle(Path(temporary), folder / name)
    except ClientDisconnect:
        raise _Refused(400, "The upload was canceled.") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _settle(temporary: Path, wanted: Path) -> Path:
    """Give `temporary` the name `wanted`, or the next free one: `name (2).mp4`. Never replaces a file."""
    stem, dot, suffix = wanted.name.partition(".")
    number = 1
    while True:
        target = wanted if number == 1 else wanted.with_name(f"{stem} ({number}){dot}{suffix}")
        try:
            os.link(temporary, target)  # unlike a rename, fails where the name is taken
            os.chmod(target, 0o644)
            return target
        except FileExistsError:
            number += 1


def waiting(root: Path, purpose: str) -> list[Path]:
    """Files that arrived for this purpose and were not taken yet, oldest first."""
    files = [path for path in (root / UPLOADS_FOLDER / purpose).glob("*") if not path.name.startswith(".")]
    return sorted(files, key=lambda path: path.stat().st_mtime)


def take(root: Path, path: Path) -> Path:
    """Claim a waiting file for a job, so that a second tab does not take it too; returns where it lies now.

    Raises:
        UserError: if it was taken or discarded meanwhile.
    """
    claimed = root / UPLOADS_FOLDER / "taken" / secrets.token_hex(4) / path.name
    claimed.parent.mkdir(parents=True)
    try:
        return path.rename(claimed)
    except FileNotFoundError:
        claimed.parent.rmdir()
        raise UserError(f"“{path.name}” is not waiting any more: another page took or discarded it.") from None


def release(root: Path, path: Path) -> None:
    """Remove what `take` gave, once the job it was taken for has ended; any other path is left alone."""
    if path.parent.parent == root / UPLOADS_FOLDER / "taken":
        shutil.rmtree(path.parent, ignore_errors=True)


def discard(path: Path) -> None:
    path.unlink(missing_ok=True)


def clean_up(root: Path) -> None:
    """At the server's start: remove uploads that broke off, and what was taken a day ago and never released."""
    for part in (root / UPLOADS_FOLDER).glob("*/.*.part"):
        part.unlink(missing_ok=True)
    for folder in (root / UPLOADS_FOLDER / "taken").glob("*"):
        if folder.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(folder, ignore_errors=True)
