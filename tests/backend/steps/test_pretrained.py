from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from yolox.config import YoloxConfig
from yolox.data.datasets.coco_classes import COCO_CLASSES as YOLOX_COCO_CLASSES

from backend.errors import UserError
from backend.progress import silent
from backend.steps import models, pretrained
from backend.steps.pretrained_catalog import CATALOG, COCO_CLASSES, identify, similar_name
from backend.workspace import Workspace
from backend.workspace.records import Model

pytestmark = pytest.mark.slow


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a local server that replaces the one with the published files."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv(pretrained.MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_published_model_is_downloaded_and_added(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = YoloxConfig("", num_classes=80, depth=0.33, width=0.25, depthwise=True).get_model()
    torch.save({"model": network.state_dict()}, mirror / "yolox_nano.pth")
    sha256 = hashlib.sha256((mirror / "yolox_nano.pth").read_bytes()).hexdigest()
    monkeypatch.setitem(CATALOG, "yolox_nano", replace(CATALOG["yolox_nano"], sha256=sha256))
    workspace = Workspace(tmp_path / "workspace")
    steps: list[float] = []
    result = pretrained.download(workspace, lambda fraction, step: steps.append(fraction), entry="yolox_nano")
    model = workspace.get(Model, result["model"])
    assert (model.name, model.source, model.size) == ("YOLOX-nano", "YOLOX COCO", "nano")
    assert steps == sorted(steps)
    assert not list((workspace.root / "downloads").glob("*.pth*"))
    (mirror / "yolox_nano.pth").unlink()
    assert pretrained.download(workspace, silent, entry="yolox_nano") == result, "it is not downloaded twice"
    person = models.choose_classes(workspace, model.id, ["person"])
    assert person.classes == ["person"]


def test_a_wrong_file_is_refused(mirror: Path, tmp_path: Path) -> None:
    (mirror / "yolox_s.pth").write_bytes(b"something else")
    workspace = Workspace(tmp_path / "workspace")
    with pytest.raises(UserError, match="did not send the published yolox_s.pth"):
        pretrained.download(workspace, silent, entry="yolox_s")
    assert not workspace.list(Model)


def test_models_that_cannot_be_downloaded_are_refused(mirror: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    with pytest.raises(UserError, match=r"Google Drive.*bytetrack_x_mot17\.pth\.tar.*add it as a file"):
        pretrained.download(workspace, silent, entry="bytetrack_x_mot17")
    with pytest.raises(UserError, match="Unknown published model “yolox_q”"):
        pretrained.download(workspace, silent, entry="yolox_q")
    with pytest.raises(UserError, match="404"):
        pretrained.download(workspace, silent, entry="yolox_m")


def test_the_classes_of_coco_are_those_of_yolox() -> None:
    assert tuple(YOLOX_COCO_CLASSES) == COCO_CLASSES


def test_the_catalog_is_consistent() -> None:
    assert [key for key, entry in CATALOG.items() if entry.url] == [
        f"yolox_{size}" for size in ("nano", "tiny", *"smlx")
    ]
    for entry in CATALOG.values():
        assert all(side % 32 == 0 for side in entry.input_size)
        assert entry.sha256 is None or len(bytes.fromhex(entry.sha256)) == 32
        assert (entry.megabytes is None) == (entry.url is None)
        assert similar_name(entry.file) == entry
        assert entry.sha256 is None or identify(entry.sha256) == entry
        assert entry.normalization == ("raw" if entry.url else "imagenet")
    assert similar_name("Yolox_S (2).pth") == CATALOG["yolox_s"]
    assert similar_name("mine.pth") is None and identify("0" * 64) is None
