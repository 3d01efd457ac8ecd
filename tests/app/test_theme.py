"""The console, its charts and the player have the same colors."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from app import theme

PROJECT = Path(__file__).parents[2]


def test_streamlit_has_the_colors_of_the_charts() -> None:
    config = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text())["theme"]
    assert tuple(config["chartCategoricalColors"]) == theme.CHART_COLORS
    assert "chartCategoricalColors" not in config["light"] | config["dark"]


def test_the_player_has_the_colors_of_the_charts() -> None:
    source = (PROJECT / "app" / "player" / "src" / "colors.js").read_text()
    match = re.search(r"CLASS_COLORS = \[(.*?)\]", source, re.DOTALL)
    assert match and tuple(re.findall(r"#[0-9a-f]{6}", match[1])) == theme.CHART_COLORS


def test_faint_colors_are_those_of_the_charts() -> None:
    def channels(color: str) -> tuple[int, ...]:
        return tuple(bytes.fromhex(color.removeprefix("#")))

    for faint, color in ((theme.ACCENT_FAINT, theme.ACCENT), (theme.NEUTRAL_FAINT, theme.CHART_COLORS[-1])):
        assert tuple(map(int, re.findall(r"\d+", faint)[:3])) == channels(color)


def test_classes_have_the_color_of_their_position() -> None:
    colors = theme.class_colors([f"class {number}" for number in range(len(theme.CHART_COLORS) + 1)])
    assert list(colors.values()) == [*theme.CHART_COLORS, theme.CHART_COLORS[0]]
