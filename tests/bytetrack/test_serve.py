"""The program `serve` as a process of its own, over HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
import requests
from blobs import FPS, FRAMES, HEIGHT, SIDE, WIDTH, centers, picture, save_model, save_video
from PIL import Image
from programs import serving
from starlette.testclient import TestClient

from bytetrack import serve, video
from bytetrack.detection.detector import Detector

JPEG, PNG, MP4, JSON = ({"Content-Type": kind} for kind in ("image/jpeg", "image/png", "video/mp4", "application/json"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("ml")
    save_model(base / "model")
    return base


@pytest.fixture(scope="module")
def endpoint(base: Path) -> Iterator[str]:
    with serving(base) as address:
        yield address + "/invocations"


@pytest.fixture(scope="module")
def cramped(base: Path) -> Iterator[str]:
    """An endpoint with little patience and room."""
    limits = {
        "BYTETRACK_MAX_BODY_BYTES": "50000", "BYTETRACK_MAX_SESSIONS": "2", "BYTETRACK_SESSION_IDLE_SECONDS": "1",
    }  # fmt: skip
    with serving(base, **limits) as address:
        yield address + "/invocations"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_video(tmp_path_factory.mktemp("video") / "scene.mp4")


def encoded(frame: int, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, picture(frame))[1].tobytes()


def post(endpoint: str, body: bytes, headers: dict[str, str], session: str | None = None) -> requests.Response:
    named = {"X-Amzn-SageMaker-Session-Id": session} if session else {}
    return requests.post(endpoint, data=body, headers=headers | named, timeout=20)


def start_session(endpoint: str, settings: dict[str, Any] | None = None) -> str:
    answer = post(endpoint, json.dumps(settings or {}).encode(), JSON, "NEW_SESSION")
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]


def refused(answer: requests.Response, status: int, sentence: str) -> None:
    assert answer.status_code == status, answer.text
    assert re.search(sentence, answer.json()["error"]), answer.text


@pytest.mark.parametrize(("suffix", "headers"), [(".jpg", JPEG), (".png", PNG), (".png", {})])
def test_an_image_gives_detections(endpoint: str, suffix: str, headers: dict[str, str]) -> None:
    answer = post(endpoint, encoded(5, suffix), headers).json()
    assert answer["classes"] == ["blue", "red"]
    assert answer["model_ms"] > 0
    boxes = {answer["classes"][found["class_id"]]: found["xyxy"] for found in answer["detections"]}
    for name, (x, y) in centers(5).items():
        assert boxes[name] == pytest.approx([x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2], abs=0.5)


@pytest.mark.parametrize("headers", [MP4, {"Content-Type": "application/octet-stream"}])
def test_a_video_gives_all_its_tracks(endpoint: str, scene: Path, headers: dict[str, str]) -> None:
    answer = post(endpoint, scene.read_bytes(), headers).json()
    assert (answer["frames"], answer["fps"], answer["width"], answer["height"]) == (FRAMES, FPS, WIDTH, HEIGHT)
    assert len(answer["tracks"]) == 2 * FRAMES
    assert {row["id"] for row in answer["tracks"]} == {1, 2}
    assert answer["model_ms"] >= answer["model_seconds"] * 1000 > 0
    assert "detections" not in answer


def test_pieces_within_a_session_give_the_unrefined_tracks_of_the_whole_video(endpoint: str, scene: Path) -> None:
    plain = {"X-Amzn-SageMaker-Custom-Attributes": "smooth=0;min_length=0"}
    whole = post(endpoint, scene.read_bytes(), MP4 | plain).json()
    assert whole["tracks"] != post(endpoint, scene.read_bytes(), MP4).json()["tracks"]
    session = start_session(endpoint, {"frame_rate": FPS})
    rows = []
    for first, count, piece in video.pieces(scene):
        answer = post(endpoint, piece, MP4, session).json()
        assert (answer["first_frame"], answer["frames"]) == (first, count)
        rows += answer["tracks"]
    assert rows == whole["tracks"]


def test_two_sessions_side_by_side_do_not_mix(endpoint: str) -> None:
    forward, backward = start_session(endpoint), start_session(endpoint)
    seen: dict[str, list[tuple[int, int, str]]] = {forward: [], backward: []}
    for step in range(5):
        for session, frame in ((forward, step), (backward, 29 - 2 * step)):
            answer = post(endpoint, encoded(frame), PNG, session).json()
            assert (answer["first_frame"], answer["frames"]) == (step, 1)
            seen[session] += [(row["frame"], row["id"], answer["classes"][row["class_id"]]) for row in answer["tracks"]]
    for rows in seen.values():
        assert len(rows) == 10
        assert {number for _, number, _ in rows} == {1, 2}
        assert len({(number, name) for _, number, name in rows}) == 2


def test_requests_of_one_session_sent_at_once_are_each_given_their_frame(endpoint: str) -> None:
    session = start_session(endpoint)
    answers: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(post(endpoint, encoded(3), PNG, session).json()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["first_frame"] for answer in answers) == list(range(8))


def test_a_session_can_begin_with_its_first_image_and_be_closed(endpoint: str) -> None:
    answer = post(endpoint, encoded(0), PNG, "NEW_SESSION")
    session, _, expires = answer.headers["X-Amzn-SageMaker-New-Session-Id"].partition("; Expires=")
    assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9])*", session)
    assert datetime.strptime(expires, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) > datetime.now(UTC)
    assert len(answer.json()["tracks"]) == 2

    closed = post(endpoint, b'{"close": true}', JSON, session)
    assert closed.headers["X-Amzn-SageMaker-Closed-Session-Id"] == session
    refused(post(endpoint, encoded(1), PNG, session), 410, "not alive.*NEW_SESSION")


def test_a_session_may_begin_with_nothing(endpoint: str) -> None:
    answer = post(endpoint, b"", {}, "NEW_SESSION")
    assert answer.status_code == 200
    assert answer.json()["tracks"] == []


def test_settings_come_in_custom_attributes_too(endpoint: str, scene: Path) -> None:
    def tracks(attributes: str) -> dict[str, Any]:
        return post(endpoint, scene.read_bytes(), MP4 | {"X-Amzn-SageMaker-Custom-Attributes": attributes}).json()

    assert tracks("track_thresh=1;detections=true")["tracks"] == []
    assert tracks("detections=true")["detections"]["frames"] == FRAMES
    refused(
        post(endpoint, b"", {"X-Amzn-SageMaker-Custom-Attributes": "frame_rate"}, "NEW_SESSION"), 400, "has no value"
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"track_tresh": 0.5}', "no setting 'track_tresh'"),
        (b'{"track_thresh": 5}', "track_thresh is 5"),
        (b'{"frame_rate": "fast"}', "frame_rate is 'fast'"),
        (b"[1, 2]", "must be a JSON object"),
        (b"{", "not JSON"),
        (b" " * 70_000, "more than 64 kB"),
    ],
)
def test_wrong_settings_are_named(endpoint: str, body: bytes, sentence: str) -> None:
    refused(post(endpoint, body, JSON, "NEW_SESSION"), 400, sentence)


@pytest.mark.parametrize(
    ("body", "headers", "status", "sentence"),
    [
        (b"not a picture", JPEG, 400, "not an image that can be read"),
        (encoded(0, ".jpg")[:-200], JPEG, 400, "damaged"),
        (encoded(0)[:60], PNG, 400, "damaged"),
        (b"just text", MP4, 400, "not a video"),
        (b"just text", {"Content-Type": "application/octet-stream"}, 400, "not a video"),
        (b"just text", {"Content-Type": "text/plain"}, 415, "takes image/jpeg.*not 'text/plain'"),
        (b"", JPEG, 400, "image or a video, and it is empty"),
        (b"{}", JSON, 400, "NEW_SESSION"),
    ],
)
def test_bad_bodies_are_refused_with_a_sentence(
    endpoint: str, body: bytes, headers: dict[str, str], status: int, sentence: str
) -> None:
    refused(post(endpoint, body, headers), status, sentence)


def blank(width: int, height: int) -> bytes:
    """A PNG of one color: 25 megapixels in 30 kB."""
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def test_a_picture_that_would_fill_the_memory_is_refused(endpoint: str) -> None:
    refused(post(endpoint, blank(5_001, 5_000), PNG), 400, "5001 x 5000 pixels; at most 25 megapixels")
    assert post(endpoint, blank(5_000, 5_000), PNG).status_code == 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory of a process is Linux's to tell")
@pytest.mark.parametrize("in_sessions", [False, True])
def test_many_large_pictures_at_once_are_decoded_a_few_at_a_time(base: Path, in_sessions: bool) -> None:
    large, answers = blank(5_000, 5_000), []
    with serving(base) as address:
        endpoint = f"{address}/invocations"
        post(endpoint, encoded(0), PNG)
        before = peak_memory(address)
        session = "NEW_SESSION" if in_sessions else None
        threads = [
            threading.Thread(target=lambda: answers.append(post(endpoint, large, PNG, session).status_code))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 12
        # 75 MB each: two at once, with what the decoder and the allocator need beside them; 12 would be 900 MB.
        assert peak_memory(address) - before < 400 << 20


def peak_memory(address: str) -> int:
    """The largest resident set that the process behind an address ever had, in bytes."""
    port = int(address.rpartition(":")[2])
    [listening] = [
        each.pid for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.laddr.port == port
    ]
    status = Path(f"/proc/{listening}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
    ],
)
def test_web_pages_get_nothing_from_a_server_on_loopback(endpoint: str, headers: dict[str, str]) -> None:
    refused(
        post(endpoint, encoded(0), {"Content-Type": "application/x-www-form-urlencoded"} | headers), 403, "web page"
    )
    assert requests.get(endpoint.replace("invocations", "ping"), headers=headers, timeout=5).status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST."])
def test_clients_of_this_machine_are_answered_by_any_of_its_names(endpoint: str, name: str) -> None:
    own = f"{name}:{endpoint.split(':')[2].partition('/')[0]}"
    assert post(endpoint, encoded(0), PNG | {"Host": own}).status_code == 200
    assert post(endpoint, encoded(0), PNG | {"Host": own, "Origin": f"http://{own}"}).status_code == 200


def test_a_server_that_others_may_reach_answers_to_any_host(base: Path) -> None:
    """SageMaker's own host name is none of ours."""
    options = serve.Options(host="0.0.0.0")
    client = TestClient(serve.Service(Detector(base / "model"), options).app(), base_url="http://container:8080")
    assert client.get("/ping").status_code == 200


