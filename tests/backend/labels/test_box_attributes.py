from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import UserError
from backend.labels import box_attributes
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_store import load_labels, store_labels
from backend.labels.labeling_folder import (
    ClipAnnotations,
    Keyframe,
    LabeledObject,
    objects_from_tracks,
    tracks_from_objects,
)
from backend.platforms import registry
from backend.progress import silent
from backend.steps import labeling
from backend.steps.datasets import split_in_time
from backend.steps.export import export
from backend.steps.importing import import_labels
from backend.steps.videos import add
from backend.workspace import Workspace
from backend.workspace.records import LabelingJob, Labels, Video

NOTED = st.dictionaries(
    st.tuples(st.integers(0, 99), st.integers(1, 9)),
    st.lists(st.sampled_from(list(box_attributes.ATTRIBUTES)), min_size=1, unique=True),
)


@given(NOTED, st.integers(1, 5), st.integers(0, 50))
def test_frames_are_counted_anew_and_back(noted: box_attributes.BoxAttributes, every: int, start: int) -> None:
    thin = box_attributes.subsample(noted, every)
    assert box_attributes.renumber_frames(thin, every) == {
        key: names for key, names in noted.items() if key[0] % every == 0
    }
    assert box_attributes.slice_frames(noted, start, start + 20) == {
        (frame - start, id): names for (frame, id), names in noted.items() if start <= frame < start + 20
    }


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    assert box_attributes.load(tmp_path) == {}
    (tmp_path / "marks.json").write_text('[[1, "x"]]')
    with pytest.raises(UserError, match="marks.json is damaged"):
        box_attributes.load(tmp_path)


def test_what_was_noted_goes_along_all_the_way(workspace: Workspace, tiny_video: Path) -> None:
    """ClipAnnotations, fetched, corrected in another job, exported as Ground Truth's output, and imported again."""
    video = workspace.get(Video, add(workspace, silent, source=str(tiny_video))["video"])
    keys = {
        0: Keyframe(xyxy=(1, 2, 11, 22)),
        3: Keyframe(xyxy=(4, 2, 14, 22), occluded=True),
        5: Keyframe(xyxy=(6, 2, 16, 22), occluded=True, truncated=True),
        7: Keyframe(xyxy=(8, 2, 18, 22)),
    }
    drawn = ClipAnnotations(done=True, objects=[LabeledObject(id=1, class_id=0, keys=keys)])
    table, noted = tracks_from_objects(drawn, ["person"])
    assert noted == {
        (3, 1): ["occluded"], (4, 1): ["occluded"],
        (5, 1): ["occluded", "truncated"], (6, 1): ["occluded", "truncated"],
    }  # fmt: skip
    first = start(workspace, video, {})
    folder = labeling.labeling_folder(workspace, first)
    assert folder
    folder.save(0, drawn.model_dump_json().encode())
    brought = bring_in(workspace, first)
    assert box_attributes.load(workspace.folder(brought)) == noted

    again = labeling.labeling_folder(workspace, start(workspace, video, {video.id: brought.id}))
    assert again and tracks_from_objects(again.annotations(0), ["person"])[1] == noted

    zipped = export(workspace, brought, "ground_truth")
    (imported,) = import_labels(workspace, silent, path=str(zipped))["labels"]
    assert box_attributes.load(workspace.folder(workspace.get(Labels, imported))) == noted

    parts = [
        workspace.get(Labels, id) for id in split_in_time(workspace, silent, labels=brought.id, pieces=4)["labels"]
    ]
    assert box_attributes.load(workspace.folder(parts[1])) == {
        (0, 1): ["occluded", "truncated"], (1, 1): ["occluded", "truncated"],
    }  # fmt: skip
    assert objects_from_tracks(load_labels(workspace, brought), ["person"], noted)[0].keys[5].truncated
    assert store_labels(workspace, video, LabelSequence("bare", table, [0]), "test").boxes == len(table)


def start(workspace: Workspace, video: Video, earlier: dict[str, str]) -> LabelingJob:
    assert registry.chosen(workspace) == "local"
    made = labeling.start(workspace, silent, name="job", clips=[video.id], classes=["person"], earlier=earlier)
    return workspace.get(LabelingJob, made["labeling"])


def bring_in(workspace: Workspace, record: LabelingJob) -> Labels:
    (id,) = labeling.fetch(workspace, silent, labeling=record.id)["labels"]
    return workspace.get(Labels, id)
