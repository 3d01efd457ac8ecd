"""Part of the page Track that chooses a video, a detector and classes, and tracks."""

from __future__ import annotations

import streamlit as st

from app import address
from app.journey import STEPS
from app.widgets import choose_of, start_job_and_rerun
from app.widgets.formatting import duration, number
from app.workspace import workspace
from backend.platforms.base import BATCH
from backend.platforms.registry import platform_of
from backend.steps import deployments
from backend.steps.deployments import MODES
from backend.steps.detectors import DetectorChoice, detectors_for
from backend.wording import count
from backend.workspace.records import Endpoint, Run, Video

VIDEO_PARAM = "video"  # of the page's address: the video to suggest
SUGGESTED = "suggested video"  # in the session: the id of the video of the address that the form has suggested
NO_ENDPOINT = ""  # stands for a batch endpoint that is made with the job


def track_form() -> None:
    """Show the form. What it needs besides the detector, a batch endpoint, is made with the job."""
    _suggest_video_of_address()
    video = choose_of(Video, "Video", key="track-video")
    assert video is not None
    choices = {choice.key: choice for choice in detectors_for(workspace(), video)}
    if not any(choice.model for choice in choices.values()):
        _without_models()
    left, right = st.columns(2)
    with left:
        key = st.selectbox(
            "Detector",
            list(choices),
            format_func=lambda key: _title(choices[key]),
            key=f"track-detector-{video.id}",
            help="The best fitting one is suggested: trained on this video, used before, or else the newest.",
        )
        detector = choices[key]
    with right:
        endpoint = _endpoint(detector)
    classes = _classes(detector)
    problem = _problem(endpoint)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Track" if detector.model else "Download and track"
        no_classes = classes is not None and not classes
        if st.button(label, type="primary", icon=":material/play_arrow:", disabled=bool(problem) or no_classes):
            address.forget(video.id)
            _start(video, detector, endpoint, classes)
        st.markdown(f":gray[{_expectation(video, detector, endpoint)}]", width="stretch")
    if no_classes:
        st.caption("Choose at least one class.")
    if problem:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":orange[:material/warning:] {problem}", width="stretch")
            st.page_link(STEPS["deploy"].page, label=STEPS["deploy"].title, icon=STEPS["deploy"].material)


def _suggest_video_of_address() -> None:
    """Choose the video that the address names; afterwards, the user may choose another one."""
    video = address.linked(Video, VIDEO_PARAM)
    suggested_before = st.session_state.get(SUGGESTED)
    st.session_state[SUGGESTED] = video.id if video else ""
    if video and video.id != suggested_before:
        st.session_state["track-video"] = video.id


def _without_models() -> None:
    """Say where a detector comes from."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            ":material/info: There is no detector on this machine yet. Download a pretrained one below, import a file, "
            "or train one on your own labels.",
            width="stretch",
        )
        st.page_link(STEPS["models"].page, label="Import a file", icon=STEPS["models"].material)
        st.page_link(STEPS["labels"].page, label="Label and train", icon=STEPS["labels"].material)


def _title(choice: DetectorChoice) -> str:
    if choice.published:
        megabytes = number(round(choice.published.megabytes or 0))
        return f"{choice.name}  ·  download {megabytes} MB, {choice.published.license}"
    assert choice.model is not None
    height, width = choice.model.input_size
    classes = choice.classes[0] if len(choice.classes) == 1 else count(len(choice.classes), "class", "classes")
    return f"{choice.name}  ·  {classes}, input {width} × {height}"


def _endpoint(detector: DetectorChoice) -> Endpoint | None:
    """Show the choice of an endpoint if the model has several; return it, or None for a batch job."""
    if detector.model is None:
        return None
    model_id = detector.model.id
    endpoints = {endpoint.id: endpoint for endpoint in workspace().list(Endpoint, model=model_id)}
    batch = [endpoint.id for endpoint in endpoints.values() if endpoint.mode == "batch"]
    options = [*(batch or [NO_ENDPOINT]), *(key for key in endpoints if key not in batch)]

    def title(key: str) -> str:
        return f"{endpoints[key].name}  ·  {MODES[endpoints[key].mode]}" if key else "Batch job"

    if len(options) == 1:
        return endpoints.get(options[0])
    tooltip = "How the model is served: as a batch job, or by an endpoint that you deployed."
    return endpoints.get(st.selectbox("Endpoint", options, format_func=title, key=f"track-on-{model_id}", help=tooltip))


def _classes(detector: DetectorChoice) -> list[str] | None:
    """Show the classes to choose from; return the chosen ones, or None for all."""
    quick = detector.quick_classes()
    others = [name for name in detector.classes if name not in quick]
    if len(detector.classes) == 1:
        return None
    everything = f"all {len(detector.classes)}"
    last_asked = _last_asked(detector)
    default = detector.default_classes() if last_asked is None else last_asked
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.pills(
            "Classes",
            [*quick, everything] if others else quick,
            selection_mode="multi",
            default=[name for name in default if name in quick] or [everything] if others else default or quick,
            key=f"track-classes-{detector.key}",
            help="Only these are tracked. Objects of other classes do not influence the tracks.",
        )
        if others:
            chosen += st.multiselect(
                "Other classes",
                others,
                default=[name for name in default if name in others],
                placeholder=f"{len(others)} more",
                key=f"track-others-{detector.key}",
                width=280,
            )
    if everything in chosen or len(chosen) == len(detector.classes):
        return None
    return chosen


def _last_asked(detector: DetectorChoice) -> list[str] | None:
    """Return the classes of the newest run of this detector; None if there is none."""
    if detector.model is None:
        return None
    newest = workspace().newest(Run, model=detector.key)
    return newest.classes if newest else None


def _problem(endpoint: Endpoint | None) -> str:
    """Return why an endpoint cannot be used now, and what to do; "" if it can."""
    if endpoint is None:
        return ""
    state = deployments.deployment_of(workspace(), endpoint).state()
    if state.status == "in service":
        return ""
    advice = "Wait until it is in service" if state.status == "starting" else "Restart it on Deploy"
    return f"**{endpoint.name}** is {state.status}. {state.reason} {advice}, or choose another endpoint."


def _expectation(video: Video, detector: DetectorChoice, endpoint: Endpoint | None) -> str:
    """Say how long it will take and what it costs, as far as earlier runs and the platform tell."""
    mode = endpoint.mode if endpoint else "batch"
    last_run = workspace().newest(Run, model=detector.key, mode=mode)
    texts = []
    if last_run and last_run.fps:
        seconds = duration(max(1, round(video.frames / last_run.fps)))
        texts.append(f"About {seconds}, at the {number(round(last_run.fps))} frames/s of the last run.")
    platform = platform_of(workspace(), endpoint.platform if endpoint else None)
    if mode == "batch" and (cost := platform.cost_per_hour(BATCH, endpoint.options if endpoint else {})):
        texts.append(f"About ${cost:.2f} per hour while it runs.")
    return " ".join(texts) or "Tracks are shown while the rest of the video is being tracked."


def _start(video: Video, detector: DetectorChoice, endpoint: Endpoint | None, classes: list[str] | None) -> None:
    name = f"Track {video.name} - {endpoint.name if endpoint else detector.name}"
    if endpoint:
        start_job_and_rerun("track", name, video=video.id, endpoint=endpoint.id, classes=classes, draw=False)
    if detector.model:
        start_job_and_rerun("track video", name, video=video.id, model=detector.key, classes=classes)
    start_job_and_rerun("track video", name, video=video.id, download=detector.key, classes=classes)
