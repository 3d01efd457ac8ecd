"""A track has the same color in a drawn video as in the console's player."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import pytest

from bytetrack.video import palette

PLAYER = (Path(__file__).parents[3] / "app" / "player" / "src" / "colors.js").read_text()


def test_the_numbers_are_those_of_the_player() -> None:
    [golden_angle] = re.findall(r"const GOLDEN\w* = ([\d.]+);", PLAYER)
    # `hsl(${hue.toFixed(1)} 85% ${id % 2 ? 58 : 66}%)`, where the hue is a multiple of the golden angle
    [numbers] = re.findall(r"toFixed\(1\)\} (\d+)% \$\{id % 2 \? (\d+) : (\d+)\}%\)", PLAYER)
    assert re.search(r"\(id \* GOLDEN\w*\) % 360", PLAYER)
    assert float(golden_angle) == palette.GOLDEN_ANGLE_DEGREES
    assert [int(number) for number in numbers] == [
        palette.SATURATION_PERCENT,
        palette.LIGHTNESS_PERCENT_ODD_IDS,
        palette.LIGHTNESS_PERCENT_EVEN_IDS,
    ]


@pytest.mark.parametrize("track_id", [1, 2, 3, 99, 1000])
def test_a_color_has_the_hue_saturation_and_lightness_of_the_player(track_id: int) -> None:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in palette.track_color(track_id)))
    assert hue * 360 == pytest.approx(track_id * 137.508 % 360, abs=1)
    assert lightness == pytest.approx(0.58 if track_id % 2 else 0.66, abs=0.01)
    assert saturation == pytest.approx(0.85, abs=0.01)
