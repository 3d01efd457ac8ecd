"""A model as data, never code: `model.safetensors` (weights), `model.json` (configuration), `model.onnx` (graph)."""

from __future__ import annotations

import json
import logging
import shutil
import tarfile
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from bytetrack.files import atomic_path, write_atomically
from bytetrack.tracking.config import SETTING_NAMES, TrackerConfig

if TYPE_CHECKING:
    from yolox.models import YoloxModule

FILES = ("model.safetensors", "model.json", "model.onnx")
MAX_BYTES = 8 * 1024**3  # of an unpacked artifact; YOLOX-x is 0.8 GB with its ONNX
FORMAT = 1
NORMALIZATIONS = ("raw", "imagenet")
STRIDE = 32  # of the coarsest feature map: input sides are multiples of it
TOLERANCE = 1e-3  # of ONNX against PyTorch: absolute for scores, for boxes a share of the larger of box and input
THRESHOLDS: dict[str, float] = {
    "test_conf": 0.1,  # detections below are dropped; low, as ByteTrack's second stage lives on weak ones
    "nmsthre": 0.65,  # of two boxes of a class that overlap more, the weaker is dropped
    **{name: getattr(TrackerConfig, name) for name in SETTING_NAMES if name != "frame_rate"},  # that is the video's
}


@dataclass
class ModelConfig:
    """What `model.json` holds.

    Attributes:
        depth: YOLOX's factor of depth.
        width: YOLOX's factor of width.
        depthwise: whether convolutions are depthwise separable, as in YOLOX-nano.
        classes: names, in the order of the network's outputs.
        input_size: height and width in pixels to which a frame is fitted.
        normalization: "raw" for BGR 0..255 (YOLOX since 0.2), "imagenet" for RGB with ImageNet's mean and deviation.
        keep_classes: the classes that are reported; None for all.
        thresholds: of the detector and of the tracker; those left out take the values of `THRESHOLDS`.
        metrics: what the training measured on its validation split.
        hyperparameters: what it was trained with.

    Raises:
        ValueError: naming the field that makes no sense.
    """

    depth: float
    width: float
    depthwise: bool
    classes: list[str]
    input_size: list[int]
    normalization: str = "raw"
    keep_classes: list[str] | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        self.thresholds = {**THRESHOLDS, **self.thresholds}
        if self.format != FORMAT:
            raise ValueError(f"the artifact has format {self.format}, and this program reads format {FORMAT}")
        if not (0 < self.depth <= 10 and 0 < self.width <= 10):
            raise ValueError(f"depth {self.depth} and width {self.width} are not between 0 and 10")
        if not self.classes or not all(isinstance(name, str) for name in self.classes):
            raise ValueError("classes must name at least one class")
        if len(self.input_size) != 2 or not all(
            isinstance(side, int) and side > 0 and side % STRIDE == 0 for side in self.input_size
        ):
            raise ValueError(f"input_size {self.input_size} is not height and width in multiples of {STRIDE}")
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(f"normalization is “{self.normalization}”, but must be one of {', '.join(NORMALIZATIONS)}")
        if unknown := set(self.keep_classes or ()) - set(self.classes):
            raise ValueError(f"keep_classes names classes that the model lacks: {', '.join(sorted(unknown))}")


def read_config(folder: Path) -> ModelConfig:
    """The configuration of the artifact in `folder`.

    Raises:
        ValueError: if there is none, or it is not one.
    """
    path = Path(folder) / "model.json"
    try:
        values = json.loads(path.read_bytes())
        if "normalisation" in values:  # as artifacts of version 1.0 spell it
            values["normalization"] = values.pop("normalisation")
        known = {each.name for each in fields(ModelConfig)}
        return ModelConfig(**{name: value for name, value in values.items() if name in known})
    except FileNotFoundError:
        raise ValueError(f"There is no model.json in {folder}: that is not a model artifact.") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not the configuration of a model: {error}.") from error


