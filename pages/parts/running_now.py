"""Part of the page Account that lists running endpoints and jobs."""

from __future__ import annotations

import streamlit as st

from app.widgets import guarded_fragment
from app.widgets.formatting import ago, duration
from app.workspace import workspace
from backend import jobs
from backend.steps import account
from backend.steps.account import RunningEndpoint
from backend.workspace.records import Job

REFRESH_SECONDS = 5


@guarded_fragment(run_every=REFRESH_SECONDS)
def running_now() -> None:
    """Show endpoints and running jobs, and what each costs."""
    st.subheader("Running now", anchor=False)
    endpoints, active_jobs = account.running(workspace()), jobs.active(workspace())
    rows = [_endpoint_row(running) for running in endpoints] + [_job_row(job) for job in active_jobs]
    if not rows:
        st.caption("Nothing is running: no endpoints and no jobs in this workspace.")
        return
    config = {"$ per hour": st.column_config.NumberColumn(format="%.2f")}
    st.dataframe(rows, hide_index=True, column_config=config)
    cost = sum(running.state.cost_per_hour for running in endpoints)
    total = f"Endpoints cost ${cost:.2f} per hour in total. " if cost else ""
    st.caption(f"{total}Delete endpoints on Deploy. Stop jobs on the page that started them.")


def _endpoint_row(running: RunningEndpoint) -> dict[str, str | float | None]:
    endpoint, state = running.endpoint, running.state
    return {
        "Type": "endpoint",
        "Name": endpoint.name,
        "Status": state.status,
        "Started": ago(state.since or endpoint.created),
        "Details": f"last used {ago(endpoint.last_used)}" if endpoint.last_used else "not used yet",
        "$ per hour": state.cost_per_hour,
    }


def _job_row(job: Job) -> dict[str, str | float | None]:
    seconds_left, cost = job.seconds_left(), job.facts.get("cost")
    details = (f"about {duration(seconds_left)} left" if seconds_left else "", f"${cost:.2f} so far" if cost else "")
    return {
        "Type": "job",
        "Name": job.name,
        "Status": f"{job.progress:.0%}" if job.status == "running" else job.status,
        "Started": ago(job.started or job.created),
        "Details": ", ".join(filter(None, details)),
        "$ per hour": None,
    }
