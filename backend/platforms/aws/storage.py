"""The bucket: files go up once and come down in parallel, with progress by bytes.

What is uploaded lies below a name made of its contents, so the same dataset, video or model is never sent twice, and
an upload that was broken off goes on where it was.
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

from backend.errors import UserError
from backend.platforms.aws.account import Account, is_expired
from backend.progress import Progress, silent

AT_ONCE = 16  # files and parts of files under way


class Bucket:
    """The account's bucket. Addresses are `s3://bucket/key`; those of other buckets can be read, too.

    Raises (all methods):
        UserError: what AWS refused, or that no bucket is chosen or it lies in another region.
    """

    def __init__(self, account: Account) -> None:
        self.account = account

    @cached_property
    def name(self) -> str:
        name = self.account.settings.bucket
        if not name:
            raise UserError("No bucket is chosen. Set AWS up on Account: it makes one, or takes one that you name.")
        found = self.account.find("s3", "head_bucket", Bucket=name)
        if found is None:
            raise UserError(f"There is no bucket “{name}” (any more). Set AWS up again on Account.")
        region = found.get("BucketRegion", self.account.region)
        if region != self.account.region:
            raise UserError(
                f"The bucket “{name}” lies in {region}, but jobs would run in {self.account.region}, and SageMaker "
                "needs both in one. Choose that region, or another bucket, on Account."
            )
        return name

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def put_file(self, path: Path, kind: str, progress: Progress = silent) -> str:
        """Upload a file to `<kind>/<digest>/<its name>`; returns its address."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        key = f"{kind}/{digest}/{safe_name(path.name)}"
        self._upload({key: path}, f"{kind}/{digest}/", progress)
        return self.uri(key)

    def put_contents(self, folder: Path, kind: str, progress: Progress = silent) -> str:
        """Upload a folder to `<kind>/<digest>/`; returns that address."""
        return self.put_folder(folder, f"{kind}/{_digest(folder)}/", progress)

    def put_folder(self, folder: Path, prefix: str, progress: Progress = silent) -> str:
        """Upload a folder to a prefix that is new, or named for the contents: a file of the same size is not sent."""
        self._upload({prefix + path.relative_to(folder).as_posix(): path for path in _files(folder)}, prefix, progress)
        return self.uri(prefix)

    def put_bytes(self, key: str, data: bytes) -> str:
        self.account.call("s3", "put_object", Bucket=self.name, Key=key, Body=data, **self._encryption)
        return self.uri(key)

    def read(self, uri: str) -> bytes:
        bucket, key = split(uri)
        answer = self.account.call("s3", "get_object", Bucket=bucket, Key=key)
        with self.account.errors(f"read {uri}"):
            return answer["Body"].read()

    def find(self, uri: str) -> bytes | None:
        """What lies at the address; None where nothing does."""
        bucket, key = split(uri)
        answer = self.account.find("s3", "get_object", Bucket=bucket, Key=key)
        if answer is None:
            return None
        with self.account.errors(f"read {uri}"):
            return answer["Body"].read()

    def sizes(self, uri: str) -> dict[str, int]:
        """The keys below an address and their bytes."""
        bucket, prefix = split(uri)
        pages = self.account.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix)
        return {each["Key"]: each["Size"] for each in pages}

    def get_file(self, uri: str, target: Path, progress: Progress = silent) -> None:
        """Download one file, atomically."""
        bucket, key = split(uri)
        size = self.account.call("s3", "head_object", Bucket=bucket, Key=key)["ContentLength"]
        self._download(bucket, {key: target}, size, progress)

    def get_folder(self, uri: str, target: Path, progress: Progress = silent) -> None:
        """Download all that lies below an address.

        Raises:
            UserError: also where a key would lead out of `target`.
        """
        bucket, prefix = split(uri)
        sizes = {key: size for key, size in self.sizes(uri).items() if not key.endswith("/")}
        files = {}
        for key in sizes:
            relative = PurePosixPath(key.removeprefix(prefix).lstrip("/") or PurePosixPath(key).name)
            if ".." in relative.parts or "\0" in key:
                raise UserError(f"s3://{bucket}/{key} cannot be downloaded: its name leads out of its folder.")
            files[key] = target / relative
        self._download(bucket, files, sum(sizes.values()), progress)

    def remove(self, uri: str) -> None:
        """Delete what lies below an address; older versions go as the bucket's rules say."""
        bucket, _ = split(uri)
        keys = list(self.sizes(uri))
        for start in range(0, len(keys), 1000):
            batch = [{"Key": key} for key in keys[start : start + 1000]]
            self.account.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": batch, "Quiet": True})

    @property
    def _encryption(self) -> dict[str, str]:
        key = self.account.settings.kms_key
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def _upload(self, files: Mapping[str, Path], prefix: str, progress: Progress) -> None:
        self._once_more_renewed(lambda: self._upload_missing(files, prefix, progress))

    def _upload_missing(self, files: Mapping[str, Path], prefix: str, progress: Progress) -> None:
        there = self.sizes(self.uri(prefix))
        sizes = {key: path.stat().st_size for key, path in files.items()}
        missing = [key for key in files if there.get(key) != sizes[key]]
        counter = _Counter(sum(sizes[key] for key in missing), "uploading", progress)
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
        counter = _Counter(size, "downloading", progress)
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
    def _transfers(self, what: str) -> Iterator[Any]:
        """boto3's transfer manager; what is under way when the block fails is canceled."""
        config = TransferConfig(max_concurrency=AT_ONCE)
        with self.account.errors(what), create_transfer_manager(self.account.client("s3"), config) as transfers:
            yield transfers

    def _once_more_renewed(self, transfer: Callable[[], None]) -> None:
        """Credentials that expired on the way may have been renewed meanwhile; what is there is not sent again."""
        try:
            transfer()
        except UserError as error:
            if not is_expired(error.__cause__):
                raise
            self.account.renew()
            transfer()


class _Counter:
    """Adds up the bytes of many transfers, which come from many threads."""

    def __init__(self, total: int, what: str, progress: Progress) -> None:
        self._total, self._what, self._progress = max(total, 1), what, progress
        self._done = 0
        self._lock = threading.Lock()

    def subscriber(self) -> ProgressCallbackInvoker:
        return ProgressCallbackInvoker(self._add)

    def _add(self, bytes_transferred: int) -> None:
        with self._lock:
            self._done += bytes_transferred
            megabytes = f"{self._done / 1e6:,.3g} of {self._total / 1e6:,.3g} MB"
            self._progress(min(self._done / self._total, 1.0), f"{self._what} {megabytes}")


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` address.

    Raises:
        UserError: if it is none.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise UserError(f"“{uri}” is no address in Amazon S3. It looks like s3://bucket/folder/file.")
    return bucket, key


def safe_name(name: str) -> str:
    """A file's name with only what S3 addresses and SageMaker's folders take without trouble."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _digest(folder: Path) -> str:
    """Of the names and contents of all files."""
    files = _files(folder)

    def digest_of(path: Path) -> str:
        with path.open("rb") as file:
            return f"{path.relative_to(folder).as_posix()}\0{hashlib.file_digest(file, 'sha256').hexdigest()}"

    with ThreadPoolExecutor(4) as pool:
        return hashlib.sha256("\n".join(pool.map(digest_of, files)).encode()).hexdigest()[:32]
