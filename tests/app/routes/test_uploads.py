from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.routes import uploads
from app.routes.signing import sign
from backend.errors import UserError

HEADERS = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(Starlette(routes=[uploads.route(lambda: tmp_path)]))


def post(client: TestClient, name: str = "a.mp4", body: bytes = b"video", purpose: str = "videos", **headers: str):
    return client.post(uploads.address_of(purpose), params={"name": name}, content=body, headers=HEADERS | headers)


def test_a_file_arrives_whole(client, tmp_path):
    body = os.urandom(3 * uploads.BUFFER_BYTES + 1)
    assert post(client, body=body).json() == {"name": "a.mp4"}
    (path,) = uploads.waiting(tmp_path, "videos")
    assert path.read_bytes() == body
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]  # no partial file beside it


def test_a_taken_name_gets_a_number(client, tmp_path):
    post(client, body=b"first")
    assert post(client, body=b"second").json() == {"name": "a (2).mp4"}
    assert (tmp_path / "uploads/videos/a.mp4").read_bytes() == b"first"


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../etc/pass.mp4", "pass.mp4"),
        ("C:\\films\\über site.MP4", "ber site.MP4"),
        (".hidden.mp4", "hidden.mp4"),
        ("a/..mp4", "upload.mp4"),
        ("x" * 300 + ".mp4", "x" * 70 + ".mp4"),
    ],
)
def test_names_are_made_safe(client, tmp_path, name, saved):
    assert post(client, name).json() == {"name": saved}
    assert (tmp_path / "uploads/videos" / saved).is_file()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_pages_of_other_sites_are_refused(client, tmp_path, change, status):
    answer = post(client, **change)
    assert answer.status_code == status and answer.json()["error"]
    assert not uploads.waiting(tmp_path, "videos")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "a.exe"}, 415),
        ({"body": b""}, 400),
    ],
)
def test_unusable_files_are_refused(client, change, status):
    answer = post(client, **change)
    assert answer.status_code == status and answer.json()["error"].endswith(".")


def test_an_address_that_was_not_signed_is_refused(client: TestClient, tmp_path: Path) -> None:
    signed = uploads.address_of("videos")
    for address in (
        f"{uploads.PATH}/{'0' * 64}/videos",
        signed.replace("/videos", "/labels"),  # signed for another purpose of uploads
        f"{uploads.PATH}/{sign('upload', 'secrets')}/secrets",  # no such purpose
        f"{uploads.PATH}/{sign('file', 'videos')}/videos",  # signed for another route
    ):
        answer = client.post(address, params={"name": "a.mp4"}, content=b"video", headers=HEADERS)
        assert answer.status_code == 403 and "Reload the page" in answer.json()["error"]
    assert not list(tmp_path.rglob("*.mp4"))


def test_too_large_for_the_limit_or_the_disk(client, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 3)
    assert post(client).status_code == 413
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 1 << 40)
    monkeypatch.setattr(uploads, "RESERVED_DISK_BYTES", 1 << 60)
    answer = post(client)
    assert answer.status_code == 507 and "Free some space" in answer.json()["error"]
    assert not uploads.waiting(tmp_path, "videos")


def test_take_discard_release_and_clean_up(client, tmp_path):
    post(client)
    (path,) = uploads.waiting(tmp_path, "videos")
    upload = uploads.take(tmp_path, path)
    assert upload.read_bytes() == b"video" and not uploads.waiting(tmp_path, "videos")
    with pytest.raises(UserError, match="no longer waiting"):
        uploads.take(tmp_path, path)
    uploads.release(tmp_path, tmp_path / "uploads" / "elsewhere.mp4")
    assert upload.exists()
    uploads.release(tmp_path, upload)
    assert not upload.parent.exists()

    post(client)
    old = uploads.take(tmp_path, uploads.waiting(tmp_path, "videos")[0])
    part = tmp_path / "uploads/videos/.x.part"
    part.touch()
    os.utime(old.parent, (time.time() - 2 * uploads.DAY_SECONDS,) * 2)
    uploads.clean_up(tmp_path)
    assert not old.exists() and not part.exists()
