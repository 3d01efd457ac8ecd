"""Part of the page Account that lists what this console created on the platform, and deletes it."""

from __future__ import annotations

import streamlit as st

from app.widgets import guarded_dialog, guarded_fragment, metric_row
from app.widgets.formatting import ago, size
from app.workspace import workspace
from backend.platforms import registry
from backend.platforms.base import Resource
from backend.platforms.registry import PLATFORMS

HOURS_PER_MONTH = 730
MAX_NAMES_SHOWN = 20


@guarded_fragment()
def platform_resources() -> None:
    """Show the resources on the platform, the most expensive first. Nothing is shown for this machine."""
    name = registry.chosen(workspace())
    title = PLATFORMS[name].title
    platform = registry.platform_of(workspace())
    with st.spinner(f"Listing resources on {title}", show_time=True):
        if platform.setup.access().state != "ok":  # the section above says why
            return
        resources = platform.inventory.resources()
    if not resources and not registry.setting_options(name):
        return
    st.subheader(f"{title} resources", anchor=False)
    if not resources:
        st.caption(f"No {title} resources with this console's tag.")
        return
    cost = sum(resource.cost_per_hour for resource in resources)
    metric_row(
        {
            "Cost per hour": f"${cost:.2f}",
            "Cost per month": f"${cost * HOURS_PER_MONTH:,.0f}",
            "Resources": f"{len(resources):,}",
        },
        {"Cost per month": f"At the current cost per hour, for {HOURS_PER_MONTH} hours."},
    )
    selected = [resource for resource in _table(resources) if resource.deletable]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Delete", icon=":material/delete:", disabled=not selected, key="delete-resources"):
            _confirm_deletion(selected)
        if st.button("Refresh", icon=":material/refresh:", type="tertiary", key="refresh-resources"):
            st.rerun(scope="fragment")
        st.caption("Found by the tag of this console's stack, including resources that this workspace does not know.")


def _table(resources: list[Resource]) -> list[Resource]:
    """Show the resources in a table; return the selected ones."""
    rows = [
        {
            "Type": resource.kind,
            "Name": resource.name,
            "Status": resource.status,
            "Created": ago(resource.since) if resource.since else "",
            "Idle since": ago(resource.idle_since) if resource.idle_since else "",
            "$ per hour": f"{resource.cost_per_hour:.2f}" if resource.cost_per_hour else "",
            "Size": size(resource.size) if resource.size else "",
        }
        for resource in resources
    ]
    event = st.dataframe(
        rows,
        hide_index=True,
        column_config={"Status": st.column_config.Column(width="medium")},
        on_select="rerun",
        selection_mode="multi-row",
        key=f"resources-{hash(tuple(resource.id for resource in resources))}",
    )
    return [resources[row] for row in event.selection.rows]


@guarded_dialog("Delete these resources?", icon=":material/delete:")
def _confirm_deletion(selected: list[Resource]) -> None:
    for resource in selected[:MAX_NAMES_SHOWN]:
        st.markdown(f"- {resource.kind} **{resource.name}** :gray[{resource.status}]")
    if len(selected) > MAX_NAMES_SHOWN:
        st.markdown(f"and {len(selected) - MAX_NAMES_SHOWN} more.")
    st.markdown("Their contents are deleted too, and running jobs are stopped. This cannot be undone.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="delete-resources-cancel"):
            st.rerun()
        if st.button("Delete", type="primary", key="delete-resources-confirm"):
            with st.spinner("Deleting"):
                for resource in selected:
                    registry.platform_of(workspace()).inventory.delete(resource.id)
                st.rerun()
