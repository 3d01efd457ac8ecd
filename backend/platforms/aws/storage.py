"""The bucket: parallel uploads and downloads with progress in bytes.

Uploads are stored under a digest of their contents, so that the same dataset, video or model is uploaded only once and
an interrupted upload continues with the missing files.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from boto3.s3.transfer import ProgressCallbackInvoker, TransferConfig, create_transfer_manager
from typing_extensions import override

from backend.errors import UserError
from backend.platforms.aws.account import Account, is_expired
from backend.platforms.base import FileStore
from backend.progress import Progress, silent

PARALLEL_TRANSFERS = 16  # files, and parts of large files


class Bucket(FileStore):
    """The account's bucket. Implements `backend.platforms.base.FileStore`.

    Addresses are `s3://bucket/key`; files in other buckets can be read, too. All methods raise `UserError` if AWS
    refuses a request, if no bucket is chosen, or if the bucket is in another region.
    """

    def __init__(self, account: Account) -> None:
        self.account = account

    @cached_property
    def name(self) -> str:
        """The bucket's name, after checking that it exists in the account's region."""
        name = self.account.settings.bucket
        if not name:
            raise UserError("No bucket is chosen. Set up AWS on Account: create a bucket or enter an existing one.")
        answer = self.account.find("s3", "head_bucket", Bucket=name)
        if answer is None:
            raise UserError(f"The bucket “{name}” does not exist. Set up AWS again on Account.")
        region: str = answer.get("BucketRegion", self.account.region)
        if region != self.account.region:
            raise UserError(
                f"The bucket “{name}” is in {region}, but jobs run in {self.account.region}. SageMaker needs both in "
                "one region: choose that one, or another bucket, on Account."
            )
        return name

    def uri(self, key: str) -> str:
        """Return the address of a key in this bucket."""
        return f"s3://{self.name}/{key}"

    def put_file(self, path: Path, kind: str, progress: Progress = silent) -> str:
        """Upload a file to `<kind>/<digest>/<file name>` and return its address."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        key = f"{kind}/{digest}/{safe_name(path.name)}"
        self._upload({key: path}, f"{kind}/{digest}/", progress)
        return self.uri(key)

    def put_contents(self, folder: Path, kind: str, progress: Progress = silent) -> str:
        """Upload a folder to `<kind>/<digest>/` and return that address."""
        return self.put_folder(folder, f"{kind}/{_digest(folder)}/", progress)

    def put_folder(self, folder: Path, prefix: str, progress: Progress = silent) -> str:
        """Upload a folder to a prefix and return its address.

        Files that exist there with the same size are skipped, so the prefix must be new or a digest of the contents.
        """
        self._upload({prefix + path.relative_to(folder).as_posix(): path for path in _files(folder)}, prefix, progress)
        return self.uri(prefix)

    def put_bytes(self, key: str, data: bytes) -> str:
        """Upload a small file and return its address."""
        self.account.call("s3", "put_object", Bucket=self.name, Key=key, Body=data, **self._encryption)
        return self.uri(key)

    def read(self, uri: str) -> bytes:
        """Return the contents of a file."""
        bucket, key = split(uri)
        return self._read_body(uri, self.account.call("s3", "get_object", Bucket=bucket, Key=key))

    def find(self, uri: str) -> bytes | None:
        """Return the contents of a file, or None if it does not exist."""
        bucket, key = split(uri)
        answer = self.account.find("s3", "get_object", Bucket=bucket, Key=key)
        return None if answer is None else self._read_body(uri, answer)

    def sizes(self, uri: str) -> dict[str, int]:
        """Return the keys below an address and their sizes in bytes."""
        bucket, prefix = split(uri)
        pages = self.account.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
        return {entry["Key"]: entry["Size"] for entry in pages}

    @override
    def download(self, address: str, target: Path, progress: Progress = silent) -> None:
        """Download one file, atomically."""
        bucket, key = split(address)
        size = self.account.call("s3", "head_object", Bucket=bucket, Key=key)["ContentLength"]
        self._download(bucket, {key: target}, size, progress)

    def get_folder(self, uri: str, target: Path, progress: Progress = silent) -> None:
        """Download all files below an address.

        Raises:
            UserError: Also if a key would be stored outside `target`.
        """
        bucket, prefix = split(uri)
        sizes = {key: size for key, size in self.sizes(uri).items() if not key.endswith("/")}
        files = {}
        for key in sizes:
            relative = PurePosixPath(key.removeprefix(prefix).lstrip("/") or PurePosixPath(key).name)
            if ".." in relative.parts or "\0" in key:
                raise UserError(f"s3://{bucket}/{key} cannot be downloaded: its name points outside its folder.")
            files[key] = target / relative
        self._download(bucket, files, sum(sizes.values()), progress)

    def remove(self, uri: str) -> None:
        """Delete all files below an address. Older versions expire by the bucket's rules."""
        bucket, _ = split(uri)
        keys = list(self.sizes(uri))
        for start in range(0, len(keys), 1000):
            batch = [{"Key": key} for key in keys[start : start + 1000]]
            self.account.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": batch, "Quiet": True})

    def _read_body(self, uri: str, answer: dict[str, Any]) -> bytes:
        with self.account.errors(f"read {uri}"):
            content: bytes = answer["Body"].read()
            return content

    @property
    def _encryption(self) -> dict[str, str]:
        key = self.account.settings.kms_key
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def _upload(self, files: Mapping[str, Path], prefix: str, progress: Progress) -> None:
        self._retry_if_expired(lambda: self._upload_missing(files, prefix, progress))

    def _upload_missing(self, files: Mapping[str, Path], prefix: str, progress: Progress) -> None:
        existing = self.sizes(self.uri(prefix))
        sizes = {key: path.stat().st_size for key, path in files.items()}
        missing = [key for key in files if existing.get(key) != sizes[key]]
        counter = _ByteCounter(sum(sizes[key] for key in missing), "uploading", progress)
        with self._transfers("upload files") as transfers:
            futures = [
                transfers.upload(
                    str(files[key]), self.name, key, extra_args=self._encryption, subscribers=[counter.subscriber()]
                )
                for key in missing
            ]
            for future in futures:
                future.result()

    def _download(self, bucket: str, files: Mapping[str, Path], size: int, progress: Progress) -> None:
        counter = _ByteCounter(size, "downloading", progress)
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._transfers("download files") as transfers:
            futures = [
                transfers.download(bucket, key, str(path), subscribers=[counter.subscriber()])
                for key, path in files.items()
            ]
            for future in futures:
                future.result()

    @contextmanager
    def _transfers(self, action: str) -> Iterator[Any]:
        """Provide boto3's transfer manager. If the block fails, transfers in progress are canceled."""
        config = TransferConfig(max_concurrency=PARALLEL_TRANSFERS)
        with self.account.errors(action), create_transfer_manager(self.account.client("s3"), config) as transfers:
            yield transfers

    def _retry_if_expired(self, transfer: Callable[[], None]) -> None:
        """Run a transfer. If the credentials expire, the user may have renewed them meanwhile: run it once more."""
        try:
            transfer()
        except UserError as error:
            if not is_expired(error.__cause__):
                raise
            self.account.renew()
            transfer()


