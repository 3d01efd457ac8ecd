"""Every error as a sentence on the page, and nothing but the sentence; the traceback goes to the console's terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from backend.errors import UserError, explain

log = logging.getLogger("bytetrack.studio")


def show_error(error: BaseException) -> bool:
    """Show the error where the page is; True, since it is dealt with."""
    if isinstance(error, UserError):
        st.error(str(error), icon=":material/error:")
    else:
        log.error("A page failed", exc_info=error)
        # The text of an unforeseen error may hold paths and code: the sentence is for people, the rest for the log.
        sentence = (
            explain(error) if isinstance(error, OSError) else f"Something unexpected happened ({type(error).__name__})."
        )
        st.error(f"{sentence} Nothing was lost; the console's terminal has the details.", icon=":material/error:")
    return True


@contextmanager
def guard() -> Iterator[None]:
    """Turn an error inside the block into a sentence on the page; what comes after the block is still shown."""
    try:
        yield
    except Exception as error:
        show_error(error)
