"""Labeling jobs on the page Labels: a form for a new one, how the others stand, and where clips are drawn on."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from app.player.editor import editor
from app.widgets import (
    confirm_removal,
    frame_mapping_form,
    guard,
    guarded_fragment,
    options_form,
    start_job,
    start_job_and_rerun,
)
from app.widgets.formatting import ago
from app.workspace import workspace
from backend.errors import UserError
from backend.labels.formats.ground_truth.job_input import LONGEST_FULL, LONGEST_SHORT, MOST_CLASSES, check
from backend.platforms.base import LABELING
from backend.platforms.registry import platform_of
from backend.steps import labeling
from backend.wording import count
from backend.workspace.records import LabelingJob, Labels, Model, Run, Video
from bytetrack.files import natural_sort_key

LOOK_AGAIN = 15  # seconds, at labeling jobs
STATES = {"in progress": "blue", "starting": "orange", "stopping": "orange", "done": "green", "failed": "red"}
EMPTY = "empty frames"


def labeling_jobs(videos: list[Video]) -> None:
    """All of it, and a way to jobs started elsewhere."""
    if run := workspace().find(Run, st.session_state.pop("correct", "")):  # which the page Track wants corrected
        st.session_state["labeling-clips"] = [run.video]
        of_video = sources_of([workspace().get(Video, run.video)])
        st.session_state["labeling-begin"] = next(title for title, of in of_video.items() if run.id in of.values())
    begun = bool(st.session_state.get("labeling-clips"))
    with st.expander("Label clips", icon=":material/draw:", expanded=begun), guard():
        compose(sorted(videos, key=lambda video: natural_sort_key(video.name)))
    if workspace().list(LabelingJob):
        standing()
        with guard():
            open_clip()
    with st.expander(
        "Labeling jobs started elsewhere", icon=":material/travel_explore:", key="elsewhere", on_change="rerun"
    ) as others:
        if others.open:
            with guard():
                elsewhere()


def compose(videos: list[Video]) -> None:
    """What is to be labeled, by whom and how."""
    names = {video.id: video for video in videos}
    wide, narrow = st.columns([4, 1])
    ids = wide.multiselect("Clips", list(names), format_func=lambda id: names[id].name, key="labeling-clips")
    every = narrow.number_input(
        "Every n-th frame", 1, value=1, key="labeling-every", help="What moves slowly needs not every frame."
    )
    clips = [names[id] for id in ids]
    left, right = st.columns(2)
    sources = sources_of(clips)
    begin = left.selectbox(
        "Begin with",
        [EMPTY, *sources],
        key="labeling-begin",
        help="Earlier labels, tracks of a run, or what a model finds in the clips now: quicker to mend than to draw.",
    )
    earlier = sources.get(begin or EMPTY, {})
    known = known_classes(sorted(earlier.values()))
    classes = right.text_input(
        "Classes", ", ".join(known), placeholder="person, car", key=f"labeling-classes-{'-'.join(known)}"
    )
    wanted = [name.strip() for name in (classes or "").split(",") if name.strip()]
    short = st.text_input(
        "Instructions in short", placeholder=labeling.INSTRUCTIONS, max_chars=LONGEST_SHORT, key="labeling-short"
    )
    full = st.text_area(
        "Full instructions",
        placeholder="What counts and what does not, what to do with what is half hidden, …",
        max_chars=LONGEST_FULL,
        key="labeling-full",
    )
    options = options_form(platform_of(workspace()).options(LABELING), key="labeling")
    name = st.text_input("Name", clips[0].name if clips else "", max_chars=60, key=f"labeling-name-{ids[:1]}")
    frames = labeling.frames_to_label(clips, every)
    problem = ""
    try:
        check(frames, wanted, short or "", full or "")
    except UserError as error:
        problem = str(error)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start labeling", type="primary", disabled=bool(problem), key="labeling-start"):
            start_job_and_rerun(
                "start labeling",
                f"Start labeling {name}",
                name=name,
                clips=ids,
                classes=wanted,
                every=int(every),
                short_instructions=short,
                full_instructions=full,
                earlier=earlier,
                options=options,
            )
        if clips:
            total = count(sum(frames.values()), "frame")
            st.markdown(f":gray[{total} of {count(len(clips), 'clip')}, each a task for one person.]")
    if problem and clips:
        st.warning(problem)


def sources_of(clips: list[Video]) -> dict[str, dict[str, str]]:
    """What people could correct, by how it reads: for every clip the id of its newest labels or run of that kind, of an
    older one by its time, or of a model that tracks it for them."""
    found: dict[str, dict[str, str]] = {}
    for clip in clips:
        for source in labeling.corrigible(workspace(), clip):  # the newest first
            title = "earlier labels" if isinstance(source, Labels) else f"tracks by {source.endpoint_name}"
            if clip.id in found.get(title, {}):
                title += f", {datetime.fromtimestamp(source.created):%d %b %H:%M:%S}"
            found.setdefault(title, {})[clip.id] = source.id
    found = {title: of for title, of in found.items() if len(of) == len(clips)}
    return found | {
        f"the model {model.name}": {clip.id: model.id for clip in clips} for model in workspace().list(Model)
    }


def known_classes(sources: list[str]) -> list[str]:
    """Of the boxes to correct, or else of the newest labels."""
    names = list(dict.fromkeys(name for id in sources for name in classes_of(id)))
    if not names or len(names) > MOST_CLASSES:  # such as the 80 of COCO
        return next((labels.classes for labels in workspace().list(Labels)), [])
    return names


@st.cache_data(show_spinner=False)
def classes_of(id: str) -> list[str]:
    if model := workspace().find(Model, id):
        return model.classes
    return labeling.classes_of(workspace(), workspace().find(Labels, id) or workspace().get(Run, id))


@guarded_fragment(run_every=LOOK_AGAIN)
def standing() -> None:
    """The jobs of this workspace, looked at again every now and then."""
    for record in workspace().list(LabelingJob):
        with st.container(border=True, key=f"labeling-{record.id}"), guard():
            labeling_job(record)


def labeling_job(record: LabelingJob) -> None:
    """How far the people are, and what can be done."""
    ended = st.session_state.setdefault("labeling-ended", {})  # whose state does not change any more
    state = ended.get(record.id) or labeling.state(workspace(), record)
    folder = labeling.labeling_folder(workspace(), record)
    if state.status in labeling.ENDED and not folder:  # where people label here, done may be taken back
        ended[record.id] = state
    with st.container(horizontal=True, vertical_alignment="center"):
        badge = f":{STATES.get(state.status, 'gray')}-badge[{state.status}]"
        st.markdown(f":primary[:material/groups:] **{record.name}** {badge}", width="content")
        st.space("stretch")
        if state.link:
            st.link_button("Workers' portal", state.link, icon=":material/open_in_new:")
        if state.status in ("in progress", "done") and folder:
            open_now = st.session_state.get("labeling-open") == record.id
            if st.button(
                "Close" if open_now else "Draw",
                icon=":material/close:" if open_now else ":material/draw:",
                type="tertiary" if open_now else "primary",
                key=f"draw-{record.id}",
            ):
                st.session_state["labeling-open"] = None if open_now else record.id
                st.rerun()
        if state.status in ("starting", "in progress"):
            if st.button("Stop", icon=":material/stop:", key=f"stop-{record.id}"):
                labeling.stop(workspace(), record)
                st.rerun()
        elif state.status in labeling.ENDED:
            if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove-{record.id}"):
                confirm_removal(record)
            again = " again" if record.labels else ""
            if state.labeled and st.button(
                f"Bring in{again}", icon=":material/download:", key=f"bring-in-{record.id}", type="primary"
            ):
                start_job("fetch labels", f"Bring in {record.name}", labeling=record.id)
                st.rerun()
    failed = f", {state.failed} failed" if state.failed else ""
    total = max(state.total, len(record.clips))
    st.progress(state.labeled / total, text=f"{state.labeled} of {count(total, 'clip')} labeled{failed}")
    work = "Boxes are corrected" if record.corrects else "Boxes are drawn"
    step = f" (1 of {record.every})" if record.every > 1 else ""
    st.caption(
        f"{work} on {count(record.frames, 'frame')}{step}: {', '.join(record.classes)} · {state.where} · "
        f"started {ago(record.created)}"
    )
    if state.reason:
        st.error(state.reason)


def open_clip() -> None:
    """The clip that is being labeled here, and a way to the others of its job."""
    record = workspace().find(LabelingJob, st.session_state.get("labeling-open") or "")
    folder = labeling.labeling_folder(workspace(), record) if record else None
    if record is None or folder is None or not folder.exists():
        return
    clips = folder.job.clips
    with st.container(border=True):
        done = [folder.annotations(number).done for number in range(len(clips))]
        chosen = st.pills(
            record.name,
            range(len(clips)),
            default=done.index(False) if False in done else 0,
            format_func=lambda number: f"{':material/check: ' if done[number] else ''}{clips[number].name}",
            key=f"labeling-clip-{record.id}",
            required=True,
        )
        video = workspace().get(Video, record.clips[clips[chosen].name])
        editor(folder, chosen, (video.width, video.height), video.fps, key=f"editor-{record.id}-{chosen}")


def elsewhere() -> None:
    """Jobs that the platform knows and this workspace does not."""
    names = labeling.elsewhere(workspace())
    if not names:
        st.caption("There are none: all jobs for tracking objects in video were started here.")
        return
    mapping = frame_mapping_form("elsewhere")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Job", names, key="elsewhere-job", help="Only jobs for tracking objects in video; the newest first."
        )
        if st.button("Bring in", icon=":material/download:", key="elsewhere-bring-in"):
            start_job_and_rerun("fetch labels", f"Bring in {name}", job=name, **mapping)
