"""The whole path from a video to its tracks in one job: obtain a detector, deploy it as a batch endpoint, track."""

from __future__ import annotations

from backend.errors import UserError
from backend.jobs.results import VideoTrackingResult
from backend.progress import Progress, part
from backend.steps import deployments, pretrained, tracking
from backend.steps.detectors import detectors_for
from backend.steps.pretrained_catalog import CATALOG, COCO_CLASSES
from backend.workspace import Workspace
from backend.workspace.records import Model, Video

DOWNLOAD_SHARE = 0.3  # of the progress, if the detector has to be downloaded


def track_video(
    workspace: Workspace,
    progress: Progress,
    *,
    video: str,
    model: str | None = None,
    download: str | None = None,
    classes: list[str] | None = None,
    draw: bool = False,
) -> VideoTrackingResult:
    """Track a video with a detector that need not be deployed, nor even downloaded.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
        video: Id of the video.
        model: Id of the model. If omitted, and nothing is to be downloaded, the best fitting one of the workspace.
        download: Key of the published model in `CATALOG` to use in place of one of the workspace. It is downloaded
            unless the workspace has it already.
        classes: Names of the classes to track. If omitted, all of the model.
        draw: Whether to draw the tracks on a copy of the video.

    Returns:
        The ids of the `Run`, and of the `Endpoint` and `Model` behind it.

    Raises:
        UserError: If there is no detector, the model does not have a class, or with the reason if a step fails.
    """
    source = workspace.get(Video, video)
    if model and download:
        raise UserError("Name either a model of the workspace or one to download, not both.")
    if download:
        if classes is not None and download in CATALOG:  # refuse a wrong class before the download
            tracking.check_classes(CATALOG[download].name, COCO_CLASSES, classes)
        model = pretrained.download(workspace, part(progress, 0, DOWNLOAD_SHARE), entry=download)["model"]
        progress = part(progress, DOWNLOAD_SHARE, 1)
    detector = workspace.get(Model, model) if model else _best_fitting(workspace, source)
    tracking.check_classes(detector.name, detector.classes, classes)  # before anything is deployed
    endpoint = deployments.batch_endpoint(workspace, detector)
    result = tracking.track(workspace, progress, video=source.id, endpoint=endpoint.id, classes=classes, draw=draw)
    return {**result, "endpoint": endpoint.id, "model": detector.id}


def _best_fitting(workspace: Workspace, video: Video) -> Model:
    best, *_ = detectors_for(workspace, video)
    if best.model is None:
        raise UserError(
            f"There is no detector in this workspace. Download one with --download {best.key} "
            f"({best.published.megabytes if best.published else 0:g} MB), import a file with add-model, or train one."
        )
    return best.model
