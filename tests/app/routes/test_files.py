from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.routes import files


@pytest.fixture
def video_file(tmp_path: Path) -> Path:
    path = tmp_path / "a film.mp4"
    path.write_bytes(bytes(range(100)))
    return path


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[files.route]))


def test_a_byte_range_is_sent(client, video_file):
    answer = client.get(files.address_of(video_file), headers={"range": "bytes=10-19"})
    assert answer.status_code == 206 and answer.content == bytes(range(10, 20))
    assert answer.headers["content-type"] == "video/mp4"


def test_a_download_has_a_name(client, video_file):
    answer = client.get(files.address_of(video_file, download="tracks.mp4"))
    assert answer.content == video_file.read_bytes()
    assert "tracks.mp4" in answer.headers["content-disposition"]


def test_only_linked_files_are_sent(client, video_file):
    (video_file.parent / "secret.mp4").touch()
    assert client.get(files.address_of(video_file).replace("a+film", "secret")).status_code == 403
    assert client.get(files.address_of(video_file), headers={"sec-fetch-site": "cross-site"}).status_code == 403
    address = files.address_of(video_file)
    video_file.unlink()
    assert client.get(address).status_code == 404
