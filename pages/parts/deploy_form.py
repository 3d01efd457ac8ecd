"""Part of the page Deploy that deploys a model."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.widgets import choose_of, options_form, start_job_and_rerun
from app.workspace import workspace
from backend.platforms.registry import platform_of
from backend.steps.deployments import MODES
from backend.workspace.records import Model, ServingMode


@dataclass(frozen=True)
class ModeCard:
    """How the page presents a mode: the name of a Material symbol, what the mode is for, and when it costs money."""

    icon: str
    text: str
    cost_period: str = "while it is up"


MODE_CARDS: dict[ServingMode, ModeCard] = {
    "batch": ModeCard(
        "inventory_2",
        "Tracks videos as jobs. **Nothing runs or costs between them.** For archives and for measuring.",
        "while a job runs",
    ),
    "realtime": ModeCard(
        "bolt",
        "A server that responds **immediately** to single frames or short pieces of video. Sessions keep the IDs. "
        "For cameras and applications.",
    ),
    "async": ModeCard(
        "schedule_send",
        "A queue of **whole videos of up to 1 GB**, tracked one after another. For occasional uploads.",
    ),
}


def deploy_form() -> None:
    """Show the choice of a model, and a card with a button per mode."""
    left, right = st.columns(2, gap="large")
    with left:
        model = choose_of(Model, "Model", key="deploy-model", newest_first=True)
    assert model is not None
    with right:
        name = st.text_input(
            "Name",
            model.name[:60],
            max_chars=60,
            key=f"deploy-name-{model.id}",
            help="The mode is appended to the name.",
        )
    for column, mode in zip(st.columns(3, gap="medium"), MODE_CARDS):
        with column.container(border=True, height="stretch"):
            _mode_card(model, name, mode)


def _mode_card(model: Model, name: str, mode: ServingMode) -> None:
    card, mode_name = MODE_CARDS[mode], MODES[mode]
    platform = platform_of(workspace())
    st.markdown(f"#### :primary[:material/{card.icon}:] {mode_name.capitalize()}")
    st.markdown(card.text)
    options = options_form(platform.options(mode), key=f"deploy-{mode}", columns=1)
    if cost := platform.cost_per_hour(mode, options):
        st.caption(f"About **${cost:.2f} per hour** {card.cost_period}.")
    if st.button(f"Deploy {mode_name}", key=f"deploy-{mode}", type="primary", width="stretch"):
        start_job_and_rerun(
            "deploy",
            f"Deploy {model.name} {mode_name}",
            name=f"{name} {mode_name}",
            model=model.id,
            mode=mode,
            options=options,
        )
