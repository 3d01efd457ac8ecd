"""Part of the page Labels that starts a labeling job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from app.widgets import options_form, start_job_and_rerun
from app.workspace import workspace
from backend.errors import UserError
from backend.labels.attributes import MAX_NAME_LENGTH, AttributeDefinition, Kind, check_definitions
from backend.labels.label_store import attributes_of
from backend.labels.labeling_spec import LabelingLimits
from backend.platforms.base import LABELING
from backend.platforms.registry import platform_of
from backend.steps import labeling
from backend.wording import count
from backend.workspace.records import Labels, Model, Run, Video

EMPTY_FRAMES = "Empty frames"
NAME, KIND, VALUES, CHANGES = "Attribute", "Kind", "Values", "Changes over time"  # columns of the attributes
KIND_TITLES: dict[Kind, str] = {"checkbox": "Checkbox", "choice": "Choice", "text": "Text"}
MAX_SUGGESTED_CLASSES = 30  # a longer list, such as the 80 classes of COCO, is of no use as a default
CORRECT_RUN = "correct"  # in the session state: the id of the run whose tracks the page Track wants corrected
CLIPS_KEY, START_FROM_KEY = "labeling-clips", "labeling-begin"  # of widgets, to fill them in from outside


def fill_in_correction(run: Run) -> None:
    """Fill the form in so that the job corrects the tracks of a run."""
    st.session_state[CLIPS_KEY] = [run.video]
    options = starting_points([workspace().get(Video, run.video)])
    st.session_state[START_FROM_KEY] = next(title for title, ids in options.items() if run.id in ids.values())


def is_filled_in() -> bool:
    """Return whether clips are chosen in the form."""
    return bool(st.session_state.get(CLIPS_KEY))


def labeling_form(videos: list[Video]) -> None:
    """Show the form: which frames of which clips to label, what to start from, classes, and instructions."""
    limits = labeling.limits(workspace())
    by_id = {video.id: video for video in videos}
    wide, narrow = st.columns([4, 1])
    clip_ids = wide.multiselect("Clips", list(by_id), format_func=lambda video_id: by_id[video_id].name, key=CLIPS_KEY)
    every = int(
        narrow.number_input(
            "Label every Nth frame", 1, value=1, key="labeling-every", help="For slow motion you can skip frames."
        )
    )
    clips = [by_id[video_id] for video_id in clip_ids]
    left, right = st.columns(2)
    options = starting_points(clips)
    start_from = left.selectbox(
        "Start from",
        [EMPTY_FRAMES, *options],
        key=START_FROM_KEY,
        help="Earlier labels, the tracks of a run, or boxes that a model predicts now. Correcting boxes is faster than "
        "drawing them.",
    )
    earlier = options.get(start_from or EMPTY_FRAMES, {})
    suggested = suggested_classes(sorted(earlier.values()))
    entered = right.text_input(
        "Classes", ", ".join(suggested), placeholder="person, car", key=f"labeling-classes-{'-'.join(suggested)}"
    )
    classes = [name.strip() for name in (entered or "").split(",") if name.strip()]
    attributes = _attributes(earlier)
    is_team = labeling.is_team(workspace())
    instructions = _instructions(limits) if is_team else ("", "")
    platform_options = options_form(platform_of(workspace()).options(LABELING), key="labeling")
    name = st.text_input("Name", clips[0].name if clips else "", max_chars=60, key=f"labeling-name-{clip_ids[:1]}")
    frames = labeling.count_frames(clips, every)
    try:
        limits.check(frames, classes, *instructions)
        check_definitions(attributes)
        problem = ""
    except UserError as error:
        problem = str(error)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start labeling", type="primary", disabled=bool(problem), key="labeling-start"):
            start_job_and_rerun(
                "start labeling",
                f"Start labeling {name}",
                name=name,
                clips=clip_ids,
                classes=classes,
                every=every,
                short_instructions=instructions[0],
                full_instructions=instructions[1],
                earlier=earlier,
                options=platform_options,
                attributes=attributes,
            )
        if clips:
            total = count(sum(frames.values()), "frame")
            who = " One person per clip." if is_team else ""
            st.markdown(f":gray[{total} in {count(len(clips), 'clip')}.{who}]")
    if problem and clips:
        st.warning(problem)


def _attributes(earlier: Mapping[str, str]) -> list[dict[str, Any]]:
    """Show a table in which the user defines attributes of the objects; return the definitions.

    Args:
        earlier: IDs of the boxes to correct by clip. The attributes of labels among them are suggested.
    """
    suggested: dict[str, AttributeDefinition] = {}
    for source_id in sorted(set(earlier.values())):
        if labels := workspace().find(Labels, source_id):
            suggested = {definition.name: definition for definition in attributes_of(labels)} | suggested
    title = f"Attributes ({len(suggested)})" if suggested else "Attributes"
    with st.expander(title, icon=":material/sell:", expanded=bool(suggested), type="compact"):
        st.caption(
            "Optional. What to note about each object, such as its color or whether it carries a bag. Besides, every "
            "box can be occluded and truncated."
        )
        empty = {NAME: "", KIND: KIND_TITLES["checkbox"], VALUES: "", CHANGES: False}
        rows = [
            {
                NAME: definition.name,
                KIND: KIND_TITLES[definition.kind],
                VALUES: ", ".join(definition.values),
                CHANGES: definition.changes,
            }
            for definition in suggested.values()
        ]
        edited = st.data_editor(
            pd.DataFrame(rows or [empty]),
            key=f"labeling-attributes-{'-'.join(suggested)}",
            hide_index=True,
            num_rows="dynamic",
            column_config={
                NAME: st.column_config.TextColumn(max_chars=MAX_NAME_LENGTH),
                KIND: st.column_config.SelectboxColumn(options=list(KIND_TITLES.values()), required=True),
                VALUES: st.column_config.TextColumn(help="Of a choice, separated by commas: red, blue"),
                CHANGES: st.column_config.CheckboxColumn(
                    help="Off: the same in all frames of an object. On: may change over time."
                ),
            },
        )
    kinds = {title: kind for kind, title in KIND_TITLES.items()}
    return [
        {
            "name": str(row[NAME]).strip(),
            "kind": kinds.get(row[KIND], "checkbox"),
            "values": [value.strip() for value in str(row[VALUES] or "").split(",") if value.strip()],
            "changes": bool(row[CHANGES]),
        }
        for row in edited.fillna("").to_dict("records")
        if str(row[NAME]).strip()
    ]


def _instructions(limits: LabelingLimits) -> tuple[str, str]:
    """Show the fields for the short and the full instructions of a team; return both."""
    short = st.text_input(
        "Short instructions",
        placeholder=labeling.DEFAULT_INSTRUCTIONS,
        max_chars=limits.short_instructions_length,
        key="labeling-short",
    )
    full = st.text_area(
        "Full instructions",
        placeholder="Which objects count, and what to do with objects that are partly hidden.",
        max_chars=limits.full_instructions_length,
        key="labeling-full",
    )
    return short or "", full or ""


def starting_points(clips: list[Video]) -> dict[str, dict[str, str]]:
    """List the boxes that a job for these clips can start from.

    Returns:
        For each title in the form, the source of the boxes by clip id: the id of the clip's newest labels or run of
        that kind (older ones have their time in the title), or of a model that tracks the clip.
    """
    sources: dict[str, dict[str, str]] = {}
    for clip in clips:
        for source in labeling.correctable_sources(workspace(), clip):  # the newest first
            title = "Earlier labels" if isinstance(source, Labels) else f"Tracks by {source.endpoint_name}"
            if clip.id in sources.get(title, {}):
                title += f", {datetime.fromtimestamp(source.created):%d %b %H:%M:%S}"
            sources.setdefault(title, {})[clip.id] = source.id
    of_all_clips = {title: ids for title, ids in sources.items() if len(ids) == len(clips)}
    models = workspace().list(Model)
    return of_all_clips | {f"Model {model.name}": {clip.id: model.id for clip in clips} for model in models}


def suggested_classes(source_ids: list[str]) -> list[str]:
    """Return the classes of the boxes to correct, or else those of the newest labels; none if they are many."""
    names = list(dict.fromkeys(name for source_id in source_ids for name in _classes_of(source_id)))
    if not names or len(names) > MAX_SUGGESTED_CLASSES:
        names = next((labels.classes for labels in workspace().list(Labels)), [])
    return names if len(names) <= MAX_SUGGESTED_CLASSES else []


@st.cache_data(show_spinner=False)
def _classes_of(source_id: str) -> list[str]:
    if model := workspace().find(Model, source_id):
        return model.classes
    return labeling.classes_of(workspace(), workspace().find(Labels, source_id) or workspace().get(Run, source_id))
