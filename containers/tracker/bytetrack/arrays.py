"""Types of the NumPy arrays that functions take and return; docstrings name the shapes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Float32Array = NDArray[np.float32]  # Input and output of networks.
ImageArray = NDArray[np.uint8]  # Images and frames: height, width and the channels blue, green, red.
RecordArray = NDArray[np.void]  # One record per element, with the named fields of a structured dtype.
