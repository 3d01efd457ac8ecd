from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.errors import UserError
from backend.files.downloads import fetch
from backend.jobs.processes import Stopped
from backend.progress import silent

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """An HTTP server of one file, with the faults that a test chooses."""

    content: bytes = CONTENT
    ranges: bool = True  # whether it supports requests for a part
    drop_after: list[int] = field(default_factory=list)  # bytes after which it closes the connection, for each request
    statuses: list[int] = field(default_factory=list)  # HTTP errors that it answers with, one per request
    length: bool = True  # whether it sends Content-Length
    requested: list[str | None] = field(default_factory=list)  # Range header of each request
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            range_header = self.headers.get("Range")
            state.requested.append(range_header)
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            start = int(range_header[len("bytes=") : -1]) if range_header and state.ranges else 0
            body = state.content[start:]
            if not body:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if range_header and state.ranges else 200)
            if range_header and state.ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            if state.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.drop_after.pop(0)] if state.drop_after else body)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/model.pth"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def fetch_from(server: Server, target: Path, **options) -> Path:
    return fetch(
        server.url, target, silent, **{"sha256": SHA256, "limit_bytes": 10_000_000, "pause_seconds": 0.0, **options}
    )


def test_progress_has_size_and_time_left(server: Server, tmp_path: Path) -> None:
    steps: list[tuple[float, str]] = []
    target = fetch(
        server.url,
        tmp_path / "new" / "model.pth",
        lambda *step: steps.append(step),
        sha256=SHA256,
        limit_bytes=10_000_000,
    )
    assert target.read_bytes() == CONTENT
    assert [file.name for file in target.parent.iterdir()] == ["model.pth"]
    fractions = [fraction for fraction, _ in steps]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert "of 3.0 MB" in steps[0][1] and "left" in steps[0][1]


def test_a_lost_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.drop_after = [1_000_000, 500_000]
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT
    assert server.requested == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_stopped_download_is_resumed(server: Server, tmp_path: Path) -> None:
    def stop(fraction: float, step: str) -> None:
        if fraction > 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        fetch(server.url, tmp_path / "model.pth", stop, sha256=SHA256, limit_bytes=10_000_000)
    received = (tmp_path / "model.pth.part").stat().st_size
    assert received >= 1_500_000
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT
    assert server.requested == [None, f"bytes={received}-"]


def test_a_download_stopped_before_its_check_is_completed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("length", [True, False])
def test_a_server_without_ranges_starts_from_the_beginning(server: Server, tmp_path: Path, length: bool) -> None:
    server.ranges, server.length = False, length
    (tmp_path / "model.pth.part").write_bytes(CONTENT[:1000])
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_part_of_another_file_is_discarded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(b"x" * 1000)
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT
    assert server.requested == ["bytes=1000-", None]


def test_a_part_longer_than_the_file_is_discarded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT + b"x")
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT


def test_a_wrong_file_is_deleted(server: Server, tmp_path: Path) -> None:
    server.content = b"<html>Please log in to this network</html>"
    with pytest.raises(UserError, match="did not send the published model.pth"):
        fetch_from(server, tmp_path / "model.pth")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [True, False])
def test_a_file_above_the_limit_is_refused(server: Server, tmp_path: Path, length: bool) -> None:
    server.length = length
    with pytest.raises(UserError, match="sends more than 1 MB"):
        fetch_from(server, tmp_path / "model.pth", limit_bytes=1_000_000)
    assert not (tmp_path / "model.pth").exists()


def test_a_missing_file_is_not_requested_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [404]
    with pytest.raises(UserError, match="404 Not Found"):
        fetch_from(server, tmp_path / "model.pth")
    assert len(server.requested) == 1


def test_a_busy_server_is_retried_from_the_same_byte(server: Server, tmp_path: Path) -> None:
    server.drop_after, server.statuses = [], [503, 429]
    (tmp_path / "model.pth.part").write_bytes(CONTENT[:1000])
    assert fetch_from(server, tmp_path / "model.pth").read_bytes() == CONTENT
    assert server.requested == ["bytes=1000-"] * 3


def test_without_a_connection_the_part_is_kept(tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT[:2_000_000])
    with pytest.raises(
        UserError, match=r"no connection to 127\.0\.0\.1 .* continue after the first 2\.0 MB.*add it as a file"
    ):
        fetch(
            "http://127.0.0.1:9/model.pth",
            tmp_path / "model.pth",
            silent,
            sha256=SHA256,
            limit_bytes=10**7,
            pause_seconds=0.0,
        )
    assert (tmp_path / "model.pth.part").stat().st_size == 2_000_000


def test_two_downloads_of_a_file_at_once_are_refused(server: Server, tmp_path: Path) -> None:
    def download_again(fraction: float, step: str) -> None:
        if fraction < 1:
            fetch_from(server, tmp_path / "model.pth")

    with pytest.raises(UserError, match="being downloaded already"):
        fetch(server.url, tmp_path / "model.pth", download_again, sha256=SHA256, limit_bytes=10_000_000)


def test_a_full_disk_is_detected_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("backend.files.downloads.shutil.disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="needs 3 MB, but the disk has 1 MB left"):
        fetch_from(server, tmp_path / "model.pth")
