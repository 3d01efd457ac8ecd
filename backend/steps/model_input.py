"""Change the input that an imported model expects: its normalization and its size."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from backend import jobs
from backend.errors import UserError
from backend.jobs.results import ModelInputResult
from backend.progress import Progress
from backend.steps.model_files import NORMALIZATION_NAMES, check_input_size, check_normalization
from backend.steps.models import link_or_copy
from backend.steps.removal import strings_in
from backend.wording import enumerate_words
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Model
from bytetrack.detection.artifact import CONFIG_FILE, ONNX_FILE

TRAINED = "trained"  # `Model.source` of a model whose training has determined its input


def can_change(model: Model) -> bool:
    """Return whether the input of a model can be changed: it was imported, so someone has said what its input is."""
    return model.source != TRAINED


def change_input(
    workspace: Workspace,
    progress: Progress,
    *,
    model: str,
    normalization: str | None = None,
    input_size: list[int] | None = None,
) -> ModelInputResult:
    """Change normalization or input size of an imported model.

    Batch endpoints use it from their next job on. Other endpoints that use the model are marked: they answer as before
    until they are updated.

    Args:
        workspace: Workspace of the model.
        progress: Called with the progress.
        model: Id or name of the model.
        normalization: Pixel values that it expects, “raw” or “imagenet”. If omitted, as before.
        input_size: Height and width in pixels, multiples of 32. If omitted, as before.

    Raises:
        UserError: If the model was trained here, a value is not possible, or a job or an update of an endpoint uses the
            model. Nothing is changed then.
    """
    from bytetrack.detection.artifact import load_torch, read_config, save, write_config

    record = workspace.get(Model, model)
    if not can_change(record):
        raise UserError(f"“{record.name}” was trained here, with this input. Train another one for another input.")
    _check_unused(workspace, record)
    folder = workspace.folder(record)
    try:
        config = read_config(folder)
        changed = replace(
            config,
            normalization=check_normalization(normalization) if normalization else config.normalization,
            input_size=check_input_size(input_size) if input_size else list(config.input_size),
        )
        if changed == config:
            raise UserError(f"“{record.name}” has this input already.")
        if changed.input_size == config.input_size:
            write_config(folder, changed)
        else:
            progress(0.1, "reading the model")
            network = load_torch(folder)
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                progress(0.3, "writing the model")
                save(Path(temporary), network, changed)  # its ONNX graph has the size of the input
                _check_unused(workspace, record)
                _replace_files(Path(temporary), folder, (ONNX_FILE, CONFIG_FILE))
    except ValueError as error:
        raise UserError(str(error)) from error
    with workspace.edit(Model, record.id) as stored:
        stored.input_size = list(changed.input_size)
    height, width = changed.input_size
    print(f"input {height} x {width}, {NORMALIZATION_NAMES[changed.normalization]}", flush=True)
    return {"model": record.id, "skipped": _mark_endpoints(workspace, record)}


def servers_of(workspace: Workspace, model: Model) -> list[Endpoint]:
    """Return the endpoints whose running servers have loaded a model."""
    return [endpoint for endpoint in workspace.list(Endpoint, model=model.id) if endpoint.keeps_running]


def _check_unused(workspace: Workspace, model: Model) -> None:
    """Check that nothing reads the model's files at this moment.

    Raises:
        UserError: If a job or an update of an endpoint does.
    """
    endpoints = workspace.list(Endpoint, model=model.id)
    current = jobs.current(workspace)
    for job in jobs.active(workspace):
        used = set(strings_in(job.params))
        is_other = current is None or job.id != current.id
        if is_other and any(record.id in used or record.name in used for record in (model, *endpoints)):
            raise UserError(f"The job “{job.name}” uses “{model.name}”. Wait for it to end, or stop it first.")


def _replace_files(source: Path, target: Path, names: tuple[str, ...]) -> None:
    """Move files over those in `target`, all of them or none."""
    replaced: list[str] = []
    with tempfile.TemporaryDirectory(dir=target) as backup:
        for name in names:
            link_or_copy(target / name, Path(backup) / name)
        try:
            for name in names:
                os.replace(source / name, target / name)
                replaced.append(name)
        except OSError:
            for name in replaced:
                os.replace(Path(backup) / name, target / name)
            raise


def _mark_endpoints(workspace: Workspace, model: Model) -> list[str]:
    """Note in the records of endpoints that their model has changed; return a sentence about them, if there are any."""
    servers = servers_of(workspace, model)
    for endpoint in servers:
        with workspace.edit(Endpoint, endpoint.id) as stored:
            stored.model_changed = True
    if not servers:
        return []
    names = enumerate_words(f"“{endpoint.name}”" for endpoint in servers)
    return [f"{names} still answer{'s' if len(servers) == 1 else ''} with the earlier input. Update on Deploy."]
