"""Labeling in this console's own pages: jobs are folders, which `backend.labels.labeling_folder` looks after."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from backend.errors import UserError
from backend.labels.labeling_folder import LabelingFolder
from backend.platforms.base import LabelingSpec, LabelingState
from backend.progress import Progress


class LocalLabeling:
    """Implements `backend.platforms.base.LabelingService` below one folder. A `ref` is `{"job": the folder's name}`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def start(self, spec: LabelingSpec, progress: Progress) -> dict:
        self.root.mkdir(parents=True, exist_ok=True)
        name = f"{spec.name.replace(' ', '-')}-{spec.token}"
        LabelingFolder.create(self.root / name, spec, time.time(), progress)
        return {"job": name}

    def jobs(self) -> dict[str, dict]:
        found = [LabelingFolder(path.parent) for path in self.root.glob("[!.]*/job.json")]
        return {
            folder.path.name: {"job": folder.path.name}
            for folder in sorted(found, key=lambda folder: -folder.job.created)
        }

    def state(self, ref: dict) -> LabelingState:
        folder = self.labeling_folder(ref)
        if not folder.exists():
            return LabelingState("gone", where=ref["job"])
        job = folder.job
        labeled = sum(folder.is_labeled(folder.annotations(number)) for number in range(len(job.clips)))
        status = "stopped" if job.stopped else "done" if labeled == len(job.clips) else "in progress"
        return LabelingState(status, labeled, 0, len(job.clips), where="this machine")

    def stop(self, ref: dict) -> None:
        if (folder := self.labeling_folder(ref)).exists() and self.state(ref).status != "done":
            folder.stop()

    def remove(self, ref: dict) -> None:
        shutil.rmtree(self.labeling_folder(ref).path, ignore_errors=True)

    def fetch(self, ref: dict, folder: Path, progress: Progress) -> str:
        self.labeling_folder(ref).write_output(folder, ref["job"])
        progress(1, "read")
        return f"{ref['job']}-ref"

    def labeling_folder(self, ref: dict) -> LabelingFolder:
        return LabelingFolder(self.root / ref["job"])

    def fetch_output(self, address: str, folder: Path, progress: Progress) -> None:
        raise UserError(
            f"“{address}” lies in Amazon S3, which needs an AWS account. Choose AWS on Account, or download it and "
            "name the folder here."
        )
