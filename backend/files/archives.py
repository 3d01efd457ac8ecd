"""Archives that a person brings, unpacked as if a stranger had made them."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from backend.errors import UserError

BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
)
CHUNK = 1 << 20


@dataclass
class Member:
    """One entry of an archive. `content` is None for a folder."""

    name: str
    content: IO[bytes] | None


def is_archive(path: Path) -> bool:
    """Whether the file is a zip or a tar (plain, gz, bz2, xz), told by its content.

    PyTorch's `.pth` files are zip files too.
    """
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def extract(archive: Path, into: Path, *, limit_bytes: int = 20 << 30, limit_files: int = 200_000) -> Path:
    """Unpack a zip or tar into the folder `into`, which is new or empty, and return it.

    All is unpacked, or nothing is left behind. What macOS adds (`__MACOSX`, `._name`) is left out.

    Raises:
        UserError: if it is no archive, is damaged or protected by a password, leads out of the folder, holds anything
            but files and folders, or holds more than `limit_bytes` or `limit_files`.
    """
    archive, into = Path(archive), Path(into)
    into.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{into.name}-", dir=into.parent))
    try:
        _unpack(archive, temporary, limit_bytes, limit_files)
        os.chmod(temporary, 0o755)
        os.replace(temporary, into)
    except BROKEN as error:
        raise UserError(
            f"{archive.name} is damaged or was not copied whole ({error}). Make or copy it again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return into


def _unpack(archive: Path, folder: Path, limit_bytes: int, limit_files: int) -> None:
    bytes_left = limit_bytes
    for number, member in enumerate(_members(archive)):
        if number >= limit_files:
            raise UserError(
                f"{archive.name} holds more than {limit_files:,} files. Unpack it yourself and name the folder."
            )
        inside = _safe_path(member.name, archive)
        if "__MACOSX" in inside.parts or inside.name.startswith("._"):
            continue
        target = folder / inside
        if member.content is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.content, target.open("xb") as file:
                while chunk := member.content.read(CHUNK):
                    bytes_left -= len(chunk)
                    if bytes_left < 0:  # counted as they come: the size that an archive declares may be a lie
                        raise UserError(
                            f"{archive.name} unpacks to more than {limit_bytes / 1e9:,.3g} GB. "
                            "Unpack it yourself and name the folder."
                        )
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError) as error:
            raise UserError(f"{archive.name} holds “{inside}” twice. Make the archive again.") from error


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the zip was made on Windows
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _no_plain_file(archive, info.filename)
                if info.flag_bits & 1:
                    raise UserError(f"{archive.name} is protected by a password. Make one without it.")
                yield Member(info.filename, None if info.is_dir() else opened.open(info))
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened_tar:
            for entry in opened_tar:
                if not (entry.isreg() or entry.isdir()):
                    raise _no_plain_file(archive, entry.name)
                yield Member(entry.name, opened_tar.extractfile(entry))
    else:
        raise UserError(f"{archive.name} is neither a zip nor a tar file, or was not copied whole.")


def _no_plain_file(archive: Path, name: str) -> UserError:
    return UserError(
        f"{archive.name} holds “{name}”, which is a link or a device. Make the archive of plain files only."
    )


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2] or not name.isprintable():
        raise UserError(f"{archive.name} holds “{name!r}”, which leads out of its folder. It was not unpacked.")
    return path
