"""Speed and remaining time of a training."""

from __future__ import annotations

import time

SMOOTHING = 0.1  # weight of the newest step in the moving average


class TrainingClock:
    """A moving average of the images per second, and the remaining seconds at that speed.

    Args:
        steps: Number of steps until the end of the training.

    Attributes:
        images_per_second: Moving average over the steps so far; 0 before the first one.
        eta: Estimated seconds until the end of the training.
    """

    def __init__(self, steps: int) -> None:
        self.images_per_second = 0.0
        self.eta = 0.0
        self._steps_left = steps
        self._last_tick = time.perf_counter()

    def tick(self, images: int) -> None:
        """Record the end of a step over `images` images."""
        now = time.perf_counter()
        speed = images / (now - self._last_tick)
        average = self.images_per_second or speed
        self.images_per_second = (1 - SMOOTHING) * average + SMOOTHING * speed
        self._last_tick = now
        self._steps_left -= 1
        self.eta = self._steps_left * images / self.images_per_second
