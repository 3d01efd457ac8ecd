"""The program `serve` in its own process, over HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
import requests
from moving_squares import FPS, FRAMES, HEIGHT, SIDE, WIDTH, centers, render_frame, save_model, save_video
from PIL import Image
from programs import serving
from starlette.testclient import TestClient
from waiting import until

from bytetrack import video
from bytetrack.detection.detector import Detector
from bytetrack.serving.options import Options
from bytetrack.serving.routes import Service

pytestmark = pytest.mark.slow

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
def limited(base: Path) -> Iterator[str]:
    """An endpoint with low limits."""
    limits = {
        "BYTETRACK_MAX_BODY_BYTES": "50000",
        "BYTETRACK_MAX_SESSIONS": "2",
        "BYTETRACK_SESSION_IDLE_SECONDS": "1",
    }
    with serving(base, **limits) as address:
        yield address + "/invocations"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_video(tmp_path_factory.mktemp("video") / "scene.mp4")


def encoded(frame: int, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, render_frame(frame))[1].tobytes()


def post(endpoint: str, body: bytes, headers: dict[str, str], session: str | None = None) -> requests.Response:
    named = {"X-Amzn-SageMaker-Session-Id": session} if session else {}
    return requests.post(endpoint, data=body, headers=headers | named, timeout=20)


def start_session(endpoint: str, settings: dict[str, Any] | None = None) -> str:
    answer = post(endpoint, json.dumps(settings or {}).encode(), JSON, "NEW_SESSION")
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Amzn-SageMaker-New-Session-Id"].partition(";")[0]


def assert_refused(answer: requests.Response, status: int, sentence: str) -> None:
    assert answer.status_code == status, answer.text
    assert re.search(sentence, answer.json()["error"]), answer.text


@pytest.mark.parametrize(("suffix", "headers"), [(".jpg", JPEG), (".png", PNG), (".png", {})])
def test_an_image_gives_detections(endpoint: str, suffix: str, headers: dict[str, str]) -> None:
    answer = post(endpoint, encoded(5, suffix), headers).json()
    assert answer["classes"] == ["blue", "red"]
    assert answer["model_ms"] > 0
    boxes = {answer["classes"][row["class_id"]]: row["xyxy"] for row in answer["detections"]}
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


def test_two_sessions_do_not_mix(endpoint: str) -> None:
    forward, backward = start_session(endpoint), start_session(endpoint)
    tracks: dict[str, list[tuple[int, int, str]]] = {forward: [], backward: []}
    for step in range(5):
        for session, frame in ((forward, step), (backward, 29 - 2 * step)):
            answer = post(endpoint, encoded(frame), PNG, session).json()
            assert (answer["first_frame"], answer["frames"]) == (step, 1)
            tracks[session] += [
                (row["frame"], row["id"], answer["classes"][row["class_id"]]) for row in answer["tracks"]
            ]
    for rows in tracks.values():
        assert len(rows) == 10
        assert {number for _, number, _ in rows} == {1, 2}
        assert len({(number, name) for _, number, name in rows}) == 2


def test_parallel_requests_of_one_session_get_consecutive_frames(endpoint: str) -> None:
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


def test_a_session_can_start_with_an_image_and_be_closed(endpoint: str) -> None:
    answer = post(endpoint, encoded(0), PNG, "NEW_SESSION")
    session, _, expires = answer.headers["X-Amzn-SageMaker-New-Session-Id"].partition("; Expires=")
    assert re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9])*", session)
    assert datetime.strptime(expires, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) > datetime.now(UTC)
    assert len(answer.json()["tracks"]) == 2

    closed = post(endpoint, b'{"close": true}', JSON, session)
    assert closed.headers["X-Amzn-SageMaker-Closed-Session-Id"] == session
    assert_refused(post(endpoint, encoded(1), PNG, session), 410, "does not exist.*NEW_SESSION")


def test_a_session_can_start_with_an_empty_body(endpoint: str) -> None:
    answer = post(endpoint, b"", {}, "NEW_SESSION")
    assert answer.status_code == 200
    assert answer.json()["tracks"] == []


def test_settings_can_be_custom_attributes(endpoint: str, scene: Path) -> None:
    def tracks(attributes: str) -> dict[str, Any]:
        return post(endpoint, scene.read_bytes(), MP4 | {"X-Amzn-SageMaker-Custom-Attributes": attributes}).json()

    assert tracks("track_thresh=1;detections=true")["tracks"] == []
    assert tracks("detections=true")["detections"]["frames"] == FRAMES
    assert_refused(
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
def test_invalid_settings_are_reported(endpoint: str, body: bytes, sentence: str) -> None:
    assert_refused(post(endpoint, body, JSON, "NEW_SESSION"), 400, sentence)


@pytest.mark.parametrize(
    ("body", "headers", "status", "sentence"),
    [
        (b"not a picture", JPEG, 400, "not an image that can be read"),
        (encoded(0, ".jpg")[:-200], JPEG, 400, "damaged"),
        (encoded(0)[:60], PNG, 400, "damaged"),
        (b"just text", MP4, 400, "not a video"),
        (b"just text", {"Content-Type": "application/octet-stream"}, 400, "not a video"),
        (b"just text", {"Content-Type": "text/plain"}, 415, "accepts image/jpeg.*not 'text/plain'"),
        (b"", JPEG, 400, "image or a video, but it is empty"),
        (b"{}", JSON, 400, "NEW_SESSION"),
    ],
)
def test_invalid_bodies_are_refused_with_a_message(
    endpoint: str, body: bytes, headers: dict[str, str], status: int, sentence: str
) -> None:
    assert_refused(post(endpoint, body, headers), status, sentence)


def blank_png(width: int, height: int) -> bytes:
    """Return a PNG of one color: 25 megapixels take 30 kB."""
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def test_an_image_with_too_many_pixels_is_refused(endpoint: str) -> None:
    assert_refused(post(endpoint, blank_png(5_001, 5_000), PNG), 400, "5001 x 5000 pixels, but at most 25 megapixels")
    assert post(endpoint, blank_png(5_000, 5_000), PNG).status_code == 200


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux reports the peak memory of a process")
@pytest.mark.parametrize("in_sessions", [False, True])
def test_only_a_few_large_images_are_decoded_at_the_same_time(base: Path, in_sessions: bool) -> None:
    large, answers = blank_png(5_000, 5_000), []
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
        # Each takes 75 MB, so two take 150 MB beside the decoder's buffers. All 12 would take 900 MB.
        assert peak_memory(address) - before < 400 << 20


def peak_memory(address: str) -> int:
    """Return the peak resident memory of the process behind an address in bytes."""
    port = int(address.rpartition(":")[2])
    connections = psutil.net_connections("tcp")
    [pid] = [entry.pid for entry in connections if entry.status == "LISTEN" and entry.laddr.port == port]
    status = Path(f"/proc/{pid}/status").read_text()
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
def test_a_server_on_loopback_refuses_web_pages(endpoint: str, headers: dict[str, str]) -> None:
    assert_refused(
        post(endpoint, encoded(0), {"Content-Type": "application/x-www-form-urlencoded"} | headers), 403, "web page"
    )
    assert requests.get(endpoint.replace("invocations", "ping"), headers=headers, timeout=5).status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST."])
def test_a_server_on_loopback_answers_under_all_loopback_names(endpoint: str, name: str) -> None:
    host = f"{name}:{endpoint.split(':')[2].partition('/')[0]}"
    assert post(endpoint, encoded(0), PNG | {"Host": host}).status_code == 200
    assert post(endpoint, encoded(0), PNG | {"Host": host, "Origin": f"http://{host}"}).status_code == 200


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("site", ["none", "same-origin", "same-site", "cross-site"])
def test_the_address_of_a_server_on_loopback_shows_a_page(endpoint: str, site: str) -> None:
    """Also by a link on another site, such as the console on another port; that site cannot read the answer."""
    address = endpoint.removesuffix("/invocations")
    answer = requests.get(f"{address}/", headers=NAVIGATION | {"Sec-Fetch-Site": site}, timeout=10)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"] and "<script" not in answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert f"curl {endpoint} -H" in answer.text and "blue, red" in answer.text and f"{WIDTH} × {HEIGHT}" in answer.text


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Sec-Fetch-Site": "cross-site"}),  # a request of a script
        ("/", NAVIGATION | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}),
        ("/", NAVIGATION | {"Sec-Fetch-Site": "cross-site", "Host": "evil.example"}),
        ("/", NAVIGATION | {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}),
        ("/ping", NAVIGATION | {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_other_requests_of_web_pages_stay_refused(endpoint: str, path: str, headers: dict[str, str]) -> None:
    address = endpoint.removesuffix("/invocations")
    assert requests.get(address + path, headers=headers, timeout=10).status_code == 403


def test_a_form_of_a_web_page_is_refused(endpoint: str) -> None:
    headers = PNG | NAVIGATION | {"Sec-Fetch-Site": "cross-site"}
    for address in (endpoint, endpoint.replace("/invocations", "/endpoints/a/invocations")):
        assert post(address, encoded(0), headers).status_code == 403


def test_a_public_server_has_no_page(base: Path) -> None:
    client = TestClient(Service(Detector(base / "model"), Options()).app())
    assert client.get("/").status_code == 404


def test_a_server_answers_at_the_path_that_clients_of_sagemaker_use(endpoint: str) -> None:
    address = endpoint.replace("/invocations", "/endpoints/any-name/invocations")
    assert post(address, encoded(0), PNG).json()["detections"] == post(endpoint, encoded(0), PNG).json()["detections"]


def test_a_public_server_answers_under_any_host_name(base: Path) -> None:
    options = Options(host="0.0.0.0")
    client = TestClient(Service(Detector(base / "model"), options).app(), base_url="http://container:8080")
    assert client.get("/ping").status_code == 200


def test_a_refused_request_leaves_its_session_as_it_was(endpoint: str) -> None:
    session = start_session(endpoint)
    post(endpoint, encoded(0), PNG, session)
    assert_refused(post(endpoint, b"noise", PNG, session), 400, "not an image")
    assert_refused(post(endpoint, b"{}", JSON, session), 400, "Give settings when you start it")
    answer = post(endpoint, encoded(1), PNG, session).json()
    assert answer["first_frame"] == 1 and {row["id"] for row in answer["tracks"]} == {1, 2}


def test_a_body_over_the_limit_is_refused(limited: str) -> None:
    assert_refused(post(limited, b"x" * 80_000, MP4), 413, "larger than the 50,000 bytes")


def test_sessions_are_limited_and_expire(limited: str) -> None:
    first = start_session(limited)
    start_session(limited)
    assert_refused(post(limited, b"", {}, "NEW_SESSION"), 429, "All 2 sessions")
    until(lambda: post(limited, b"", {}, "NEW_SESSION").ok)  # as soon as the others have expired
    assert_refused(post(limited, encoded(0), PNG, first), 410, "no request for 1 seconds")


def test_unknown_paths_and_methods_are_answered(endpoint: str) -> None:
    assert_refused(requests.get(endpoint, timeout=5), 405, "Method")
    assert_refused(requests.get(endpoint + "/nowhere", timeout=5), 404, "Not Found")


def process_of(address: str) -> psutil.Process:
    """Return the process that serves at an address."""
    port = address.rpartition(":")[2]
    [server] = [child for child in psutil.Process().children() if child.environ().get("SAGEMAKER_BIND_TO_PORT") == port]
    return server


@pytest.mark.slow
def test_a_busy_server_answers_pings_and_ends_on_sigterm(base: Path, tmp_path: Path) -> None:
    with video.VideoWriter(tmp_path / "long.mp4", FPS, (WIDTH, HEIGHT)) as writer:
        for _ in range(4000):
            writer.write(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    long = (tmp_path / "long.mp4").read_bytes()
    answers: list[requests.Response] = []
    with serving(base) as address:
        busy = threading.Thread(target=lambda: answers.append(post(address + "/invocations", long, MP4)))
        busy.start()
        server = process_of(address)
        until(lambda: server.cpu_percent(0.1) > 20)  # it works on the video
        assert requests.get(f"{address}/ping", timeout=2).status_code == 200
        assert busy.is_alive()
    busy.join()
    assert_refused(answers[0], 503, "shutting down")


def test_a_missing_model_is_reported(tmp_path: Path) -> None:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "bytetrack.serve"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"serve: .*model.*\n", ended.stderr)


def test_an_invalid_port_is_reported(base: Path) -> None:
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": "http"}
    ended = subprocess.run(
        [sys.executable, "-m", "bytetrack.serve"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert "SAGEMAKER_BIND_TO_PORT must be a positive whole number, but it is 'http'" in ended.stderr


@pytest.mark.parametrize("value", ["red", "%72ed,"])
def test_classes_can_be_chosen_for_an_image_and_a_video(endpoint: str, scene: Path, value: str) -> None:
    chosen = {"X-Amzn-SageMaker-Custom-Attributes": f"classes={value}"}
    image = post(endpoint, encoded(5), PNG | chosen).json()
    assert image["classes"] == ["red"] and [row["class_id"] for row in image["detections"]] == [0]
    tracks = post(endpoint, scene.read_bytes(), MP4 | chosen).json()
    assert tracks["classes"] == ["red"] and len(tracks["tracks"]) == FRAMES


def test_a_session_keeps_its_classes(endpoint: str, scene: Path) -> None:
    session = start_session(endpoint, {"classes": ["red"]})
    all_classes = start_session(endpoint)
    for _ in range(2):
        answer = post(endpoint, scene.read_bytes(), MP4, session).json()
        assert answer["classes"] == ["red"] and len({row["id"] for row in answer["tracks"]}) == 1
        assert post(endpoint, scene.read_bytes(), MP4, all_classes).json()["classes"] == ["blue", "red"]


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (["green"], "no class 'green'. Its classes are blue, red"),
        ([], "Name at least one of the model's classes: blue, red"),
        (7, "must be a list of class names"),
    ],
)
def test_unknown_classes_are_refused(endpoint: str, classes: Any, sentence: str) -> None:
    assert_refused(post(endpoint, json.dumps({"classes": classes}).encode(), JSON, "NEW_SESSION"), 400, sentence)
