"""What a page begins and ends with."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.journey import STEPS


def page_header(key: str, purpose: str = "") -> None:
    """Icon, title and purpose of the step `key`; `purpose` replaces the step's own sentence."""
    step = STEPS[key]
    with st.container(gap="xxsmall"):
        st.title(f":primary[{step.material}] {step.title}", anchor=False)
        st.markdown(f":gray[{purpose or step.purpose}]")


def empty_state(icon: str, title: str, text: str, button: str = "", page: str = "") -> None:
    """In place of an empty list: what would be here, what to do. The button leads to the step with the key `page`."""
    with st.container(border=True, horizontal_alignment="center", gap="xsmall", key=f"empty-{icon}-{page}"):
        st.space("small")
        st.markdown(f"## :gray[:material/{icon}:]", width="content")
        st.markdown(f"**{title}**", width="content")
        st.markdown(f":gray[{text}]", width="content", text_alignment="center")
        if button and st.button(button, type="primary", icon=STEPS[page].material, key=f"empty-{icon}-{page}-button"):
            st.switch_page(STEPS[page].page)
        st.space("small")


def next_step(key: str, text: str) -> None:
    """At the end of a page: what the journey's next step is."""
    step = STEPS[key]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"next-{key}"):
        st.markdown(f":primary[:material/arrow_forward:] **Next.** {text}", width="stretch")
        st.page_link(step.page, label=step.title, icon=step.material)


def metric_row(metrics: Mapping[str, str], help: Mapping[str, str] | None = None) -> None:
    """Numbers side by side: label → value, with a tooltip for those in `help`."""
    for column, (label, value) in zip(st.columns(len(metrics)), metrics.items()):
        column.metric(label, value, border=True, help=(help or {}).get(label))
