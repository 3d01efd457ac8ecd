"""How long a training will take, from speeds that were measured: in earlier trainings here, or by the developers.

The amount of work is counted in pixels: those of all training windows, and those of the validation frames, which only
pass forward through the network. The first estimate for a size of network relies on `docs/measurements.md`; once a
training of this size is done on the same hardware, its own speed replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.platforms.base import Hardware, Options
from backend.workspace import Workspace
from backend.workspace.records import Dataset, Job, Model
from bytetrack.training.hyperparameters import Hyperparameters

# Measured on two CPU cores with YOLOX-nano, see `docs/measurements.md`: 24 windows of 224x288 pixels per second.
CPU_PIXELS_PER_SECOND = 24 * 224 * 288
CPU_CORES = 2
VALIDATION_SPEEDUP = 2.1  # pixels of validation frames per second, compared with those of training windows
FIXED_SECONDS = 31.0  # to start, and to write the model
# Time of a training step compared with YOLOX-nano's, on a CPU, on windows of 224x288 pixels.
CPU_SIZE_FACTORS = {"nano": 1.0, "tiny": 2.2, "s": 3.6}
# Measured on an NVIDIA H100 with windows of 640x640 pixels, in images per second. Larger sizes were not measured.
GPU_PIXELS_PER_SECOND = {"nano": 116 * 640 * 640, "s": 138 * 640 * 640}
MEASURED_GPU = "H100"
# How far the time of a training may differ from its estimate, as factors.
OWN_SPREAD = (0.85, 1.25)
MEASURED_SPREAD = (0.75, 1.5)  # the speed of the machine that was measured varied by a third
MIN_CALIBRATION_SECONDS = 20.0  # shorter trainings say little about longer ones


@dataclass(frozen=True)
class Estimate:
    """The expected duration of a training.

    Attributes:
        low: Seconds that it takes at least.
        high: Seconds that it takes at most; None if nothing comparable was measured.
        basis: Where the estimate comes from, as the end of a sentence.
    """

    low: float
    high: float | None
    basis: str


def estimate_training(
    workspace: Workspace,
    dataset: Dataset,
    hyperparameters: dict[str, str],
    *,
    size: str,
    is_pretrained: bool,
    platform: str,
    options: Options,
    hardware: Hardware | None,
) -> Estimate | None:
    """Estimate how long a training takes; None if neither this size nor this hardware was ever measured.

    Args:
        workspace: Workspace with the trainings so far.
        dataset: The dataset to train on.
        hyperparameters: Fields of `Hyperparameters`, which must be valid.
        size: Size of the network, see `bytetrack.training.hyperparameters.SIZES`.
        is_pretrained: Whether it starts from a pretrained model, which is validated first.
        platform: Key of the platform.
        options: Its options for trainings.
        hardware: What the training runs on.
    """
    settings = Hyperparameters.parse(hyperparameters)
    pixels = work_pixels(settings, dataset.frames, is_pretrained)
    if own := _own_speed(workspace, size, platform, options):
        speed, name = own
        seconds = FIXED_SECONDS + pixels / speed
        return Estimate(
            seconds * OWN_SPREAD[0],
            seconds * OWN_SPREAD[1],
            f"by the speed of “{name}”, which ran on the same hardware",
        )
    if hardware is None:
        return None
    if hardware.gpus:
        return _measured_on_gpu(pixels, size, hardware)
    return _measured_on_cpu(pixels, size, hardware, settings.batch_size)


def work_pixels(settings: Hyperparameters, frames: dict[str, int], is_pretrained: bool) -> float:
    """Return the amount of work of a training: pixels of windows, and pixels of validation frames weighted by speed."""
    images = frames.get("train", 0) // settings.batch_size * settings.batch_size or frames.get("train", 0)
    windows = settings.max_epoch * images * settings.input_size_h * settings.input_size_w
    evaluations = sum(
        epoch % settings.eval_interval == 0 or epoch == settings.max_epoch for epoch in range(1, settings.max_epoch + 1)
    )
    evaluations += is_pretrained
    validation = evaluations * frames.get("val", 0) * settings.test_size_h * settings.test_size_w
    return windows + validation / VALIDATION_SPEEDUP


def _own_speed(workspace: Workspace, size: str, platform: str, options: Options) -> tuple[float, str] | None:
    """Return the speed in pixels per second of the newest training like this one, and its name."""
    for job in workspace.list(Job, verb="train", status="done"):
        if job.params["platform"] != platform:
            continue
        if _hardware_options(job.params.get("options", {})) != _hardware_options(options):
            continue
        dataset = workspace.find(Dataset, job.params["dataset"])
        model = workspace.find(Model, job.result.get("model", ""))
        seconds = job.seconds_worked()
        if dataset is None or model is None or model.size != size or seconds < MIN_CALIBRATION_SECONDS:
            continue
        try:
            settings = Hyperparameters.parse(job.params["hyperparameters"])
        except (KeyError, ValueError):  # of an earlier version
            continue
        pixels = work_pixels(settings, dataset.frames, job.params.get("base") is not None)
        return pixels / max(seconds - FIXED_SECONDS, 0.2 * seconds), job.params["name"]
    return None


def _hardware_options(options: Options) -> tuple[str, str]:
    """Return the options on which the speed depends."""
    return str(options.get("instance_type", "")), str(options.get("count", 1))


def _measured_on_cpu(pixels: float, size: str, hardware: Hardware, batch_size: int) -> Estimate | None:
    if size not in CPU_SIZE_FACTORS:
        return None
    seconds = pixels * CPU_SIZE_FACTORS[size] / CPU_PIXELS_PER_SECOND
    cores = max(1, min(hardware.cores, batch_size // 2)) * hardware.instances  # as many workers as `train` starts
    # More cores than were measured help between not at all and in proportion to their number.
    fastest, slowest = seconds * CPU_CORES / cores, seconds * max(CPU_CORES / cores, 1.0)
    low, high = MEASURED_SPREAD
    basis = f"by the speed of {CPU_CORES} CPU cores that were measured"
    return Estimate(FIXED_SECONDS + low * fastest, FIXED_SECONDS + high * slowest, basis)


def _measured_on_gpu(pixels: float, size: str, hardware: Hardware) -> Estimate | None:
    speed = GPU_PIXELS_PER_SECOND.get(size)
    if speed is None:
        return None
    seconds = FIXED_SECONDS + pixels / speed / (hardware.gpus * hardware.instances)
    if MEASURED_GPU in hardware.gpu:
        return Estimate(
            seconds * MEASURED_SPREAD[0], seconds * MEASURED_SPREAD[1], f"by the speed of an {MEASURED_GPU}"
        )
    return Estimate(seconds * MEASURED_SPREAD[0], None, f"by the speed of an {MEASURED_GPU}; others are slower")
