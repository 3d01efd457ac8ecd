"""What a training can be told, under the names that users of SageMaker's ByteTrack sample know."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

STRIDE = 32  # sides of images must be multiples of it
SIZES: dict[str, tuple[float, float]] = {  # YOLOX's depth and width
    "nano": (0.33, 0.25),
    "tiny": (0.33, 0.375),
    "s": (0.33, 0.5),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}

OPTIMIZERS = ("adamw", "sgd")
PRETRAINED_EPOCHS = 10  # a pretrained model knows most already; more epochs fit the few frames too closely
WINDOWS_ON_CPU = 4_500  # that a training sees, for frames as large as one: minutes of YOLOX-nano on a core


def _option(default: Any, help: str, low: float, high: float, multiple_of: int = 1) -> Any:
    return field(default=default, metadata={"help": help, "min": low, "max": high, "multiple_of": multiple_of})


@dataclass(frozen=True)
class Hyperparameters:
    """One training's settings; `metadata` of each field holds `help`, `min`, `max` and, for sides, `multiple_of`.

    Frames are fitted into `test_size`, in training as in use, so objects are seen at the size at which they are
    looked for. Training cuts windows of `input_size` out of them, which makes an epoch on a CPU several times cheaper;
    with both sizes equal it is YOLOX's usual training on whole frames.

    Raises:
        ValueError: naming a field, its value and what it may be.
    """

    pretrained_model: str = field(
        default="", metadata={"help": "file of the channel “model” to start from; empty for the only one there"}
    )
    num_classes: int = _option(0, "classes of the data; 0 to count them", 0, 10_000)
    depth: float = _option(0.33, "factor of the network's depth", 0.33, 2.0)
    width: float = _option(0.25, "factor of the network's width; up to 0.25 with depthwise convolutions", 0.125, 2.0)
    input_size_h: int = _option(320, "height of the training windows in pixels", 32, 4096, STRIDE)
    input_size_w: int = _option(416, "width of the training windows in pixels", 32, 4096, STRIDE)
    test_size_h: int = _option(576, "height in pixels to which frames are fitted", 32, 4096, STRIDE)
    test_size_w: int = _option(768, "width in pixels to which frames are fitted", 32, 4096, STRIDE)
    random_size_h: int = _option(0, "multi-scale training: smallest height of images over 32; 0 for off", 0, 128)
    random_size_w: int = _option(0, "multi-scale training: largest height of images over 32; 0 for off", 0, 128)
    batch_size: int = _option(8, "images per step, over all GPUs", 1, 4096)
    max_epoch: int = _option(30, "passes over the training images", 1, 10_000)
    fp16: bool = field(default=True, metadata={"help": "half precision where there is a GPU"})
    optimizer: str = field(
        default="adamw",
        metadata={"help": "adamw learns faster in short trainings, sgd is YOLOX's own", "choices": OPTIMIZERS},
    )
    basic_lr_per_img: float = _option(0.01 / 64, "learning rate per image of a batch", 1e-8, 1.0)
    warmup_epochs: int = _option(1, "epochs in which the learning rate rises", 0, 1000)
    no_aug_epochs: int = _option(5, "last epochs: no mosaic nor mixup, L1 loss, lowest learning rate", 0, 10_000)
    eval_interval: int = _option(5, "epochs from one evaluation to the next", 1, 10_000)
    print_interval: int = _option(10, "steps from one line of the log to the next", 1, 1_000_000)
    test_conf: float = _option(0.1, "detections of a lower score are dropped", 0.0, 1.0)
    nmsthre: float = _option(0.65, "of two boxes that overlap more, the weaker is dropped", 0.01, 1.0)
    mosaic_prob: float = _option(0.5, "share of training images that are mosaics of four", 0.0, 1.0)
    mixup_prob: float = _option(0.0, "share of mosaics with another image mixed in", 0.0, 1.0)
    num_workers: int = _option(0, "processes per GPU that prepare images; 0 for the training's own", 0, 64)
    seed: int = _option(0, "same seed, same training", 0, 2**31 - 1)

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each.name, getattr(self, each.name), each.metadata)
        if bool(self.random_size_h) != bool(self.random_size_w) or self.random_size_h > self.random_size_w:
            raise ValueError(
                f"random_size_h is {self.random_size_h} and random_size_w {self.random_size_w}, but they must be the "
                "smallest and the largest size, or both 0."
            )
        if self.warmup_epochs + self.no_aug_epochs > self.max_epoch:
            raise ValueError(
                f"warmup_epochs ({self.warmup_epochs}) and no_aug_epochs ({self.no_aug_epochs}) together must not be "
                f"more than max_epoch ({self.max_epoch})."
            )

    @classmethod
    def parse(cls, values: Mapping[str, str], defaults: Hyperparameters | None = None) -> Hyperparameters:
        """From text, as SageMaker hands hyperparameters over; what is not named is taken from `defaults`.

        Raises:
            ValueError: naming the value that is unknown or makes no sense, and what it may be.
        """
        defaults = defaults or cls()
        known = asdict(defaults)
        parsed: dict[str, Any] = {}
        for name, text in values.items():
            if name.startswith(("sagemaker_", "_")):  # SageMaker's SDK and its tuning jobs add their own
                continue
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3) or sorted(known)
                raise ValueError(f"There is no hyperparameter “{name}”. Did you mean {', '.join(near)}?")
            parsed[name] = _parse(name, str(text).strip().strip('"'), type(known[name]))
        # Whoever asks for a short training should not have to shorten its parts, too.
        epochs = parsed.get("max_epoch", defaults.max_epoch)
        if isinstance(epochs, int):
            parsed.setdefault("warmup_epochs", min(defaults.warmup_epochs, epochs // 4))
            parsed.setdefault("no_aug_epochs", min(defaults.no_aug_epochs, epochs // 4))
        return replace(defaults, **parsed)

    def to_strings(self) -> dict[str, str]:
        """What `parse` reads."""
        return {name: str(value) for name, value in asdict(self).items()}

    @property
    def input_size(self) -> tuple[int, int]:
        return self.input_size_h, self.input_size_w

    @property
    def test_size(self) -> tuple[int, int]:
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
    if value not in metadata.get("choices", (value,)):
        raise ValueError(f"{name} is “{value}”, but must be one of {', '.join(metadata['choices'])}.")
    if "min" not in metadata:
        return
    low, high, multiple_of = metadata["min"], metadata["max"], metadata["multiple_of"]
    wrong = not math.isfinite(value) or not low <= value <= high or (multiple_of > 1 and value % multiple_of)
    if wrong:
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
) -> Hyperparameters:
    """Settings for a first training that ends soon: minutes on two CPU cores for the smallest network.

    Args:
        width: of the video's frames in pixels.
        height: of the video's frames in pixels.
        images: how many of them are in the training split.
        depth: of the network, see `SIZES`.
        network_width: likewise.
        gpu: whether it will run on one.
        object_sides: the longer side of each labeled object in pixels of the frame: windows are to hold most of them.
        pretrained: whether it starts from weights that know something already, which large steps would undo.
    """
    test_size = _fitted(height, width, most=1440 * 800 if gpu else 768 * 576)
    window_h, window_w = test_size
    if not gpu:
        # Small windows with objects in them teach as much as whole frames do, in a fraction of the time.
        large = float(np.quantile(object_sides, 0.9)) if len(object_sides) else 0.0
        least = _whole(1.25 * large * min(test_size[0] / height, test_size[1] / width))
        window_h, window_w = min(window_h, max(224, least)), min(window_w, max(288, least))
    # The more windows fit into a frame, the more must be seen to know it all; but neighbors look alike.
    seen = 40_000 if gpu else WINDOWS_ON_CPU * math.sqrt(test_size[0] * test_size[1] / (window_h * window_w))
    batch_size = 16 if gpu else 8
    if pretrained:
        learning_rate, epochs = 0.0005 if gpu else 0.001, PRETRAINED_EPOCHS
    else:
        learning_rate = 0.002 if gpu else 0.01  # where steps are few they have to be large
        epochs = min(max(round(seen / max(images, 1)), 10), 300)
    return Hyperparameters(
        depth=depth,
        width=network_width,
        input_size_h=window_h,
        input_size_w=window_w,
        test_size_h=test_size[0],
        test_size_w=test_size[1],
        batch_size=batch_size,
        basic_lr_per_img=learning_rate / batch_size,
        max_epoch=epochs,
        warmup_epochs=1,
        no_aug_epochs=max(epochs // 7, 1),
        eval_interval=1 if pretrained else max(epochs // 4, 1),
        mosaic_prob=0.5 if gpu else 0.0,  # more to learn from, but slower to learn
        num_workers=4 if gpu else 0,
    )


def _fitted(height: int, width: int, most: int) -> tuple[int, int]:
    """Height and width in multiples of 32 around a frame that is scaled down to `most` pixels if it has more."""
    scale = min(1.0, math.sqrt(most / (width * height)))
    # A frame a few pixels beyond a multiple is better shrunk a little than padded by nearly a whole stride.
    return _whole(height * scale - 8), _whole(width * scale - 8)


def _whole(side: float) -> int:
    return max(STRIDE, math.ceil(side / STRIDE) * STRIDE)
