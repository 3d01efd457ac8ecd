"""Check and benchmark the image's programs on a machine with a GPU, in a few minutes.

    python tests/benchmarks/gpu_check.py --out gpu.json --video VIDEO --truth gt.txt --checkpoint yolox_nano_coco.pth

Each part adds its figures to the JSON file when it is done, so that an interrupted run still gives results. On a
machine without a GPU, it runs on the CPU; add --quick to test this script there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import requests
import torch

from bytetrack import devices, mot, video
from bytetrack.boxes import box_iou
from bytetrack.detection import artifact
from bytetrack.detection.artifact import ModelConfig
from bytetrack.detection.checkpoints import build_network, known_class_names, read_checkpoint
from bytetrack.detection.detector import Detections, Detector
from bytetrack.detection.engine import Engine, OnnxEngine, load_engine
from bytetrack.pipeline import track_file
from bytetrack.scoring.metrics import evaluate

MATCH_IOU = 0.9
SIZES = {  # depth, width, height and width of the input
    "nano 416": (0.33, 0.25, (416, 416)),
    "s 640": (0.33, 0.5, (640, 640)),
    "x 800x1440": (1.33, 1.25, (800, 1440)),
}


class Check:
    """The inputs of all parts, and the figures that they report."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.figures: dict[str, Any] = {}

    @property
    def quick(self) -> bool:
        return self.options.quick

    def report(self, part: str, figures: dict[str, Any]) -> None:
        """Write the figures of a part to the JSON file, and print them."""
        self.figures[part] = figures
        self.options.out.write_text(json.dumps(self.figures, indent=1))
        print(part, json.dumps(figures), flush=True)

    def artifact(self) -> Path:
        """Return the checkpoint as an artifact, which all parts except `networks` use."""
        folder = self.folder / "model"
        if not folder.exists():
            weights = read_checkpoint(self.options.checkpoint)
            network = build_network(weights)
            classes = known_class_names(80, from_bytetrack=False)
            assert classes
            config = ModelConfig(0.33, 0.25, True, classes, [416, 416], "imagenet", ["person"])
            folder.mkdir()
            artifact.save(folder, network, config)
        return folder


