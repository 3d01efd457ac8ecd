from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import UserError
from backend.workspace import Workspace
from backend.workspace.query import Query, natural_key
from backend.workspace.records import Labels, Record, Video
from bytetrack.files import natural_sort_key


@given(st.lists(st.builds("{} {}.mp4".format, st.sampled_from(["clip", "gate"]), st.integers(0, 10**6))))
def test_numbers_in_names_sort_by_value(names: list[str]) -> None:
    assert sorted(names, key=natural_key) == sorted(names, key=natural_sort_key)


def new_video(workspace: Workspace, name: str, **facts: object) -> Video:
    shape = {"width": 8, "height": 8, "fps": 1, "frames": 1, "seconds": 1, "codec": "h264", "size": 1}
    return workspace.add(Video(**{"name": name, "path": "yard.mp4", **shape, **facts}))


@pytest.fixture
def videos(workspace: Workspace) -> Workspace:
    """A workspace with four videos, the last of which is a clip and has labels."""
    new_video(workspace, "gate 10", seconds=3, tags=["Night", "rain"])
    new_video(workspace, "gate 2", seconds=1, tags=["night"], description="Größer as usual: 50 % more people")
    new_video(workspace, "Yard", seconds=2)
    clip = new_video(workspace, "Yard 1", seconds=2, parent="video-0")
    workspace.add(
        Labels(name="mine", video=clip.id, source="COCO", classes=["person"], labeled_frames=[], boxes=0, objects=0)
    )
    return workspace


def found(workspace: Workspace, query: Query, kind: type[Record] = Video) -> list[str]:
    records, count = workspace.search(kind, query)
    assert count >= len(records)
    return [record.name for record in records]


def test_records_are_sorted_by_any_field(videos: Workspace) -> None:
    assert found(videos, Query(order="name")) == ["gate 2", "gate 10", "Yard", "Yard 1"]
    assert found(videos, Query(order="created", descending=True)) == ["Yard 1", "Yard", "gate 2", "gate 10"]
    assert found(videos, Query(order="seconds", descending=True))[0] == "gate 10"
    assert (
        found(videos, Query(order="parent", descending=True))[0] == found(videos, Query(order="parent"))[0] == "Yard 1"
    )
    with pytest.raises(ValueError, match="not a field"):
        found(videos, Query(order="name; DROP TABLE records"))


def test_all_words_are_searched_in_names_notes_tags_and_owners(videos: Workspace) -> None:
    assert found(videos, Query(search="GATE")) == ["gate 10", "gate 2"]
    assert found(videos, Query(search="gate rain")) == ["gate 10"]
    assert found(videos, Query(search="GRÖẞER 50 %")) == ["gate 2"]
    assert found(videos, Query(search="' OR 1=1 --")) == []
    assert found(videos, Query(search="yard person"), Labels) == ["mine"]


def test_tags_fields_and_pages(videos: Workspace) -> None:
    assert found(videos, Query(tags=["night"])) == ["gate 2"]
    assert found(videos, Query(tags=["Night", "night"])) == ["gate 10", "gate 2"]
    assert found(videos, Query(present={"parent": True})) == ["Yard 1"]
    assert found(videos, Query(present={"parent": False}, order="name", limit=2, offset=1)) == ["gate 10", "Yard"]
    assert videos.search(Video, Query(limit=1))[1] == videos.count(Video) == 4
    assert videos.tags(Video) == ["Night", "night", "rain"] and videos.tags(Labels) == []


def test_names_and_counts_are_read_without_the_records(videos: Workspace) -> None:
    (labels,) = videos.list(Labels)
    assert videos.names(Video, id=[labels.video, "video-0"]) == {labels.video: "Yard 1"}
    assert list(videos.names(Video).values()) == ["gate 2", "gate 10", "Yard", "Yard 1"]
    assert videos.list(Labels, video=labels.video) == [labels] and videos.count(Labels, video="video-0") == 0
    assert videos.list(Video, name=[]) == []


def test_a_name_that_is_taken_is_refused(videos: Workspace) -> None:
    gate = videos.get(Video, "gate 2")
    with pytest.raises(UserError, match="another video named “Yard”"):
        videos.rename(gate, "Yard")
    assert videos.rename(gate, "gate 2") == gate
    assert videos.rename(gate, " mine ").name == "mine"  # which labels have, but no video
    assert videos.get(Video, gate.id).name == "mine" and videos.find(Video, "gate 2") is None