class _ByteCounter:
    """Adds up the bytes of parallel transfers, which report from several threads."""

    def __init__(self, total: int, action: str, progress: Progress) -> None:
        self._total, self._action, self._progress = max(total, 1), action, progress
        self._done = 0
        self._lock = threading.Lock()

    def subscriber(self) -> ProgressCallbackInvoker:
        return ProgressCallbackInvoker(self._add)

    def _add(self, bytes_transferred: int) -> None:
        with self._lock:
            self._done += bytes_transferred
            megabytes = f"{self._done / 1e6:,.3g} of {self._total / 1e6:,.3g} MB"
            self._progress(min(self._done / self._total, 1.0), f"{self._action} {megabytes}")


def split(uri: str) -> tuple[str, str]:
    """Split an `s3://` address into bucket and key.

    Raises:
        UserError: If it is not an `s3://` address.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise UserError(f"“{uri}” is not an address in Amazon S3, which looks like s3://bucket/folder/file.")
    return bucket, key


def safe_name(name: str) -> str:
    """Replace all characters of a file name that may cause trouble in S3 addresses and SageMaker's folders."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in name)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _digest(folder: Path) -> str:
    """Return a digest of the names and contents of all files in a folder."""
    files = _files(folder)

    def digest_of(path: Path) -> str:
        with path.open("rb") as file:
            return f"{path.relative_to(folder).as_posix()}\0{hashlib.file_digest(file, 'sha256').hexdigest()}"

    with ThreadPoolExecutor(4) as pool:
        return hashlib.sha256("\n".join(pool.map(digest_of, files)).encode()).hexdigest()[:32]
