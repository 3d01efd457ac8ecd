"""Store labels in the workspace, and load them."""

from __future__ import annotations

import numpy as np

from backend.labels import box_attributes
from backend.labels.attributes import AttributeDefinition, infer_definitions
from backend.labels.label_sequence import LabelSequence
from backend.labels.label_statistics import count_boxes
from backend.workspace import Workspace
from backend.workspace.paths import TRACKS_JSON
from backend.workspace.records import Labels, Video
from bytetrack.tracks import Tracks


def store_labels(workspace: Workspace, video: Video, sequence: LabelSequence, source: str) -> Labels:
    """Store labels in the workspace.

    Args:
        workspace: Workspace to store them in.
        video: Video that the labels belong to.
        sequence: Labels by frame numbers of the video, as `fit_to_video` returns them.
        source: Where the labels come from, such as the title of their format.
    """
    definitions = sequence.attributes
    if definitions is None:
        definitions = infer_definitions(sequence.box_attributes, sequence.tracks)
    record = Labels(
        name=video.name,
        video=video.id,
        source=source,
        classes=list(sequence.tracks.classes),
        labeled_frames=sequence.labeled_frames,
        boxes=len(sequence.tracks),
        objects=len(np.unique(sequence.tracks.id)),
        notes=sequence.notes,
        statistics=count_boxes(sequence.tracks, video),
        attributes=[definition.model_dump() for definition in definitions],
    )
    sequence.tracks.save(workspace.folder(record) / TRACKS_JSON)
    box_attributes.save(workspace.folder(record), sequence.box_attributes)
    return workspace.add(record)


def load_labels(workspace: Workspace, labels: Labels) -> Tracks:
    """Load the boxes of stored labels."""
    return Tracks.load(workspace.folder(labels) / TRACKS_JSON)


def attributes_of(labels: Labels) -> list[AttributeDefinition]:
    """Return the definitions of the attributes that the objects of stored labels can have."""
    return [AttributeDefinition.model_validate(definition) for definition in labels.attributes]
