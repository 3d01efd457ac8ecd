"""Part of the page Models that tries a model on a picture, with both normalizations side by side."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import streamlit as st

from app.widgets import choose, start_job_and_rerun, video_facts
from app.widgets.formatting import frame_range
from app.workspace import workspace
from backend.steps.model_files import NORMALIZATION_NAMES
from backend.steps.model_trial import CONFIDENT_SCORE
from backend.wording import count
from backend.workspace.paths import UPLOADS_FOLDER
from backend.workspace.records import Job, Verb, Video
from bytetrack.detection.normalization import Normalization

TRY_VERB: Verb = "try model"
STRIDE, MIN_SIDE, MAX_SIDE = 32, 32, 4096  # pixels of an input
VIDEO_FRAME: Final = "Frame of a video"
PICTURE: Final = "Picture"


def input_size_fields(key: str, suggested: list[int]) -> list[int]:
    """Show fields for the input size, which models of this kind have in multiples of 32.

    Args:
        key: Prefix for the keys of the fields.
        suggested: Height and width to begin with.

    Returns:
        Height and width in pixels.
    """
    advice = "In multiples of 32. Larger finds smaller objects and takes longer; use what the model was trained with."
    left, right = st.columns(2)
    width = left.number_input("Input width", MIN_SIDE, MAX_SIDE, suggested[1], STRIDE, key=f"{key}-width", help=advice)
    height = right.number_input(
        "Input height", MIN_SIDE, MAX_SIDE, suggested[0], STRIDE, key=f"{key}-height", help=advice
    )
    return [height, width]


def trial_form(key: str, name: str, *, busy: bool, primary: bool, **params: Any) -> None:
    """Show the fields that choose a picture, and the button that tries the model on it.

    Args:
        key: Prefix for the keys of the fields.
        name: Name of the model or its file.
        busy: Whether it is being tried at this moment.
        primary: Whether trying is the next thing to do.
        **params: Parameters of the job that say which model is tried, see `backend.steps.model_trial.try_model`.
    """
    videos = workspace().list(Video)
    kinds = [VIDEO_FRAME, PICTURE] if videos else [PICTURE]
    kind = st.segmented_control(
        "Try on", kinds, default=kinds[0], key=f"{key}-on", help="Use one with typical objects."
    )
    picture = _video_frame(videos, key) if kind == VIDEO_FRAME else _picture_file(key)
    if st.button(
        "Try both normalizations",
        icon=":material/compare:",
        type="primary" if primary else "secondary",
        disabled=busy or picture is None,
        key=f"{key}-try",
    ):
        start_job_and_rerun(TRY_VERB, f"Try {name}", **params, **(picture or {}))


def trial_results(job: Job) -> tuple[Normalization, list[int]] | None:
    """Show the two pictures of a trial side by side, each with a button that chooses its normalization.

    Returns:
        The normalization and the input size that the user has chosen at this moment, if any.
    """
    result = job.result
    height, width = result["input_size"]
    st.markdown(
        f"**Tried with input {width} × {height}** "
        f":gray[{_where(job)}; boxes with a score of at least {CONFIDENT_SCORE} are counted]"
    )
    chosen: tuple[Normalization, list[int]] | None = None
    for column, trial in zip(st.columns(2, gap="medium"), result["trials"]):
        name, is_better = trial["normalization"], trial["normalization"] == result["better"]
        with column.container(border=True, gap="xsmall", key=f"trial-{job.id}-{name}"):
            badge = "  :green-badge[:material/check: clearly surer]" if is_better else ""
            st.markdown(f"**{_title(name)}**{badge}")
            if Path(trial["picture"]).is_file():
                st.image(trial["picture"], width="stretch")
            st.markdown(_figures(trial))
            if st.button(
                f"Use {_title(name)}",
                type="primary" if is_better else "secondary",
                icon=":material/check:",
                key=f"use-{job.id}-{name}",
                width="stretch",
            ):
                chosen = (name, result["input_size"])
    if not result["better"]:
        st.info(_advice(result), icon=":material/help:")
    return chosen


def newest_trial(*, after: float = 0.0, **params: Any) -> Job | None:
    """Return the newest trial of a model that is done.

    Args:
        after: When the model's file was written, in seconds since 1970; earlier trials were of another file.
        **params: Parameters of the job that say which model was tried.
    """
    trials = [job for job in _trials(params) if job.status == "done" and job.created >= after]
    return trials[0] if trials else None


def is_being_tried(**params: Any) -> bool:
    """Return whether a trial of this model runs."""
    return any(job.active for job in _trials(params))


def _trials(params: dict[str, Any]) -> list[Job]:
    jobs = workspace().list(Job, verb=TRY_VERB)
    return [job for job in jobs if all(job.params.get(name) == value for name, value in params.items())]


def _video_frame(videos: list[Video], key: str) -> dict[str, Any] | None:
    left, right = st.columns([2, 3])
    with left:
        video = choose(videos, "Video", key=f"{key}-video", describe=video_facts)
    if video is None:
        return None
    last = video.frames - 1
    with right:
        label = f"Frame ({frame_range(video.frames)})"
        frame = st.slider(label, 0, max(last, 1), last // 2, key=f"{key}-frame-{video.id}", disabled=last < 1)
    return {"video": video.id, "frame": min(int(frame), last)}


def _picture_file(key: str) -> dict[str, Any] | None:
    file = st.file_uploader("Picture", ["jpg", "jpeg", "png", "webp", "bmp"], key=f"{key}-picture")
    if file is None:
        return None
    content = file.getvalue()
    folder = workspace().root / UPLOADS_FOLDER / "taken" / hashlib.sha256(content).hexdigest()[:16]  # cleaned up later
    path = folder / f"picture{Path(file.name).suffix.lower()}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {"picture": str(path)}


def _title(normalization: str) -> str:
    name = NORMALIZATION_NAMES[normalization]  # type: ignore[index]
    return name[0].upper() + name[1:]


def _where(job: Job) -> str:
    video = workspace().find(Video, job.params.get("video") or "")
    if video is None:
        return "on a picture"
    return f"on frame {job.params['frame']} of {video.name}"


def _figures(trial: dict[str, Any]) -> str:
    if not trial["boxes"]:
        return "**0 boxes**  \n:gray[nothing detected]"
    classes = ", ".join(f"{name} {amount}" for name, amount in trial["classes"].items())
    return f"**{count(trial['boxes'], 'box', 'boxes')}, mean score {trial['mean_score']:.2f}**  \n:gray[{classes}]"


def _advice(result: dict[str, Any]) -> str:
    if not any(trial["boxes"] for trial in result["trials"]):
        return "Nothing is detected with either. Try another input size, or a frame with objects of its classes."
    return (
        "Neither is clearly surer. Look where the boxes are: the wrong one may well report more of them. Or try "
        "another frame or input size."
    )
