"""Home: what the console does, how far this workspace has come, and the next step."""

from __future__ import annotations

import streamlit as st

from app.journey import STEPS, StepProgress, journey_progress, next_step
from app.theme import ACCENT, NEUTRAL_FAINT
from app.widgets import jobs_panel, start_job_and_rerun, track_button
from app.widgets.formatting import ago, duration
from app.widgets.jobs import look_of
from app.widgets.records import remembered
from app.workspace import workspace
from backend import jobs
from backend.workspace.paths import PROJECT
from backend.workspace.records import Job, Verb, Video

HERO_IMAGE = PROJECT / "app" / "assets" / "hero.svg"
CIRCLE_HTML = (
    '<div style="display:flex;align-items:center;margin:0 -0.25rem">'
    '<i style="flex:1;height:2px;background:{before}"></i>'
    '<span style="width:2.1rem;height:2.1rem;border-radius:50%;border:2px {line_style} {line};background:{fill};'
    'color:{text};display:grid;place-items:center;font-weight:650">{mark}</span>'
    '<i style="flex:1;height:2px;background:{after}"></i></div>'
)
GROUPS = {  # as in the sidebar
    "Prepare": "Add your videos, cut them into clips, import or draw labels, and split them into datasets.",
    "Train": "Train a YOLOX detector on your own classes, or import a pretrained one, and see how good it is.",
    "Use": "Deploy it in three modes and let ByteTrack give every object an ID that it keeps through the video.",
    "Evaluate": "Score the tracks against labels, tune the tracker, and compare latency, throughput and cost.",
}
SAMPLE_VERB: Verb = "make sample"
RECENT_JOBS = 6

ws = workspace()


def main() -> None:
    """Show the page."""
    progress = journey_progress(ws)
    hero(progress)
    jobs_panel(SAMPLE_VERB)
    st.space("small")
    journey_strip(progress)
    if recent_jobs := jobs.recent(ws, limit=RECENT_JOBS):
        recent_activity(recent_jobs)
    else:
        st.space("small")
        explanation()


def hero(progress: list[StepProgress]) -> None:
    """Show what the console does and a button for the next step."""
    words, picture = st.columns([5, 3], gap="large", vertical_alignment="center")
    picture.image(str(HERO_IMAGE), width="stretch", alt="A video frame with tracked cars and people")
    with words:
        st.title("From raw video to tracks you can trust", anchor=False)
        st.markdown(
            "Train a detector on your own video, track every object in it with ByteTrack, and measure how accurate and "
            "how fast that is."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            buttons_to_go_on(progress)


def buttons_to_go_on(progress: list[StepProgress]) -> None:
    """Show the buttons to start with, or those that track a video and lead to the next step; the usual one filled."""
    video = chosen_or_newest_video()
    if video is None:
        running = bool(jobs.active(ws, SAMPLE_VERB))
        if st.button(
            "Try it with the sample",
            type="primary",
            icon=":material/play_circle:",
            disabled=running,
            help="Creates short synthetic videos of cars and people that occlude each other, with exact labels.",
        ):
            start_job_and_rerun(SAMPLE_VERB, "Make the sample")
        if st.button("Add my own video", icon=STEPS["videos"].material):
            st.switch_page(STEPS["videos"].page)
        return
    upcoming = next_step(progress)
    leads_to_tracks = upcoming is None or upcoming.step.key == "track"
    track_button(video, key="track", filled=leads_to_tracks)
    if upcoming and not leads_to_tracks:
        if st.button(f"Next: {upcoming.step.title}", type="primary", icon=upcoming.step.material):
            st.switch_page(upcoming.step.page)
        st.markdown(f":gray[{upcoming.step.purpose}]", width="content")
    elif not any(entry.done for entry in progress if entry.step.key in ("labels", "datasets", "training")):
        labels = STEPS["labels"]
        if st.button("Train on my own classes", icon=labels.material, help=f"First step: {labels.title}."):
            st.switch_page(labels.page)
    elif upcoming is None:
        st.markdown(":green[:material/check_circle:] All steps are done. Repeat any step with more video.")


def chosen_or_newest_video() -> Video | None:
    """Return the video that the user chose last, or else the newest; None if there is none."""
    return ws.find(Video, remembered(Video)) or ws.newest(Video)


def journey_strip(progress: list[StepProgress]) -> None:
    """Show a circle per step, filled if the step is done and dashed if the user's journey does not need it."""
    upcoming = next_step(progress)
    last = len(progress) - 1
    with st.container(border=True, key="journey"):
        for index, (column, entry) in enumerate(zip(st.columns(len(progress), gap="xsmall"), progress)):
            joined_before = index > 0 and entry.done and progress[index - 1].done
            joined_after = index < last and entry.done and progress[index + 1].done
            circle = CIRCLE_HTML.format(
                line=ACCENT if entry.done or entry is upcoming else NEUTRAL_FAINT,
                line_style="solid" if entry.done or entry.needed else "dashed",
                fill=ACCENT if entry.done else "transparent",
                text="#fff" if entry.done else "inherit",
                mark="✓" if entry.done else index + 1,
                before=line_color(joined_before, at_end=index == 0),
                after=line_color(joined_after, at_end=index == last),
            )
            with column.container(horizontal_alignment="center", gap="xsmall"):
                st.html(circle)
                st.page_link(entry.step.page, label=entry.step.title, help=entry.step.purpose)
                st.markdown(f":small[{status_of(entry, upcoming)}]", width="content")
        if any(not entry.done and not entry.needed for entry in progress):
            st.caption("Dashed: optional. Your journey does not need it, but you can do it at any time.")


def line_color(joined: bool, *, at_end: bool) -> str:
    """Return the color of the line beside a circle: none at the ends, filled between two steps that are done."""
    if at_end:
        return "transparent"
    return ACCENT if joined else NEUTRAL_FAINT


def status_of(entry: StepProgress, upcoming: StepProgress | None) -> str:
    """Describe how far a step has come."""
    if entry.done:
        return f":gray[{entry.count:,} created]"
    if entry is upcoming:
        return ":primary[**Next**]"
    return ":gray[Later]" if entry.needed else ":gray[Optional]"


def recent_activity(recent_jobs: list[Job]) -> None:
    """Show the newest jobs, one per line."""
    st.subheader("Recent activity", anchor=False)
    with st.container(border=True, gap="xsmall"):
        for job in recent_jobs:
            icon, color = look_of(job)
            took = job.ended - job.started if job.status == "done" and job.started and job.ended else None
            status = job.status if took is None else f"{job.status} in {duration(took)}"
            reason = f"  \n:small[:gray[{job.reason}]]" if job.reason else ""
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f":{color}[{icon}] {job.name} :gray[{status}]{reason}", width="stretch")
                st.markdown(f":small[:gray[{ago(job.created)}]]", width="content")


def explanation() -> None:
    """Show what each part of the journey is for."""
    for column, (group, text) in zip(st.columns(len(GROUPS), gap="medium"), GROUPS.items()):
        icons = " ".join(step.material for step in STEPS.values() if step.group == group)
        with column.container(gap="xsmall"):
            st.markdown(f"### :primary[{icons}]")
            st.markdown(f"**{group}**  \n:gray[{text}]")


main()
