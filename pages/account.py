"""Account: where jobs run, what exists and what it takes, what runs and what it costs, removing it all."""

from __future__ import annotations

import streamlit as st

from app import journey
from app.widgets import confirm_removal, guard, page_header, table
from app.widgets.formatting import ago, count, duration, size
from app.workspace import workspace
from backend import account, jobs
from backend.platform import PLATFORMS
from backend.records import (
    Comparison,
    Dataset,
    Endpoint,
    Job,
    Labels,
    Model,
    Record,
    Run,
    Score,
    Search,
    Video,
)

WORD = "remove"  # to be typed before everything goes
# How each kind is called, and the page on which it is made; jobs are made on all.
KINDS: dict[type[Record], tuple[str, str]] = {
    Video: ("Videos", "videos"),
    Labels: ("Labels", "labels"),
    Dataset: ("Datasets", "datasets"),
    Model: ("Models", "models"),
    Endpoint: ("Endpoints", "deploy"),
    Run: ("Runs", "track"),
    Score: ("Scores", "evaluate"),
    Search: ("Searches", "evaluate"),
    Comparison: ("Comparisons", "compare"),
    Job: ("Jobs and logs", ""),
}

ws = workspace()


def main() -> None:
    page_header("account")
    left, right = st.columns(2, gap="large")
    with left, guard():
        where()
    with right, guard():
        machine()
    with guard():
        running()
    with guard():
        exists()
    with guard():
        everything()


def where() -> None:
    st.subheader("Where jobs run", anchor=False)
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = PLATFORMS[ws.setting("platform", "local")]
            st.markdown(f"#### :primary[:material/computer:] {name}", width="stretch")
            st.badge("in use", icon=":material/check:", color="green")
        st.markdown(
            "Training, batch jobs and endpoints are processes of the machine that this console runs on. They go on "
            "when you close the page or the console, and cost nothing but its power."
        )
        st.markdown(
            ":gray[:material/cloud_off: Running on AWS (Amazon SageMaker) is not there yet. When it comes, it is set "
            "up here, and all other pages stay as they are.]"
        )


@st.fragment(run_every=5)
def machine() -> None:
    facts = account.machine(ws)
    st.subheader("This machine", anchor=False)
    with st.container(border=True, height="stretch"):
        gpus = ", ".join(facts.gpus) or "none; models train and run on the processor"
        st.markdown(f":material/memory: **{count(facts.cores, 'core')}** :gray[{facts.processor}, {facts.system}]")
        st.markdown(f":material/developer_board: **GPU** :gray[{gpus}]")
        for title, share, text in (
            ("Processor", facts.load, f"{min(100 * facts.load, 100):.0f} % busy in the last minute"),
            (
                "Memory",
                1 - facts.memory_free / facts.memory,
                f"{size(facts.memory_free)} free of {size(facts.memory)}",
            ),
            ("Disk", 1 - facts.disk_free / facts.disk, f"{size(facts.disk_free)} free of {size(facts.disk)}"),
        ):
            st.progress(min(share, 1.0), text=f"{title} :gray[{text}]")


@st.fragment(run_every=5)
def running() -> None:
    """Endpoints that are kept up and jobs at work, each with what it costs."""
    st.subheader("What is running", anchor=False)
    kept_up, active = account.running(ws), jobs.active(ws)
    rows = [
        {
            "What": "endpoint",
            "Name": each.endpoint.name,
            "State": each.state.status,
            "Since": ago(each.state.since or each.endpoint.created),
            "Remark": f"last used {ago(each.endpoint.last_used)}" if each.endpoint.last_used else "not used yet",
            "$ per hour": each.state.cost_per_hour,
        }
        for each in kept_up
    ] + [
        {
            "What": "job",
            "Name": job.name,
            "State": f"{job.progress:.0%}" if job.status == "running" else job.status,
            "Since": ago(job.started or job.created),
            "Remark": f"about {duration(left)} left" if (left := job.seconds_left()) else "",
            "$ per hour": 0.0,  # this machine's own; endpoints tell their platform's price
        }
        for job in active
    ]
    if not rows:
        st.caption("Nothing: no endpoint is kept up and no job is at work, so nothing costs anything.")
        return
    config = {"$ per hour": st.column_config.NumberColumn(format="%.2f")}
    st.dataframe(rows, hide_index=True, column_config=config)
    total = sum(each.state.cost_per_hour for each in kept_up)
    cost = f"${total:.2f} per hour together" if total else "On this machine it costs nothing per hour"
    st.caption(f"{cost}. Endpoints are stopped on the Deploy page, jobs where they were started.")


