"""The program `train`: a YOLOX detector from labeled frames, as a SageMaker training job runs it.

Reads `input/config/hyperparameters.json` and `resourceconfig.json`, the channels `train`, `val` (optional) and `model`
(optional: what to start from) in `input/data`; writes the artifact to `model`, and after each epoch `checkpoints`, from
which the next start goes on. Read it top to bottom.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import cv2
import torch
import torch.distributed as distributed
from yolox.models import YoloxModule
from yolox.utils import LRScheduler

from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig
from bytetrack.detection.checkpoints import architecture_of, known_class_names, read_checkpoint
from bytetrack.detection.detector import IMAGENET_MEAN, IMAGENET_STD
from bytetrack.devices import gpu_count
from bytetrack.files import atomic_path, write_atomically
from bytetrack.paths import base_dir
from bytetrack.scoring.metrics import average_precision
from bytetrack.training import validation
from bytetrack.training.dataset import CACHE_BYTES, Split, TrainImages, batches
from bytetrack.training.hyperparameters import Hyperparameters, suggest

WEIGHT_DECAY = {"sgd": 5e-4, "adamw": 0.05}
MIN_LR_RATIO = 0.05
EMA_DECAY = 0.9998
CHECKPOINT, BEST = "last.pt", "best.pt"


class Stopped(Exception):
    """SIGTERM came, and a checkpoint is written."""


@dataclass(frozen=True)
class Pretrained:
    """The model that a training starts from.

    Attributes:
        weights: by the names of YOLOX's state dictionary.
        normalization: what the network expects, see `ModelConfig`.
        classes: names of its classes in the network's order; None if they are unknown.
    """

    weights: dict[str, torch.Tensor]
    normalization: str
    classes: list[str] | None


def main() -> int:
    """Train; 0 when the artifact is written. Otherwise 1, with the reason in `output/failure`, or 143 after SIGTERM."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="yolox")  # of PyTorch, about YOLOX's calls of it
    base = base_dir()
    try:
        launch_processes(base)
        with process_group():
            train(base)
    except Stopped as stopped:
        print(stopped, flush=True)
        return 128 + signal.SIGTERM
    except Exception as error:
        traceback.print_exc()
        write_atomically(base / "output" / "failure", reason_of(error).encode())
        return 1
    return 0


