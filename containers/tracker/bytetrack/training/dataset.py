"""Training images: COCO annotations are read and checked; frames are cropped and augmented reproducibly."""

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

from bytetrack.arrays import Float32Array, FloatArray, ImageArray, IntArray
from bytetrack.detection.letterbox import letterbox_scale, scale_to_fit
from bytetrack.tracks import Tracks
from bytetrack.training.hyperparameters import Hyperparameters

CACHE_BYTES = 1024**3  # decoded frames are cached in memory if all of them fit into this
OBJECT_WINDOW_SHARE = 0.75  # share of the training windows that are cropped around an object
MIN_VISIBLE_SHARE = 0.3  # objects of which a window shows a smaller share are not labeled in it
MIN_BOX_SIDE = 3  # pixels; boxes that augmentation makes narrower are dropped
MAX_MOSAIC_IMAGES = 5  # a mosaic of four, and one mixed in


@dataclass(frozen=True)
class Image:
    """One labeled frame.

    Attributes:
        id: Id in the COCO document.
        path: File of the image.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        video: Id of the video that the frame belongs to.
        frame: Number of the frame in the video.
        boxes: `(N, 5)` float64: left, top, right, bottom in pixels of the file, and the index of the class.
        track_ids: `(N,)` int64; -1 for boxes without a track id.
    """

    id: int
    path: Path
    width: int
    height: int
    video: int
    frame: int
    boxes: FloatArray
    track_ids: IntArray


