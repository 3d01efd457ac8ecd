"""Every error as a sentence on the page, and nothing but the sentence; the traceback goes to the console's terminal."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import streamlit as st
from streamlit.errors import FragmentHandledException

from backend.errors import UserError, explain

log = logging.getLogger("bytetrack.studio")

P = ParamSpec("P")


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
    except FragmentHandledException:
        pass  # Streamlit raises it after the error was shown inside the fragment or dialog
    except Exception as error:
        show_error(error)


def guarded_fragment(run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return a decorator like `st.fragment` that shows errors inside the fragment, as `guard` does.

    Args:
        run_every: seconds after which the fragment runs again by itself; None for only when it is used.
    """

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            with guard():
                function(*args, **kwargs)

        return st.fragment(guarded, run_every=run_every)

    return decorate
