"""Page header, empty state, link to the next step, and metrics in a row or a line."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.journey import STEPS, StepKey, journey_progress, next_step
from app.workspace import workspace


def page_header(key: StepKey) -> None:
    """Show icon, title and purpose of a step."""
    step = STEPS[key]
    with st.container(gap="xxsmall"):
        st.title(f":primary[{step.material}] {step.title}", anchor=False)
        st.markdown(f":gray[{step.purpose}]")


def empty_state(icon: str, title: str, text: str, button: str, page: StepKey) -> None:
    """Show, in place of an empty list, what it will hold and a button to the page where the user starts."""
    with st.container(border=True, horizontal_alignment="center", gap="xsmall", key=f"empty-{icon}-{page}"):
        st.space("small")
        st.markdown(f"## :gray[:material/{icon}:]", width="content")
        st.markdown(f"**{title}**", width="content")
        st.markdown(f":gray[{text}]", width="content", text_alignment="center")
        if st.button(button, type="primary", icon=STEPS[page].material, key=f"empty-{icon}-{page}-button"):
            st.switch_page(STEPS[page].page)
        st.space("small")


def next_step_link(key: StepKey, text: str) -> None:
    """Show, at the end of a page, a link to the next step.

    If the user's journey goes on elsewhere, a link to that step comes first: who tracks with a pretrained model is not
    sent to labeling.

    Args:
        key: The step that follows this page in the whole journey.
        text: What the user does there.
    """
    progress = journey_progress(workspace())
    upcoming = next_step(progress)
    is_skipped = any(entry.step.key == key and not entry.done and not entry.needed for entry in progress)
    if is_skipped and upcoming:
        _link_to_step("Next.", upcoming.step.key, upcoming.step.purpose)
        _link_to_step("Or.", key, text)
    else:
        _link_to_step("Next.", key, text)


def _link_to_step(title: str, key: StepKey, text: str) -> None:
    step = STEPS[key]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"next-{key}"):
        st.markdown(f":primary[:material/arrow_forward:] **{title}** {text}", width="stretch")
        st.page_link(step.page, label=step.title, icon=step.material)


def metric_row(metrics: Mapping[str, str], tooltips: Mapping[str, str] | None = None) -> None:
    """Show numbers side by side.

    Args:
        metrics: Values by label.
        tooltips: Explanations by label.
    """
    for column, (label, value) in zip(st.columns(len(metrics)), metrics.items()):
        column.metric(label, value, border=True, help=(tooltips or {}).get(label))


def figures_line(figures: Mapping[str, str], tooltips: Mapping[str, str] | None = None) -> None:
    """Show numbers in one line of text, so that what is below them stays in view.

    Args:
        figures: Values by label.
        tooltips: Explanations by label, which are shown together.
    """
    explained = {label: text for label, text in (tooltips or {}).items() if label in figures}
    st.markdown(
        " :gray[·] ".join(f":gray[{label}]\u00a0**{value}**" for label, value in figures.items()),
        help="\n\n".join(f"**{label}**: {text}" for label, text in explained.items()) or None,
    )
