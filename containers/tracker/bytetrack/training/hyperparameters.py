"""The hyperparameters of a training, under the names that users of the SageMaker ByteTrack sample know."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypedDict

import numpy as np

from bytetrack.detection.artifact import STRIDE

SIZES: dict[str, tuple[float, float]] = {  # YOLOX's depth and width
    "nano": (0.33, 0.25),
    "tiny": (0.33, 0.375),
    "s": (0.33, 0.5),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}

OPTIMIZERS = ("adamw", "sgd")
DEFAULT_EPOCHS = 30
PRETRAINED_EPOCHS = 10  # more would overfit the few frames, as a pretrained model needs to learn little
# Training windows that are seen in all. On a CPU they count for windows as large as the frame: on one core, YOLOX-nano
# takes minutes for them.
WINDOWS_ON_CPU = 4_500
WINDOWS_ON_GPU = 40_000
MAX_PIXELS_ON_CPU = 768 * 576  # larger frames are scaled down
MAX_PIXELS_ON_GPU = 1440 * 800


class EpochSchedule(TypedDict):
    """The hyperparameters that follow from the number of epochs."""

    max_epoch: int
    warmup_epochs: int
    no_aug_epochs: int
    eval_interval: int


def epoch_schedule(max_epoch: int, pretrained: bool = False) -> EpochSchedule:
    """Return the hyperparameters that follow from the number of epochs.

    This is the only place with rules for them: the suggestions on the page, the steps of the backend and the training
    program all use it. The last seventh of the epochs goes without augmentation, as in the measured trainings.

    Args:
        max_epoch: Number of epochs.
        pretrained: Whether the training starts from a pretrained model. It is evaluated after every epoch then, as it
            may be best after any of its few epochs.
    """
    return {
        "max_epoch": max_epoch,
        "warmup_epochs": 1 if max_epoch >= 4 else 0,
        "no_aug_epochs": max(max_epoch // 7, 1) if max_epoch > 1 else 0,
        "eval_interval": 1 if pretrained else max(max_epoch // 4, 1),
    }


_SCHEDULE = epoch_schedule(DEFAULT_EPOCHS)


def _option(default: Any, description: str, low: float, high: float, multiple_of: int = 1) -> Any:
    metadata = {"help": description, "min": low, "max": high, "multiple_of": multiple_of}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Hyperparameters:
    """The settings of one training.

    The `metadata` of each field contains `help` and, depending on the field, `min`, `max`, `multiple_of` and `choices`.

    Frames are scaled to fit `test_size` in training as in inference, so the network sees objects at the size at which
    it has to detect them later. Training crops windows of `input_size` from them, which makes an epoch on a CPU several
    times faster. With both sizes equal, this is YOLOX's usual training on whole frames.

    Raises:
        ValueError: If a value is invalid. The message names the field, its value and the valid values.
    """

    pretrained_model: str = field(
        default="",
        metadata={"help": "file in the channel “model” to start from; empty if the channel has one model only"},
    )
    num_classes: int = _option(0, "number of classes in the data; 0 to count them", 0, 10_000)
    depth: float = _option(0.33, "depth multiplier of the network", 0.33, 2.0)
    width: float = _option(0.25, "width multiplier of the network; up to 0.25 with depthwise convolutions", 0.125, 2.0)
    input_size_h: int = _option(320, "height of the training windows in pixels", 32, 4096, STRIDE)
    input_size_w: int = _option(416, "width of the training windows in pixels", 32, 4096, STRIDE)
    test_size_h: int = _option(576, "height in pixels that frames are scaled to fit", 32, 4096, STRIDE)
    test_size_w: int = _option(768, "width in pixels that frames are scaled to fit", 32, 4096, STRIDE)
    random_size_h: int = _option(0, "multi-scale training: smallest image height divided by 32; 0 for off", 0, 128)
    random_size_w: int = _option(0, "multi-scale training: largest image height divided by 32; 0 for off", 0, 128)
    batch_size: int = _option(8, "images per step, over all GPUs", 1, 4096)
    max_epoch: int = _option(_SCHEDULE["max_epoch"], "passes over the training images", 1, 10_000)
    fp16: bool = field(default=True, metadata={"help": "half precision on a GPU"})
    optimizer: str = field(
        default="adamw",
        metadata={"help": "adamw learns faster in short trainings; sgd is YOLOX's own", "choices": OPTIMIZERS},
    )
    basic_lr_per_img: float = _option(0.01 / 64, "learning rate per image of a batch", 1e-8, 1.0)
    warmup_epochs: int = _option(_SCHEDULE["warmup_epochs"], "epochs in which the learning rate rises", 0, 1000)
    no_aug_epochs: int = _option(
        _SCHEDULE["no_aug_epochs"],
        "last epochs, without mosaic and mixup, with L1 loss and the lowest learning rate",
        0,
        10_000,
    )
    eval_interval: int = _option(_SCHEDULE["eval_interval"], "epochs from one evaluation to the next", 1, 10_000)
    print_interval: int = _option(10, "steps from one line of the log to the next", 1, 1_000_000)
    test_conf: float = _option(0.1, "detections with a lower score are dropped", 0.0, 1.0)
    nmsthre: float = _option(0.65, "IoU above which NMS drops the weaker of two boxes", 0.01, 1.0)
    mosaic_prob: float = _option(0.5, "share of training images that are mosaics of four", 0.0, 1.0)
    mixup_prob: float = _option(0.0, "share of mosaics with another image mixed in", 0.0, 1.0)
    num_workers: int = _option(
        0, "processes per GPU that prepare images; 0 to prepare them in the training process", 0, 64
    )
    seed: int = _option(0, "seed of the random numbers; the same seed gives the same training", 0, 2**31 - 1)

    def __post_init__(self) -> None:
        for setting in fields(self):
            _check(setting.name, getattr(self, setting.name), setting.metadata)
        if bool(self.random_size_h) != bool(self.random_size_w) or self.random_size_h > self.random_size_w:
            raise ValueError(
                f"random_size_h is {self.random_size_h} and random_size_w is {self.random_size_w}, but they must be "
                "the smallest and the largest size, or both 0."
            )
        if self.warmup_epochs + self.no_aug_epochs > self.max_epoch:
            raise ValueError(
                f"warmup_epochs ({self.warmup_epochs}) and no_aug_epochs ({self.no_aug_epochs}) together must not be "
                f"more than max_epoch ({self.max_epoch})."
            )

    @classmethod
    def parse(cls, values: Mapping[str, str], defaults: Hyperparameters | None = None) -> Hyperparameters:
        """Parse hyperparameters from text, as SageMaker passes them.

        Args:
            values: Names and values as text. Names that SageMaker adds itself are ignored.
            defaults: Values of the hyperparameters that `values` does not name. If omitted, the defaults of this class,
                with `epoch_schedule` for the number of epochs in `values`.

        Raises:
            ValueError: If a name is unknown or a value is invalid. The message says which, and what is valid.
        """
        types = {name: type(default) for name, default in asdict(cls()).items()}
        parsed: dict[str, Any] = {}
        for name, text in values.items():
            if name.startswith(("sagemaker_", "_")):  # added by SageMaker's SDK and by its tuning jobs
                continue
            if name not in types:
                suggestions = difflib.get_close_matches(name, types, n=3) or sorted(types)
                raise ValueError(f"There is no hyperparameter “{name}”. Did you mean {', '.join(suggestions)}?")
            parsed[name] = _parse(name, str(text).strip().strip('"'), types[name])
        if defaults is None:
            defaults = cls()
            parsed = {**epoch_schedule(parsed.get("max_epoch", defaults.max_epoch)), **parsed}
        return replace(defaults, **parsed)

    def to_strings(self) -> dict[str, str]:
        """Return names and values as text, the inverse of `parse`."""
        return {name: str(value) for name, value in asdict(self).items()}

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the training windows in pixels."""
        return self.input_size_h, self.input_size_w

    @property
    def test_size(self) -> tuple[int, int]:
        """Height and width in pixels that frames are scaled to fit."""
        return self.test_size_h, self.test_size_w


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is str:
        return text
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError(f"{name} is “{text}”, but must be true or false.")
        return text.lower() in ("true", "1")
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        raise ValueError(f"{name} is “{text}”, but must be a {'whole ' if kind is int else ''}number.") from None