def train(base: Path) -> None:
    rank, world = (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)
    told_to_stop = watch_sigterm()
    say = print_line if rank == 0 else lambda line: None

    # --- Configuration and data -----------------------------------------------------------------------------------
    channels = base / "input" / "data"
    if not (channels / "train").is_dir():
        raise ValueError(f"The channel “train” is missing: there is no folder {channels / 'train'}.")
    train_split = Split(channels / "train")
    val_split = Split(channels / "val") if (channels / "val").is_dir() else None
    check_splits(train_split, val_split)
    given = read_json(base / "input" / "config" / "hyperparameters.json")
    asked = Hyperparameters.parse(given)
    start = find_pretrained(channels / "model", asked.pretrained_model)
    frame = train_split.images[0]
    gpu = torch.cuda.is_available()
    depth, width = architecture_of(start.weights)[:2] if start else (asked.depth, asked.width)
    suggested = suggest(
        frame.width,
        frame.height,
        len(train_split.images),
        depth,
        width,
        gpu=gpu,
        object_sides=train_split.object_sides,
        pretrained=bool(start),
    )
    settings = Hyperparameters.parse(given, suggested)
    if settings.num_classes not in (0, len(train_split.classes)):
        raise ValueError(
            f"num_classes is {settings.num_classes}, but the data has {len(train_split.classes)} classes: "
            f"{', '.join(train_split.classes)}."
        )
    config = ModelConfig(
        depth=settings.depth,
        width=settings.width,
        depthwise=settings.width <= 0.25,
        classes=train_split.classes,
        input_size=list(settings.test_size),
        normalization=start.normalization if start else "raw",
        thresholds={"test_conf": settings.test_conf, "nmsthre": settings.nmsthre},
        hyperparameters=asdict(settings),
    )

    # --- Model, optimizer, schedule -------------------------------------------------------------------------------
    torch.manual_seed(settings.seed)
    cv2.setNumThreads(0)  # the processes that prepare images are forked, and would wait for threads that are not
    device = torch.device("cuda", torch.cuda.current_device()) if gpu else torch.device("cpu")
    if start:
        _, _, config.depthwise, _ = architecture_of(start.weights)
    model = artifact.build(config)
    if start:
        say(load_matching(model, start, config.classes))
    model = model.to(device, memory_format=torch.channels_last)
    ema = Ema(model)
    optimizer = make_optimizer(model, settings)
    scaler = torch.amp.GradScaler(device.type, enabled=gpu and settings.fp16)
    images = TrainImages(train_split, settings, CACHE_BYTES // world)
    steps = len(batches(len(images), settings.batch_size, settings.seed, 0))
    schedule = LRScheduler(
        "yoloxwarmcos", settings.basic_lr_per_img * settings.batch_size, steps, settings.max_epoch,
        warmup_epochs=settings.warmup_epochs, no_aug_epochs=settings.no_aug_epochs, min_lr_ratio=MIN_LR_RATIO,
    )  # fmt: skip

    # --- Where an earlier start left off --------------------------------------------------------------------------
    checkpoints = base / "checkpoints"
    first_epoch, first_step, best, best_epoch = 0, 0, {"AP": -1.0}, 0
    if state := read_state(checkpoints / CHECKPOINT, config):
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
        first_epoch, first_step, best = state["epoch"], state["step"], state["best"]
        best_epoch = state.get("best_epoch", first_epoch)  # which earlier versions did not write
        say(f"resuming at epoch {first_epoch + 1}, step {first_step + 1}")

    def save_state(epoch: int, step: int) -> None:
        # No state of random generators: what is random depends on seed, epoch and image only.
        if rank == 0:
            parts = {"model": model, "ema": ema, "optimizer": optimizer, "scaler": scaler}
            states = {name: part.state_dict() for name, part in parts.items()}
            progress = {"epoch": epoch, "step": step, "best": best, "best_epoch": best_epoch}
            write_state(checkpoints / CHECKPOINT, {**states, **progress})

    def validate_epoch(split: Split, epoch: int, resume_at: tuple[int, int]) -> None:
        """Print the AP after an epoch, 0 for before the first; keep the weights if they are the best so far."""
        nonlocal best, best_epoch
        mine = itertools.takewhile(lambda _: not told_to_stop(), split.images[rank::world])
        found = gathered(validation.detect(ema.model, config, split, mine))
        scores = average_precision(split.document, found)
        if any_process(told_to_stop()):
            save_state(*resume_at)
            raise Stopped(f"stopped in the evaluation after epoch {epoch}, checkpoint written")
        say(f"epoch: {epoch}/{settings.max_epoch}, {listing(scores, 4)}")
        if scores["AP"] > best["AP"]:
            best, best_epoch = scores, epoch
            if rank == 0:
                write_state(checkpoints / BEST, ema.model.state_dict())

    network = torch.nn.parallel.DistributedDataParallel(model, [device] if gpu else None) if world > 1 else model
    say(
        f"training on {len(images)} images with {train_split.number_of_boxes} boxes of {len(config.classes)} classes, "
        f"{settings.max_epoch} epochs of {steps} steps, on {world} x {torch.cuda.get_device_name() if gpu else 'CPU'}"
    )

    # A pretrained model counts as epoch 0: what the training gives must be better, or the start is kept.
    if start and val_split and first_epoch == first_step == 0:
        validate_epoch(val_split, 0, resume_at=(0, 0))

    # --- The loop -------------------------------------------------------------------------------------------------
    clock = Clock((settings.max_epoch - first_epoch) * steps - first_step)
    for epoch in range(first_epoch, settings.max_epoch):
        images.epoch = epoch
        # L1 makes boxes exact, if those in the picture are: mosaics cut them.
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
            pixels, labels = resized(normalized(pixels, config.normalization), labels, settings, epoch * steps + step)
            with torch.autocast(device.type, torch.float16, enabled=scaler.is_enabled()), divergence_named(settings):
                losses = network(pixels, labels)
                if not losses["total_loss"].isfinite():
                    raise FloatingPointError("the loss is no number")
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(losses["total_loss"]).backward()
            scaler.step(optimizer)
            scaler.update()
            ema.update(model)
            clock.tick(settings.batch_size)
            if (step + 1) % settings.print_interval == 0 or step + 1 == steps:
                values = {name: torch.as_tensor(each).item() for name, each in losses.items() if "loss" in name}
                say(
                    f"epoch: {epoch + 1}/{settings.max_epoch}, iter: {step + 1}/{steps}, "
                    + "".join(f"{name}: {value:.4f}, " for name, value in values.items())
                    + f"lr: {lr:.3e}, images_per_second: {clock.images_per_second:.1f}, eta: {clock.eta:.0f}"
                )
            if any_process(told_to_stop()):
                save_state(epoch, step + 1)
                raise Stopped(f"stopped in epoch {epoch + 1} after step {step + 1}, checkpoint written")
        first_step = 0

        last = epoch + 1 == settings.max_epoch
        if val_split and (last or (epoch + 1) % settings.eval_interval == 0):
            validate_epoch(val_split, epoch + 1, resume_at=(epoch, steps))
        save_state(epoch + 1, 0)

    # --- The artifact: the best weights, or the last where there is nothing to tell by ----------------------------
    if rank == 0:
        if start and val_split:
            say("no epoch was better than the start" if best_epoch == 0 else f"epoch {best_epoch} was the best")
        weights = torch.load(checkpoints / BEST, map_location="cpu", weights_only=True) if val_split else None
        export(base / "model", weights or ema.model.state_dict(), config, best, val_split)


def export(
    folder: Path, weights: dict[str, torch.Tensor], config: ModelConfig, best: dict[str, float], val_split: Split | None
) -> None:
    """Write the artifact with its scores; print them as the log's last lines."""
    model = artifact.build(config)
    model.load_state_dict(weights)
    difference = artifact.save(folder, model, config)
    print_line(f"model written to {folder}; ONNX and PyTorch differ by {difference:.1e}")
    if val_split:
        config.thresholds["track_thresh"], tracking = validation.tune_tracker(folder, val_split)
        config.metrics = {**best, **tracking}
        artifact.write_config(folder, config)
        print_line("best " + listing(best, 4))
        if tracking:
            print_line(listing(tracking, 2))


def check_splits(train_split: Split, val_split: Split | None) -> None:
    """Raises ValueError for splits with which no training makes sense."""
    if not train_split.number_of_boxes:
        raise ValueError("The split “train” has images but no boxes: there is nothing to learn. Add labeled clips.")
    if val_split and val_split.classes != train_split.classes:
        raise ValueError(
            f"The classes of “val” ({', '.join(val_split.classes)}) are not those of “train” "
            f"({', '.join(train_split.classes)}). Build both from labels with the same classes."
        )


# --- Parts of the loop --------------------------------------------------------------------------------------------


class Ema:
    """A moving average of all weights and statistics, in evaluation mode: what is evaluated and kept.

    Early on it follows quickly: after n steps it spans about n / 10 of them, so that short trainings gain by it, too.
    """

    def __init__(self, model: YoloxModule) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.updates = 0

    @torch.no_grad()
    def update(self, model: YoloxModule) -> None:
        self.updates += 1
        decay = min(EMA_DECAY, (1 + self.updates) / (10 + self.updates))
        own, theirs = self.model.state_dict(), model.state_dict()
        floating = [name for name, value in own.items() if value.is_floating_point()]
        torch._foreach_lerp_([own[name] for name in floating], [theirs[name] for name in floating], 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


class Clock:
    """Images per second of late, and the seconds left at that pace."""

    def __init__(self, steps: int) -> None:
        self.steps_left = steps
        self.images_per_second = 0.0
        self.eta = 0.0
        self._last = time.perf_counter()

    def tick(self, images: int) -> None:
        now = time.perf_counter()
        pace = images / (now - self._last)
        self.images_per_second = pace if not self.images_per_second else 0.9 * self.images_per_second + 0.1 * pace
        self._last = now
        self.steps_left -= 1
        self.eta = self.steps_left * images / self.images_per_second


@contextlib.contextmanager
def divergence_named(settings: Hyperparameters) -> Iterator[None]:
    """Raises ValueError where the loss is no number, or YOLOX's loss finds no number in what it is given."""
    try:
        yield
    except (FloatingPointError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "between 0 and 1" not in str(error):
            raise
        raise ValueError(
            f"The training diverged: choose a smaller basic_lr_per_img than {settings.basic_lr_per_img:g}, "
            "or more warmup_epochs."
        ) from error


def make_optimizer(model: YoloxModule, settings: Hyperparameters) -> torch.optim.Optimizer:
    """Weight decay is for the kernels; biases and batch norms go without, as in YOLOX."""
    kernels = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    decay = WEIGHT_DECAY[settings.optimizer]
    groups = [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=1e-8, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=1e-8, fused=True)  # one call for its hundreds of small tensors


def normalized(pixels: torch.Tensor, normalization: str) -> torch.Tensor:
    """`(N, 3, H, W)` BGR 0..255 as the network takes it; the same as `Detector.prepare` does for one frame."""
    if normalization == "raw":
        return pixels
    mean, deviation = (torch.from_numpy(each).to(pixels.device).view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels.flip(1) / 255 - mean) / deviation


def resized(
    pixels: torch.Tensor, labels: torch.Tensor, settings: Hyperparameters, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Multi-scale training: images and boxes at a size drawn anew every ten steps, the same in all processes."""
    if not settings.random_size_h:
        return pixels, labels
    generator = torch.Generator().manual_seed(settings.seed + step // 10)
    height = 32 * int(torch.randint(settings.random_size_h, settings.random_size_w + 1, (1,), generator=generator))
    width = max(32, round(height * settings.input_size_w / settings.input_size_h / 32) * 32)
    factors = labels.new_tensor([1, *[width / pixels.shape[3], height / pixels.shape[2]] * 2])
    return torch.nn.functional.interpolate(pixels, (height, width), mode="bilinear"), labels * factors


# --- What to start from, and checkpoints --------------------------------------------------------------------------


def find_pretrained(channel: Path, name: str) -> Pretrained | None:
    """Read what the channel “model” holds: an artifact, or one checkpoint. None if there is no such channel.

    Raises:
        ValueError: if the channel holds neither, several checkpoints and no `name`, or not the one named.
    """
    if not channel.is_dir():
        if name:
            raise ValueError(f"pretrained_model is “{name}”, but there is no channel “model” to find it in.")
        return None
    if not name:
        with artifact.unpacked(channel) as folder:
            if (folder / "model.json").is_file():
                config = artifact.read_config(folder)
                return Pretrained(artifact.load_torch(folder).state_dict(), config.normalization, config.classes)
    files = sorted(path for path in channel.iterdir() if path.name.endswith((".pth", ".pth.tar", ".pt")))
    chosen = [path for path in files if path.name == name] if name else files
    if len(chosen) != 1:
        there = ", ".join(path.name for path in files) or "no checkpoint"
        raise ValueError(
            f"The channel “model” must hold one model to start from; it holds {there}. Name it in pretrained_model."
        )
    weights = read_checkpoint(chosen[0])
    # ByteTrack trained with ImageNet's mean and deviation, one class, and named its files after MOT's benchmarks.
    count = architecture_of(weights)[3]
    from_bytetrack = count == 1 and "mot" in chosen[0].name.lower()
    return Pretrained(weights, "imagenet" if from_bytetrack else "raw", known_class_names(count, from_bytetrack))


def load_matching(model: YoloxModule, start: Pretrained, classes: list[str]) -> str:
    """Load the weights of the same name and shape, and of the class outputs the rows of the classes that both know.

    Classes are matched by name, whatever their case and order. If the start's names are unknown, the class outputs
    are loaded only if they are as many.

    Args:
        classes: names of the model's classes in order.

    Returns:
        What was taken over, for the log.

    Raises:
        ValueError: if the backbone does not fit: the model is of another size.
    """
    own = model.state_dict()
    matching = {
        name: value
        for name, value in start.weights.items()
        if name in own and own[name].shape == value.shape and (start.classes is None or "cls_preds" not in name)
    }
    if misfits := [name for name in own if name not in matching and "cls_preds" not in name]:
        depth, width, _, _ = architecture_of(start.weights)
        raise ValueError(
            f"The pretrained model has depth {depth} and width {width}, which are not those in the hyperparameters "
            f"({len(misfits)} of {len(own)} weights do not fit). Leave depth and width out, or take another model."
        )
    taken = f"started from a pretrained model: {len(matching)} of {len(own)} weights taken over"
    if start.classes is not None:
        rows = {name.strip().casefold(): row for row, name in enumerate(start.classes)}
        known = {row: rows[key] for row, name in enumerate(classes) if (key := name.strip().casefold()) in rows}
        for name in [name for name in own if "cls_preds" in name]:
            matching[name] = own[name].clone()
            matching[name][list(known)] = start.weights[name][list(known.values())].to(own[name])
        taken += f", and the outputs of {', '.join(classes[row] for row in known) or 'no class'}"
    model.load_state_dict(matching, strict=False)
    return taken


def read_state(path: Path, config: ModelConfig) -> dict[str, Any] | None:
    """The checkpoint at `path`, None where there is none yet.

    Raises:
        ValueError: if it cannot be read, or is of another model.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        fits = architecture_of(state["model"]) == (config.depth, config.width, config.depthwise, len(config.classes))
    except Exception as error:  # whatever a damaged file makes of the zip and the pickle in it
        raise ValueError(f"The checkpoint {path} is damaged. Remove it to start anew.") from error
    if not fits:
        raise ValueError(f"The checkpoint {path} is of another size or number of classes. Remove it to start anew.")
    return state


def write_state(path: Path, state: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


# --- Processes ----------------------------------------------------------------------------------------------------


def launch_processes(base: Path) -> None:
    """Become `torchrun` with several processes; return where one process is all there is to be.

    On every host one per GPU, or one per core as far as the batch gives each two images: for networks and images as
    small as suit a CPU, two processes of one thread are nearly twice as fast as one process of two.
    """
    if distributed.is_torchelastic_launched():
        return
    path = base / "input" / "config" / "resourceconfig.json"
    resources = read_json(path) if path.is_file() else {}
    hosts = resources.get("hosts") or ["localhost"]
    processes = gpu_count()
    if not processes:
        batch_size = Hyperparameters.parse(read_json(base / "input" / "config" / "hyperparameters.json")).batch_size
        processes = max(1, min(torch.get_num_threads(), batch_size // 2 // len(hosts)))
        os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads() // processes)
    if len(hosts) * processes == 1:
        return
    if resources.get("network_interface_name"):
        for library in ("NCCL", "GLOO"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", resources["network_interface_name"])
    become_torchrun(processes, hosts, hosts.index(resources["current_host"]) if len(hosts) > 1 else 0)


def become_torchrun(processes: int, hosts: list[str], rank: int) -> NoReturn:
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    if len(hosts) > 1:
        run += ["--nnodes", str(len(hosts)), "--node-rank", str(rank)]
        run += ["--master-addr", hosts[0], "--master-port", os.environ.get("MASTER_PORT", "29500")]
    else:
        run += ["--standalone"]  # at a free port, as another training may be running here
    os.execv(sys.executable, [*run, "-m", "bytetrack.train"])


@contextlib.contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes that `torchrun` started, if it did."""
    if not distributed.is_torchelastic_launched():
        yield
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo")
    yield  # after an error the others are told by this process's end, not by a farewell that waits for them
    distributed.destroy_process_group()


def any_process(flag: bool) -> bool:
    """Whether it is true in any process, so that all stop after the same step."""
    if not distributed.is_initialized():
        return flag
    value = torch.tensor(float(flag), device="cuda" if torch.cuda.is_available() else "cpu")
    distributed.all_reduce(value, distributed.ReduceOp.MAX)
    return bool(value)


def gathered(found: list[Any]) -> list[Any]:
    """The lists of all processes as one."""
    if not distributed.is_initialized():
        return found
    lists: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(lists, found)
    return [each for part in lists for each in part]


# --- The world outside --------------------------------------------------------------------------------------------


def watch_sigterm() -> Callable[[], bool]:
    """Whether SIGTERM came, or the process that started this one is gone; the loop stops at its next step then."""
    event, parent = threading.Event(), os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: event.set())
    return lambda: event.is_set() or os.getppid() != parent


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is missing or is not JSON.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold a JSON object.")
    return content


def reason_of(error: Exception) -> str:
    """A sentence for `output/failure`."""
    if isinstance(error, ValueError):
        # From a process that prepares images, PyTorch hands over the whole traceback; the sentence is its last line.
        return str(error).strip().splitlines()[-1].removeprefix("ValueError: ")
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return "The GPU's memory is too small for this training. Choose a smaller batch_size or input size."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Free some space and start again: the training goes on from its last checkpoint."
    return f"The training failed unexpectedly: {type(error).__name__}: {error}"


def listing(values: dict[str, float], decimals: int) -> str:
    return ", ".join(f"{name}: {value:.{decimals}f}" for name, value in values.items())


def print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
