"""Files between S3 and the folders of a job."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from standin.model import invalid

SYNC_SECONDS = 0.2  # between two searches for new checkpoints


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def keys(s3: Any, uri: str) -> list[str]:
    """Return all keys with the address as prefix. Raises `Refused` if the bucket does not exist."""
    bucket, prefix = split(uri)
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]
    except ClientError as error:
        raise invalid(f"The bucket {bucket} cannot be read: {error}") from error


def must_exist(s3: Any, uri: str) -> None:
    if not keys(s3, uri):
        raise invalid(f'No S3 objects found under S3 URL "{uri}" given in input data source.')


def read(s3: Any, uri: str) -> bytes:
    bucket, key = split(uri)
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def write(s3: Any, uri: str, content: bytes) -> None:
    bucket, key = split(uri)
    s3.put_object(Bucket=bucket, Key=key, Body=content)


def download(s3: Any, uri: str, folder: Path, share: tuple[int, int] = (0, 1)) -> None:
    """Download as SageMaker's File mode does. With `ShardedByS3Key`, host `share[0]` gets every `share[1]`-th key."""
    bucket, prefix = split(uri)
    folder.mkdir(parents=True, exist_ok=True)
    for key in sorted(keys(s3, uri))[share[0] :: share[1]]:
        relative = key[len(prefix) :].lstrip("/") or Path(key).name
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(target))


def upload(s3: Any, folder: Path, uri: str) -> None:
    bucket, prefix = split(uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            s3.upload_file(str(path), bucket, f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}")


@contextmanager
def synced(s3: Any, folder: Path, uri: str) -> Iterator[None]:
    """Upload new files in `folder` during the block, as SageMaker does with checkpoints, and all files after it."""
    ended, uploaded = threading.Event(), dict[Path, int]()

    def sync() -> None:
        bucket, prefix = split(uri)
        while not ended.wait(SYNC_SECONDS):
            for path in folder.rglob("[!.]*"):  # files that are still being written have names with a dot
                with suppress(FileNotFoundError):
                    if path.is_file() and uploaded.get(path) != (changed := path.stat().st_mtime_ns):
                        s3.upload_file(str(path), bucket, f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}")
                        uploaded[path] = changed

    thread = threading.Thread(target=sync, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    upload(s3, folder, uri)


def upload_packed(s3: Any, folder: Path, uri: str) -> None:
    """Upload a folder as `model.tar.gz`."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "model.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name)
        bucket, key = split(uri)
        s3.upload_file(str(archive), bucket, key)


def download_packed(s3: Any, uri: str, folder: Path) -> None:
    """Download and unpack a model, as an endpoint gets it."""
    bucket, key = split(uri)
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "model.tar.gz"
        s3.download_file(bucket, key, str(archive))
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                content = tar.extractfile(member)
                if content and "/" not in member.name:
                    (folder / member.name).write_bytes(content.read())


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