def test_a_refused_request_leaves_its_session_as_it_was(endpoint: str) -> None:
    session = start_session(endpoint)
    post(endpoint, encoded(0), PNG, session)
    refused(post(endpoint, b"noise", PNG, session), 400, "not an image")
    refused(post(endpoint, b"{}", JSON, session), 400, "settings are given when it is started")
    answer = post(endpoint, encoded(1), PNG, session).json()
    assert answer["first_frame"] == 1 and {row["id"] for row in answer["tracks"]} == {1, 2}


def test_a_body_over_the_limit_is_refused(cramped: str) -> None:
    refused(post(cramped, b"x" * 80_000, MP4), 413, "larger than the 50,000 bytes")


def test_sessions_are_limited_and_expire(cramped: str) -> None:
    first = start_session(cramped)
    start_session(cramped)
    refused(post(cramped, b"", {}, "NEW_SESSION"), 429, "All 2 sessions")
    time.sleep(1.1)
    refused(post(cramped, encoded(0), PNG, first), 410, "left alone for more than 1 seconds")
    start_session(cramped)


def test_unknown_paths_and_methods_are_answered(endpoint: str) -> None:
    refused(requests.get(endpoint, timeout=5), 405, "Method")
    refused(requests.get(endpoint + "/nowhere", timeout=5), 404, "Not Found")


def test_ping_answers_and_sigterm_ends_the_server_while_it_works(base: Path, tmp_path: Path) -> None:
    with video.VideoWriter(tmp_path / "long.mp4", FPS, (WIDTH, HEIGHT)) as writer:
        for _ in range(4000):
            writer.write(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    long = (tmp_path / "long.mp4").read_bytes()
    answers: list[requests.Response] = []
    with serving(base) as address:
        busy = threading.Thread(target=lambda: answers.append(post(address + "/invocations", long, MP4)))
        busy.start()
        time.sleep(0.3)
        started = time.monotonic()
        assert requests.get(f"{address}/ping", timeout=2).status_code == 200
        assert time.monotonic() - started < 1
        assert busy.is_alive()
    busy.join()
    refused(answers[0], 503, "shutting down")


def test_without_a_model_it_says_so_and_fails(tmp_path: Path) -> None:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "bytetrack.serve"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"serve: .*model.*\n", ended.stderr)


def test_a_port_that_is_none_is_named(base: Path) -> None:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": "http"}
    ended = subprocess.run(
        [sys.executable, "-m", "bytetrack.serve"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert "SAGEMAKER_BIND_TO_PORT must be a positive whole number and is 'http'" in ended.stderr
