"""Charts in the colors and fonts of the theme."""

from __future__ import annotations

import streamlit as st
from plotly.graph_objects import Figure

from app.theme import CHART_COLORS

TITLE_AT_TOP = {"y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 14}}
LEGEND_ROW = 20  # pixels; more than four entries need a second row on a phone


def chart(figure: Figure, *, key: str, height: int = 300, title: str = "") -> None:
    """Show a Plotly figure without its toolbar and with the legend on top.

    Args:
        figure: The figure.
        key: Key of the element.
        height: Height in pixels.
        title: Title above the figure.
    """
    figure.update_layout(
        height=height,
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left", **TITLE_AT_TOP} if title else None,
        margin={"l": 8, "r": 8, "t": (64 if title else 28) + LEGEND_ROW * (len(figure.data) > 4), "b": 8},
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
        colorway=list(CHART_COLORS),
    )
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})
