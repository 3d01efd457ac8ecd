"""Charts in the theme's colors, light and dark."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from plotly.graph_objects import Figure

COLORS = ["#14a394", "#f59e0b", "#6366f1", "#e8506a", "#0ea5e9", "#84cc16", "#a855f7", "#7b8c8a"]  # fit both themes
SPLIT_COLORS = {"train": COLORS[0], "val": COLORS[2], "test": COLORS[1]}


def class_colors(classes: Sequence[str]) -> dict[str, str]:
    """The same color for the same class wherever the classes are listed in the same order."""
    return {name: COLORS[index % len(COLORS)] for index, name in enumerate(classes)}


def chart(figure: Figure, *, key: str, height: int = 300, title: str = "") -> None:
    """Draw a Plotly figure with the theme's fonts and colors, without toolbar, the legend on top."""
    figure.update_layout(
        height=height,
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"} if title else None,
        margin={"l": 8, "r": 8, "t": 64 if title else 28, "b": 8},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.0,
            "xanchor": "left",
            "x": 0,
            "title": None,
            "traceorder": "normal",
        },
        hovermode="x unified" if figure.data and figure.data[0].type == "scatter" else "closest",
        colorway=COLORS,
    )
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})
