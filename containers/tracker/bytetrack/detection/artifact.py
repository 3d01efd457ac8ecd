"""The model artifact, which is data and never code.

It has three files: `model.safetensors` (weights), `model.json` (configuration) and `model.onnx` (computation graph).
"""

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
from typing import IO, TYPE_CHECKING, Any, cast, get_args

from bytetrack.detection.normalization import Normalization
from bytetrack.files import atomic_path, write_atomically
from bytetrack.tracking.config import SETTING_NAMES, TrackerConfig

if TYPE_CHECKING:
    from yolox.models import YoloxModule

WEIGHTS_FILE, CONFIG_FILE, ONNX_FILE = FILES = ("model.safetensors", "model.json", "model.onnx")
MAX_UNPACKED_BYTES = 8 * 1024**3  # YOLOX-x takes 0.8 GB with its ONNX graph
FORMAT = 1
NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)
STRIDE = 32  # pixels of the input per cell of the coarsest feature map; input sides are multiples of it
# Largest accepted difference between ONNX and PyTorch: absolute for scores; for boxes relative to the box or the input,
# whichever is larger.
ONNX_TOLERANCE = 1e-3
THRESHOLDS: dict[str, float] = {
    "test_conf": 0.1,  # detections with a lower score are dropped; low, because ByteTrack also matches weak detections
    "nmsthre": 0.65,  # IoU above which NMS drops the weaker of two boxes of a class
    # The tracker's settings, without the frame rate, which depends on the video.
    **{name: getattr(TrackerConfig, name) for name in SETTING_NAMES if name != "frame_rate"},
}


@dataclass
class ModelConfig:
    """The content of `model.json`.

    Attributes:
        depth: YOLOX's depth multiplier.
        width: YOLOX's width multiplier.
        depthwise: Whether convolutions are depthwise separable, as in YOLOX-nano.
        classes: Class names in the order of the network's outputs.
        input_size: Height and width in pixels of the network's input, to which frames are letterboxed.
        normalization: Pixel values that the network expects, see `bytetrack.detection.normalization`.
        keep_classes: The classes to report; None for all.
        thresholds: Thresholds of the detector and settings of the tracker. `THRESHOLDS` fills in missing ones.
        metrics: What the training measured on its validation split.
        hyperparameters: The hyperparameters of the training.
        format: Version of the artifact's format.

    Raises:
        ValueError: If a field has an invalid value. The message names the field.
    """

    depth: float
    width: float
    depthwise: bool
    classes: list[str]
    input_size: list[int]
    normalization: Normalization = "raw"
    keep_classes: list[str] | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        self.thresholds = {**THRESHOLDS, **self.thresholds}
        if self.format != FORMAT:
            raise ValueError(f"the artifact has format {self.format}, but this version reads format {FORMAT} only")
        if not (0 < self.depth <= 10 and 0 < self.width <= 10):
            raise ValueError(f"depth {self.depth} and width {self.width} must be between 0 and 10")
        if not self.classes or not all(isinstance(name, str) for name in self.classes):
            raise ValueError("classes must name at least one class")
        if len(self.input_size) != 2 or not all(
            isinstance(side, int) and side > 0 and side % STRIDE == 0 for side in self.input_size
        ):
            raise ValueError(f"input_size {self.input_size} must be a height and a width in multiples of {STRIDE}")
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(f"normalization is “{self.normalization}”, but must be one of {', '.join(NORMALIZATIONS)}")
        if unknown := set(self.keep_classes or ()) - set(self.classes):
            raise ValueError(f"keep_classes names classes that the model does not have: {', '.join(sorted(unknown))}")