def machine(check: Check) -> dict[str, Any]:
    """Describe the machine."""
    gpu = torch.cuda.is_available()
    return {
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "driver": devices.driver_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "capability": list(torch.cuda.get_device_capability()) if gpu else None,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def unusable(check: Check) -> dict[str, Any]:
    """Check that `serve` refuses a GPU that it cannot use, and uses the CPU only if asked to."""
    base = check.folder / "unusable"
    base.mkdir()
    (base / "model").symlink_to(check.artifact())
    if not devices.is_gpu_present():
        return {"skipped": "there is no GPU"}
    ended = subprocess.run(
        [sys.executable, "-m", "bytetrack.serve"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), "CUDA_VISIBLE_DEVICES": "99"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    print_count = "from bytetrack.devices import gpu_count; print(gpu_count())"
    hidden = subprocess.run(
        [sys.executable, "-c", print_count],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return {"exit code": ended.returncode, "error": ended.stderr.strip(), "GPUs with -1": int(hidden.stdout)}


def agreement(check: Check) -> dict[str, Any]:
    """Compare the detections on the GPU with those of ONNX Runtime on the CPU, and the scores of their tracks."""
    folder, frames = check.artifact(), 10 if check.quick else 100
    gpu_detector, cpu_detector = Detector(folder, load_engine(folder)), Detector(folder, OnnxEngine(folder))
    differences: list[float] = []
    unmatched = total = 0
    for number, frame in enumerate(video.read_frames(check.options.video)):
        if number == frames:
            break
        actual, expected = gpu_detector.detect([frame])[0], cpu_detector.detect([frame])[0]
        matched, corner_differences = _match(actual, expected)
        total += len(expected)
        unmatched += len(expected) - matched + max(0, len(actual) - len(expected))
        differences += corner_differences
    scores = {}
    truth = mot.read(check.options.truth)
    for name, detector in (("GPU", gpu_detector), ("CPU", cpu_detector)):
        tracked = track_file(check.options.video, detector, {})
        people = replace(tracked.tracks, classes=("person",))  # the only class that is reported
        [evaluation] = evaluate(truth, people, tracked.detections.frames).values()
        metrics = evaluation.metrics()
        scores[name] = {metric: round(metrics[metric], 2) for metric in ("HOTA", "MOTA", "IDF1")}
    return {
        "engine": type(gpu_detector.engine).__name__,
        "boxes": total,
        "boxes without a match": unmatched,
        "largest difference of a corner, pixels": round(max(differences, default=0.0), 3),
        "mean difference of a corner, pixels": round(float(np.mean(differences or [0.0])), 4),
        "scores": scores,
    }


def _match(actual: Detections, expected: Detections) -> tuple[int, list[float]]:
    """Return the number of expected boxes with a match, and the largest difference of a corner for each of them."""
    if not len(actual) or not len(expected):
        return 0, []
    iou = box_iou(actual.xyxy, expected.xyxy)
    best = iou.argmax(axis=0)
    matched = np.flatnonzero(iou.max(axis=0) > MATCH_IOU)
    differences: list[float] = np.abs(actual.xyxy[best[matched]] - expected.xyxy[matched]).max(axis=1).tolist()
    return len(matched), differences


def networks(check: Check) -> dict[str, Any]:
    """Measure each network alone, one image at a time as `serve` and `process` call it, and on a 1080p video."""
    figures: dict[str, Any] = {}
    large = _enlarge_video(check, (1920, 1080), 20 if check.quick else 300)
    for name, (depth, width, size) in list(SIZES.items())[: 1 if check.quick else None]:
        folder = check.folder / name.replace(" ", "-")
        folder.mkdir()
        config = ModelConfig(depth, width, width <= 0.25, ["person"], list(size), "raw")
        artifact.save(folder, artifact.build(config), config)
        engine = load_engine(folder)
        tracked = track_file(large, Detector(folder, engine), {})
        figures[name] = {
            "network, images/s": round(_images_per_second(engine, check), 1),
            "1080p file, frames/s": round(tracked.detections.frames / tracked.model_seconds, 1),
        }
    started, frames = time.perf_counter(), sum(1 for _ in video.read_frames(large))
    figures["decoding 1080p alone, frames/s"] = round(frames / (time.perf_counter() - started), 1)
    return figures


def _images_per_second(engine: Engine, check: Check) -> float:
    images = np.random.default_rng(0).random((1, 3, *engine.input_size), np.float32)
    for _ in range(2 if check.quick else 20):
        engine(images)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < (0.5 if check.quick else 3):
        engine(images)
        done += 1
    return done / (time.perf_counter() - started)


def _enlarge_video(check: Check, size: tuple[int, int], frames: int) -> Path:
    path = check.folder / "large.mp4"
    with video.VideoWriter(path, 25, size) as writer:
        for number, frame in enumerate(video.read_frames(check.options.video)):
            if number < frames:
                writer.write(cv2.resize(frame, size))
    return path


def training(check: Check) -> dict[str, Any]:
    """Run `train` from scratch and from the checkpoint: seconds, images per second, AP."""
    figures = {}
    for name, changes in (
        ("nano from the checkpoint", {"max_epoch": "4"}),
        ("nano, 640 windows", {"width": "0.25", "max_epoch": "4"}),
        ("s, 640 windows", {"width": "0.5", "max_epoch": "4"}),
    )[: 1 if check.quick else None]:
        base = check.folder / name.replace(" ", "-").replace(",", "")
        _save_channels(check, base / "input" / "data")
        if "checkpoint" in name:
            (base / "input" / "data" / "model").symlink_to(check.artifact())
        else:
            changes |= {"input_size_h": "640", "input_size_w": "640", "test_size_h": "640", "test_size_w": "640"}
        config = base / "input" / "config" / "hyperparameters.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps(changes | ({"max_epoch": "1"} if check.quick else {})))
        started = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "bytetrack.train"],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)},
            capture_output=True,
            text=True,
        )
        lines = ended.stdout.splitlines()
        speeds = [float(line.split("images_per_second: ")[1].split(",")[0]) for line in lines if "images_per_s" in line]
        figures[name] = {
            "exit code": ended.returncode,
            "seconds": round(time.perf_counter() - started, 1),
            "images/s": max(speeds, default=0.0),
            "log": [line for line in lines if " AP: " in line or "training on" in line or "start" in line],
            "errors": ended.stderr[-1500:],
        }
    return figures


