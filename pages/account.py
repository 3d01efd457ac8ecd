"""Account: where jobs run, what exists and what it takes, what runs and what it costs, removing it all."""

from __future__ import annotations

import streamlit as st

from app import journey
from app.widgets import (
    confirm_removal,
    guard,
    guarded_fragment,
    jobs_panel,
    metric_row,
    options_form,
    page_header,
    records_table,
    start_job_and_rerun,
)
from app.widgets.formatting import ago, duration, size
from app.workspace import workspace
from backend import jobs
from backend.platforms import registry
from backend.platforms.base import Check, Option, Resource
from backend.platforms.registry import PLATFORMS
from backend.steps import account, platform_setup
from backend.wording import count
from backend.workspace.records import (
    Comparison,
    Dataset,
    Endpoint,
    Job,
    LabelingJob,
    Labels,
    Model,
    Record,
    Run,
    Score,
    TrackerSearch,
    Video,
)

ICONS = {"local": "computer"}
CHECKS = {  # icon and color of each state
    "ok": ("check_circle", "green"),
    "missing": ("radio_button_unchecked", "orange"),
    "failed": ("error", "red"),
    "busy": ("pending", "blue"),
    "optional": ("remove_circle_outline", "gray"),
}
WORD = "remove"  # to be typed before everything goes
# How each kind is called, and the page on which it is made; jobs are made on all.
KINDS: dict[type[Record], tuple[str, str]] = {
    Video: ("Videos", "videos"),
    Labels: ("Labels", "labels"),
    LabelingJob: ("Labeling", "labels"),
    Dataset: ("Datasets", "datasets"),
    Model: ("Models", "models"),
    Endpoint: ("Endpoints", "deploy"),
    Run: ("Runs", "track"),
    Score: ("Scores", "evaluate"),
    TrackerSearch: ("Searches", "evaluate"),
    Comparison: ("Comparisons", "compare"),
    Job: ("Jobs and logs", ""),
}

ws = workspace()


def main() -> None:
    page_header("account")
    with guard():
        where()
    with guard():
        running()
    with guard():
        holdings()
    with guard():
        machine()
    with guard():
        exists()
    with guard():
        everything()


