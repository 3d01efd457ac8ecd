from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from ground_truth_files import seq_label, write_labeling_job, write_sequence_file
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backend.errors import UserError
from backend.labels import clip_lengths
from backend.labels.frame_mapping import AmbiguousFrames, FrameMapping
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import load_labels
from backend.progress import silent
from backend.steps import videos
from backend.steps.importing import import_labels
from backend.workspace import Workspace
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks


def boxes(frames: int, xyxy: tuple[float, ...] = (5, 5, 25, 35)) -> Tracks:
    """Return the tracks of an object that has the same box in all frames."""
    return Tracks(range(frames), np.ones(frames), [xyxy] * frames, np.ones(frames), np.zeros(frames), ("person",))


@pytest.fixture
def video(workspace: Workspace, tiny_video: Path) -> Video:
    return workspace.get(Video, videos.add(workspace, silent, source=str(tiny_video))["video"])


@pytest.fixture
def job(tmp_path: Path) -> Path:
    clips = {f"tiny_{k}": seq_label(boxes(5), [0, 1, 2, 3, 4]) for k in range(4)}
    clips["tiny_2"] = seq_label(boxes(5), [0, 2, 4])
    return write_labeling_job(tmp_path / "job", clips)


def test_a_job_cuts_the_video_into_its_clips_only_once(workspace: Workspace, video: Video, job: Path) -> None:
    for _ in range(2):
        imported = import_labels(workspace, silent, path=str(job))
    clips = [record for record in workspace.list(Video) if record.parent == video.id]
    assert sorted((clip.name, clip.start, clip.frames) for clip in clips) == [(f"tiny_{k}", 5 * k, 5) for k in range(4)]
    labels = [workspace.get(Labels, id) for id in imported["labels"]]
    assert [workspace.get(Video, record.video).name for record in labels] == [f"tiny_{k}" for k in range(4)]
    assert labels[2].labeled_frames == [0, 2, 4]
    assert labels[0].classes == ["person"] and labels[0].objects == 1 and labels[0].boxes == 5


def test_a_zip_file_of_a_job_is_imported_for_existing_clips(
    workspace: Workspace, tiny_video: Path, tmp_path: Path, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for k in range(4):
        shutil.copy(tiny_video, tmp_path / f"tiny_{k}.mp4")
        videos.add(workspace, silent, source=str(tmp_path / f"tiny_{k}.mp4"))
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "job")
    assert len(import_labels(workspace, silent, path=archive, step=1)["labels"]) == 4
    assert len(workspace.list(Video)) == 4
    assert not list(temporary.iterdir())  # what was unpacked is gone


