"""The colors of tracks in drawn videos, the same as in the console's player."""

from __future__ import annotations

import colorsys

# The player has the same numbers in `app/player/src/colors.js`.
GOLDEN_ANGLE_DEGREES = 137.508
SATURATION_PERCENT = 85
LIGHTNESS_PERCENT_ODD_IDS = 58
LIGHTNESS_PERCENT_EVEN_IDS = 66


def track_color(track_id: int) -> tuple[int, int, int]:
    """Return the color of a track as red, green and blue in 0..255.

    The hues are multiples of the golden angle, so that tracks with neighboring ids look different.

    Example:
        >>> track_color(1)
        (57, 239, 110)
    """
    hue = round(track_id * GOLDEN_ANGLE_DEGREES % 360, 1)
    lightness = LIGHTNESS_PERCENT_ODD_IDS if track_id % 2 else LIGHTNESS_PERCENT_EVEN_IDS
    red, green, blue = colorsys.hls_to_rgb(hue / 360, lightness / 100, SATURATION_PERCENT / 100)
    return round(255 * red), round(255 * green), round(255 * blue)
