from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coco import OBJECT, read_document, save_channel, write_document

from bytetrack.training.dataset import Split, TrainImages, batches
from bytetrack.training.hyperparameters import Hyperparameters

Document = dict[str, Any]


def settings(**changes: float) -> Hyperparameters:
    sizes = {"input_size_h": 64, "input_size_w": 64, "test_size_h": 64, "test_size_w": 64}
    return Hyperparameters(**{**sizes, "max_epoch": 3, "no_aug_epochs": 1, "mosaic_prob": 1.0, **changes})  # type: ignore[arg-type]


def test_a_split_has_boxes_in_pixels(tmp_path: Path) -> None:
    split = Split(save_channel(tmp_path / "train"))
    assert (split.classes, split.number_of_boxes) == (["square", "disc"], 5)
    np.testing.assert_array_equal(split.images[1].boxes, [[4, 20, 4 + OBJECT, 20 + OBJECT, 0]])
    assert [len(images) for images in split.videos] == [6]
    assert split.labeled_tracks(split.videos[0]).frame.tolist() == [0, 1, 2, 3, 4]


def test_boxes_are_clipped_and_crowds_dropped(tmp_path: Path) -> None:
    folder = save_channel(tmp_path / "train", images=4)
    document = read_document(folder)
    document["annotations"][0]["bbox"] = [-10, -10, 500, 500]
    document["annotations"][1]["bbox"] = [100, 100, 5, 5]
    document["annotations"][2]["iscrowd"] = 1
    write_document(folder, document)
    boxes = [image.boxes.tolist() for image in Split(folder).images]
    assert boxes == [[[0, 0, 64, 64, 0]], [], [], []]


def test_items_depend_on_seed_epoch_and_index_only(tmp_path: Path) -> None:
    split = Split(save_channel(tmp_path / "train"))
    once, again = TrainImages(split, settings(mixup_prob=0.5)), TrainImages(split, settings(mixup_prob=0.5))
    forwards = [once[index] for index in range(6)]
    backwards = [again[index] for index in reversed(range(6))][::-1]
    assert all(torch.equal(a, b) for one, other in zip(forwards, backwards) for a, b in zip(one, other))
    once.epoch = 1
    assert not torch.equal(once[0][0], forwards[0][0])
    assert not torch.equal(TrainImages(split, settings(mixup_prob=0.5, seed=1))[0][0], forwards[0][0])


def test_items_without_augmentation_show_the_object_where_the_label_is(tmp_path: Path) -> None:
    images = TrainImages(Split(save_channel(tmp_path / "train")), settings())
    images.epoch = 2  # the last epoch, without augmentation
    pixels, labels = images[2]
    assert (pixels.shape, pixels.dtype, labels.shape[1]) == ((3, 64, 64), torch.float32, 5)
    class_id, x, y, width, height = labels[0].tolist()
    assert (class_id, y, width, height) == (0, 28, OBJECT, OBJECT)
    inside = pixels[2, 20:36, int(x) - 8 : int(x) + 8]
    assert inside.mean() > 2 * pixels[2].mean()


def test_windows_are_smaller_than_frames_and_keep_the_scale(tmp_path: Path) -> None:
    small = settings(input_size_h=32, input_size_w=32)
    images = TrainImages(Split(save_channel(tmp_path / "train")), small)
    images.epoch = 2
    labels = torch.cat([images[index][1] for index in range(5)])
    assert images[0][0].shape == (3, 32, 32)
    assert labels[:, 3].max() == OBJECT


def test_every_image_is_in_one_batch_of_one_rank() -> None:
    parts = [batches(10, 4, seed=0, epoch=0, rank=rank, world=2) for rank in range(2)]
    assert [[len(batch) for batch in part] for part in parts] == [[2, 2], [2, 2]]
    flat = [index for part in parts for batch in part for index in batch]
    assert len(set(flat)) == 8
    assert batches(10, 4, 0, 0) == batches(10, 4, 0, 0) != batches(10, 4, 0, 1)


def test_fewer_images_than_a_batch_still_make_one() -> None:
    assert sorted(batches(3, 8, 0, 0)[0]) == [0, 1, 2]
    assert [len(batches(1, 8, 0, 0, rank, 2)[0]) for rank in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda document: document["images"].clear() or document["annotations"].clear(),
            "The split “train” has no images",
        ),
        (lambda document: document["images"][0].update(file_name="gone.jpg"), "The image gone.jpg of"),
        (lambda document: document["images"][0].update(file_name="../../x"), "is missing"),
        (lambda document: document["annotations"][0].update(category_id=9), "Annotation 1 of “train” refers to"),
        (lambda document: document.pop("categories"), "is not a COCO document"),
    ],
)
def test_invalid_annotations_are_reported(tmp_path: Path, damage: Callable[[Document], object], message: str) -> None:
    folder = save_channel(tmp_path / "train")
    document = read_document(folder)
    damage(document)
    write_document(folder, document)
    with pytest.raises(ValueError, match=message):
        Split(folder)


def test_unreadable_images_and_images_of_another_size_are_reported(tmp_path: Path) -> None:
    folder = save_channel(tmp_path / "train")
    document = read_document(folder)
    document["images"][1]["width"] = 128
    write_document(folder, document)
    (folder / "images" / "000.jpg").write_text("text")
    images = TrainImages(Split(folder), settings(mosaic_prob=0.0))
    with pytest.raises(ValueError, match=r"000\.jpg cannot be read as an image"):
        images[0]
    with pytest.raises(ValueError, match=r"001\.jpg has 64x64 pixels, but the annotations say 128x64"):
        images[1]
