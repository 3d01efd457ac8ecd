"""Subcommands to begin with: the console, the whole journey on the sample or on a video, shell completion."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from backend.cli.app import JOURNEY, app, command
from backend.cli.options import ModelSize, NormalizationOrBoth, complete_names
from backend.cli.session import progress_line, root, workspace
from backend.workspace.paths import PROJECT, WORKSPACE_VARIABLE
from backend.workspace.records import Model


@command(JOURNEY, "ui", "ui --address 0.0.0.0 --allow-host tracker.example.org --port 8080")
def ui(*, address: str = "127.0.0.1", allow_host: list[str] | None = None, port: int | None = None) -> None:
    """Start the console in the browser.

    Args:
        address: Address to listen on. The default is reachable from this machine only.
        allow_host: Host name under which browsers reach the console, for example through a reverse proxy. Can be
            repeated.
        port: Port to listen on; 8501 or the next free one if omitted.
    """
    options = ["--address", address]
    for host in allow_host or []:
        options += ["--allow-host", host]
    if port is not None:
        options += ["--port", str(port)]
    os.environ[WORKSPACE_VARIABLE] = str(root())
    os.chdir(PROJECT)  # Streamlit reads .streamlit/config.toml from the current folder
    os.execv(sys.executable, [sys.executable, "-m", "app", *options])


@command(JOURNEY, "demo --workspace /tmp/demo")
def demo() -> dict[str, Any]:
    """Take the sample through all steps, from training to scores. This takes a few minutes."""
    from backend.steps.demo import demo as run_demo

    with progress_line() as progress:
        return dict(run_demo(workspace(), progress))


@command(
    JOURNEY,
    "run --video site.mp4 --labels labeling-job-output/site --epochs 30 --workspace site",
    "run --video site.mp4 --labels gt.txt --step 5 --start-from yolox_nano.pth",
    "run --video site.mp4 --labels gt.txt --start-from mine.pth --start-normalization both --start-input-size 416 416",
)
def run(
    *,
    video: Path,
    labels: str,
    model: ModelSize = "nano",
    start_from: Annotated[str | None, Parameter(metavar="NAME_OR_FILE", completer=complete_names(Model))] = None,
    start_normalization: NormalizationOrBoth | None = None,
    start_input_size: tuple[int, int] | None = None,
    epochs: int | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> dict[str, Any]:
    """Take your own video and its labels through all steps, from training to scores.

    The model is served in all three ways; scores are of the part of the video that was held out.

    Args:
        video: Video file.
        labels: Output folder of a Ground Truth job, MOTChallenge text or COCO. An S3 address if the platform is AWS.
        model: Size of the model, if it is trained from scratch.
        start_from: Model of the workspace or checkpoint file that the training starts from.
        start_normalization: Pixel values that the checkpoint expects, see add-model; both tries the two on the video.
        start_input_size: Height and width of the checkpoint's input in pixels, see add-model.
        epochs: Number of epochs; one that suits the number of labeled frames if omitted.
        step: Frames of the video from one labeled image to the next. If omitted, the labels must fit the length of
            the video.
        first_frame: Frame of the video, counted from 0, that the first labeled image shows.
    """
    from backend.steps.demo import run as run_journey

    with progress_line() as progress:
        return dict(
            run_journey(
                workspace(),
                progress,
                video=video,
                labels=labels,
                model=model,
                start_from=start_from,
                start_normalization=start_normalization,
                start_input_size=list(start_input_size) if start_input_size else None,
                epochs=epochs,
                step=step,
                first_frame=first_frame,
            )
        )


@command(JOURNEY, "completion bash", "completion zsh --install")
def completion(
    shell: Literal["bash", "zsh", "fish"], /, *, install: Annotated[bool, Parameter(negative="")] = False
) -> str:
    """Print a shell's completion script for subcommands, options and names of records.

    Args:
        shell: Shell to print the script for.
        install: Install the script for this user instead.
    """
    if install:
        return f"Installed {app.install_completion(shell=shell)}. Open a new shell to use it."
    return app.generate_completion(shell=shell)
