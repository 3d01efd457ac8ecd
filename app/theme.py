"""The colors of charts and progress marks. `.streamlit/config.toml` and the player (`colors.js`) use the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

# Distinct from one another, and readable on the light and on the dark theme.
CHART_COLORS = ("#14a394", "#f59e0b", "#6366f1", "#e8506a", "#0ea5e9", "#84cc16", "#a855f7", "#7b8c8a")
TEAL, AMBER, INDIGO = CHART_COLORS[:3]

ACCENT = TEAL
ACCENT_FAINT = "rgba(20, 163, 148, 0.35)"
NEUTRAL_FAINT = "rgba(123, 140, 138, 0.35)"

SPLIT_COLORS = {"train": TEAL, "val": INDIGO, "test": AMBER}
LatencyPart = Literal["client", "network", "model"]
LATENCY_COLORS: dict[LatencyPart, str] = {"client": INDIGO, "network": AMBER, "model": TEAL}


def class_colors(classes: Sequence[str]) -> dict[str, str]:
    """Return a color per class. It depends on the class's position, as in the player."""
    return {name: CHART_COLORS[index % len(CHART_COLORS)] for index, name in enumerate(classes)}
