"""The program `train`: train a YOLOX detector on labeled frames, as a SageMaker training job runs it.

It reads `input/config/hyperparameters.json` and `resourceconfig.json`, and the channels `train`, `val` (optional) and
`model` (optional, a pretrained model) in `input/data`. It writes the model artifact to `model`. After each epoch it
writes a checkpoint to `checkpoints`, from which the next start resumes.
"""

from __future__ import annotations

import itertools
import signal
import sys
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path

import cv2
import torch
from torch.nn.parallel import DistributedDataParallel
from yolox.models import YoloxModule
from yolox.utils import LRScheduler

from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig
from bytetrack.detection.normalization import normalize_batch
from bytetrack.files import read_json_object, write_atomically
from bytetrack.paths import base_dir
from bytetrack.scoring.metrics import average_precision
from bytetrack.training import resume, validation
from bytetrack.training.clock import TrainingClock
from bytetrack.training.dataset import CACHE_BYTES, Split, TrainImages, batches, read_splits
from bytetrack.training.failure import TrainingDiverged, failure_reason
from bytetrack.training.hyperparameters import Hyperparameters, suggest
from bytetrack.training.launch import any_worker, gather_lists, launch_workers, process_group, watch_for_stop
from bytetrack.training.optimization import ModelEma, make_optimizer, rescale_batch
from bytetrack.training.pretrained import PretrainedModel, find_pretrained, load_pretrained_weights
from bytetrack.training.resume import TrainingProgress

MIN_LR_RATIO = 0.05  # lowest learning rate as a share of the highest


class TrainingStopped(Exception):
    """The training was asked to stop, and has written a checkpoint."""


def main() -> int:
    """Run the training program.

    Returns:
        The exit code: 0 if the artifact is written, 143 if the training was stopped by SIGTERM, and 1 if it failed. The
        reason for a failure is in `output/failure`.
    """
    # PyTorch warns about functions that YOLOX calls.
    warnings.filterwarnings("ignore", category=FutureWarning, module="yolox")
    base = base_dir()
    try:
        launch_workers(base)
        with process_group() as (rank, world):
            train(base, rank, world)
    except TrainingStopped as stopped:
        print(stopped, flush=True)
        return 128 + signal.SIGTERM
    except Exception as error:
        traceback.print_exc()
        write_atomically(base / "output" / "failure", failure_reason(error).encode())
        return 1
    return 0


