"""Where workspaces are, and the names of files and folders in them.

A record's own files are in `Workspace.folder(record)`; the folders below lie in `Workspace.root`.
"""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
WORKSPACE_VARIABLE = "BYTETRACK_WORKSPACE"

# Labels and runs
TRACKS_JSON = "tracks.json"
TRACKS_MOT = "tracks.txt"
TRACKS_CSV = "tracks.csv"
BOX_ATTRIBUTES = "marks.json"  # labels only
GROUND_TRUTH_ZIP = "ground truth.zip"
CVAT_XML = "annotations.xml"
OVERLAY = "overlay.mp4"
DETECTIONS = "detections.npz"  # runs only
REPORT = "report.html"  # runs only

# Videos
BROWSER_COPY = "to watch.mp4"
THUMBNAIL = "thumbnail.jpg"
FILMSTRIP_FOLDER = "filmstrip"

# Datasets, one folder per split
ANNOTATIONS = "annotations.json"

# Jobs
LOG = "log.txt"
PARTIAL_TRACKS = "tracks so far.jsonl"  # in the temporary folder, of a job that tracks a video
TEMPORARY_FOLDER = "temporary"

# In the workspace's root
DATABASE = "studio.db"
UPLOADS_FOLDER = "uploads"
DOWNLOADS_FOLDER = "downloads"
LOCAL_PLATFORM_FOLDER = "local"


def default_root() -> Path:
    """Return the folder of the workspace that `BYTETRACK_WORKSPACE` names, by default `workspace/` in the project."""
    return Path(os.environ.get(WORKSPACE_VARIABLE) or PROJECT / "workspace").expanduser().resolve()
