"""Catalog of published YOLOX and ByteTrack checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from bytetrack.detection.normalization import Normalization

RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
YOLOX_PAGE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/tag/0.1.1rc0"
BYTETRACK_PAGE = "https://github.com/ifzhang/ByteTrack#model-zoo"
_COCO = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, "
    "parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, "
    "handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, "
    "skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, "
    "sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining "
    "table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, "
    "refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush"
)
COCO_CLASSES = tuple(_COCO.split(", "))
"""The classes of COCO in YOLOX's order. YOLOX has them, too, but takes seconds to import."""
YOLOX_COCO, BYTETRACK_MOT = "YOLOX COCO", "ByteTrack MOT"  # values of `Model.source`, too


@dataclass(frozen=True)
class Published:
    """A published checkpoint. Its key in `CATALOG` is the name of its file without suffixes."""

    name: str
    file: str
    size: str  # nano, tiny, s, m, l, x
    origin: str  # `YOLOX_COCO` or `BYTETRACK_MOT`
    input_size: tuple[int, int]  # height and width in pixels with which its authors evaluate it
    classes: str  # described in a few words
    accuracy: str  # as its authors published it
    license: str
    page: str  # web page with the download
    megabytes: float | None = None  # size of the file, rounded
    sha256: str | None = None  # None if it has no fixed address and must be downloaded by hand

    @property
    def url(self) -> str | None:
        """Address of the file; None if it must be downloaded by hand from `page`."""
        return f"{RELEASE}/{self.file}" if self.sha256 else None

    @property
    def normalization(self) -> Normalization:
        """Pixel values that the network expects, see `bytetrack.detection.normalization`."""
        return "imagenet" if self.origin == BYTETRACK_MOT else "raw"


def _yolox(size: str, side: int, ap: float, megabytes: float, sha256: str) -> Published:
    return Published(
        name=f"YOLOX-{size}",
        file=f"yolox_{size}.pth",
        size=size,
        origin=YOLOX_COCO,
        input_size=(side, side),
        classes="80 of COCO: person, bicycle, car, …",
        accuracy=f"{ap} AP on COCO val2017",
        license="Apache-2.0",
        page=YOLOX_PAGE,
        megabytes=megabytes,
        sha256=sha256,
    )


def _bytetrack(file: str, size: str, input_size: tuple[int, int], accuracy: str) -> Published:
    return Published(
        name=file.replace("_", " ").replace("bytetrack", "ByteTrack").replace("mot", "MOT"),
        file=f"{file}.pth.tar",
        size=size,
        origin=BYTETRACK_MOT,
        input_size=input_size,
        classes="person",
        accuracy=accuracy,
        license="MIT (code; the MOT data it was trained on is for non-commercial use)",
        page=BYTETRACK_PAGE,
    )


_PUBLISHED = [
    _yolox("nano", 416, 25.8, 7.7, "cd28f55fbbc1829f99d9ac9b38a16d259a22889739c8728ea877610201feff7b"),
    _yolox("tiny", 416, 32.8, 40.8, "9de513de589ac98bb92d3bca53b5af7b9acfa9b0bacb831f7999d0f7afaee8f0"),
    _yolox("s", 640, 40.5, 72.1, "f55ded7181e1b0c13285c56e7790b8f0e8f8db590fe4edb37f0b7f345c913a30"),
    _yolox("m", 640, 46.9, 203.1, "60076992b32da82951c90cfa7bd6ab70eba9eda243e08b940a396f60ac2d19b6"),
    _yolox("l", 640, 49.7, 434.0, "1e6b7fa6240375370b2a8a8eab9066b3cdd43fd1d0bfa8d2027fd3a51def2917"),
    _yolox("x", 640, 51.1, 793.5, "5652330b6ae860043f091b8f550a60c10e1129f416edfdb65c259be6caf355cf"),
    _bytetrack("bytetrack_nano_mot17", "nano", (608, 1088), "69.0 MOTA, 66.3 IDF1 on MOT17 train"),
    _bytetrack("bytetrack_tiny_mot17", "tiny", (608, 1088), "77.1 MOTA, 71.5 IDF1 on MOT17 train"),
    _bytetrack("bytetrack_s_mot17", "s", (608, 1088), "79.2 MOTA, 74.3 IDF1 on MOT17 train"),
    _bytetrack("bytetrack_m_mot17", "m", (800, 1440), "87.0 MOTA, 80.1 IDF1 on MOT17 train"),
    _bytetrack("bytetrack_l_mot17", "l", (800, 1440), "88.7 MOTA, 80.7 IDF1 on MOT17 train"),
    _bytetrack("bytetrack_x_mot17", "x", (800, 1440), "90.0 MOTA, 83.3 IDF1 on MOT17 train"),
    _bytetrack("bytetrack_x_mot20", "x", (896, 1600), "93.4 MOTA, 89.3 IDF1 on MOT20 train"),
    _bytetrack("bytetrack_ablation", "x", (800, 1440), "76.6 MOTA, 79.3 IDF1 on the half of MOT17 train left out"),
]

CATALOG: dict[str, Published] = {entry.file.split(".")[0]: entry for entry in _PUBLISHED}


def identify(sha256: str) -> Published | None:
    """Return the published checkpoint whose file has this checksum."""
    return next((entry for entry in CATALOG.values() if entry.sha256 == sha256), None)


def similar_name(file_name: str) -> Published | None:
    """Return the published checkpoint with this file name, or a browser's second copy of it: `yolox_s (1).pth`.

    Only for hints that the user reads: anyone can give any file this name.
    """
    return CATALOG.get(file_name.split(".")[0].split(" ")[0].lower())
