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

ATTRIBUTES_OF_BOXES = st.dictionaries(
    st.tuples(st.integers(0, 99), st.integers(1, 9)),
    st.dictionaries(st.sampled_from([*box_attributes.FLAGS, "color"]), st.just(True) | st.just("red"), min_size=1),
)


@given(ATTRIBUTES_OF_BOXES, st.integers(1, 5), st.integers(0, 50))
def test_renumbering_frames_reverts_subsampling(
    attributes: box_attributes.BoxAttributes, every: int, start: int
) -> None:
    subsampled = box_attributes.subsample(attributes, every)
    assert box_attributes.renumber_frames(subsampled, every) == {
        key: names for key, names in attributes.items() if key[0] % every == 0
    }
    assert box_attributes.slice_frames(attributes, start, start + 20) == {
        (frame - start, object_id): names
        for (frame, object_id), names in attributes.items()
        if start <= frame < start + 20
    }


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    assert box_attributes.load(tmp_path) == {}
    (tmp_path / "marks.json").write_text('[[1, "x"]]')
    with pytest.raises(UserError, match="marks.json is damaged"):
        box_attributes.load(tmp_path)


def test_attributes_are_kept_from_one_step_to_the_next(workspace: Workspace, tiny_video: Path) -> None:
    """Fetch labels with attributes, correct them in another job, export and import them, and split them."""
    video = workspace.get(Video, add(workspace, silent, source=str(tiny_video))["video"])
    keys = {
        0: Keyframe(xyxy=(1, 2, 11, 22)),
        3: Keyframe(xyxy=(4, 2, 14, 22), occluded=True),
        5: Keyframe(xyxy=(6, 2, 16, 22), occluded=True, truncated=True),
        7: Keyframe(xyxy=(8, 2, 18, 22)),
    }
    annotations = ClipAnnotations(done=True, objects=[LabeledObject(id=1, class_id=0, keys=keys)])
    table, attributes = tracks_from_objects(annotations, ["person"])
    assert attributes == {
        (3, 1): {"occluded": True},
        (4, 1): {"occluded": True},
        (5, 1): {"occluded": True, "truncated": True},
        (6, 1): {"occluded": True, "truncated": True},
    }
    first = start_job(workspace, video, {})
    folder = labeling.labeling_folder(workspace, first)
    assert folder
    folder.save(0, annotations.model_dump_json().encode())
    fetched = fetch_labels(workspace, first)
    assert box_attributes.load(workspace.folder(fetched)) == attributes

    correction = start_job(workspace, video, {video.id: fetched.id})
    correction_folder = labeling.labeling_folder(workspace, correction)
    assert correction_folder
    assert tracks_from_objects(correction_folder.annotations(0), ["person"])[1] == attributes

    archive = export(workspace, fetched, "ground_truth")
    (imported,) = import_labels(workspace, silent, path=str(archive))["labels"]
    assert box_attributes.load(workspace.folder(workspace.get(Labels, imported))) == attributes

    parts = split_in_time(workspace, silent, labels=fetched.id, pieces=4)["labels"]
    assert box_attributes.load(workspace.folder(workspace.get(Labels, parts[1]))) == {
        (0, 1): {"occluded": True, "truncated": True},
        (1, 1): {"occluded": True, "truncated": True},
    }
    assert objects_from_tracks(load_labels(workspace, fetched), ["person"], attributes)[0].keys[5].truncated
    assert store_labels(workspace, video, LabelSequence("bare", table, [0]), "test").boxes == len(table)


def start_job(workspace: Workspace, video: Video, earlier: dict[str, str]) -> LabelingJob:
    assert registry.chosen(workspace) == "local"
    result = labeling.start(workspace, silent, name="job", clips=[video.id], classes=["person"], earlier=earlier)
    return workspace.get(LabelingJob, result["labeling"])


def fetch_labels(workspace: Workspace, record: LabelingJob) -> Labels:
    (id,) = labeling.fetch(workspace, silent, labeling=record.id)["labels"]
    return workspace.get(Labels, id)
