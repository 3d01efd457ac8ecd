"""Errors as one sentence on the page. The traceback of an unexpected error goes to the console's terminal."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, ParamSpec

import streamlit as st
from streamlit.errors import FragmentHandledException

from backend.errors import UserError, explain

log = logging.getLogger("bytetrack.studio")

P = ParamSpec("P")


def show_error(error: BaseException) -> bool:
    """Show the error at the current place of the page; return True, since it was handled."""
    if isinstance(error, UserError):
        st.error(str(error), icon=":material/error:")
    else:
        log.error("A page failed", exc_info=error)
        # The text of an unexpected error may contain paths and code, so the page does not show it.
        sentence = explain(error) if isinstance(error, OSError) else f"Unexpected error ({type(error).__name__})."
        st.error(f"{sentence} No data was lost. See the console's terminal for details.", icon=":material/error:")
    return True


@contextmanager
def guard() -> Iterator[None]:
    """Show an error raised inside the block as a sentence; the rest of the page still runs."""
    try:
        yield
    except FragmentHandledException:
        pass  # Streamlit raises it after the error was shown inside the fragment or dialog.
    except Exception as error:
        show_error(error)


def guarded_fragment(run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return a decorator like `st.fragment` that shows errors inside the fragment, as `guard` does.

    Args:
        run_every: Seconds after which the fragment runs again; None to run it only when the user interacts with it.
    """

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            with guard():
                function(*args, **kwargs)

        return st.fragment(guarded, run_every=run_every)

    return decorate


def guarded_dialog(
    title: str, *, icon: str | None = None, width: Literal["small", "medium", "large"] = "small"
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return a decorator like `st.dialog`, which is a fragment too, that shows errors inside the dialog.

    Args:
        title: Title of the dialog.
        icon: Icon before the title.
        width: Width of the dialog.
    """

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            with guard():
                function(*args, **kwargs)

        return st.dialog(title, icon=icon, width=width)(guarded)

    return decorate