class Split:
    """The COCO annotations and images of one channel.

    Attributes:
        name: Name of the channel.
        document: The COCO document as it was read.
        category_ids: Ids of the COCO categories, ascending.
        classes: Names of the categories in the same order.
        images: Images in the order of the document.

    Raises:
        ValueError: If the annotations or an image file are missing or invalid.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        path = folder / "annotations.json"
        try:
            self.document: dict[str, Any] = json.loads(path.read_bytes())
            self._read_document(folder / "images")
        except FileNotFoundError:
            raise ValueError(f"The channel “{self.name}” has no annotations.json ({path}).") from None
        except (AttributeError, KeyError, TypeError, IndexError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"annotations.json of “{self.name}” is not a COCO document: {error!r}.") from error
        if not self.images:
            raise ValueError(f"The split “{self.name}” has no images. Add at least one labeled clip to it.")

    def _read_document(self, image_folder: Path) -> None:
        categories = sorted(self.document["categories"], key=lambda category: category["id"])
        self.category_ids: list[int] = [category["id"] for category in categories]
        self.classes: list[str] = [category["name"] for category in categories]
        class_indices = {category_id: index for index, category_id in enumerate(self.category_ids)}
        boxes: dict[int, list[list[float]]] = {entry["id"]: [] for entry in self.document["images"]}
        track_ids: dict[int, list[int]] = {image_id: [] for image_id in boxes}
        for annotation in self.document["annotations"]:
            image_id, category_id = annotation["image_id"], annotation["category_id"]
            if image_id not in boxes or category_id not in class_indices:
                raise ValueError(
                    f"Annotation {annotation['id']} of “{self.name}” refers to an image or a category that does not "
                    "exist. Rebuild the dataset."
                )
            left, top, width, height = map(float, annotation["bbox"])
            if width > 0 and height > 0 and not annotation.get("iscrowd"):
                boxes[image_id].append([left, top, left + width, top + height, class_indices[category_id]])
                track_ids[image_id].append(annotation.get("track_id", -1))
        self.images: list[Image] = []
        for entry in self.document["images"]:
            path = image_folder / entry["file_name"]
            if not path.resolve().is_relative_to(image_folder.resolve()) or not path.is_file():
                raise ValueError(f"The image {entry['file_name']} of “{self.name}” is missing. Rebuild the dataset.")
            image_boxes = np.array(boxes[entry["id"]], np.float64).reshape(-1, 5)
            image_boxes[:, :4] = image_boxes[:, :4].clip(0, [entry["width"], entry["height"]] * 2)
            has_area = (image_boxes[:, 2:4] > image_boxes[:, :2]).all(axis=1)
            image = Image(
                id=entry["id"],
                path=path,
                width=entry["width"],
                height=entry["height"],
                video=entry.get("video_id", 0),
                frame=entry.get("frame_id", len(self.images)),
                boxes=image_boxes[has_area],
                track_ids=np.array(track_ids[entry["id"]], np.int64)[has_area],
            )
            self.images.append(image)

    @cached_property
    def number_of_boxes(self) -> int:
        """Number of labeled boxes in all images."""
        return sum(len(image.boxes) for image in self.images)

    @property
    def object_sides(self) -> list[float]:
        """Longer side of each labeled box in pixels."""
        boxes = np.concatenate([image.boxes for image in self.images])
        sides: list[float] = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1).tolist()
        return sides

    @cached_property
    def videos(self) -> list[list[Image]]:
        """The images of each video in the order of its frames."""
        video_ids = sorted({image.video for image in self.images})
        return [
            sorted((image for image in self.images if image.video == video_id), key=lambda image: image.frame)
            for video_id in video_ids
        ]

    def labeled_tracks(self, images: list[Image]) -> Tracks:
        """Return the labels of one video's images as tracks, without the boxes that have no track id.

        Args:
            images: Images of one video. Frame 0 of the tracks is the first of them.
        """
        frame = np.repeat(np.arange(len(images)), [len(image.boxes) for image in images])
        boxes = np.concatenate([image.boxes for image in images])
        track_ids = np.concatenate([image.track_ids for image in images])
        has_id = track_ids > 0
        return Tracks(
            frame=frame[has_id],
            id=track_ids[has_id],
            xyxy=boxes[has_id, :4],
            score=np.ones(has_id.sum()),
            class_id=boxes[has_id, 4].astype(np.int64),
            classes=tuple(self.classes),
        )


def read_splits(channels: Path) -> tuple[Split, Split | None]:
    """Read the channel “train” and, if there is one, the channel “val”.

    Raises:
        ValueError: If a channel is invalid, the two have different classes, or there are no boxes to learn from.
    """
    if not (channels / "train").is_dir():
        raise ValueError(f"The channel “train” is missing: the folder {channels / 'train'} does not exist.")
    train_split = Split(channels / "train")
    val_split = Split(channels / "val") if (channels / "val").is_dir() else None
    if not train_split.number_of_boxes:
        raise ValueError("The split “train” has images but no boxes. Add labeled clips to it.")
    if val_split and val_split.classes != train_split.classes:
        raise ValueError(
            f"The splits have different classes: “train” has {', '.join(train_split.classes)}, and “val” has "
            f"{', '.join(val_split.classes)}. Build both from labels with the same classes."
        )
    return train_split, val_split


def read_image(image: Image) -> ImageArray:
    """Read the frame as a `(height, width, 3)` uint8 BGR array.

    Raises:
        ValueError: If the file is not an image, or its size differs from that in the annotations.
    """
    frame = cv2.imread(str(image.path), cv2.IMREAD_COLOR)
    if frame is None:
        raise ValueError(f"{image.path.name} cannot be read as an image. Rebuild the dataset.")
    if frame.shape[:2] != (image.height, image.width):
        raise ValueError(
            f"{image.path.name} has {frame.shape[1]}x{frame.shape[0]} pixels, but the annotations say "
            f"{image.width}x{image.height}. Rebuild the dataset."
        )
    return np.asarray(frame, np.uint8)


class _RandomWindows:
    """Random windows of the scaled frames, in the form in which YOLOX's mosaic takes its images.

    The names of the methods are those that YOLOX calls.

    Args:
        images: Images to crop the windows from.
        window_size: Height and width of a window in pixels.
        frame_size: Height and width in pixels that frames are scaled to fit.
        cache: Whether to keep the scaled frames in memory.
    """

    def __init__(
        self, images: list[Image], window_size: tuple[int, int], frame_size: tuple[int, int], cache: bool
    ) -> None:
        self.images = images
        self.input_dim = window_size
        self.frame_size = frame_size
        self._cache: dict[int, tuple[ImageArray, float]] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self.images)

    def load_anno(self, index: int) -> FloatArray:
        """Return the `(N, 5)` boxes of an image, among which YOLOX's mixup looks for an image with any."""
        return self.images[index].boxes

    def pull_item(self, index: int) -> tuple[ImageArray, FloatArray, tuple[int, int], IntArray]:
        """Return a window `(h, w, 3)` uint8, its boxes `(N, 5)`, its height and width, and the id of its image."""
        frame, scale = self._scaled_frame(index)
        boxes = self.images[index].boxes * [scale, scale, scale, scale, 1]
        height, width = min(self.input_dim[0], frame.shape[0]), min(self.input_dim[1], frame.shape[1])
        left, top = _random_corner(boxes, frame.shape[1], frame.shape[0], width, height)
        visible_boxes = boxes.copy()
        visible_boxes[:, 0:4:2] = (boxes[:, 0:4:2] - left).clip(0, width)
        visible_boxes[:, 1:4:2] = (boxes[:, 1:4:2] - top).clip(0, height)
        is_visible = _areas(visible_boxes) >= MIN_VISIBLE_SHARE * _areas(boxes)
        window = frame[top : top + height, left : left + width].copy()
        return window, visible_boxes[is_visible], (height, width), np.array([self.images[index].id])

    def _scaled_frame(self, index: int) -> tuple[ImageArray, float]:
        """Return the frame scaled to fit `frame_size`, and the scale."""
        if self._cache is not None and index in self._cache:
            return self._cache[index]
        scaled = scale_to_fit(read_image(self.images[index]), self.frame_size)
        if self._cache is not None:
            self._cache[index] = scaled
        return scaled


