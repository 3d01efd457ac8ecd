"""Home: what this is, where you stand, what comes next."""

from __future__ import annotations

import streamlit as st

from app.journey import STEPS, StepProgress, journey_progress, next_step
from app.widgets import jobs_panel, start_job_and_rerun
from app.widgets.formatting import ago, duration
from app.widgets.jobs import STATUS_LOOK
from app.workspace import PROJECT, workspace
from backend import jobs
from backend.workspace.records import Job, Video

HERO = PROJECT / "app" / "assets" / "hero.svg"
CIRCLE = (
    '<div style="display:flex;align-items:center;margin:0 -0.25rem">'
    '<i style="flex:1;height:2px;background:{before}"></i>'
    '<span style="width:2.1rem;height:2.1rem;border-radius:50%;border:2px solid {line};background:{fill};color:{text};'
    'display:grid;place-items:center;font-weight:650">{mark}</span>'
    '<i style="flex:1;height:2px;background:{after}"></i></div>'
)
GROUPS = {
    "Prepare": "Bring in your footage, cut it into clips, import what people labeled on them, and split it fairly.",
    "Learn": "Train a YOLOX detector on your own classes, or bring in one that others trained, and see how good it is.",
    "Use": "Deploy it three ways, and let ByteTrack give every object an id that stays with it through the video.",
    "Judge": "Score the tracks against labels, tune the tracker, and compare what each way of serving costs in time.",
}
TAKEN, AHEAD = "#14a394", "rgba(123,140,138,.35)"

ws = workspace()


def hero(steps: list[StepProgress]) -> None:
    """What the console does, and the one thing to do now."""
    words, picture = st.columns([5, 3], gap="large", vertical_alignment="center")
    picture.image(str(HERO), width="stretch", alt="A video frame with tracked cars and people")
    with words:
        st.title("From raw video to tracks you can trust", anchor=False)
        st.markdown(
            "Teach a detector what matters in your own video, let ByteTrack follow every object through it, and "
            "measure how good and how fast that is. Everything runs on this machine."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            offer(steps)


def offer(steps: list[StepProgress]) -> None:
    following = next_step(steps)
    if not ws.list(Video):
        waiting = bool(jobs.active(ws, "make sample"))
        help = "Short made-up scenes with cars and people that cross, hide each other, come and go, with exact labels."
        if st.button(
            "Try it with the sample", type="primary", icon=":material/play_circle:", disabled=waiting, help=help
        ):
            start_job_and_rerun("make sample", "Make the sample")
        if st.button("Add my own video", icon=STEPS["videos"].material):
            st.switch_page(STEPS["videos"].page)
    elif following:
        if st.button(f"Next: {following.title}", type="primary", icon=following.material):
            st.switch_page(following.page)
        st.markdown(f":gray[{following.purpose}]", width="content")
    else:
        st.markdown(
            ":green[:material/check_circle:] You have taken every step. Repeat any of them with more of your video."
        )


def strip(steps: list[StepProgress]) -> None:
    """The journey in one line: a circle per step, filled when it was taken."""
    following = next_step(steps)
    with st.container(border=True, key="journey"):
        for place, (column, each) in enumerate(zip(st.columns(len(steps), gap="xsmall"), steps)):
            line = TAKEN if each.done or each.step is following else AHEAD
            circle = CIRCLE.format(
                line=line,
                fill=TAKEN if each.done else "transparent",
                text="#fff" if each.done else "inherit",
                mark="✓" if each.done else place + 1,
                before="transparent" if place == 0 else TAKEN if each.done and steps[place - 1].done else AHEAD,
                after="transparent"
                if place == len(steps) - 1
                else TAKEN
                if each.done and steps[place + 1].done
                else AHEAD,
            )
            with column.container(horizontal_alignment="center", gap="xsmall"):
                st.html(circle)
                st.page_link(each.step.page, label=each.step.title, help=each.step.purpose)
                st.markdown(f":small[{progress_of(each, following is each.step)}]", width="content")


def explain() -> None:
    """For a first visit: what each part of the journey is for."""
    for column, (group, text) in zip(st.columns(len(GROUPS), gap="medium"), GROUPS.items()):
        icons = " ".join(step.material for step in STEPS.values() if step.group == group)
        with column.container(gap="xsmall"):
            st.markdown(f"### :primary[{icons}]")
            st.markdown(f"**{group}**  \n:gray[{text}]")


def progress_of(standing: StepProgress, following: bool) -> str:
    if standing.done:
        return f":gray[{standing.count} made]"
    if following:
        return ":primary[**next**]"
    return ":gray[to come]" if standing.needed else ":gray[not needed]"


def activity(recent: list[Job]) -> None:
    """The newest jobs, a line each."""
    for job in recent:
        icon, color = STATUS_LOOK[job.status]
        took = f" in {duration(job.ended - job.started)}" if job.status == "done" and job.started and job.ended else ""
        reason = f"  \n:small[:gray[{job.reason}]]" if job.reason else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":{color}[{icon}] {job.name} :gray[{job.status}{took}]{reason}", width="stretch")
            st.markdown(f":small[:gray[{ago(job.created)}]]", width="content")


steps = journey_progress(ws)
hero(steps)
jobs_panel("make sample")
st.space("small")
strip(steps)
if recent := jobs.recent(ws, limit=6):
    st.subheader("Lately", anchor=False)
    with st.container(border=True, gap="xsmall"):
        activity(recent)
else:
    st.space("small")
    explain()
