"""Training images: COCO annotations read and checked, frames cut and augmented the same way in every run."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from yolox.data import MosaicDetection, TrainTransform

from bytetrack.tracks import Tracks
from bytetrack.training.hyperparameters import Hyperparameters

CACHE_BYTES = 1024**3  # decoded frames are kept in memory where they all fit into this
SHARE_OF_OBJECTS = 0.75  # of the training windows are cut around an object, the rest anywhere
LEAST_VISIBLE = 0.3  # of an object that a window cuts: with less of it inside it is not labeled


@dataclass(frozen=True)
class Image:
    """One labeled frame; `boxes` `(N, 5)` float64: left, top, right, bottom in pixels of the file, class."""

    id: int
    path: Path
    width: int
    height: int
    video: int
    frame: int
    boxes: np.ndarray
    track_ids: np.ndarray


class Split:
    """One channel's COCO annotations and images, checked.

    Attributes:
        name: of the channel.
        classes: in the order of their category ids.
        images: in the order of the file.
        document: the annotations as they are, for COCO's evaluation.

    Raises:
        ValueError: in one sentence, if the annotations or an image file are missing or make no sense.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        path = folder / "annotations.json"
        try:
            self.document: dict[str, Any] = json.loads(path.read_bytes())
            self._read(folder / "images")
        except FileNotFoundError:
            raise ValueError(f"The channel “{self.name}” has no annotations.json ({path}).") from None
        except (AttributeError, KeyError, TypeError, IndexError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"annotations.json of “{self.name}” is not a COCO document: {error!r}.") from error
        if not self.images:
            raise ValueError(f"The split “{self.name}” is empty: it has no images. Give it at least one labeled clip.")

    def _read(self, folder: Path) -> None:
        categories = sorted(self.document["categories"], key=lambda category: category["id"])
        self.category_ids = [category["id"] for category in categories]
        self.classes = [category["name"] for category in categories]
        class_of = {number: index for index, number in enumerate(self.category_ids)}
        found: dict[int, list[tuple[list[float], int]]] = {image["id"]: [] for image in self.document["images"]}
        for annotation in self.document["annotations"]:
            if annotation["image_id"] not in found or annotation["category_id"] not in class_of:
                raise ValueError(
                    f"Annotation {annotation['id']} of “{self.name}” names an image or a category that is not there."
                )
            left, top, width, height = map(float, annotation["bbox"])
            if width > 0 and height > 0 and not annotation.get("iscrowd"):
                box = [left, top, left + width, top + height, class_of[annotation["category_id"]]]
                found[annotation["image_id"]].append((box, annotation.get("track_id", -1)))
        self.images: list[Image] = []
        for entry in self.document["images"]:
            path = folder / entry["file_name"]
            if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
                raise ValueError(f"The image {entry['file_name']} of “{self.name}” is missing. Rebuild the dataset.")
            boxes = np.array([box for box, _ in found[entry["id"]]], np.float64).reshape(-1, 5)
            boxes[:, :4] = boxes[:, :4].clip(0, [entry["width"], entry["height"]] * 2)
            track_ids = np.array([track_id for _, track_id in found[entry["id"]]], np.int64)
            seen = (boxes[:, 2:4] > boxes[:, :2]).all(axis=1)
            self.images.append(
                Image(
                    entry["id"],
                    path,
                    entry["width"],
                    entry["height"],
                    entry.get("video_id", 0),
                    entry.get("frame_id", len(self.images)),
                    boxes[seen],
                    track_ids[seen],
                )  # fmt: skip
            )

    @cached_property
    def number_of_boxes(self) -> int:
        return sum(len(image.boxes) for image in self.images)

    @property
    def object_sides(self) -> list[float]:
        """The longer side of each object in pixels."""
        boxes = np.concatenate([image.boxes for image in self.images])
        return (boxes[:, 2:4] - boxes[:, :2]).max(axis=1).tolist()

    @cached_property
    def videos(self) -> list[list[Image]]:
        """The images of each video in the order of its frames."""
        numbers = sorted({image.video for image in self.images})
        return [
            sorted((image for image in self.images if image.video == number), key=lambda image: image.frame)
            for number in numbers
        ]

    def truth(self, images: list[Image]) -> Tracks:
        """The labels of one video's images as tracks, frame 0 being the first image; boxes with a track id only."""
        frame = np.repeat(np.arange(len(images)), [len(image.boxes) for image in images])
        boxes = np.concatenate([image.boxes for image in images])
        ids = np.concatenate([image.track_ids for image in images])
        known = ids > 0
        return Tracks(
            frame[known], ids[known], boxes[known, :4], np.ones(known.sum()), boxes[known, 4], tuple(self.classes)
        )


def read_image(image: Image) -> np.ndarray:
    """The frame, `(height, width, 3)` uint8 BGR.

    Raises:
        ValueError: if the file is not an image of the size that the annotations say.
    """
    frame = cv2.imread(str(image.path), cv2.IMREAD_COLOR)
    if frame is None:
        raise ValueError(f"{image.path.name} is not an image that can be read. Build the dataset again.")
    if frame.shape[:2] != (image.height, image.width):
        raise ValueError(
            f"{image.path.name} is {frame.shape[1]}x{frame.shape[0]} pixels, and the annotations say "
            f"{image.width}x{image.height}. Build the dataset again."
        )
    return frame