def write_config(folder: Path, config: ModelConfig) -> None:
    write_atomically(Path(folder) / "model.json", json.dumps(asdict(config), indent=2).encode())


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """The artifact in `folder`, unpacked for the length of the block if it came as `model.tar.gz`.

    Only the artifact's own files are taken out, by name: whatever else an archive holds is never written.

    Raises:
        ValueError: if the archive is damaged or too large.
    """
    archive = Path(folder) / "model.tar.gz"
    if not archive.is_file():
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="bytetrack-model-") as temporary:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                members = {Path(member.name).as_posix(): member for member in tar if member.isfile()}
                if sum(member.size for member in members.values()) > MAX_BYTES:
                    raise ValueError(f"{archive} unpacks to more than {MAX_BYTES:,} bytes: that is no model.")
                for name in members.keys() & set(FILES):
                    with open(Path(temporary, name), "wb") as file:
                        shutil.copyfileobj(cast(IO[bytes], tar.extractfile(members[name])), file)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise ValueError(f"{archive} cannot be unpacked: {error}") from error
        yield Path(temporary)


def build(config: ModelConfig) -> YoloxModule:
    """The network that `config` describes, freshly initialized, in training mode."""
    from yolox.config import YoloxConfig

    return YoloxConfig(
        "", num_classes=len(config.classes), depth=config.depth, width=config.width, depthwise=config.depthwise
    ).get_model()


def save(folder: Path, model: YoloxModule, config: ModelConfig) -> float:
    """Write the whole artifact: weights, configuration, and the ONNX graph, checked against PyTorch.

    Returns:
        The largest difference between the two, see `TOLERANCE`.

    Raises:
        ValueError: if ONNX and PyTorch do not agree.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    model = model.eval()
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file({name: weight.contiguous() for name, weight in model.state_dict().items()}, temporary)
    with atomic_path(folder / "model.onnx") as temporary:
        _export(model, config.input_size, temporary)
        difference = _disagreement(model, config, temporary)
        if not difference <= TOLERANCE:  # not so for NaN either
            raise ValueError(f"The ONNX graph gives other results than PyTorch (difference {difference:.2g}).")
    write_config(folder, config)
    return difference


def load_torch(folder: Path) -> YoloxModule:
    """The network of the artifact in `folder`, ready to infer.

    Raises:
        ValueError: if the artifact is not whole or its files do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    model = build(read_config(folder))
    path = Path(folder) / "model.safetensors"
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise ValueError(f"There is no model.safetensors in {folder}: that is not a whole model artifact.") from None
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the weights of the model that model.json describes.") from error
    return model.eval()


def _export(model: YoloxModule, input_size: list[int], path: Path) -> None:
    """Write the graph: `images` (N, 3, height, width) float32 → `output` (N, anchors, 5 + classes), boxes decoded."""
    import torch

    images = torch.zeros(1, 3, *input_size)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's, about the sizes that are meant to be fixed
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            model,
            (images,),
            str(path),
            input_names=["images"],
            output_names=["output"],
            dynamic_axes={"images": {0: "N"}, "output": {0: "N"}},
            opset_version=17,
            dynamo=False,  # the newer exporter takes five times as long and fixes the batch in YOLOX's head
        )


def _disagreement(model: YoloxModule, config: ModelConfig, path: Path) -> float:
    """The largest difference between ONNX Runtime and PyTorch on two noisy images, as `TOLERANCE` measures it."""
    import numpy as np
    import onnxruntime
    import torch

    height, width = config.input_size
    images = np.random.default_rng(0).random((2, 3, height, width), np.float32)
    images *= 255 if config.normalization == "raw" else 2
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ours = session.run(None, {"images": images})[0]
    with torch.no_grad():
        theirs = model(torch.from_numpy(images)).numpy()
    error = np.abs(ours - theirs)
    # A box may be huge where the network has no idea: what counts there is the error relative to its size.
    error[..., :4] /= np.maximum(np.abs(theirs[..., :4]), max(height, width))
    return float(error.max())
