from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.routes import labeling_editor, signing
from app.routes.signing import sign
from backend.labels.labeling_folder import LabelingFolder
from backend.labels.labeling_spec import ClipToLabel, LabelingSpec
from backend.progress import silent

OBJECT = {"id": 1, "class_id": 0, "keys": {"0": {"xyxy": [20, 20, 50, 60]}}}


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[labeling_editor.route]))


@pytest.fixture
def folder(tmp_path: Path) -> LabelingFolder:
    """A job on four frames in which a textured block moves by five pixels per frame."""
    (tmp_path / "frames").mkdir()
    block = np.random.default_rng(1).integers(0, 255, (40, 30), np.uint8)
    for number in range(4):
        image = np.full((96, 128), 90, np.uint8)
        image[20:60, 20 + 5 * number : 50 + 5 * number] = block
        cv2.imwrite(str(tmp_path / "frames" / f"frame_{number:06d}.jpg"), image)
    spec = LabelingSpec("a", "1", {"clip": ClipToLabel(tmp_path / "frames", 4)}, ["person"], "", "")
    return LabelingFolder.create(tmp_path / "job", spec, 0.0, silent)


def address_of(folder: LabelingFolder, part: str) -> str:
    return labeling_editor.address_of(folder, 0).replace("PART", part)


def test_annotations_are_saved(client: TestClient, folder: LabelingFolder) -> None:
    assert client.get(address_of(folder, "drawn")).json() == {"version": 0, "done": False, "objects": []}
    answer = client.put(address_of(folder, "drawn"), json={"version": 0, "objects": [OBJECT]})
    assert answer.json() == {"version": 1}
    (saved,) = client.get(address_of(folder, "drawn")).json()["objects"]
    assert saved["keys"]["0"]["xyxy"] == [20, 20, 50, 60]


def test_saving_an_outdated_version_is_a_conflict(client: TestClient, folder: LabelingFolder) -> None:
    client.put(address_of(folder, "drawn"), json={"version": 0, "objects": [OBJECT]})
    answer = client.put(address_of(folder, "drawn"), json={"version": 0, "objects": []})
    assert answer.status_code == 409 and "another tab" in answer.json()["error"]
    assert len(folder.annotations(0).objects) == 1


def test_invalid_requests_are_refused(client: TestClient, folder: LabelingFolder) -> None:
    assert client.put(address_of(folder, "drawn"), content=b"no json").status_code == 400
    assert client.post(address_of(folder, "follow"), json={"frame": -1, "xyxy": [0, 0, 1, 1]}).status_code == 400


def test_frames_are_served(client: TestClient, folder: LabelingFolder) -> None:
    answer = client.get(address_of(folder, "frame") + "&n=3")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == folder.frame_path(0, 3).read_bytes()
    for number in ("4", "-1", "x", "../../job.json"):
        assert client.get(address_of(folder, "frame") + f"&n={number}").status_code == 404


def test_a_box_is_followed(client: TestClient, folder: LabelingFolder) -> None:
    boxes = client.post(address_of(folder, "follow"), json={"frame": 0, "xyxy": [20, 20, 50, 60], "most": 2}).json()
    np.testing.assert_allclose(boxes, [[25, 20, 55, 60], [30, 20, 60, 60]], atol=1)


def test_only_signed_addresses_of_the_console_are_served(
    client: TestClient, folder: LabelingFolder, tmp_path: Path
) -> None:
    address = address_of(folder, "drawn")
    for forged in (
        address.replace("clip=0", "clip=1"),
        address.replace("job", "job2"),
        address.replace("clip=0", "clip=x"),
        f"{labeling_editor.PATH}/{'0' * 64}/drawn?folder=/etc&clip=0",
        f"{labeling_editor.PATH}/{'0' * 64}/drawn",
        f"{labeling_editor.PATH}/{sign('file', str(folder.path), '0')}/drawn?folder={folder.path}&clip=0",
    ):
        answer = client.get(forged)
        assert answer.status_code == 403 and "Reload the page" in answer.json()["error"]
    assert client.get(address, headers={"Origin": "http://elsewhere.example"}).status_code == 403
    assert client.get(address_of(folder, "job.json")).status_code == 404


def test_large_requests_are_refused(
    client: TestClient, folder: LabelingFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labeling_editor, "MAX_BODY_BYTES", 10)
    assert client.put(address_of(folder, "drawn"), json={"version": 0, "objects": []}).status_code == 413
    chunks = (b"x" * 6 for _ in range(2))  # sent without a Content-Length
    assert client.put(address_of(folder, "drawn"), content=chunks).status_code == 413


def test_annotations_of_a_removed_job_cannot_be_saved(client: TestClient, folder: LabelingFolder) -> None:
    address = address_of(folder, "drawn")
    (folder.path / "job.json").unlink()
    answer = client.put(address, json={"version": 0, "objects": []})
    assert answer.status_code == 400 and answer.json()["error"] == "This labeling job was removed."


def test_an_open_tab_can_save_after_the_console_restarted(client: TestClient, folder: LabelingFolder) -> None:
    address = address_of(folder, "drawn")
    signing._signing_key.cache_clear()  # as in a new process
    assert client.put(address, json={"version": 0, "objects": [OBJECT]}).json() == {"version": 1}