def read_config(folder: Path) -> ModelConfig:
    """Read the configuration of the artifact in `folder`.

    Raises:
        ValueError: If the configuration is missing or invalid.
    """
    path = Path(folder) / CONFIG_FILE
    try:
        values = json.loads(path.read_bytes())
        if "normalisation" in values:  # the spelling that version 1.0 wrote
            values["normalization"] = values.pop("normalisation")
        names = {config_field.name for config_field in fields(ModelConfig)}
        return ModelConfig(**{name: value for name, value in values.items() if name in names})
    except FileNotFoundError:
        raise ValueError(f"{folder} is not a model artifact: model.json is missing.") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a valid model configuration: {error}.") from error


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write the configuration of the artifact in `folder`."""
    write_atomically(Path(folder) / CONFIG_FILE, json.dumps(asdict(config), indent=2).encode())


@contextmanager
def unpack_artifact(folder: Path) -> Iterator[Path]:
    """Provide the artifact in `folder` as a folder, unpacked to a temporary one if it is a `model.tar.gz`.

    Only the artifact's own files are extracted, by their names. Other members of the archive are never written.

    Raises:
        ValueError: If the archive is damaged or too large.
    """
    archive = Path(folder) / "model.tar.gz"
    if not archive.is_file():
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="bytetrack-model-") as temporary:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                members = {Path(member.name).as_posix(): member for member in tar if member.isfile()}
                if sum(member.size for member in members.values()) > MAX_UNPACKED_BYTES:
                    raise ValueError(
                        f"{archive} is not a model artifact: it unpacks to more than {MAX_UNPACKED_BYTES:,} bytes."
                    )
                for name in members.keys() & set(FILES):
                    with open(Path(temporary, name), "wb") as file:
                        shutil.copyfileobj(cast(IO[bytes], tar.extractfile(members[name])), file)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise ValueError(f"{archive} cannot be unpacked: {error}") from error
        yield Path(temporary)


def build(config: ModelConfig) -> YoloxModule:
    """Build the network that `config` describes, with random weights and in training mode."""
    from yolox.config import YoloxConfig

    return YoloxConfig(
        "", num_classes=len(config.classes), depth=config.depth, width=config.width, depthwise=config.depthwise
    ).get_model()


def save(folder: Path, model: YoloxModule, config: ModelConfig) -> float:
    """Write a complete artifact, and check its ONNX graph against PyTorch.

    Args:
        folder: Where to write the three files.
        model: The network. It is put into evaluation mode.
        config: The configuration of the network.

    Returns:
        The largest difference between ONNX and PyTorch, see `ONNX_TOLERANCE`.

    Raises:
        ValueError: If the difference is larger than `ONNX_TOLERANCE`.
    """
    from safetensors.torch import save_file

    folder = Path(folder)
    model = model.eval()
    with atomic_path(folder / WEIGHTS_FILE) as temporary:
        save_file({name: weight.contiguous() for name, weight in model.state_dict().items()}, temporary)
    with atomic_path(folder / ONNX_FILE) as temporary:
        _export_onnx(model, config.input_size, temporary)
        difference = _onnx_difference(model, config, temporary)
        if not difference <= ONNX_TOLERANCE:  # written so that NaN is refused as well
            raise ValueError(f"The ONNX graph gives other results than PyTorch (difference {difference:.2g}).")
    write_config(folder, config)
    return difference


def load_torch(folder: Path) -> YoloxModule:
    """Load the network of the artifact in `folder`, in evaluation mode.

    Raises:
        ValueError: If the artifact is incomplete or its files belong to different models.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    model = build(read_config(folder))
    path = Path(folder) / WEIGHTS_FILE
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise ValueError(f"{folder} is not a complete model artifact: model.safetensors is missing.") from None
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} does not contain the weights of the model that model.json describes.") from error
    return model.eval()


def _export_onnx(model: YoloxModule, input_size: list[int], path: Path) -> None:
    """Write the graph: `images` (N, 3, height, width) float32 → `output` (N, anchors, 5 + classes), boxes decoded."""
    import torch

    images = torch.zeros(1, 3, *input_size)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns about image sizes becoming constants, which is intended
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            model,
            (images,),
            str(path),
            input_names=["images"],
            output_names=["output"],
            dynamic_axes={"images": {0: "N"}, "output": {0: "N"}},
            opset_version=17,
            dynamo=False,  # the newer exporter takes five times as long and fixes the batch size in YOLOX's head
        )


def _onnx_difference(model: YoloxModule, config: ModelConfig, path: Path) -> float:
    """Return the largest difference between ONNX Runtime and PyTorch on two noise images, see `ONNX_TOLERANCE`."""
    import numpy as np
    import onnxruntime
    import torch

    height, width = config.input_size
    images = np.random.default_rng(0).random((2, 3, height, width), np.float32)
    images *= 255 if config.normalization == "raw" else 2
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    actual = session.run(None, {"images": images})[0]
    with torch.no_grad():
        expected = model(torch.from_numpy(images)).numpy()
    error = np.abs(actual - expected)
    # Boxes of a network that is not sure can be huge, so their error is measured relative to their size.
    error[..., :4] /= np.maximum(np.abs(expected[..., :4]), max(height, width))
    return float(error.max())