def _random_corner(
    boxes: FloatArray, width: int, height: int, window_width: int, window_height: int
) -> tuple[int, int]:
    """Return left and top of a random window, which usually contains the center of a box."""
    x, y = random.uniform(0, width), random.uniform(0, height)
    if len(boxes) and random.random() < OBJECT_WINDOW_SHARE:
        box = boxes[random.randrange(len(boxes))]
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = x - random.uniform(0.1, 0.9) * window_width, y - random.uniform(0.1, 0.9) * window_height
    return int(np.clip(left, 0, width - window_width)), int(np.clip(top, 0, height - window_height))


class TrainImages(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """The augmented training images of a split.

    An item is a pair of `(3, input_h, input_w)` float32 BGR 0..255 pixels, and `(M, 5)` float32 labels (class,
    center x, center y, width, height), padded with zeros. It depends on the seed, the epoch and the index only, in
    whichever process it is made.

    Args:
        split: Images and labels.
        hyperparameters: Sizes and augmentation.
        cache_bytes: Scaled frames are cached in memory if all of them fit into this many bytes.

    Attributes:
        epoch: Number of the current epoch from 0. The training sets it.
    """

    def __init__(self, split: Split, hyperparameters: Hyperparameters, cache_bytes: int = CACHE_BYTES) -> None:
        self.hyperparameters = hyperparameters
        self.epoch = 0
        frame_size = hyperparameters.test_size
        bytes_of_all = sum(
            3 * image.width * image.height * letterbox_scale(image.height, image.width, frame_size) ** 2
            for image in split.images
        )
        # Other processes that prepare images would each fill a cache of their own.
        cache = hyperparameters.num_workers == 0 and bytes_of_all <= cache_bytes
        self._windows = _RandomWindows(split.images, hyperparameters.input_size, frame_size, cache)
        most_boxes = max(len(image.boxes) for image in split.images)
        self._augmented = MosaicDetection(
            self._windows,
            hyperparameters.input_size,
            preproc=_DropSlivers(TrainTransform(max_labels=MAX_MOSAIC_IMAGES * max(most_boxes, 1))),
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
        # YOLOX's augmentation takes its random numbers from these two global generators.
        random.seed(int(seed))
        np.random.seed(seed)
        augment = self.epoch < settings.max_epoch - settings.no_aug_epochs
        image, labels, _, _ = self._augmented[augment, index]
        return torch.from_numpy(image), torch.from_numpy(labels)


class _DropSlivers:
    """YOLOX's transform, without the boxes of which the augmentation left only a sliver in the image."""

    def __init__(self, transform: TrainTransform) -> None:
        self._transform = transform

    def __call__(
        self, image: ImageArray, boxes: FloatArray, input_size: tuple[int, int]
    ) -> tuple[Float32Array, Float32Array]:
        is_large = (boxes[:, 2:4] - boxes[:, :2] >= MIN_BOX_SIDE).all(axis=1)
        transformed: tuple[Float32Array, Float32Array] = self._transform(image, boxes[is_large], input_size)
        return transformed


def batches(images: int, batch_size: int, seed: int, epoch: int, rank: int = 0, world: int = 1) -> list[list[int]]:
    """Divide the images of one epoch into batches, in a random order that depends on the seed and the epoch.

    The remaining images that do not fill a batch are left out. If there are fewer images than one batch takes, all of
    them make one batch.

    Args:
        images: Number of images.
        batch_size: Images per batch over all workers.
        seed: Seed of the training.
        epoch: Number of the epoch.
        rank: Number of this worker.
        world: Number of workers.

    Returns:
        For each step, the indices of the images in this worker's share of the batch.
    """
    order = np.random.default_rng((seed, epoch)).permutation(images)
    if images < batch_size:
        order = np.resize(order, max(images, world) // world * world)
        return [order[rank::world].tolist()]
    steps = images // batch_size
    return [order[step * batch_size : (step + 1) * batch_size][rank::world].tolist() for step in range(steps)]


def _areas(boxes: FloatArray) -> FloatArray:
    areas: FloatArray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
