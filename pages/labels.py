"""Labels: draw them, import them, and look at them on the video."""

from __future__ import annotations

from app.widgets import empty_state, guard, jobs_panel, next_step_link, page_header
from app.workspace import workspace
from backend import jobs
from backend.workspace.records import Labels, Verb, Video
from bytetrack.files import natural_sort_key
from pages.parts.labeling_jobs import labeling_jobs
from pages.parts.labels_import import labels_import
from pages.parts.labels_viewer import labels_viewer

VERBS: tuple[Verb, ...] = ("import labels", "start labeling", "fetch labels", "make sample", "draw tracks")

ws = workspace()


def main() -> None:
    """Show labeling jobs, the form to import labels, and the labels of this workspace."""
    page_header("labels")
    videos = ws.list(Video)
    all_labels = sorted(ws.list(Labels), key=lambda labels: natural_sort_key(labels.name))
    if not videos:
        jobs_panel(*VERBS)
        if not jobs.active(ws):
            empty_state(
                "select_all",
                "No videos to label yet",
                "Add videos first, then draw or import their labels.",
                "Go to Videos",
                "videos",
            )
        return
    with guard():
        labeling_jobs(videos)
    labels_import(videos, expanded=not all_labels)
    jobs_panel(*VERBS)
    if all_labels:
        labels_viewer(all_labels, {video.id: video for video in videos})
        next_step_link("datasets", "Build a dataset from labeled clips.")


main()
