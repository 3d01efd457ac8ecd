"""Models in files that need not be trusted, and what such a file says about the input that its network expects.

An artifact says everything. A checkpoint of YOLOX or ByteTrack says nothing: both have the same network, but expect
other pixel values, and with the wrong ones they detect almost nothing. So either a checkpoint is a published one, which
is recognized by its checksum, or the user has to say it. Names of files are never relied on.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from backend.errors import UserError
from backend.files.archives import DAMAGE_ERRORS, extract, is_archive
from backend.steps.models import size_name
from backend.steps.pretrained_catalog import Published, identify
from backend.wording import count, enumerate_words
from bytetrack.detection.artifact import CONFIG_FILE, NORMALIZATIONS, STRIDE, WEIGHTS_FILE
from bytetrack.detection.normalization import Normalization

if TYPE_CHECKING:
    from yolox.models import YoloxModule

    from bytetrack.detection.artifact import ModelConfig

MAX_UNPACKED_BYTES = 8 << 30  # ten times the largest YOLOX
MAX_UNPACKED_FILES = 10_000
LIGHT_SIZES = ("nano", "tiny")
MIN_SIDE, MAX_SIDE = STRIDE, 4096  # pixels of an input
NORMALIZATION_NAMES: dict[Normalization, str] = {"raw": "pixels 0-255", "imagenet": "ImageNet mean and std"}


@dataclass(frozen=True)
class ModelFile:
    """A model that was read from a file.

    Attributes:
        name: Name of the file.
        network: The network with its weights, in evaluation mode.
        size: YOLOX's name for its architecture, or "custom".
        outputs: Number of its classes.
        config: Configuration of an artifact; None for a checkpoint.
        published: The published checkpoint with the same content, if it is one.
        blank: Configuration with the architecture only.
    """

    name: str
    network: YoloxModule
    size: str
    outputs: int
    config: ModelConfig | None
    published: Published | None
    blank: ModelConfig

    @property
    def class_names(self) -> list[str] | None:
        """Class names that the file says, or those of COCO for a network with as many; None if they are unknown."""
        from bytetrack.detection.checkpoints import known_class_names

        if self.config:
            return list(self.config.classes)
        return known_class_names(self.outputs, from_bytetrack=False)


def usual_side(size: str) -> int:
    """Return the side of the square input that YOLOX's authors use for a network of this size, in pixels."""
    return 416 if size in LIGHT_SIZES else 640


def check_input_size(given: Sequence[int]) -> list[int]:
    """Return height and width of an input.

    Raises:
        UserError: If they are not two multiples of 32 pixels within the limits.
    """
    if len(given) != 2 or not all(MIN_SIDE <= side <= MAX_SIDE and side % STRIDE == 0 for side in given):
        text = " x ".join(str(side) for side in given)
        raise UserError(
            f"An input of {text} pixels is not possible. Give height and width as multiples of {STRIDE}, from "
            f"{MIN_SIDE} to {MAX_SIDE}."
        )
    return list(given)


def check_normalization(given: str) -> Normalization:
    """Return a normalization.

    Raises:
        UserError: If there is none of this name.
    """
    if given not in NORMALIZATIONS:
        raise UserError(f"Unknown normalization “{given}”. Choose one of {', '.join(NORMALIZATIONS)}.")
    return given


def says_its_input(path: Path) -> bool:
    """Return whether a file or folder is an artifact, whose configuration says everything. Nothing is unpacked.

    A damaged file gives False; `read_model_file` says what is wrong with it.
    """
    try:
        if path.is_dir():
            names = [file.relative_to(path).as_posix() for file in path.rglob(CONFIG_FILE)]
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                names = tar.getnames()
        else:
            return False
    except (OSError, *DAMAGE_ERRORS):
        return False
    parts = [PurePosixPath(name).parts for name in names]
    return any(part[-1:] == (CONFIG_FILE,) and len(part) <= 2 for part in parts)


@contextmanager
def opened(path: Path, folder: Path) -> Iterator[ModelFile]:
    """Read a model from a file or folder.

    Args:
        path: A checkpoint (`.pth`, `.pth.tar`), an artifact's folder, or an archive with either in it.
        folder: Folder for what has to be unpacked.

    Raises:
        UserError: If it is not a model. Errors of `bytetrack` in the block are turned into `UserError`, too.
    """
    if not path.exists():
        raise UserError(f"File or folder not found: {path}.")
    try:
        model_path = _find_model(path, folder / "unpacked")
        yield _read_artifact(path, model_path) if model_path.is_dir() else _read_checkpoint(model_path)
    except ValueError as error:
        raise UserError(str(error)) from error


