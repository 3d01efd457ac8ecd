"""The base folder of the files that SageMaker gives a container."""

from __future__ import annotations

import os
from pathlib import Path


def base_dir() -> Path:
    """Return `/opt/ml`, or the folder that the environment variable `SAGEMAKER_BASE_DIR` names."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
