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
    """Four frames in which a textured block moves by five pixels each."""
    (tmp_path / "frames").mkdir()
    block = np.random.default_rng(1).integers(0, 255, (40, 30), np.uint8)
    for number in range(4):
        picture = np.full((96, 128), 90, np.uint8)
        picture[20:60, 20 + 5 * number : 50 + 5 * number] = block
        cv2.imwrite(str(tmp_path / "frames" / f"frame_{number:06d}.jpg"), picture)
    spec = LabelingSpec("a", "1", {"clip": ClipToLabel(tmp_path / "frames", 4)}, ["person"], "", "")
    return LabelingFolder.create(tmp_path / "job", spec, 0.0, silent)


def at(folder: LabelingFolder, part: str) -> str:
    return labeling_editor.address_of(folder, 0).replace("PART", part)


def test_what_is_drawn_is_kept(client: TestClient, folder: LabelingFolder) -> None:
    assert client.get(at(folder, "drawn")).json() == {"version": 0, "done": False, "objects": []}
    answer = client.put(at(folder, "drawn"), json={"version": 0, "objects": [OBJECT]})
    assert answer.json() == {"version": 1}
    (kept,) = client.get(at(folder, "drawn")).json()["objects"]
    assert kept["keys"]["0"]["xyxy"] == [20, 20, 50, 60]


def test_who_saves_over_somebody_else_is_told(client: TestClient, folder: LabelingFolder) -> None:
    client.put(at(folder, "drawn"), json={"version": 0, "objects": [OBJECT]})
    answer = client.put(at(folder, "drawn"), json={"version": 0, "objects": []})
    assert answer.status_code == 409 and "another tab" in answer.json()["error"]
    assert len(folder.annotations(0).objects) == 1


def test_what_is_no_drawing_is_refused(client: TestClient, folder: LabelingFolder) -> None:
    assert client.put(at(folder, "drawn"), content=b"no json").status_code == 400
    assert client.post(at(folder, "follow"), json={"frame": -1, "xyxy": [0, 0, 1, 1]}).status_code == 400


def test_frames(client: TestClient, folder: LabelingFolder) -> None:
    answer = client.get(at(folder, "frame") + "&n=3")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == folder.frame_path(0, 3).read_bytes()
    for wrong in ("4", "-1", "x", "../../job.json"):
        assert client.get(at(folder, "frame") + f"&n={wrong}").status_code == 404


def test_a_box_is_followed(client: TestClient, folder: LabelingFolder) -> None:
    found = client.post(at(folder, "follow"), json={"frame": 0, "xyxy": [20, 20, 50, 60], "most": 2}).json()
    np.testing.assert_allclose(found, [[25, 20, 55, 60], [30, 20, 60, 60]], atol=1)


def test_nothing_else_can_be_reached(client: TestClient, folder: LabelingFolder, tmp_path: Path) -> None:
    address = at(folder, "drawn")
    for wrong in (
        address.replace("clip=0", "clip=1"),
        address.replace("job", "job2"),
        address.replace("clip=0", "clip=x"),
        f"{labeling_editor.PATH}/{'0' * 64}/drawn?folder=/etc&clip=0",
        f"{labeling_editor.PATH}/{'0' * 64}/drawn",
        f"{labeling_editor.PATH}/{sign('file', str(folder.path), '0')}/drawn?folder={folder.path}&clip=0",
    ):
        answer = client.get(wrong)
        assert answer.status_code == 403 and "Reload the page" in answer.json()["error"]
    assert client.get(address, headers={"Origin": "http://elsewhere.example"}).status_code == 403
    assert client.get(at(folder, "job.json")).status_code == 404


def test_too_much_is_refused(client: TestClient, folder: LabelingFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labeling_editor, "MAX_BODY_BYTES", 10)
    assert client.put(at(folder, "drawn"), json={"version": 0, "objects": []}).status_code == 413
    pieces = (b"x" * 6 for _ in range(2))  # sent without saying how much it will be
    assert client.put(at(folder, "drawn"), content=pieces).status_code == 413


def test_a_job_that_was_removed_is_told(client: TestClient, folder: LabelingFolder) -> None:
    address = at(folder, "drawn")
    (folder.path / "job.json").unlink()
    answer = client.put(address, json={"version": 0, "objects": []})
    assert answer.status_code == 400 and answer.json()["error"] == "This labeling job was removed."


def test_an_open_tab_can_save_after_the_console_restarted(client: TestClient, folder: LabelingFolder) -> None:
    address = at(folder, "drawn")
    signing._signing_key.cache_clear()  # as in a new process
    assert client.put(address, json={"version": 0, "objects": [OBJECT]}).json() == {"version": 1}