def exists() -> None:
    st.subheader("What exists", anchor=False)
    found = account.usage(ws)
    taken = account.disk_bytes(ws.root)
    st.markdown(f":material/folder: `{ws.root}` :gray[holds {size(taken)}.]")
    cells = [cell for _ in range(2) for cell in st.columns(-(-(len(found) + 1) // 2))]
    for cell, each in zip(cells, found):
        title, key = KINDS[each.kind]
        with cell.container(border=True, gap="xxsmall", height="stretch"):
            if key:
                st.page_link(journey.STEPS[key].page, label=title, icon=journey.STEPS[key].material)
            else:
                st.markdown(f":small[:material/terminal: {title}]")
            st.markdown(f"**{each.count:,}** :gray[· {size(each.bytes)}]")
    others = taken - sum(each.bytes for each in found)
    with cells[len(found)].container(border=True, gap="xxsmall", height="stretch"):
        st.markdown(":small[:material/database: The rest]")
        st.markdown(f":gray[{size(max(others, 0))}]")
    with st.expander(
        "Largest things, to make room", icon=":material/hard_drive:", key="largest", on_change="rerun"
    ) as largest:
        if largest.open:
            make_room()


def make_room() -> None:
    """The records that take most of the disk, one of which can be removed."""
    sizes = {
        record.id: (record, account.disk_bytes(ws.folder_of(type(record)) / record.id))
        for kind in KINDS
        for record in ws.list(kind)
    }
    by_size = sorted(sizes.values(), key=lambda pair: -pair[1])[:50]
    rows = [
        {"Kind": KINDS[type(record)][0], "Name": record.name, "On disk": size(taken), "Made": ago(record.created)}
        for record, taken in by_size
    ]
    if not rows:
        st.caption("There is nothing yet.")
        return
    records = [record for record, _ in by_size]
    chosen = table(rows, records, key=f"largest-{hash(tuple(record.id for record in records))}")
    if st.button("Remove", icon=":material/delete:", disabled=chosen is None, key="remove-largest"):
        assert chosen
        confirm_removal(chosen)
    if chosen is None:
        st.caption("Select a row to remove it. You are asked first, and told what goes with it.")


def everything() -> None:
    st.subheader("Start afresh", anchor=False)
    with st.container(border=True):
        told, action = st.columns([4, 1], vertical_alignment="center")
        told.markdown(
            "Stop all jobs, delete all endpoints, and remove everything in this workspace. "
            "Video files that you added by their path stay where they are."
        )
        if action.button(
            "Remove everything", icon=":material/delete_forever:", key="remove-everything", width="stretch"
        ):
            confirm_everything()


@st.dialog("Remove everything?", icon=":material/delete_forever:")
def confirm_everything() -> None:
    found = [each for each in account.usage(ws) if each.count]
    listed = ", ".join(f"{KINDS[each.kind][0].lower()}: {each.count:,}" for each in found) or "nothing but the database"
    st.markdown(f"This removes {listed}; {size(account.disk_bytes(ws.root))} in all. It cannot be undone.")
    if active := jobs.active(ws):
        st.warning(f"{count(len(active), 'job')} at work will be stopped.", icon=":material/warning:")
    typed = st.text_input(f"Type **{WORD}** to go on", key="everything-word")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it all", key="everything-keep"):
            st.rerun()
        agreed = typed.strip().lower() == WORD
        if st.button("Remove everything", type="primary", disabled=not agreed, key="everything-confirm"):
            with guard(), st.spinner("Stopping and removing"):
                account.remove_everything(ws)
                st.cache_data.clear()
                st.rerun()


main()
