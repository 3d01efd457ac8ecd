"""Download large files over unreliable connections."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

import httpx

from backend.errors import UserError
from backend.progress import Progress

MAX_FAILURES = 4  # in a row without a new byte
TIMEOUT = httpx.Timeout(30, connect=10)


def fetch(
    url: str, target: Path, progress: Progress, *, sha256: str, limit_bytes: int, pause_seconds: float = 1.0
) -> Path:
    """Download a file and verify it.

    Bytes that have arrived are kept in `<target>.part` and are not requested again, neither after a lost connection
    nor after the download was stopped, unless the server does not support HTTP Range.

    Args:
        url: Address of the file.
        target: Path of the file when it is complete.
        progress: Called with the progress.
        sha256: SHA-256 of the file as hexadecimal digits.
        limit_bytes: Maximum size of the file.
        pause_seconds: Pause before the first retry. It doubles with each further one.

    Returns:
        `target`.

    Raises:
        UserError: If there is no connection, the server does not have the file, another process is downloading it, it
            is larger than `limit_bytes`, the disk has too little space for it, or its SHA-256 differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{target.name} is being downloaded already. Wait for that download to end.") from error
        was_started_earlier = file.tell() > 0
        _download(url, file, progress, limit_bytes, pause_seconds)
        progress(1.0, "checking the file")
        if was_started_earlier and not _matches(part, sha256):  # the first part may be damaged, or of another file
            _empty(file)
            _download(url, file, progress, limit_bytes, pause_seconds)
        if not _matches(part, sha256):
            part.unlink()
            raise UserError(
                f"{httpx.URL(url).host} did not send the published {target.name}: its SHA-256 differs. The download "
                "was deleted. Try again later, or on another network, as some replace files by a login page."
            )
        os.replace(part, target)
    return target


def _matches(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _download(url: str, file: BinaryIO, progress: Progress, limit_bytes: int, pause_seconds: float) -> None:
    """Append to `file` until it is complete, over as many connections as it takes."""
    failures = 0
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
        while True:
            bytes_before = file.tell()
            try:
                _receive(client, url, file, progress, limit_bytes)
                return
            except httpx.RequestError as error:
                failures = 1 if file.tell() > bytes_before else failures + 1
                if failures >= MAX_FAILURES:
                    raise _connection_error(url, file.tell(), error) from error
                print(f"The connection was lost after {file.tell() / 1e6:.1f} MB ({error}). Retrying.", flush=True)
                time.sleep(pause_seconds * 2 ** (failures - 1))
            finally:
                file.flush()


def _receive(client: httpx.Client, url: str, file: BinaryIO, progress: Progress, limit_bytes: int) -> None:
    """Append the missing part of `file`, or as much of it as arrives over one connection."""
    headers = {"Accept-Encoding": "identity"}
    if start := file.tell():
        headers["Range"] = f"bytes={start}-"
    with client.stream("GET", url, headers=headers) as response:
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == 416:
            if content_range == f"bytes */{start}":  # the file is complete
                return
            _empty(file)
            raise httpx.RemoteProtocolError("the server does not have this part of the file")
        if response.status_code >= 500 or response.status_code in (408, 429):
            raise httpx.RemoteProtocolError(f"the server answered {response.status_code}")
        if response.status_code not in (200, 206):
            raise UserError(
                f"{response.url.host} answered {response.status_code} {response.reason_phrase} for {url}. "
                "Get the file elsewhere and add it as a file."
            )
        if response.status_code == 200:
            _empty(file)
            start = 0
        elif not content_range.startswith(f"bytes {start}-"):
            _empty(file)
            raise httpx.RemoteProtocolError("the server sent another part of the file")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else 0  # 0 if unknown
        if total > limit_bytes:
            raise _size_error(url, limit_bytes)
        free = shutil.disk_usage(Path(file.name).parent).free
        if total - start > free:
            raise UserError(
                f"The download needs {(total - start) / 1e6:,.0f} MB, but the disk has {free / 1e6:,.0f} MB left. "
                "Free some space, then start it again."
            )
        started = time.monotonic()
        for chunk in response.iter_raw():
            file.write(chunk)
            done = file.tell()
            if done > limit_bytes:
                _empty(file)
                raise _size_error(url, limit_bytes)
            progress(
                done / total if total else 0.0,
                _describe(done, total, (done - start) / (time.monotonic() - started + 1e-6)),
            )


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _describe(done: int, total: int, bytes_per_second: float) -> str:
    if not total:
        return f"downloading: {done / 1e6:,.1f} MB"
    left = (total - done) / max(bytes_per_second, 1.0)
    time_left = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
    return f"downloading: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB, {time_left} left"


def _size_error(url: str, limit_bytes: int) -> UserError:
    return UserError(
        f"{httpx.URL(url).host} sends more than {limit_bytes / 1e6:,.0f} MB, so this is not the published file."
    )


def _connection_error(url: str, received: int, error: httpx.RequestError) -> UserError:
    resume = f" Start it again to continue after the first {received / 1e6:,.1f} MB." if received else ""
    return UserError(
        f"There is no connection to {httpx.URL(url).host} ({error}).{resume} If this machine has no internet access, "
        f"download {url} on another one and add it as a file."
    )
