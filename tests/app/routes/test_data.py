from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.routes import data


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[data.route]))


def answer(part: str) -> tuple[bytes, str]:
    if part != "here":
        raise LookupError(part)
    return b"content", "text/plain"


def test_parts_of_what_was_offered_are_sent(client: TestClient) -> None:
    address = data.offer("something", answer)
    assert address == data.offer("something", answer) != data.offer("something else", answer)
    assert client.get(f"{address}/here").content == b"content"
    assert client.get(f"{address}/there").status_code == 404


def test_what_was_not_offered_cannot_be_had(client: TestClient) -> None:
    assert client.get(f"{data.PATH}/{'0' * 64}/here").status_code == 404


def test_other_sites_get_nothing(client: TestClient) -> None:
    address = data.offer("something", answer)
    assert client.get(f"{address}/here", headers={"Origin": "http://elsewhere.example"}).status_code == 404


def test_old_offers_are_forgotten(client: TestClient) -> None:
    address = data.offer("the first", answer)
    for number in range(data.MOST):
        data.offer(f"number {number}", answer)
    assert client.get(f"{address}/here").status_code == 404


def test_what_takes_long_is_made_once() -> None:
    made = []
    get = data.once(lambda: made.append(1) or "made")
    assert (get(), get(), made) == ("made", "made", [1])
