from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from track_strategies import CLASSES, same_boxes, tracks

from backend.errors import UserError
from backend.labels.attributes import check_definitions
from backend.labels.box_attributes import AttributeValue
from backend.labels.formats import cvat
from bytetrack.tracks import Tracks

DEFINITIONS = check_definitions(
    [
        {"name": "color", "kind": "choice", "values": ["red", "Yes"]},
        {"name": "bag", "changes": True},
        {"name": "plate", "kind": "text", "changes": True},
    ]
)
KEYFRAMES = """<annotations><version>1.1</version><meta><job><size>9</size><start_frame>0</start_frame>
<stop_frame>8</stop_frame>{more}<labels><label><name>person</name><attributes>
<attribute><name>pose</name><mutable>True</mutable><input_type>radio</input_type><values>up
down</values></attribute></attributes></label></labels></job>
<original_size><width>64</width><height>48</height></original_size><source>yard.mp4</source></meta>
<track id="0" label="person"><attribute name="age">30</attribute>
<box frame="0" outside="0" occluded="1" xtl="0" ytl="0" xbr="10" ybr="20"><attribute name="pose">up</attribute></box>
<box frame="4" outside="0" occluded="0" xtl="8" ytl="0" xbr="18" ybr="20"><attribute name="pose">down</attribute></box>
<box frame="6" outside="1" occluded="0" xtl="9" ytl="0" xbr="19" ybr="20"/></track></annotations>"""


@settings(max_examples=40, deadline=None)
@given(tracks(), st.data())
def test_labels_are_unchanged_after_writing_and_reading(table: Tracks, data: st.DataObject) -> None:
    """Boxes, gaps, labeled frames at any distance, attributes and their definitions."""
    majority = {i: np.bincount(table.class_id[table.id == i]).argmax() for i in np.unique(table.id)}
    class_ids = [majority[identity] for identity in table.id]
    table = Tracks(table.frame, table.id, table.xyxy, table.score, class_ids, CLASSES)
    empty_frames = data.draw(st.sets(st.integers(0, 39)))
    labeled = sorted({*table.frame.tolist(), *empty_frames})
    values: dict[tuple[int, int], dict[str, AttributeValue]] = {}
    for frame, identity in zip(table.frame.tolist(), table.id.tolist()):
        drawn = data.draw(st.fixed_dictionaries({}, optional={"bag": st.just(True), "occluded": st.just(True)}))
        plate = data.draw(st.sampled_from(["", "B 12", "<&>"]))
        own = {**drawn, **({"plate": plate} if plate else {}), **({"color": "Yes"} if identity % 2 else {})}
        if own:
            values[frame, identity] = own
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "annotations.xml"
        cvat.write(path, "yard", (640, 480), 40, table, labeled, values, DEFINITIONS)
        sequence = cvat.read(path)
    assert same_boxes(sequence.tracks, table)
    assert sequence.labeled_frames == labeled and sequence.box_attributes == values
    assert sequence.attributes is not None and sequence.attributes[: len(DEFINITIONS)] == DEFINITIONS
    assert (sequence.name, sequence.size, sequence.notes) == ("yard", (640, 480), [])


def test_boxes_between_keyframes_are_interpolated(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(KEYFRAMES.format(more=""))
    sequence = cvat.read(tmp_path / "a.xml")
    assert sequence.tracks.frame.tolist() == [0, 1, 2, 3, 4, 5]  # it is outside from frame 6 on
    assert sequence.tracks.xyxy[:, 0].tolist() == [0, 2, 4, 6, 8, 8]
    assert sequence.labeled_frames == list(range(9)) and sequence.has_video_frame_numbers
    assert sequence.box_attributes[3, 1] == {"pose": "up", "age": "30", "occluded": True}
    assert sequence.box_attributes[5, 1] == {"pose": "down", "age": "30"}
    assert sequence.attributes and sequence.attributes[0].values == ["up", "down"] and sequence.attributes[0].changes
    (tmp_path / "b.xml").write_text(KEYFRAMES.format(more="<frame_filter>step=2</frame_filter>"))
    assert not cvat.read(tmp_path / "b.xml").has_video_frame_numbers  # whether it counts images is not stated


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotations><image id='0'/></annotations>", "CVAT for video 1.1"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "declares a document type"),
        ("<annotations>", "no valid XML"),
        ("<html/>", "its first element is <html>"),
        ("<annotations><track id='1'><box frame='-1'/></track></annotations>", "track 1, is invalid at frame"),
    ],
)
def test_other_files_are_refused_with_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.xml").write_text(content)
    with pytest.raises(UserError, match=message):
        cvat.read(tmp_path / "a.xml")
