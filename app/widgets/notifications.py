"""Notifications of the browser when a long job ends, which the user turns on with a click."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import streamlit as st

from app.widgets.formatting import duration
from backend.workspace.records import Job

ASSETS = Path(__file__).parents[1] / "assets"
MAX_JOBS = 30  # the newest, among which a job that ends is found
CSS = """
.notify { font-size: 0.85rem; color: var(--st-text-color); }
.notify label { display: flex; align-items: center; gap: 0.5rem; cursor: pointer; }
.notify input { accent-color: var(--st-primary-color); margin: 0; }
.notify small { display: block; opacity: 0.8; }
"""
_component = st.components.v2.component(
    "studio_notifications",
    html='<div class="notify"></div>',
    css=CSS,
    js=(ASSETS / "notifications.js").read_text(),
)


class JobNews(TypedDict):
    """What the browser needs to know about a job."""

    id: str
    name: str
    active: bool
    status: str
    seconds: float  # from its start to its end; 0 while it runs
    text: str


def notifications(jobs: Sequence[Job]) -> None:
    """Show the switch for notifications, and let the browser know about the newest jobs.

    Call it again whenever a job has started or ended.
    """
    _component(key="notifications", data={"jobs": [_news(job) for job in jobs[:MAX_JOBS]]})


def _news(job: Job) -> JobNews:
    seconds = job.ended - job.started if job.ended and job.started else 0.0
    text = job.reason or f"After {duration(seconds)}."
    return JobNews(id=job.id, name=job.name, active=job.active, status=job.status, seconds=seconds, text=text)