def train(base: Path, rank: int, world: int) -> None:
    """Train a model in this worker, together with the other workers.

    Args:
        base: SageMaker's root folder.
        rank: Number of this worker. Worker 0 writes the log and the files.
        world: Number of workers.

    Raises:
        TrainingStopped: If the training was asked to stop.
        ValueError: If the data or the hyperparameters are invalid, or the training diverges.
    """
    is_stop_requested = watch_for_stop()
    log = print_line if rank == 0 else lambda line: None

    # --- Settings and data ----------------------------------------------------------------------------------------
    channels = base / "input" / "data"
    train_split, val_split = read_splits(channels)
    given = read_json_object(base / "input" / "config" / "hyperparameters.json")
    pretrained = find_pretrained(channels / "model", Hyperparameters.parse(given).pretrained_model)
    gpu = torch.cuda.is_available()
    settings = choose_settings(given, train_split, pretrained, gpu)
    config = ModelConfig(
        depth=settings.depth,
        width=settings.width,
        depthwise=pretrained.architecture.depthwise if pretrained else settings.width <= 0.25,
        classes=train_split.classes,
        input_size=list(settings.test_size),
        normalization=pretrained.normalization if pretrained else "raw",
        thresholds={"test_conf": settings.test_conf, "nmsthre": settings.nmsthre},
        hyperparameters=asdict(settings),
    )
    images = TrainImages(train_split, settings, CACHE_BYTES // world)

    # --- Model, optimizer, learning rate --------------------------------------------------------------------------
    torch.manual_seed(settings.seed)
    # Processes that prepare images are forked without OpenCV's threads, and would wait for them forever.
    cv2.setNumThreads(0)
    device = torch.device("cuda", torch.cuda.current_device()) if gpu else torch.device("cpu")
    model = artifact.build(config)
    if pretrained:
        log(load_pretrained_weights(model, pretrained, config.classes))
    model = model.to(device, memory_format=torch.channels_last)
    ema = ModelEma(model)
    optimizer = make_optimizer(model, settings)
    scaler = torch.GradScaler(device.type, enabled=gpu and settings.fp16)
    steps = len(batches(len(images), settings.batch_size, settings.seed, 0))
    schedule = LRScheduler(
        "yoloxwarmcos",
        settings.basic_lr_per_img * settings.batch_size,
        steps,
        settings.max_epoch,
        warmup_epochs=settings.warmup_epochs,
        no_aug_epochs=settings.no_aug_epochs,
        min_lr_ratio=MIN_LR_RATIO,
    )

    # --- Checkpoint -----------------------------------------------------------------------------------------------
    checkpoint, best_weights = (base / "checkpoints" / name for name in (resume.LAST_CHECKPOINT, resume.BEST_WEIGHTS))
    parts = {"model": model, "ema": ema, "optimizer": optimizer, "scaler": scaler}
    progress = TrainingProgress()
    if saved_progress := resume.load_checkpoint(checkpoint, parts, config):
        progress = saved_progress
        log(f"resuming at epoch {progress.epoch + 1}, step {progress.step + 1}")

    def save_progress(epoch: int, step: int) -> None:
        progress.epoch, progress.step = epoch, step
        if rank == 0:
            resume.save_checkpoint(checkpoint, parts, progress)

    def validate(split: Split, epoch: int, resume_at: tuple[int, int]) -> None:
        """Log the average precision after `epoch`, and save the weights if they are the best so far."""
        share = itertools.takewhile(lambda _: not is_stop_requested(), split.images[rank::world])
        results = gather_lists(validation.detect_images(ema.model, config, split, share))
        scores = average_precision(split.document, results)
        if any_worker(is_stop_requested()):
            save_progress(*resume_at)
            raise TrainingStopped(f"stopped in the evaluation after epoch {epoch}, checkpoint written")
        log(f"epoch: {epoch}/{settings.max_epoch}, {format_scores(scores, 4)}")
        if scores["AP"] > progress.best["AP"]:
            progress.best, progress.best_epoch = scores, epoch
            if rank == 0:
                resume.save_atomically(best_weights, ema.model.state_dict())

    network = DistributedDataParallel(model, [device] if gpu else None) if world > 1 else model
    log(
        f"training on {len(images)} images with {train_split.number_of_boxes} boxes of {len(config.classes)} classes, "
        f"{settings.max_epoch} epochs of {steps} steps, on {world} x {torch.cuda.get_device_name() if gpu else 'CPU'}"
    )

    # A pretrained model counts as epoch 0: if no epoch is better, the artifact keeps its weights.
    if pretrained and val_split and progress.epoch == progress.step == 0:
        validate(val_split, 0, resume_at=(0, 0))

    # --- Training loop --------------------------------------------------------------------------------------------
    first_epoch, first_step = progress.epoch, progress.step
    clock = TrainingClock((settings.max_epoch - first_epoch) * steps - first_step)
    for epoch in range(first_epoch, settings.max_epoch):
        images.epoch = epoch
        # The L1 loss makes boxes exact, which needs exact labels: mosaics cut objects off.
        model.head.use_l1 = settings.mosaic_prob == 0 or epoch >= settings.max_epoch - settings.no_aug_epochs
        loader = torch.utils.data.DataLoader(
            images,
            batch_sampler=batches(len(images), settings.batch_size, settings.seed, epoch, rank, world)[first_step:],
            num_workers=settings.num_workers,
            pin_memory=gpu,
        )
        model.train()
        for step, (pixels, labels) in enumerate(loader, first_step):
            lr = schedule.update_lr(epoch * steps + step + 1)
            for group in optimizer.param_groups:
                group["lr"] = lr
            pixels = pixels.to(device, non_blocking=True, memory_format=torch.channels_last)
            labels = labels.to(device, non_blocking=True)
            pixels = normalize_batch(pixels, config.normalization)
            pixels, labels = rescale_batch(pixels, labels, settings, epoch * steps + step)
            with torch.autocast(device.type, torch.float16, enabled=scaler.is_enabled()):
                losses = compute_losses(network, pixels, labels, settings)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(losses["total_loss"]).backward()  # type: ignore[no-untyped-call]
            scaler.step(optimizer)
            scaler.update()
            ema.update(model)
            clock.tick(settings.batch_size)
            if (step + 1) % settings.print_interval == 0 or step + 1 == steps:
                values = {name: torch.as_tensor(loss).item() for name, loss in losses.items() if "loss" in name}
                log(
                    f"epoch: {epoch + 1}/{settings.max_epoch}, iter: {step + 1}/{steps}, {format_scores(values, 4)}, "
                    f"lr: {lr:.3e}, images_per_second: {clock.images_per_second:.1f}, eta: {clock.eta:.0f}"
                )
            if any_worker(is_stop_requested()):
                save_progress(epoch, step + 1)
                raise TrainingStopped(f"stopped in epoch {epoch + 1} after step {step + 1}, checkpoint written")
        first_step = 0

        is_last = epoch + 1 == settings.max_epoch
        if val_split and (is_last or (epoch + 1) % settings.eval_interval == 0):
            validate(val_split, epoch + 1, resume_at=(epoch, steps))
        save_progress(epoch + 1, 0)

    # --- Artifact: the best weights, or the last ones if there is no validation split ------------------------------
    if rank == 0:
        if pretrained and val_split:
            best = f"epoch {progress.best_epoch} was the best"
            log(best if progress.best_epoch else "no epoch was better than the start")
        weights = torch.load(best_weights, map_location="cpu", weights_only=True) if val_split else None
        write_artifact(base / "model", weights or ema.model.state_dict(), config, progress.best, val_split)


def choose_settings(
    given: dict[str, str], train_split: Split, pretrained: PretrainedModel | None, gpu: bool
) -> Hyperparameters:
    """Complete the given hyperparameters with those that suit the data, and check them against the data.

    Raises:
        ValueError: If a hyperparameter is invalid or contradicts the data.
    """
    asked = Hyperparameters.parse(given)
    depth, width = pretrained.architecture[:2] if pretrained else (asked.depth, asked.width)
    frame = train_split.images[0]
    suggested = suggest(
        frame.width,
        frame.height,
        len(train_split.images),
        depth,
        width,
        gpu=gpu,
        object_sides=train_split.object_sides,
        pretrained=pretrained is not None,
        epochs=asked.max_epoch if "max_epoch" in given else None,
    )
    settings = Hyperparameters.parse(given, suggested)
    if settings.num_classes not in (0, len(train_split.classes)):
        raise ValueError(
            f"num_classes is {settings.num_classes}, but the data has {len(train_split.classes)} classes: "
            f"{', '.join(train_split.classes)}."
        )
    return settings


def compute_losses(
    network: torch.nn.Module, pixels: torch.Tensor, labels: torch.Tensor, settings: Hyperparameters
) -> dict[str, torch.Tensor]:
    """Run the network in training mode and return YOLOX's losses by name.

    Raises:
        TrainingDiverged: If the loss is not finite, or cannot be computed because the network is not.
    """
    try:
        losses: dict[str, torch.Tensor] = network(pixels, labels)
    except RuntimeError as error:  # among others, from the cross entropy of values that are not numbers
        if all(value.isfinite().all() for value in network.state_dict().values()):
            raise
        raise TrainingDiverged(settings.basic_lr_per_img) from error
    if not losses["total_loss"].isfinite():
        raise TrainingDiverged(settings.basic_lr_per_img)
    return losses


def write_artifact(
    folder: Path, weights: dict[str, torch.Tensor], config: ModelConfig, best: dict[str, float], val_split: Split | None
) -> None:
    """Write the model artifact with its scores, and print them as the last lines of the log."""
    model: YoloxModule = artifact.build(config)
    model.load_state_dict(weights)
    difference = artifact.save(folder, model, config)
    print_line(f"model written to {folder}; ONNX and PyTorch differ by {difference:.1e}")
    if val_split:
        config.thresholds["track_thresh"], tracking = validation.choose_track_threshold(folder, val_split)
        config.metrics = {**best, **tracking}
        artifact.write_config(folder, config)
        print_line("best " + format_scores(best, 4))
        if tracking:
            print_line(format_scores(tracking, 2))


def format_scores(values: dict[str, float], decimals: int) -> str:
    """Format named numbers for the log, as `metric_definitions` parses them."""
    return ", ".join(f"{name}: {value:.{decimals}f}" for name, value in values.items())


def print_line(line: str) -> None:
    """Print a line of the log at once, without waiting for the buffer to fill."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
