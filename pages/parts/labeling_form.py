"""Part of the page Labels that starts a labeling job."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from app.widgets import options_form, start_job_and_rerun
from app.workspace import workspace
from backend.errors import UserError
from backend.platforms.base import LABELING
from backend.platforms.registry import platform_of
from backend.steps import labeling
from backend.wording import count
from backend.workspace.records import Labels, Model, Run, Video

EMPTY_FRAMES = "Empty frames"
MAX_SUGGESTED_CLASSES = 30  # a longer list, such as the 80 classes of COCO, is of no use as a default
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
    short_instructions = st.text_input(
        "Short instructions",
        placeholder=labeling.DEFAULT_INSTRUCTIONS,
        max_chars=limits.short_instructions_length,
        key="labeling-short",
    )
    full_instructions = st.text_area(
        "Full instructions",
        placeholder="Which objects count, and what to do with objects that are partly hidden.",
        max_chars=limits.full_instructions_length,
        key="labeling-full",
    )
    platform_options = options_form(platform_of(workspace()).options(LABELING), key="labeling")
    name = st.text_input("Name", clips[0].name if clips else "", max_chars=60, key=f"labeling-name-{clip_ids[:1]}")
    frames = labeling.count_frames(clips, every)
    try:
        limits.check(frames, classes, short_instructions or "", full_instructions or "")
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
                short_instructions=short_instructions,
                full_instructions=full_instructions,
                earlier=earlier,
                options=platform_options,
            )
        if clips:
            total = count(sum(frames.values()), "frame")
            st.markdown(f":gray[{total} in {count(len(clips), 'clip')}. One person per clip.]")
    if problem and clips:
        st.warning(problem)


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
    """Return the classes of the boxes to correct, or else those of the newest labels."""
    names = list(dict.fromkeys(name for source_id in source_ids for name in _classes_of(source_id)))
    if not names or len(names) > MAX_SUGGESTED_CLASSES:
        return next((labels.classes for labels in workspace().list(Labels)), [])
    return names


@st.cache_data(show_spinner=False)
def _classes_of(source_id: str) -> list[str]:
    if model := workspace().find(Model, source_id):
        return model.classes
    return labeling.classes_of(workspace(), workspace().find(Labels, source_id) or workspace().get(Run, source_id))
