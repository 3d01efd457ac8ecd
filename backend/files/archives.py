"""Unpack archives that need not be trusted."""

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

DAMAGE_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
)
CHUNK_BYTES = 1 << 20


@dataclass
class Member:
    """An entry of an archive."""

    name: str
    content: IO[bytes] | None  # None for a folder


def is_archive(path: Path) -> bool:
    """Return whether the content of a file is a zip, as PyTorch's `.pth` files are, or a tar (plain, gz, bz2, xz)."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def extract(archive: Path, target: Path, *, limit_bytes: int = 20 << 30, limit_files: int = 200_000) -> Path:
    """Unpack a zip or tar, completely or not at all. The files that macOS adds (`__MACOSX`, `._name`) are left out.

    Args:
        archive: Zip or tar file.
        target: New or empty folder for the content.
        limit_bytes: Maximum size of the content.
        limit_files: Maximum number of entries.

    Returns:
        `target`.

    Raises:
        UserError: If it is no archive, is damaged or protected by a password, exceeds a limit, contains anything but
            files and folders, or contains a path that leads out of the folder.
    """
    archive, target = Path(archive), Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _unpack(archive, temporary, limit_bytes, limit_files)
        os.chmod(temporary, 0o755)
        os.replace(temporary, target)
    except DAMAGE_ERRORS as error:
        raise UserError(f"{archive.name} is damaged or incomplete ({error}). Make or copy it again.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _unpack(archive: Path, folder: Path, limit_bytes: int, limit_files: int) -> None:
    bytes_left = limit_bytes
    for number, member in enumerate(_members(archive)):
        if number >= limit_files:
            raise UserError(
                f"{archive.name} contains more than {limit_files:,} files. Unpack it yourself and give the folder."
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
                while chunk := member.content.read(CHUNK_BYTES):
                    bytes_left -= len(chunk)
                    if bytes_left < 0:  # counted while unpacking, because the size in the archive may be false
                        raise UserError(
                            f"{archive.name} unpacks to more than {limit_bytes / 1e9:,.3g} GB. "
                            "Unpack it yourself and give the folder."
                        )
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError) as error:
            raise UserError(f"{archive.name} contains “{inside}” twice. Make the archive again.") from error


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                file_type = stat.S_IFMT(info.external_attr >> 16)  # 0 if the zip was made on Windows
                if file_type not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _special_file_error(archive, info.filename)
                if info.flag_bits & 1:
                    raise UserError(f"{archive.name} is protected by a password. Make one without it.")
                yield Member(info.filename, None if info.is_dir() else opened.open(info))
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened_tar:
            for entry in opened_tar:
                if not (entry.isreg() or entry.isdir()):
                    raise _special_file_error(archive, entry.name)
                yield Member(entry.name, opened_tar.extractfile(entry))
    else:
        raise UserError(f"{archive.name} is neither a zip nor a tar file, or it is incomplete.")


def _special_file_error(archive: Path, name: str) -> UserError:
    return UserError(
        f"{archive.name} contains “{name}”, which is a link or a device. Make an archive of plain files only."
    )


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2] or not name.isprintable():
        raise UserError(f"{archive.name} contains “{name!r}”, which leads out of its folder. It was not unpacked.")
    return path