def _save_channels(check: Check, data: Path) -> None:
    """Write the video's frames with its labels: the first two thirds for training, the rest for validation."""
    truth, info = mot.read(check.options.truth), video.probe(check.options.video)
    frames = min(info.frames, 12 if check.quick else info.frames)
    for split, first, last in (("train", 0, frames * 2 // 3), ("val", frames * 2 // 3, frames)):
        (data / split / "images").mkdir(parents=True)
        images: list[dict[str, Any]] = []
        boxes: list[dict[str, Any]] = []
        for number, frame in enumerate(video.read_frames(check.options.video)):
            if not first <= number < last:
                continue
            cv2.imwrite(str(data / split / "images" / f"{number}.jpg"), frame)
            size = {"width": info.width, "height": info.height}
            images.append({"id": number, "file_name": f"{number}.jpg", "video_id": 1, "frame_id": number} | size)
            for row in truth.at(number).rows():
                left, top, right, bottom = row["xyxy"]
                ids = {"id": len(boxes) + 1, "image_id": number, "category_id": 1, "track_id": row["id"]}
                box = [left, top, right - left, bottom - top]
                boxes.append(ids | {"bbox": box, "area": box[2] * box[3], "iscrowd": 0})
        document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}
        (data / split / "annotations.json").write_text(json.dumps(document))


def serving(check: Check) -> dict[str, Any]:
    """Run `serve`: seconds until it is ready, and milliseconds per image over HTTP on loopback."""
    base = check.folder / "serve"
    base.mkdir()
    (base / "model").symlink_to(check.artifact())
    frame = next(iter(video.read_frames(check.options.video)))
    jpeg = cv2.imencode(".jpg", frame)[1].tobytes()
    started = time.perf_counter()
    with _run_serve(base) as address:
        ready = time.perf_counter() - started
        times = []
        for _ in range(10 if check.quick else 200):
            sent = time.perf_counter()
            answer = requests.post(f"{address}/invocations", jpeg, headers={"Content-Type": "image/jpeg"}, timeout=60)
            times.append(1000 * (time.perf_counter() - sent))
            answer.raise_for_status()
        return {
            "ready after seconds": round(ready, 2),
            "detections": len(answer.json()["detections"]),
            "requests": len(times),
            "p50 ms": round(float(np.percentile(times, 50)), 2),
            "p90 ms": round(float(np.percentile(times, 90)), 2),
        }


@contextmanager
def _run_serve(base: Path) -> Iterator[str]:
    variables = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": "18080", "BYTETRACK_HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "bytetrack.serve"], env=os.environ | variables)
    try:
        while True:
            try:
                if requests.get("http://127.0.0.1:18080/ping", timeout=2).ok:
                    break
            except requests.ConnectionError:
                if process.poll() is not None:
                    raise RuntimeError("serve ended") from None
                time.sleep(0.02)
        yield "http://127.0.0.1:18080"
    finally:
        process.terminate()
        process.wait(20)


def batch(check: Check) -> dict[str, Any]:
    """Run `process` on the video."""
    base = check.folder / "process"
    (base / "processing" / "input" / "videos").mkdir(parents=True)
    (base / "processing" / "input" / "model").symlink_to(check.artifact())
    (base / "processing" / "input" / "videos" / "video.mp4").symlink_to(check.options.video.resolve())
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bytetrack.process"], env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)}, check=True
    )
    [done] = json.loads((base / "processing" / "output" / "summary.json").read_text())["videos"]
    return {
        "frames": done["frames"],
        "frames/s": done["fps"],
        "total seconds": round(time.perf_counter() - started, 1),
    }


PARTS: dict[str, Callable[[Check], dict[str, Any]]] = {
    "machine": machine,
    "unusable": unusable,
    "agreement": agreement,
    "serving": serving,
    "batch": batch,
    "networks": networks,
    "training": training,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write the figures to")
    parser.add_argument("--video", type=Path, required=True, help="a video of people")
    parser.add_argument("--truth", type=Path, required=True, help="its labels as MOTChallenge text")
    parser.add_argument("--checkpoint", type=Path, required=True, help="YOLOX-nano with COCO's classes, ImageNet input")
    parser.add_argument("--parts", default=",".join(PARTS), help="parts to run, in order (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="run small sizes, to test this script")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        check = Check(options, Path(folder))
        for part in options.parts.split(","):
            started = time.perf_counter()
            try:
                figures = PARTS[part](check)
            except Exception:  # the other parts can still run
                traceback.print_exc()
                figures, failed = {"failed": traceback.format_exc()[-1500:]}, 1
            check.report(part, figures | {"part seconds": round(time.perf_counter() - started, 1)})
    return failed


if __name__ == "__main__":
    sys.exit(main())
