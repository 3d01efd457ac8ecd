from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from folders import labelling_job, seq_label

from backend import videos
from backend.errors import UserError
from backend.labels.importing import import_labels
from backend.labels.sequence import load
from backend.progress import silent
from backend.records import Labels, Video
from backend.workspace import Workspace
from bytetrack.tracks import Tracks


def boxes(frames: int, xyxy: tuple[float, ...] = (5, 5, 25, 35)) -> Tracks:
    return Tracks(range(frames), np.ones(frames), [xyxy] * frames, np.ones(frames), np.zeros(frames), ("person",))


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    return workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])


@pytest.fixture
def job(tmp_path: Path) -> Path:
    clips = {f"tiny_{k}": seq_label(boxes(5), [0, 1, 2, 3, 4]) for k in range(4)}
    clips["tiny_2"] = seq_label(boxes(5), [0, 2, 4])
    return labelling_job(tmp_path / "job", clips)


def test_a_job_cuts_its_video_into_its_clips_once(workspace: Workspace, video: Video, job: Path) -> None:
    for _ in range(2):
        imported = import_labels(workspace, silent, path=str(job))
    clips = [each for each in workspace.list(Video) if each.parent == video.id]
    assert sorted((clip.name, clip.start, clip.frames) for clip in clips) == [(f"tiny_{k}", 5 * k, 5) for k in range(4)]
    labels = [workspace.get(Labels, id) for id in imported["labels"]]
    assert [workspace.get(Video, each.video).name for each in labels] == [f"tiny_{k}" for k in range(4)]
    assert labels[2].labelled_frames == [0, 2, 4]
    assert labels[0].classes == ["person"] and labels[0].objects == 1 and labels[0].boxes == 5


def test_a_zip_of_a_job_for_clips_that_are_there(
    workspace: Workspace, tiny_video: Path, tmp_path: Path, job: Path
) -> None:
    for k in range(4):
        shutil.copy(tiny_video, tmp_path / f"tiny_{k}.mp4")
        videos.add(workspace, silent, source=str(tmp_path / f"tiny_{k}.mp4"))
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "job")
    assert len(import_labels(workspace, silent, path=archive)["labels"]) == 4
    assert len(workspace.list(Video)) == 4
    assert not [each for each in workspace.root.iterdir() if each.name.startswith(".import")]


def test_clips_of_unknown_length_are_not_guessed(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    job = labelling_job(tmp_path / "job", {"tiny_2": seq_label(boxes(5), [0, 3])})
    with pytest.raises(UserError, match="do not tell how long"):
        import_labels(workspace, silent, path=str(job))
    videos.cut(workspace, silent, video=video.id, every_frames=5)
    (id,) = import_labels(workspace, silent, path=str(job))["labels"]
    assert workspace.get(Video, workspace.get(Labels, id).video).start == 10


def test_a_half_done_job(workspace: Workspace, video: Video, job: Path) -> None:
    (job / "annotations/consolidated-annotation/output/1/SeqLabel.json").unlink()
    imported = import_labels(workspace, silent, path=str(job))
    assert len(imported["labels"]) == 3
    assert "tiny_1" in imported["skipped"][0]


def test_boxes_over_the_border_are_clipped(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("".join(f"{n},1,-10,-10,40,30,1,1,1\n" for n in range(1, 21)))
    (id,) = import_labels(workspace, silent, path=str(tmp_path / "gt.txt"))["labels"]
    labels = workspace.get(Labels, id)
    assert load(workspace, labels).xyxy[0].tolist() == [0, 0, 30, 20]
    assert "clipped" in " ".join(labels.notes)


def test_a_box_without_an_area_is_left_out_and_the_others_are_kept(
    workspace: Workspace, video: Video, tmp_path: Path
) -> None:
    rows = [f"{frame},0,5,5,{0 if frame == 3 else 10},10,1,1,1\n" for frame in range(1, 21)]
    (tmp_path / "gt.txt").write_text("".join(rows))
    (id,) = import_labels(workspace, silent, path=str(tmp_path / "gt.txt"), video=video.id)["labels"]
    labels = workspace.get(Labels, id)
    assert labels.boxes == 19 and "1 box outside the frame or without area left out." in labels.notes


@pytest.mark.parametrize(
    "text, says",
    [
        ("".join(f"{n},1,5,5,10,10,1,1,1\n" for n in range(1, 90)), "another video"),
        ("".join(f"{n},1,500,5,10,10,1,1,1\n" for n in range(1, 10)), "another video"),
        ("", "empty"),
        ("hello\n", "line 1"),
    ],
)
def test_labels_that_cannot_be_of_the_video(
    workspace: Workspace, video: Video, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(UserError, match=says):
        import_labels(workspace, silent, path=str(tmp_path / "gt.txt"), video=video.id)
    assert not workspace.list(Labels)


def test_nothing_to_import(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("x")
    for path, says in (
        (tmp_path / "gone", "no file"),
        (tmp_path / "a.docx", "not labels"),
        (workspace.root, "not labels"),
    ):
        with pytest.raises(UserError, match=says):
            import_labels(workspace, silent, path=str(path))
    with pytest.raises(UserError, match="S3"):
        import_labels(workspace, silent, path="s3://bucket/job")


def test_the_example_job(workspace: Workspace, shared_data: Path) -> None:
    pets = shared_data / "pets"
    videos.add(workspace, silent, source=str(pets / "PETS09-S2L1.mp4"))
    imported = import_labels(workspace, silent, path=str(pets / "labeling-job-output" / "pets-people"))
    labels = [workspace.get(Labels, id) for id in imported["labels"]]
    assert [len(each.labelled_frames) for each in labels] == [50, 50, 10, 50, 50, 50]
    with pytest.raises(UserError, match="another video"):
        import_labels(workspace, silent, path=str(shared_data / "mot15" / "PETS09-S2L1"))
