"""Names of files and folders in a workspace.

A record's own files are in `Workspace.folder(record)`; the folders below lie in `Workspace.root`.
"""

from __future__ import annotations

# Labels and runs
TRACKS_JSON = "tracks.json"
TRACKS_MOT = "tracks.txt"
TRACKS_CSV = "tracks.csv"
BOX_ATTRIBUTES = "marks.json"  # labels only
GROUND_TRUTH_ZIP = "ground truth.zip"
OVERLAY = "overlay.mp4"
DETECTIONS = "detections.npz"  # runs only

# Videos
BROWSER_COPY = "to watch.mp4"
THUMBNAIL = "thumbnail.jpg"

# Datasets, one folder per split
ANNOTATIONS = "annotations.json"

# Jobs
LOG = "log.txt"
TEMPORARY_FOLDER = "temporary"

# In the workspace's root
DATABASE = "studio.db"
UPLOADS_FOLDER = "uploads"
DOWNLOADS_FOLDER = "downloads"
LOCAL_PLATFORM_FOLDER = "local"