def test_clip_lengths_are_not_guessed(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    job = write_labeling_job(tmp_path / "job", {"tiny_2": seq_label(boxes(5), [0, 3])})
    with pytest.raises(UserError, match="do not say how long"):
        import_labels(workspace, silent, path=str(job))
    videos.cut(workspace, silent, video=video.id, every_frames=5)
    (id,) = import_labels(workspace, silent, path=str(job))["labels"]
    assert workspace.get(Video, workspace.get(Labels, id).video).start == 10


def test_clips_without_labels_are_skipped(workspace: Workspace, video: Video, job: Path) -> None:
    (job / "annotations/consolidated-annotation/output/1/SeqLabel.json").unlink()
    imported = import_labels(workspace, silent, path=str(job))
    assert len(imported["labels"]) == 3
    assert "tiny_1" in imported["skipped"][0]


def test_boxes_are_clipped_to_the_frame(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("".join(f"{n},1,-10,-10,40,30,1,1,1\n" for n in range(1, 21)))
    (id,) = import_labels(workspace, silent, path=str(tmp_path / "gt.txt"))["labels"]
    labels = workspace.get(Labels, id)
    assert load_labels(workspace, labels).xyxy[0].tolist() == [0, 0, 30, 20]
    assert "clipped" in " ".join(labels.notes)


def test_a_box_without_area_is_dropped(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    rows = [f"{frame},0,5,5,{0 if frame == 3 else 10},10,1,1,1\n" for frame in range(1, 21)]
    (tmp_path / "gt.txt").write_text("".join(rows))
    (id,) = import_labels(workspace, silent, path=str(tmp_path / "gt.txt"), video=video.id)["labels"]
    labels = workspace.get(Labels, id)
    assert labels.boxes == 19 and "1 box outside the frame or without area dropped." in labels.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("".join(f"{n},1,5,5,10,10,1,1,1\n" for n in range(1, 90)), "another video"),
        ("".join(f"{n},1,500,5,10,10,1,1,1\n" for n in range(1, 10)), "another video"),
        ("", "empty"),
        ("hello\n", "line 1"),
    ],
)
def test_labels_that_do_not_fit_the_video_are_refused(
    workspace: Workspace, video: Video, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "gt.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        import_labels(workspace, silent, path=str(tmp_path / "gt.txt"), video=video.id)
    assert not workspace.list(Labels)


def test_paths_without_labels_are_refused(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("x")
    for path, message in (
        (tmp_path / "gone", "No such file"),
        (tmp_path / "a.docx", "Unknown label format"),
        (workspace.root, "Unknown label format"),
    ):
        with pytest.raises(UserError, match=message):
            import_labels(workspace, silent, path=str(path))
    with pytest.raises(UserError, match="S3"):
        import_labels(workspace, silent, path="s3://bucket/job")


def write_labels_of_every_5th_frame(kind: str, folder: Path) -> Path:
    """Write labels of frames 0, 5, 10 and 15 of `tiny` as tools do that number only the labeled images."""
    if kind == "coco":
        images = [{"id": k, "file_name": f"frame_{k:06d}.jpg"} for k in range(4)]
        annotations = [{"image_id": k, "category_id": 1, "bbox": [5 * k, 5, 20, 30], "track_id": 1} for k in range(4)]
        path = folder / "labels.json"
        categories = [{"id": 1, "name": "person"}]
        path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
        return path
    if kind == "mot":
        (folder / "gt.txt").write_text("".join(f"{k + 1},1,{5 * k},5,20,30,1,1,1\n" for k in range(4)))
        return folder / "gt.txt"
    moving = Tracks(range(4), np.ones(4), [[5 * k, 5, 5 * k + 20, 35] for k in range(4)], np.ones(4), np.zeros(4))
    job = write_labeling_job(folder / "job", {"tiny": seq_label(moving, [0, 1, 2, 3])})
    if kind == "ground truth":
        write_sequence_file(job, "tiny", [f"frame_{k:04d}.jpeg" for k in range(4)])
    return job


@pytest.mark.parametrize("kind", ["ground truth", "ground truth without its inputs", "mot", "coco"])
def test_consecutive_numbers_for_every_5th_frame_need_a_step(
    workspace: Workspace, video: Video, tmp_path: Path, kind: str
) -> None:
    path = str(write_labels_of_every_5th_frame(kind, tmp_path))
    with pytest.raises(AmbiguousFrames, match=r"\b4 frames.*\b20 frames.*every 5th frame.* step=5 "):
        import_labels(workspace, silent, path=path)
    assert not workspace.list(Labels)
    for first_frame, frames in ((None, [0, 5, 10, 15]), (4, [4, 9, 14, 19])):
        (id,) = import_labels(workspace, silent, path=path, step=5, first_frame=first_frame)["labels"]
        labels = workspace.get(Labels, id)
        table = load_labels(workspace, labels)
        assert labels.labeled_frames == table.frame.tolist() == frames
        assert table.xyxy[:, 0].tolist() == [0, 5, 10, 15]
        assert f"labels of every 5th frame from frame {first_frame or 0} on" in labels.notes[-2]
    (id,) = import_labels(workspace, silent, path=path, step=1)["labels"]
    assert workspace.get(Labels, id).labeled_frames == [0, 1, 2, 3]


def test_seqinfo_is_compared_with_the_video(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text("".join(f"{n},1,5,5,20,30,1,1,1\n" for n in range(1, 5)))
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=tiny\nseqLength=4\nframeRate=2\n")
    with pytest.raises(AmbiguousFrames, match="“tiny” has 4 frames at 2 frames/s, the video 10, .* step=5 "):
        import_labels(workspace, silent, path=str(folder))
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=tiny\nseqLength=20\nframeRate=25\n")
    (id,) = import_labels(workspace, silent, path=str(folder))["labels"]
    assert "25 frames/s, the video 10" in " ".join(workspace.get(Labels, id).notes)


@pytest.fixture
def subsampled_job(tmp_path: Path) -> Path:
    """A job on every second frame of two clips of `tiny`, each of 10 frames."""
    moving = Tracks(range(5), np.ones(5), [[2 * k, 5, 2 * k + 20, 35] for k in range(5)], np.ones(5), np.zeros(5))
    job = write_labeling_job(tmp_path / "job", {f"tiny_{k}": seq_label(moving, list(range(5))) for k in range(2)})
    for k in range(2):
        write_sequence_file(job, f"tiny_{k}", [f"frame_{number:04d}.jpeg" for number in range(5)])
    return job


def test_the_number_of_labeled_images_is_not_taken_for_the_clip_length(
    workspace: Workspace, video: Video, subsampled_job: Path
) -> None:
    with pytest.raises(AmbiguousFrames, match="2 clips of 5 frames, 10 in total, .* 20 frames.* step=2 "):
        import_labels(workspace, silent, path=str(subsampled_job))
    assert workspace.list(Video) == [video]
    imported = import_labels(workspace, silent, path=str(subsampled_job), step=2)
    labels = [workspace.get(Labels, id) for id in imported["labels"]]
    clips = [workspace.get(Video, record.video) for record in labels]
    assert [(clip.start, clip.frames) for clip in clips] == [(0, 10), (10, 10)]
    assert [record.labeled_frames for record in labels] == [[0, 2, 4, 6, 8]] * 2


def test_a_video_with_clips_is_not_cut_again(workspace: Workspace, video: Video, subsampled_job: Path) -> None:
    videos.cut(workspace, silent, video=video.id, every_frames=10)
    before = {record.id for record in workspace.list(Video)}
    with pytest.raises(AmbiguousFrames, match="cut into clips of 10 frames, but the labels have 5 .* step=2 "):
        import_labels(workspace, silent, path=str(subsampled_job))
    assert len(import_labels(workspace, silent, path=str(subsampled_job), step=2)["labels"]) == 2
    with pytest.raises(UserError, match="clips of 10 frames, but the labels have 5 frames per clip. Cut the video"):
        import_labels(workspace, silent, path=str(subsampled_job), step=3)
    assert {record.id for record in workspace.list(Video)} == before


def test_among_several_cuts_the_one_with_matching_clip_lengths_is_used(
    workspace: Workspace, video: Video, job: Path
) -> None:
    for length in (5, 10, 7):
        videos.cut(workspace, silent, video=video.id, every_frames=length)
    imported = import_labels(workspace, silent, path=str(job))["labels"]
    assert [workspace.get(Video, workspace.get(Labels, id).video).start for id in imported] == [0, 5, 10, 15]


def test_the_clip_length_is_not_taken_from_a_single_clip(workspace: Workspace, video: Video, tmp_path: Path) -> None:
    # The clip can be one of ten clips of 2 frames, or the rest of a video that was cut into clips of 9 frames.
    job = write_labeling_job(tmp_path / "job", {"tiny_2": seq_label(boxes(2), [0, 1])})
    write_sequence_file(job, "tiny_2", ["frame_0000.jpeg", "frame_0001.jpeg"])
    with pytest.raises(UserError, match="do not say how long"):
        import_labels(workspace, silent, path=str(job), step=1)
    assert workspace.list(Video) == [video]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(2, 6), st.integers(1, 6), st.integers(0, 5), st.integers(1, 40))
def test_the_true_clip_length_is_among_the_possible_lengths(
    length: int, count: int, step: int, first_frame: int, last_length: int
) -> None:
    mapping, frames = FrameMapping(step, first_frame), length * (count - 1) + min(last_length, length)
    sequences = {}
    for number in range(count):
        images = mapping.images(min(length, frames - number * length))
        assume(images)
        sequences[number] = LabelSequence(f"a_{number}", Tracks.empty(), list(range(images)), images)
    assert length in clip_lengths.possible_lengths(frames, sequences, mapping)


def test_a_file_name_that_ends_in_a_number_is_not_taken_for_a_clip(
    workspace: Workspace, video: Video, tmp_path: Path
) -> None:
    (tmp_path / "export_2.txt").write_text("".join(f"{n},1,5,5,20,30,1,1,1\n" for n in range(1, 21)))
    assert len(import_labels(workspace, silent, path=str(tmp_path / "export_2.txt"))["labels"]) == 1


def test_all_splits_of_a_roboflow_export_are_imported_together(
    workspace: Workspace, video: Video, tmp_path: Path
) -> None:
    for split, frames in (("train", (0, 5)), ("valid", (10,)), ("test", (15,))):
        images = [
            {"id": k, "file_name": f"tiny_mp4-{frame:04d}_jpg.rf.Ab{frame}9Zx.jpg"} for k, frame in enumerate(frames)
        ]
        annotations = [{"image_id": k, "category_id": 1, "bbox": [frame, 5, 20, 30]} for k, frame in enumerate(frames)]
        categories = [
            {"id": 0, "name": "people", "supercategory": "none"},
            {"id": 1, "name": "person", "supercategory": "people"},
        ]
        (tmp_path / "export" / split).mkdir(parents=True)
        (tmp_path / "export" / split / "_annotations.coco.json").write_text(
            json.dumps({"images": images, "annotations": annotations, "categories": categories})
        )
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "export")
    for path in (str(tmp_path / "export"), archive):
        (id,) = import_labels(workspace, silent, path=path)["labels"]
        labels = workspace.get(Labels, id)
        assert (labels.labeled_frames, labels.classes) == ([0, 5, 10, 15], ["person"])
        assert load_labels(workspace, labels).xyxy[:, 0].tolist() == [0, 5, 10, 15]


def test_the_example_job_is_imported(workspace: Workspace, shared_data: Path) -> None:
    pets = shared_data / "pets"
    videos.add(workspace, silent, source=str(pets / "PETS09-S2L1.mp4"))
    imported = import_labels(workspace, silent, path=str(pets / "labeling-job-output" / "pets-people"))
    labels = [workspace.get(Labels, id) for id in imported["labels"]]
    assert [len(record.labeled_frames) for record in labels] == [50, 50, 10, 50, 50, 50]
    with pytest.raises(UserError, match="another video"):
        import_labels(workspace, silent, path=str(shared_data / "mot15" / "PETS09-S2L1"))