def _check(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    """Raise ValueError if a value does not meet the limits in its field's metadata."""
    if value not in metadata.get("choices", (value,)):
        raise ValueError(f"{name} is “{value}”, but must be one of {', '.join(metadata['choices'])}.")
    if "min" not in metadata:
        return
    low, high, multiple_of = metadata["min"], metadata["max"], metadata["multiple_of"]
    if not math.isfinite(value) or not low <= value <= high or (multiple_of > 1 and value % multiple_of):
        multiple = f" in multiples of {multiple_of}" if multiple_of > 1 else ""
        raise ValueError(f"{name} is {value}, but must be from {low:g} to {high:g}{multiple}.")


def suggest(
    width: int,
    height: int,
    images: int,
    depth: float = 0.33,
    network_width: float = 0.25,
    gpu: bool = False,
    object_sides: Sequence[float] = (),
    pretrained: bool = False,
    epochs: int | None = None,
) -> Hyperparameters:
    """Suggest hyperparameters for a first, short training: minutes on two CPU cores for the smallest network.

    Args:
        width: Width of the video's frames in pixels.
        height: Height of the video's frames in pixels.
        images: Number of frames in the training split.
        depth: Depth of the network, see `SIZES`.
        network_width: Width of the network, see `SIZES`.
        gpu: Whether the training runs on a GPU.
        object_sides: Longer side of each labeled object in pixels of the frame. The training windows are made large
            enough for most objects.
        pretrained: Whether the training starts from a pretrained model. It takes small steps then, since large ones
            would destroy what the model has learned.
        epochs: Number of epochs, in place of the number that suits the number of images.
    """
    test_size = _size_in_strides(height, width, MAX_PIXELS_ON_GPU if gpu else MAX_PIXELS_ON_CPU)
    window_h, window_w = test_size
    if not gpu:
        # Small windows that contain objects teach as much as whole frames do, in a fraction of the time.
        large_object = float(np.quantile(object_sides, 0.9)) if len(object_sides) else 0.0
        smallest = _round_up_to_stride(1.25 * large_object * min(test_size[0] / height, test_size[1] / width))
        window_h, window_w = min(window_h, max(224, smallest)), min(window_w, max(288, smallest))
    batch_size = 16 if gpu else 8
    # From scratch there are few steps, so they have to be large.
    learning_rate = (0.0005 if gpu else 0.001) if pretrained else (0.002 if gpu else 0.01)
    if epochs is None and pretrained:
        epochs = PRETRAINED_EPOCHS
    elif epochs is None:
        # The more windows fit into a frame, the more of them must be seen to cover it. The square root, because
        # neighboring windows look alike.
        windows_per_frame = test_size[0] * test_size[1] / (window_h * window_w)
        windows = WINDOWS_ON_GPU if gpu else WINDOWS_ON_CPU * math.sqrt(windows_per_frame)
        epochs = min(max(round(windows / max(images, 1)), 10), 300)
    return Hyperparameters(
        depth=depth,
        width=network_width,
        input_size_h=window_h,
        input_size_w=window_w,
        test_size_h=test_size[0],
        test_size_w=test_size[1],
        batch_size=batch_size,
        basic_lr_per_img=learning_rate / batch_size,
        mosaic_prob=0.5 if gpu else 0.0,  # mosaics teach more, but it takes more steps to learn from them
        num_workers=4 if gpu else 0,
        **epoch_schedule(epochs, pretrained),
    )


def _size_in_strides(height: int, width: int, max_pixels: int) -> tuple[int, int]:
    """Return a height and width in multiples of 32 for a frame that is scaled down to at most `max_pixels` pixels."""
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    # It is better to shrink a frame by up to 8 pixels than to pad it by nearly a whole stride.
    return _round_up_to_stride(height * scale - 8), _round_up_to_stride(width * scale - 8)


def _round_up_to_stride(side: float) -> int:
    return max(STRIDE, math.ceil(side / STRIDE) * STRIDE)