def where() -> None:
    """The platforms side by side, and what the one in use needs."""
    st.subheader("Where jobs run", anchor=False)
    chosen = registry.chosen(ws)
    for column, (name, platform) in zip(st.columns(len(PLATFORMS), gap="medium"), PLATFORMS.items()):
        with column.container(border=True, height="stretch", key=f"platform-{name}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"#### :primary[:material/{ICONS.get(name, 'cloud')}:] {platform.title}", width="stretch")
                if name == chosen:
                    st.badge("in use", icon=":material/check:", color="green")
                elif st.button(f"Use {platform.title}", key=f"use-{name}"):
                    registry.choose(ws, name)
                    st.rerun()
            st.markdown(platform.description)
    st.caption("The choice is for what is started from now on. What runs already stays where it is.")
    with st.spinner("Looking at the account", show_time=True):
        if options := registry.setting_options(registry.chosen(ws)):
            setting_up(chosen, options)


def setting_up(name: str, options: list[Option]) -> None:
    """What the platform is told, what it lacks, and the buttons that mend it."""
    title = PLATFORMS[name].title
    with st.expander(f"Settings of {title}", icon=":material/settings:"), st.form(f"settings-{name}", border=False):
        values = options_form(options, f"setting-{name}", registry.settings_of(ws, name))
        if st.form_submit_button("Save", icon=":material/save:"):
            registry.change_settings(ws, name, values)
            st.rerun()
    jobs_panel("set up", "take down")
    with guard():
        checks = platform_setup.checks(ws)
        settled = sum(check.state in ("ok", "optional") for check in checks)
        with st.container(border=True, gap="small", key="checks"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**What {title} needs** :gray[{settled} of {len(checks)} settled]", width="stretch")
                if st.button("Look again", icon=":material/refresh:", type="tertiary"):
                    st.rerun()
            for check in checks:
                show_check(name, check)


def show_check(name: str, check: Check) -> None:
    """One line, with what to do about it."""
    icon, color = CHECKS[check.state]
    with st.container(horizontal=True, vertical_alignment="center", key=f"check-{check.key}"):
        st.markdown(f":{color}[:material/{icon}:] **{check.title}** :small[:gray[{check.detail}]]", width="stretch")
        if check.command:
            with st.popover("Command", type="tertiary", icon=":material/terminal:"):
                st.caption("Does the same in a terminal, or by somebody who may.")
                st.code(check.command, language="bash", wrap_lines=True)
        if check.revert_label and st.button(check.revert_label, type="tertiary", key=f"undo-{check.key}"):
            confirm_undo(name, check)
        needed = check.state == "missing"
        if check.fix_label and st.button(
            check.fix_label, type="primary" if needed else "secondary", key=f"mend-{check.key}"
        ):
            start_job_and_rerun("set up", f"{check.fix_label} ({check.title})", name=name, key=check.key)


@st.dialog("Are you sure?", icon=":material/warning:")
def confirm_undo(name: str, check: Check) -> None:
    st.markdown(check.revert_detail)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="undo-keep"):
            st.rerun()
        if st.button(check.revert_label, type="primary", key="undo-confirm"):
            start_job_and_rerun("take down", f"{check.revert_label} ({check.title})", name=name, key=check.key)


@guarded_fragment()
def holdings() -> None:
    """Everything that this console has made on the platform, dearest first, any of which can be deleted."""
    title = PLATFORMS[registry.chosen(ws)].title
    with st.spinner(f"Looking at what is on {title}", show_time=True):
        found = registry.platform_of(ws).inventory.resources()
    if not found and not registry.setting_options(registry.chosen(ws)):  # nothing to set: it is this machine
        return
    st.subheader(f"What is on {title}", anchor=False)
    if not found:
        st.caption("Nothing that bears the tag of this console.")
        return
    total = sum(each.cost_per_hour for each in found)
    metric_row(
        {"Costs per hour": f"${total:.2f}", "Per month like this": f"${total * 730:,.0f}", "Things": str(len(found))}
    )
    rows = [
        {
            "What": each.kind,
            "Name": each.name,
            "State": each.status,
            "Since": ago(each.since) if each.since else "",
            "Idle since": ago(each.idle_since) if each.idle_since else "",
            "$ per hour": f"{each.cost_per_hour:.2f}" if each.cost_per_hour else "",
            "Size": size(each.size) if each.size else "",
        }
        for each in found
    ]
    event = st.dataframe(
        rows,
        hide_index=True,
        column_config={"State": st.column_config.Column(width="medium")},
        on_select="rerun",
        selection_mode="multi-row",
        key=f"holdings-{hash(tuple(each.id for each in found))}",
    )
    selected = [found[row] for row in event.selection.rows if found[row].deletable]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Delete", icon=":material/delete:", disabled=not selected, key="discard"):
            confirm_discard(selected)
        if st.button("Look again", icon=":material/refresh:", type="tertiary", key="holdings-again"):
            st.rerun(scope="fragment")
        st.caption("Found by the tag of this console's stack, also what no record names any more.")


@st.dialog("Delete these?", icon=":material/delete:")
def confirm_discard(selected: list[Resource]) -> None:
    for each in selected[:20]:
        st.markdown(f"- {each.kind} **{each.name}** :gray[{each.status}]")
    if len(selected) > 20:
        st.markdown(f"and {len(selected) - 20} more.")
    st.markdown("They go with their contents, which cannot be undone. Jobs at work are stopped; those that ended go.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep them", key="discard-keep"):
            st.rerun()
        if st.button("Delete", type="primary", key="discard-confirm"):
            with guard(), st.spinner("Deleting"):
                for each in selected:
                    registry.platform_of(ws).inventory.delete(each.id)
                st.rerun()


@guarded_fragment(run_every=5)
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


@guarded_fragment(run_every=5)
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
            "Remark": remark(job),
            "$ per hour": None,
        }
        for job in active
    ]
    if not rows:
        st.caption("Nothing that this workspace knows of: no endpoint is kept up and no job is at work.")
        return
    config = {"$ per hour": st.column_config.NumberColumn(format="%.2f")}
    st.dataframe(rows, hide_index=True, column_config=config)
    total = sum(each.state.cost_per_hour for each in kept_up)
    cost = f"The endpoints cost ${total:.2f} per hour together. " if total else ""
    st.caption(f"{cost}Endpoints are stopped on the Deploy page, jobs where they were started.")


def remark(job: Job) -> str:
    """How long it will take, and what it has cost where its platform tells."""
    left, cost = job.seconds_left(), job.facts.get("cost")
    told = (f"about {duration(left)} left" if left else "", f"${cost:.2f} so far" if cost else "")
    return ", ".join(filter(None, told))


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
    chosen = records_table(rows, records, key=f"largest-{hash(tuple(record.id for record in records))}")
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
