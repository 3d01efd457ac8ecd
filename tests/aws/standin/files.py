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

SYNC_SECONDS = 0.2  # from one look for new checkpoints to the next


def split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def keys(s3: Any, uri: str) -> list[str]:
    """All keys that begin as the address does; raises `Refused` where the bucket is missing."""
    bucket, prefix = split(uri)
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]
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
    """Like SageMaker's File mode; of `ShardedByS3Key`, host `share[0]` of `share[1]` gets every so many-th key."""
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
    """Upload what is new in `folder` while the block runs, as SageMaker does with checkpoints, and all of it after."""
    ended, sent = threading.Event(), dict[Path, int]()

    def sync() -> None:
        bucket, prefix = split(uri)
        while not ended.wait(SYNC_SECONDS):
            for path in folder.rglob("[!.]*"):  # names with a dot are of files that are still being written
                with suppress(FileNotFoundError):
                    if path.is_file() and sent.get(path) != (changed := path.stat().st_mtime_ns):
                        s3.upload_file(str(path), bucket, f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}")
                        sent[path] = changed

    thread = threading.Thread(target=sync, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    upload(s3, folder, uri)


def upload_packed(s3: Any, folder: Path, uri: str) -> None:
    """As `model.tar.gz`."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "model.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name)
        bucket, key = split(uri)
        s3.upload_file(str(archive), bucket, key)


def download_packed(s3: Any, uri: str, folder: Path) -> None:
    """As an endpoint gets its model: unpacked."""
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