def configure(
    model: ModelFile, classes: list[str] | None, normalization: Normalization | None, input_size: list[int] | None
) -> ModelConfig:
    """Return the configuration of a model, from what its file says and what the user says.

    Args:
        model: The model.
        classes: Class names in the order of its outputs.
        normalization: Pixel values that it expects.
        input_size: Height and width in pixels.

    Raises:
        UserError: If neither says something, or if they contradict each other.
    """
    if input_size is not None:
        input_size = check_input_size(input_size)
    if model.config:
        _check_agreement(model.name, model.config, normalization, input_size)
        return model.config
    if model.published:
        normalization = normalization or model.published.normalization
        input_size = input_size or list(model.published.input_size)
    if normalization is None or input_size is None:
        raise _unknown_input(model, normalization, input_size)
    config = model.blank
    config.classes = _check_class_names(model, classes)
    config.normalization = normalization
    config.input_size = input_size
    return config


def _unknown_input(model: ModelFile, normalization: Normalization | None, input_size: list[int] | None) -> UserError:
    unknown = ["how its input is normalized"] if normalization is None else []
    unknown += ["how large its input is"] if input_size is None else []
    side = usual_side(model.size)
    advice = (
        "Choose pixels 0-255 (raw; YOLOX since 0.2), ImageNet mean and std (imagenet; ByteTrack, older YOLOX), or both "
        "to try them on a frame. "
        if normalization is None
        else ""
    )
    advice += f"Give height and width; {side} x {side} is usual for this size. " if input_size is None else ""
    return UserError(f"{model.name} does not say {enumerate_words(unknown)}. {advice}".strip())


def _check_agreement(
    name: str, config: ModelConfig, normalization: Normalization | None, input_size: list[int] | None
) -> None:
    height, width = config.input_size
    if normalization in (None, config.normalization) and input_size in (None, config.input_size):
        return
    raise UserError(
        f"{name} says itself that its input is {height} x {width}, {NORMALIZATION_NAMES[config.normalization]}. Leave "
        "these options out; they can be changed once it is imported."
    )


def _check_class_names(model: ModelFile, given: list[str] | None) -> list[str]:
    outputs, classes = model.outputs, count(model.outputs, "class", "classes")
    if given:
        names = [name.strip() for name in given]
        if len(names) != outputs or len(set(names)) != outputs or not all(names):
            raise UserError(
                f"{model.name} has {classes}: give {outputs} different "
                f"name{'s' if outputs > 1 else ''}, in the model's order."
            )
        return names
    if (known := model.class_names) is None:
        raise UserError(f"{model.name} has {classes} and does not name them. Give their names, in the model's order.")
    return known


def _find_model(path: Path, unpacked: Path) -> Path:
    """Return a checkpoint, or the folder of an artifact, in a file or folder, at most one folder deep."""
    if path.is_file() and (not is_archive(path) or _is_torch_zip(path)):
        return path
    folder = path
    if path.is_file():
        folder = extract(path, unpacked, limit_bytes=MAX_UNPACKED_BYTES, limit_files=MAX_UNPACKED_FILES)
    if configurations := [*folder.glob(CONFIG_FILE), *folder.glob(f"*/{CONFIG_FILE}")]:
        return configurations[0].parent
    checkpoints = [file for pattern in ("*.pth*", "*/*.pth*") for file in folder.glob(pattern) if file.is_file()]
    if len(checkpoints) == 1:
        return checkpoints[0]
    raise UserError(
        f"{path.name} is not a model: a model is a checkpoint of YOLOX or ByteTrack (.pth, .pth.tar), or a folder, "
        f"zip or tar.gz with {CONFIG_FILE} and {WEIGHTS_FILE} in it."
    )


def _is_torch_zip(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def _read_artifact(path: Path, folder: Path) -> ModelFile:
    from bytetrack.detection.artifact import load_torch, read_config

    config, network = read_config(folder), load_torch(folder)
    return ModelFile(path.name, network, size_name(config), len(config.classes), config, None, config)


def _read_checkpoint(path: Path) -> ModelFile:
    from bytetrack.detection.artifact import ModelConfig
    from bytetrack.detection.checkpoints import architecture_of, build_network, read_checkpoint

    weights = read_checkpoint(path)
    depth, width, depthwise, outputs = architecture_of(weights)
    blank = ModelConfig(
        depth=depth,
        width=width,
        depthwise=depthwise,
        classes=[f"class {number}" for number in range(1, outputs + 1)],
        input_size=[STRIDE, STRIDE],
    )
    with path.open("rb") as file:
        published = identify(hashlib.file_digest(file, "sha256").hexdigest())
    return ModelFile(path.name, build_network(weights), size_name(blank), outputs, None, published, blank)
