"""Large files from the internet, over connections that break."""

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

ATTEMPTS = 4  # in a row without one new byte
TIMEOUT = httpx.Timeout(30, connect=10)


def fetch(url: str, target: Path, progress: Progress, *, sha256: str, limit_bytes: int, pause: float = 1.0) -> Path:
    """Download `url` to `target`, verified, and return `target`.

    What has arrived is kept in `<target>.part`, and asked for no second time: not after a dropped connection (tried
    again after `pause`, 2 `pause`, … seconds), nor when stopped and started again. A server that cannot send parts
    (HTTP Range) starts from the beginning.

    Raises:
        UserError: without a connection, if the server has no such file, if another process downloads it now, if it is
            longer than `limit_bytes`, if the disk has no room for it, or if its SHA-256 is not `sha256`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{target.name} is being downloaded already. Wait for that to end.") from error
        continued = file.tell() > 0
        _download(url, file, progress, limit_bytes, pause)
        progress(1.0, "checking the file")
        if continued and not _is(part, sha256):  # the beginning may be of another file, or of a broken run
            _empty(file)
            _download(url, file, progress, limit_bytes, pause)
        if not _is(part, sha256):
            part.unlink()
            raise UserError(
                f"What {httpx.URL(url).host} sent as {target.name} is not the published file (its SHA-256 differs), so "
                "it was deleted. Try again later, or on another network: some of them answer with a page of their own."
            )
        os.replace(part, target)
    return target


def _is(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _download(url: str, file: BinaryIO, progress: Progress, limit_bytes: int, pause: float) -> None:
    """Append to `file` until it is whole, over as many connections as it takes."""
    failures = 0
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
        while True:
            before = file.tell()
            try:
                _receive(client, url, file, progress, limit_bytes)
                return
            except httpx.RequestError as error:
                failures = 1 if file.tell() > before else failures + 1
                if failures >= ATTEMPTS:
                    raise UserError(_no_connection(url, file.tell(), error)) from error
                print(f"The connection broke after {file.tell() / 1e6:.1f} MB ({error}); trying again.", flush=True)
                time.sleep(pause * 2 ** (failures - 1))
            finally:
                file.flush()


def _receive(client: httpx.Client, url: str, file: BinaryIO, progress: Progress, limit_bytes: int) -> None:
    """One connection: what is still missing of `file`, or as much of it as comes."""
    headers = {"Accept-Encoding": "identity"}
    if start := file.tell():
        headers["Range"] = f"bytes={start}-"
    with client.stream("GET", url, headers=headers) as response:
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == 416:
            if content_range != f"bytes */{start}":  # else nothing is missing
                _empty(file)
                raise httpx.RemoteProtocolError("the server has no such part of the file")
            return
        if response.status_code >= 500 or response.status_code in (408, 429):
            raise httpx.RemoteProtocolError(f"the server answered {response.status_code}")
        if response.status_code not in (200, 206):
            raise UserError(
                f"{response.url.host} answered {response.status_code} {response.reason_phrase} for {url}, "
                "so there is nothing to download. Get the file elsewhere and add it as a file."
            )
        if response.status_code == 200:
            _empty(file)
            start = 0
        elif not content_range.startswith(f"bytes {start}-"):
            _empty(file)
            raise httpx.RemoteProtocolError("the server sent another part of the file")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else 0  # 0: not known
        if total > limit_bytes:
            raise _too_long(url, limit_bytes)
        free = shutil.disk_usage(Path(file.name).parent).free
        if total - start > free:
            raise UserError(
                f"The download needs {(total - start) / 1e6:,.0f} MB and the disk has {free / 1e6:,.0f} MB left. "
                "Free some space, then start it again."
            )
        began = time.monotonic()
        for chunk in response.iter_raw():
            file.write(chunk)
            done = file.tell()
            if done > limit_bytes:
                _empty(file)
                raise _too_long(url, limit_bytes)
            progress(
                done / total if total else 0.0, _step(done, total, (done - start) / (time.monotonic() - began + 1e-6))
            )


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _step(done: int, total: int, bytes_per_second: float) -> str:
    if not total:
        return f"downloading: {done / 1e6:,.1f} MB"
    left = (total - done) / max(bytes_per_second, 1.0)
    time_left = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
    return f"downloading: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB, {time_left} left"


def _too_long(url: str, limit_bytes: int) -> UserError:
    return UserError(
        f"What {httpx.URL(url).host} sends is longer than {limit_bytes / 1e6:,.0f} MB, so it is not the published file."
    )


def _no_connection(url: str, received: int, error: httpx.RequestError) -> str:
    kept = (
        f" The {received / 1e6:,.1f} MB that arrived are kept: start it again to go on from there." if received else ""
    )
    return (
        f"There is no connection to {httpx.URL(url).host} ({error}).{kept} Without internet on this machine, download "
        f"{url} on another one and add it as a file."
    )
