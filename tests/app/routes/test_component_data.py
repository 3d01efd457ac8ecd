from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.routes import component_data


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[component_data.route]))


def read_part(part: str) -> tuple[bytes, str]:
    if part != "known":
        raise LookupError(part)
    return b"content", "text/plain"


def test_parts_of_offered_data_are_sent(client: TestClient) -> None:
    address = component_data.offer("something", read_part)
    assert address == component_data.offer("something", read_part) != component_data.offer("something else", read_part)
    assert client.get(f"{address}/known").content == b"content"
    assert client.get(f"{address}/unknown").status_code == 404


def test_data_that_was_not_offered_is_not_found(client: TestClient) -> None:
    assert client.get(f"{component_data.PATH}/{'0' * 64}/known").status_code == 404


def test_other_sites_get_nothing(client: TestClient) -> None:
    address = component_data.offer("something", read_part)
    assert client.get(f"{address}/known", headers={"Origin": "http://elsewhere.example"}).status_code == 404


def test_old_offers_are_forgotten(client: TestClient) -> None:
    address = component_data.offer("the first", read_part)
    for number in range(component_data.MAX_OFFERS):
        component_data.offer(f"number {number}", read_part)
    assert client.get(f"{address}/known").status_code == 404


def test_a_result_is_computed_once() -> None:
    calls = []
    get = component_data.computed_once(lambda: calls.append(1) or "result")
    assert (get(), get(), calls) == ("result", "result", [1])
