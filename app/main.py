"""The frame around every page: navigation, logo, progress through the journey, and running jobs."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import journey
from app.widgets import guard
from app.widgets.sidebar import sidebar
from app.workspace import workspace

ASSETS = Path(__file__).with_name("assets")
hide_icon_names = st.components.v2.component("studio_page", js=(ASSETS / "page.js").read_text())


def navigation() -> dict[str, list[st.Page]]:
    """Return the pages by group, in the journey's order."""
    groups: dict[str, list[st.Page]] = {}
    for step in journey.STEPS.values():
        page = st.Page(step.page, title=step.title, icon=step.material, help=step.purpose, default=step.key == "home")
        groups.setdefault(step.group, []).append(page)
    return groups


st.set_page_config(page_title="ByteTrack Studio", page_icon=ASSETS / "icon.svg", layout="wide")
st.logo(ASSETS / "logo.svg", size="large", icon_image=ASSETS / "icon.svg")
st.html(ASSETS / "page.css")
hide_icon_names(key="page")
page = st.navigation(navigation(), expanded=True)
with guard():
    sidebar(workspace())
with guard():
    page.run()
