"""Where SageMaker puts a container's files."""

from __future__ import annotations

import os
from pathlib import Path


def base_dir() -> Path:
    """`/opt/ml`, or the folder that the variable `SAGEMAKER_BASE_DIR` names."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
