from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.routes import media


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "a film.mp4"
    path.write_bytes(bytes(range(100)))
    return path


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[media.route]))


def test_parts_of_a_file(client, film):
    answer = client.get(media.url(film), headers={"range": "bytes=10-19"})
    assert answer.status_code == 206 and answer.content == bytes(range(10, 20))
    assert answer.headers["content-type"] == "video/mp4"


def test_a_download_has_a_name(client, film):
    answer = client.get(media.url(film, download="tracks.mp4"))
    assert answer.content == film.read_bytes()
    assert "tracks.mp4" in answer.headers["content-disposition"]


def test_only_what_was_linked_to_can_be_had(client, film):
    (film.parent / "secret.mp4").touch()
    assert client.get(media.url(film).replace("a+film", "secret")).status_code == 403
    assert client.get(media.url(film), headers={"sec-fetch-site": "cross-site"}).status_code == 403
    address = media.url(film)
    film.unlink()
    assert client.get(address).status_code == 404
