"""Part of the page Account that shows the machine of the console."""

from __future__ import annotations

import streamlit as st

from app.widgets import guarded_fragment
from app.widgets.formatting import size
from app.workspace import workspace
from backend.steps import account
from backend.wording import count

REFRESH_SECONDS = 5


@guarded_fragment(run_every=REFRESH_SECONDS)
def this_machine() -> None:
    """Show processor, GPUs, memory and disk, and how much of them is in use."""
    machine = account.machine(workspace())
    st.subheader("This machine", anchor=False)
    with st.container(border=True, height="stretch"):
        gpus = ", ".join(machine.gpus) or "none; models train and run on the CPU"
        st.markdown(
            f":material/memory: **{count(machine.cores, 'core')}** :gray[{machine.processor}, {machine.system}]"
        )
        st.markdown(f":material/developer_board: **GPU** :gray[{gpus}]")
        _usage("CPU", machine.load, f"{min(100 * machine.load, 100):.0f} % in use in the last minute")
        _usage(
            "Memory",
            1 - machine.memory_free / machine.memory,
            f"{size(machine.memory_free)} free of {size(machine.memory)}",
        )
        _usage("Disk", 1 - machine.disk_free / machine.disk, f"{size(machine.disk_free)} free of {size(machine.disk)}")


def _usage(title: str, share: float, text: str) -> None:
    st.progress(min(share, 1.0), text=f"{title} :gray[{text}]")
