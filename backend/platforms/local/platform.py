"""The platform that runs jobs and endpoints as processes on this machine, and needs no setup."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psutil
from typing_extensions import override

from backend.errors import UserError
from backend.platforms.base import (
    Check,
    FileStore,
    Hardware,
    Inventory,
    Option,
    Options,
    PlatformSetup,
    Purpose,
    Resource,
    Watch,
)
from backend.platforms.local.endpoints import LocalEndpoints
from backend.platforms.local.hyperparameter_search import LocalHyperparameterSearch
from backend.platforms.local.jobs import LocalBatch, LocalTraining
from backend.platforms.local.labeling import LocalLabeling
from backend.progress import Progress
from bytetrack.devices import is_gpu_present


class LocalPlatform:
    """Implements `backend.platforms.base.Platform` in one folder. It has no options, and everything is free."""

    name = "local"
    runs_here = True
    model_registry = None

    def __init__(self, folder: Path) -> None:
        self.setup = LocalSetup()
        self.inventory = LocalInventory()
        self.files = LocalFiles()
        self.training = LocalTraining(folder / "checkpoints")
        self.hyperparameter_search = LocalHyperparameterSearch(self.training)
        self.batch = LocalBatch()
        self.endpoints = LocalEndpoints(folder / "endpoints")
        self.labeling = LocalLabeling(folder / "labeling")

    def options(self, purpose: Purpose) -> list[Option]:
        """Return the options of a kind of job or endpoint; there are none."""
        return []

    def hardware(self, purpose: Purpose, options: Options) -> Hardware:
        """Return the cores of this machine that this process may use, and whether there is a GPU."""
        cores = psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else None
        return Hardware(cores=len(cores or []) or os.cpu_count() or 1, gpus=int(is_gpu_present()))

    def cost_per_hour(self, purpose: Purpose, options: Options) -> float:
        """Return the price in US dollars per hour, which is 0."""
        return 0.0


class LocalSetup(PlatformSetup):
    """Implements `backend.platforms.base.PlatformSetup` without any checks."""

    @override
    def access(self) -> Check:
        return Check("access", "This machine", "ok", "It is here.")

    @override
    def checks(self, chosen: Sequence[tuple[Purpose, Options]] = ()) -> list[Check]:
        return []

    @override
    def fix(self, key: str, watch: Watch) -> dict[str, str]:
        raise UserError("There is nothing to set up: everything runs on this machine.")

    @override
    def revert(self, key: str, watch: Watch) -> dict[str, str]:
        raise UserError("There is nothing to remove: everything runs on this machine.")


class LocalInventory(Inventory):
    """Implements `backend.platforms.base.Inventory`. It is empty, because everything here has a record."""

    @override
    def resources(self) -> list[Resource]:
        return []

    @override
    def delete(self, resource_id: str) -> None:
        pass


class LocalFiles(FileStore):
    """Implements `backend.platforms.base.FileStore` for a platform whose files have no addresses."""

    @override
    def download(self, address: str, target: Path, progress: Progress) -> None:
        raise UserError(
            f"“{address}” is in Amazon S3, which needs an AWS account. Choose AWS on Account, or download the file."
        )
