"""Labeling in this console: a job is a folder, and people draw on the page Labels."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from backend.errors import UserError
from backend.labels.labeling_folder import LabelingFolder
from backend.labels.labeling_spec import LabelingLimits, LabelingSpec
from backend.platforms.base import LabelingState, LabelingStatus
from backend.progress import Progress
from backend.workspace.records import LabelingRef


class LocalLabeling:
    """Implements `backend.platforms.base.LabelingService` with one folder per job below `root`."""

    limits = LabelingLimits()
    is_team = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def start(self, spec: LabelingSpec, progress: Progress) -> LabelingRef:
        """Create the folder of a job."""
        self.root.mkdir(parents=True, exist_ok=True)
        name = f"{spec.name.replace(' ', '-')}-{spec.token}"
        LabelingFolder.create(self.root / name, spec, time.time(), progress)
        return {"job": name}

    def jobs(self) -> dict[str, LabelingRef]:
        """Return the references of all jobs by name, the newest first."""
        folders = [LabelingFolder(path.parent) for path in self.root.glob("[!.]*/job.json")]
        folders.sort(key=lambda folder: folder.job.created, reverse=True)
        return {folder.path.name: {"job": folder.path.name} for folder in folders}

    def state(self, ref: LabelingRef) -> LabelingState:
        """Return the progress of a job."""
        folder = self.labeling_folder(ref)
        if not folder.exists():
            return LabelingState("gone", location=ref["job"])
        job = folder.job
        labeled = sum(folder.is_labeled(folder.annotations(number)) for number in range(len(job.clips)))
        status: LabelingStatus = "in progress"
        if job.stopped:
            status = "stopped"
        elif labeled == len(job.clips):
            status = "done"
        return LabelingState(status, labeled=labeled, total=len(job.clips), location="this machine")

    def stop(self, ref: LabelingRef) -> None:
        """Stop a job. No-op if it is done or gone."""
        folder = self.labeling_folder(ref)
        if folder.exists() and self.state(ref).status != "done":
            folder.stop()

    def remove(self, ref: LabelingRef) -> None:
        """Delete the folder of a job."""
        shutil.rmtree(self.labeling_folder(ref).path, ignore_errors=True)

    def fetch(self, ref: LabelingRef, folder: Path, progress: Progress) -> str:
        """Write the labels of a job into `folder`, and return their label attribute."""
        self.labeling_folder(ref).write_output(folder, ref["job"])
        progress(1, "labels read")
        return f"{ref['job']}-ref"

    def labeling_folder(self, ref: LabelingRef) -> LabelingFolder:
        """Return the folder of a job, whether or not it exists."""
        return LabelingFolder(self.root / ref["job"])

    def fetch_output(self, address: str, folder: Path, progress: Progress) -> None:
        """Refuse addresses in S3.

        Raises:
            UserError: Always.
        """
        raise UserError(
            f"“{address}” is in Amazon S3, which needs an AWS account. Choose AWS on Account, or download it and "
            "import the folder."
        )
