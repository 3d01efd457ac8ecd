"""Which host names the console answers to, asked as a browser on a rebound name would."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from consoles import running_console
from starlette.routing import Route

from app.routes import component_data, files, labeling_editor, uploads
from app.routes.hosts import allowed_hosts

ROUTES = (files.route, component_data.route, labeling_editor.route, uploads.route(Path))
PATHS = ["/", "/videos", "/_stcore/health", "/_stcore/host-config", "/static/x.js", "/_stcore/upload_file/a/b"]
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_console(tmp_path_factory.mktemp("console"), "--allow-host", "*.proxy.example") as address:
        yield address


def ask(console: str, path: str, host: str | None, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """One request with that `Host`, from a page of the same name."""
    connection = http.client.HTTPConnection(urlsplit(console).netloc, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"} | headers
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def path_of(route: Route) -> str:
    return route.path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("path", [*PATHS, *map(path_of, ROUTES)])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "0.0.0.0", None])
def test_a_foreign_host_gets_nothing(console: str, path: str, host: str | None) -> None:
    method = "POST" if path.startswith(uploads.PATH) else "GET"
    port = urlsplit(console).port
    answer = ask(console, path, host and f"{host}:{port}", method)
    if host is None:
        assert answer.status == 400  # the HTTP server's own answer to a request without a host
    else:
        assert answer.status == 403 and b"does not answer to the host name" in answer.read()


def test_a_foreign_host_gets_no_websocket(console: str) -> None:
    port = urlsplit(console).port
    for host in (f"evil.example:{port}", "evil.example"):
        assert ask(console, "/_stcore/stream", host, **WEBSOCKET).status == 403
    assert ask(console, "/_stcore/stream", f"localhost:{port}", **WEBSOCKET).status == 101
    assert ask(console, "/_stcore/stream", f"localhost:{port}", **WEBSOCKET, Origin="http://evil.example").status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost.", "a.proxy.example"])
def test_the_console_answers_under_its_own_names(console: str, host: str) -> None:
    answer = ask(console, "/", f"{host}:{urlsplit(console).port}")
    assert answer.status == 200 and b"<html" in answer.read()


def test_no_page_of_another_site_can_frame_the_console(console: str) -> None:
    for path in PATHS:
        policies = ask(console, path, urlsplit(console).netloc).headers.get_all("Content-Security-Policy")
        assert policies == ["frame-ancestors 'self'"]


def test_the_refusal_says_what_to_do(console: str) -> None:
    assert b"--allow-host" in ask(console, "/", "studio.example").read()


def test_the_address_that_is_listened_on_is_allowed() -> None:
    assert allowed_hosts("127.0.0.1") == ["localhost", "127.0.0.1", "::1"]
    assert "192.168.7.7" in allowed_hosts("192.168.7.7")
    assert allowed_hosts("gpu-box", ["studio.example"])[-2:] == ["gpu-box", "studio.example"]


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_wildcard_stands_for_this_machine_and_not_for_every_name(wildcard: str) -> None:
    hosts = allowed_hosts(wildcard)
    assert socket.gethostname() in hosts and "127.0.0.1" in hosts
    assert "*" not in hosts and wildcard not in hosts
