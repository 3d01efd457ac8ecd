from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.files.archives import extract, is_archive


def make_zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, entries: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


ENTRIES = {
    "labels/gt.txt": b"1,1,0,0",
    "labels/deep/er.json": b"{}",
    "__MACOSX/labels/._gt.txt": b"x",
    "labels/._gt.txt": b"x",
}


@pytest.mark.parametrize("make, name", [(make_zip, "a.zip"), (make_tar, "a.tar.gz")])
def test_files_are_unpacked_without_those_of_macos(tmp_path: Path, make, name: str) -> None:
    archive = make(tmp_path / name, ENTRIES)
    assert is_archive(archive)
    out = extract(archive, tmp_path / "out")
    files = {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}
    assert files == {"labels/gt.txt": b"1,1,0,0", "labels/deep/er.json": b"{}"}


@pytest.mark.parametrize("mode", ["w", "w:bz2", "w:xz"])
def test_every_compression_of_tar_is_unpacked(tmp_path: Path, mode: str) -> None:
    out = extract(make_tar(tmp_path / "a.tar", {"gt.txt": b"1"}, mode), tmp_path / "out")
    assert (out / "gt.txt").read_bytes() == b"1"


def test_windows_separators_and_empty_folders_are_unpacked(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"empty/": b"", "labels\\gt.txt": b"1"})
    out = extract(archive, tmp_path / "out")
    assert (out / "empty").is_dir()
    assert (out / "labels" / "gt.txt").is_file()


@pytest.mark.parametrize("make, name", [(make_zip, "a.zip"), (make_tar, "a.tar.gz")])
@pytest.mark.parametrize("evil", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil", "a\nb"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, make, name: str, evil: str) -> None:
    archive = make(tmp_path / name, {"good": b"1", evil: b"2"})
    with pytest.raises(UserError, match="leads out of its folder"):
        extract(archive, tmp_path / "parent" / "out")
    assert not list((tmp_path / "parent").iterdir())
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("entry_type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, entry_type: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = entry_type, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(UserError, match="link or a device"):
        extract(tmp_path / "a.tar", tmp_path / "out")


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="link or a device"):
        extract(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("make, name", [(make_zip, "a.zip"), (make_tar, "a.tar.gz")])
def test_archives_above_the_limits_are_refused(tmp_path: Path, make, name: str) -> None:
    bomb = make(tmp_path / name, {"zeros": bytes(5 << 20), "more": b""})
    with pytest.raises(UserError, match="unpacks to more than"):
        extract(bomb, tmp_path / "out", limit_bytes=1 << 20)
    with pytest.raises(UserError, match="more than 1 files"):
        extract(bomb, tmp_path / "out", limit_files=1)
    assert not (tmp_path / "out").exists()


def test_damaged_archives_and_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("not an archive")
    assert not is_archive(tmp_path / "a.zip")
    with pytest.raises(UserError, match="neither a zip nor a tar"):
        extract(tmp_path / "a.zip", tmp_path / "out")

    truncated = make_tar(tmp_path / "b.tar.gz", {"noise": os.urandom(1 << 20)})
    truncated.write_bytes(truncated.read_bytes()[: 1 << 19])
    with pytest.raises(UserError, match="damaged"):
        extract(truncated, tmp_path / "out")

    corrupted = make_zip(tmp_path / "c.zip", {"noise": os.urandom(1 << 16)})
    content = bytearray(corrupted.read_bytes())
    content[1000] ^= 255
    corrupted.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        extract(corrupted, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_and_a_folder_of_the_same_name_are_refused(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"a": b"1", "a/b": b"2"})
    with pytest.raises(UserError, match="twice"):
        extract(archive, tmp_path / "out")
