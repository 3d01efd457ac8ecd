"""Part of the page Account that chooses the platform and sets it up."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from app.widgets import guard, guarded_dialog, jobs_panel, options_form, start_job_and_rerun
from app.workspace import workspace
from backend.platforms import registry
from backend.platforms.base import Check, Option
from backend.platforms.registry import PLATFORMS
from backend.steps import platform_setup

ICONS = {"local": "computer"}
DEFAULT_ICON = "cloud"
CHECK_LOOK = {  # icon and color by state
    "ok": ("check_circle", "green"),
    "missing": ("radio_button_unchecked", "orange"),
    "failed": ("error", "red"),
    "busy": ("pending", "blue"),
    "optional": ("remove_circle_outline", "gray"),
}
READY_STATES = ("ok", "optional")


def platform_choice() -> None:
    """Show the platforms side by side, and what the one in use needs."""
    st.subheader("Where jobs run", anchor=False)
    chosen = registry.chosen(workspace())
    for column, (name, platform) in zip(st.columns(len(PLATFORMS), gap="medium"), PLATFORMS.items()):
        with column.container(border=True, height="stretch", key=f"platform-{name}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"#### :primary[:material/{ICONS.get(name, DEFAULT_ICON)}:] {platform.title}", width="stretch"
                )
                if name == chosen:
                    st.badge("in use", icon=":material/check:", color="green")
                elif st.button(f"Use {_in_sentence(platform.title)}", key=f"use-{name}"):
                    _use(name)
            st.markdown(platform.description)
    st.caption("Applies to new jobs only. Running jobs and endpoints stay where they are.")
    with st.spinner("Checking the account", show_time=True):
        if registry.setting_options(chosen):
            _setup(chosen)


def _use(name: str) -> None:
    """Switch to a platform; if that has consequences, after its checks and a confirmation."""
    title = PLATFORMS[name].title
    if PLATFORMS[name].consequences:
        guarded_dialog(f"Use {_in_sentence(title)}?", width="large")(_confirm_use)(name)
    else:
        registry.choose(workspace(), name)
        st.rerun()


def _confirm_use(name: str) -> None:
    """Ask for the settings that say which account is used, check them, say what changes, and switch."""
    title = PLATFORMS[name].title
    values = options_form(
        registry.access_options(name), f"access-{name}", registry.settings_of(workspace(), name), columns=2
    )
    with st.spinner(f"Checking {title}", show_time=True):
        checks = platform_setup.checks(workspace(), name, values)
    access = checks[0]
    if access.state != "ok":
        _access_problem(access)
    else:
        with st.container(gap="xsmall"):
            for check in checks:
                _check_text(check)
        st.markdown("**What changes**\n" + "".join(f"\n- {line}" for line in PLATFORMS[name].consequences))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="use-cancel"):
            st.rerun()
        if access.state != "ok":
            if st.button("Check again", icon=":material/refresh:", key="use-check"):
                registry.reload()
                st.rerun(scope="fragment")
        elif st.button(f"Use {_in_sentence(title)}", type="primary", key="use-confirm"):
            platform_setup.use(workspace(), name, values)
            st.rerun()


def _access_problem(check: Check) -> None:
    """Show in one sentence why a platform cannot be reached, and the command that helps."""
    st.error(check.detail, icon=":material/key_off:")
    if check.command and check.command not in check.detail:
        st.code(check.command, language="bash", wrap_lines=True)


def _in_sentence(title: str) -> str:
    """Return a title with a lowercase first letter, unless it is an abbreviation: `this machine`, `AWS`."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _setup(name: str) -> None:
    """Show the settings of the platform in use and what it needs, with buttons that create it."""
    title = PLATFORMS[name].title
    checks = platform_setup.checks(workspace())
    if checks and checks[0].state != "ok":
        with st.container(border=True, key="access"):
            _access_problem(checks[0])
            _settings_form(name, registry.access_options(name), "Save and check again")
        return
    with st.expander(f"{title} settings", icon=":material/settings:"):
        _settings_form(name, registry.setting_options(name), "Save")
    jobs_panel("set up", "take down")
    ready = sum(check.state in READY_STATES for check in checks)
    with st.container(border=True, gap="small", key="checks"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**What {title} needs** :gray[{ready} of {len(checks)} ready]", width="stretch")
            if st.button("Check again", icon=":material/refresh:", type="tertiary"):
                registry.reload()
                st.rerun()
        for check in checks:
            _check_row(name, check)


def _settings_form(name: str, options: list[Option], label: str) -> None:
    """Show a form for settings of a platform. An invalid value is explained in it, and nothing is stored then."""
    with st.form(f"settings-{name}", border=False):
        values = options_form(options, f"setting-{name}", registry.settings_of(workspace(), name))
        if st.form_submit_button(label, icon=":material/save:"):
            with guard():
                registry.change_settings(workspace(), name, values)
                registry.reload()
                st.rerun()


def _check_text(check: Check) -> None:
    icon, color = CHECK_LOOK[check.state]
    st.markdown(f":{color}[:material/{icon}:] **{check.title}** :small[:gray[{check.detail}]]", width="stretch")


def _check_row(name: str, check: Check) -> None:
    """Show one check with its state and the buttons that fix or revert it."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"check-{check.key}"):
        _check_text(check)
        if check.command:
            with st.popover("Command", type="tertiary", icon=":material/terminal:"):
                st.caption("Command for someone with the required permissions.")
                st.code(check.command, language="bash", wrap_lines=True)
        if check.revert_label and st.button(check.revert_label, type="tertiary", key=f"revert-{check.key}"):
            _confirm_revert(name, check)
        button_type: Literal["primary", "secondary"] = "primary" if check.state == "missing" else "secondary"
        if check.fix_label and st.button(check.fix_label, type=button_type, key=f"fix-{check.key}"):
            start_job_and_rerun("set up", f"{check.fix_label} ({check.title})", name=name, key=check.key)


@guarded_dialog("Are you sure?", icon=":material/warning:")
def _confirm_revert(name: str, check: Check) -> None:
    st.markdown(check.revert_detail)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="revert-cancel"):
            st.rerun()
        if st.button(check.revert_label, type="primary", key="revert-confirm"):
            start_job_and_rerun("take down", f"{check.revert_label} ({check.title})", name=name, key=check.key)
