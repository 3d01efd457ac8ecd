"""Part of the page Compare that starts a comparison."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.widgets import choose_of, start_job_and_rerun
from app.widgets.formatting import duration
from app.workspace import workspace
from backend.steps import comparison, deployments
from backend.steps.comparison import REPEATS, WARM_UP_REQUESTS, Repeats, Thoroughness
from backend.steps.deployments import MODES
from backend.wording import count, enumerate_words
from backend.workspace.records import Endpoint, Model, Video

TITLES: dict[Thoroughness, str] = {"quick": "Quick", "standard": "Standard", "thorough": "Thorough"}
SUGGEST_CLIP_SECONDS = 15 * 60  # of a comparison, from which on a shorter video is suggested


def comparison_form(endpoints: Sequence[Endpoint]) -> None:
    """Show the form: the video, the endpoints that are in service, how often to measure, and how long that takes."""
    ws = workspace()
    models = ws.names(Model)
    in_service = {
        endpoint.id: endpoint
        for endpoint in endpoints
        if deployments.deployment_of(ws, endpoint).state().status == "in service"
    }
    left, right = st.columns([3, 2])
    with left:
        video = choose_of(Video, "Video", key="compare-video")
    assert video
    with right:
        name = st.text_input("Name", f"{video.name} comparison", max_chars=80, key=f"compare-name-{video.id}")

    def title(endpoint_id: str) -> str:
        endpoint = in_service[endpoint_id]
        return f"{endpoint.name} ({MODES[endpoint.mode]}, {models.get(endpoint.model, '')})"

    chosen_ids = st.multiselect(
        "Endpoints",
        list(in_service),
        default=list(in_service),
        format_func=title,
        key=f"compare-endpoints-{hash(tuple(in_service))}",
    )
    if not_in_service := [endpoint.name for endpoint in endpoints if endpoint.id not in in_service]:
        st.caption(f":orange[:material/warning:] Not in service: {', '.join(not_in_service)}.")
    chosen = [in_service[endpoint_id] for endpoint_id in chosen_ids]
    repeats = st.segmented_control(
        "Repeats",
        list(TITLES),
        default="standard",
        required=True,
        format_func=lambda key: TITLES[key],
        key="compare-repeats",
        help="How often the video is sent. p90 needs 10 requests and p99 needs 100. Passes show the spread; a ranking "
        "needs at least two.",
    )
    st.caption(_plan(video, chosen, REPEATS[repeats]))
    if st.button("Compare", type="primary", icon=":material/speed:", disabled=not chosen):
        start_job_and_rerun(
            "compare", f"Compare on {video.name}", name=name, video=video.id, endpoints=chosen_ids, repeats=repeats
        )


def _plan(video: Video, endpoints: Sequence[Endpoint], repeats: Repeats) -> str:
    """Return what is sent, how long that takes and what it costs, in a few sentences."""
    if not endpoints:
        return "Choose endpoints."
    passes = [
        f"{endpoint.name} {count(comparison.expected_passes(endpoint.mode, video.frames, repeats), 'time')}"
        for endpoint in endpoints
    ]
    sentences = [f"Sends the video to {enumerate_words(passes)}, to one endpoint after another."]
    if warm_up := sum(WARM_UP_REQUESTS[endpoint.mode] for endpoint in endpoints):
        sentences.append(f"Before that, {count(warm_up, 'request')} for warming up, not counted.")
    estimate = comparison.estimate(workspace(), video, endpoints, repeats)
    if estimate.seconds:
        at_least = "At least" if estimate.unknown else "About"
        sentences.append(f"**{at_least} {duration(estimate.seconds)}**, from earlier runs.")
    if estimate.unknown:
        sentences.append(
            f"No run of {enumerate_words(estimate.unknown)} is known yet; the time left is shown as soon as it runs."
        )
    if estimate.cost:
        sentences.append(f"Its batch jobs cost about **${estimate.cost:.2f}**.")
    if estimate.seconds > SUGGEST_CLIP_SECONDS:
        sentences.append("A clip of this video, or **Quick**, takes less.")
    sentences.append("Avoid other work on this machine until it is done.")
    return " ".join(sentences)