class _Windows:
    """Windows of `input_dim` cut at random out of the frames fitted to `test_size`: what YOLOX's mosaic is made of."""

    def __init__(
        self, images: list[Image], input_dim: tuple[int, int], test_size: tuple[int, int], cache: bool
    ) -> None:
        self.images = images
        self.input_dim = input_dim
        self.test_size = test_size
        self.cache: dict[int, np.ndarray] | None = {} if cache else None
        self.with_boxes = [index for index, image in enumerate(images) if len(image.boxes)]

    def __len__(self) -> int:
        return len(self.images)

    def _fitted(self, index: int) -> tuple[np.ndarray, float]:
        image = self.images[index]
        scale = min(self.test_size[0] / image.height, self.test_size[1] / image.width)
        if self.cache is not None and index in self.cache:
            return self.cache[index], scale
        size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
        frame = cv2.resize(read_image(image), size, interpolation=cv2.INTER_LINEAR)
        if self.cache is not None:
            self.cache[index] = frame
        return frame, scale

    def load_anno(self, index: int) -> np.ndarray:
        """`(N, 5)` boxes of an image; YOLOX's mixup looks for an image that has any."""
        return self.images[index].boxes

    def pull_item(self, index: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int], np.ndarray]:
        """A window `(h, w, 3)` uint8, its boxes `(N, 5)`, its size and its image's id, as YOLOX wants them."""
        frame, scale = self._fitted(index)
        boxes = self.images[index].boxes * [scale, scale, scale, scale, 1]
        height, width = min(self.input_dim[0], frame.shape[0]), min(self.input_dim[1], frame.shape[1])
        left, top = self._corner(boxes, frame.shape[1], frame.shape[0], width, height)
        inside = boxes.copy()
        inside[:, 0:4:2] = (boxes[:, 0:4:2] - left).clip(0, width)
        inside[:, 1:4:2] = (boxes[:, 1:4:2] - top).clip(0, height)
        visible = _area(inside) >= LEAST_VISIBLE * _area(boxes)
        window = frame[top : top + height, left : left + width].copy()
        return window, inside[visible], (height, width), np.array([self.images[index].id])

    def _corner(self, boxes: np.ndarray, width: int, height: int, window_w: int, window_h: int) -> tuple[int, int]:
        """Left and top of a window, such that it holds the center of a box or, now and then, just anywhere."""
        x, y = random.uniform(0, width), random.uniform(0, height)
        if len(boxes) and random.random() < SHARE_OF_OBJECTS:
            box = boxes[random.randrange(len(boxes))]
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        left, top = x - random.uniform(0.1, 0.9) * window_w, y - random.uniform(0.1, 0.9) * window_h
        return int(np.clip(left, 0, width - window_w)), int(np.clip(top, 0, height - window_h))


class TrainImages(torch.utils.data.Dataset):
    """YOLOX's augmentation over a split; item `index` depends on seed, epoch and index only, in whatever process.

    Items are `(3, input_h, input_w)` float32 BGR 0..255 and `(labels, 5)` float32 class, center x, y, width, height,
    padded with zeros.
    """

    def __init__(self, split: Split, hyperparameters: Hyperparameters, cache_bytes: int = CACHE_BYTES) -> None:
        self.hyperparameters = hyperparameters
        self.epoch = 0
        test_size = hyperparameters.test_size
        bytes_of_all = sum(
            3 * image.width * image.height * min(test_size[0] / image.height, test_size[1] / image.width) ** 2
            for image in split.images
        )
        # Processes would each fill a cache of their own.
        cache = hyperparameters.num_workers == 0 and bytes_of_all <= cache_bytes
        self._windows = _Windows(split.images, hyperparameters.input_size, test_size, cache)
        most = max(len(image.boxes) for image in split.images)
        self._augmented = MosaicDetection(
            self._windows,
            hyperparameters.input_size,
            preproc=_DropSlivers(TrainTransform(max_labels=5 * max(most, 1))),  # four in a mosaic, one mixed in
            degrees=5.0,
            mosaic_scale=(0.6, 1.4),
            shear=1.0,
            mosaic_prob=hyperparameters.mosaic_prob,
            mixup_prob=hyperparameters.mixup_prob,
            enable_mixup=hyperparameters.mixup_prob > 0,
        )

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        settings = self.hyperparameters
        seed = np.random.SeedSequence((settings.seed, self.epoch, index)).generate_state(1)[0]
        random.seed(int(seed))  # YOLOX's augmentations draw from these two
        np.random.seed(seed)
        augment = self.epoch < settings.max_epoch - settings.no_aug_epochs
        image, labels, _, _ = self._augmented[augment, index]
        return torch.from_numpy(image), torch.from_numpy(labels)


class _DropSlivers:
    """YOLOX's transform without the boxes of which an affine map left next to nothing in the picture."""

    def __init__(self, transform: TrainTransform) -> None:
        self._transform = transform

    def __call__(self, image: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        return self._transform(image, boxes[(boxes[:, 2:4] - boxes[:, :2] >= 3).all(axis=1)], size)


def batches(images: int, batch_size: int, seed: int, epoch: int, rank: int = 0, world: int = 1) -> list[list[int]]:
    """The indices of each of this rank's batches in one epoch: all images once, in an order of the epoch's own.

    Images that do not fill a last batch are left out, unless there are fewer than one batch of them.
    """
    order = np.random.default_rng((seed, epoch)).permutation(images)
    if images < batch_size:
        order = np.resize(order, max(images, world) // world * world)
        return [order[rank::world].tolist()]
    steps = images // batch_size
    return [order[step * batch_size : (step + 1) * batch_size][rank::world].tolist() for step in range(steps)]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
