"""The program `process`: track all videos of a folder, as a SageMaker processing job runs it.

It reads `processing/input/videos`, and `processing/input/model` with an artifact, as a folder or as `model.tar.gz`. For
each video it writes to `processing/output`:

- `<name>.json`: the document that `serve` answers for the video,
- `<name>.txt`: the tracks in MOTChallenge format,
- `<name>.detections.npz`: the detections,
- `<name>.mp4`, with `--draw`: the video with its tracks drawn on it,
- `<name>.partial.jsonl`, while the video is being tracked: the tracks so far, see `bytetrack.partial_tracks`,

and at the end `summary.json`. If it fails, the reason is in `output/message`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from bytetrack import mot, video
from bytetrack.detection import artifact
from bytetrack.detection.detector import Detector
from bytetrack.files import read_json_object, write_atomically
from bytetrack.partial_tracks import PARTIAL_SUFFIX, PartialTracksWriter
from bytetrack.paths import base_dir
from bytetrack.pipeline import TrackedVideo, track_file, tracker_config
from bytetrack.tracking.config import TrackerConfig

SECONDS_BETWEEN_LINES = 1.0


class VideoResult(TypedDict):
    """The entry of one video in `summary.json`: either `error`, or the other fields besides the name."""

    name: str
    frames: NotRequired[int]
    seconds: NotRequired[float]
    fps: NotRequired[float]
    error: NotRequired[str]


def main(arguments: list[str] | None = None) -> int:
    """Run the batch program.

    Args:
        arguments: Arguments of the command line; those of the process if omitted.

    Returns:
        The exit code: 0 if at least one video was tracked or there was none, otherwise 1.
    """
    options = vars(_argument_parser().parse_args(arguments))
    draw, classes = options.pop("draw"), options.pop("classes")
    settings = {name: value for name, value in options.items() if value is not None}
    signal.signal(signal.SIGTERM, _exit)
    base = base_dir()
    try:
        with artifact.unpack_artifact(base / "processing" / "input" / "model") as folder:
            detector = Detector(folder)
        if classes:
            detector = detector.limited_to(classes)
        tracker_config(detector, settings)  # reports an invalid setting before the long work
        results = process_videos(base, detector, settings, draw)
    except (OSError, ValueError) as error:
        return _fail(base, str(error))
    errors = [result["error"] for result in results if "error" in result]
    if errors and len(errors) == len(results):
        return _fail(base, " ".join(errors))
    return 0


def process_videos(base: Path, detector: Detector, settings: dict[str, str], draw: bool) -> list[VideoResult]:
    """Track this host's share of the videos one by one, and write their files and the summary.

    A video that cannot be read is reported and skipped.

    Args:
        base: SageMaker's root folder.
        detector: The detector.
        settings: Settings of the tracker, see `tracker_config`.
        draw: Whether to write videos with the tracks drawn on them.
    """
    folder, output = base / "processing" / "input" / "videos", base / "processing" / "output"
    host, hosts = read_hosts(base)
    stems = output_stems(folder)
    videos = list(stems) if is_sharded_by_sagemaker(base, folder) else list(stems)[hosts.index(host) :: len(hosts)]
    if not videos:
        print(f"There is no video for this host in {folder}: nothing to do.", flush=True)
    results: list[VideoResult] = []
    for number, path in enumerate(videos, 1):
        title = f"video: {number}/{len(videos)} {path.name}"
        result = VideoResult(name=path.relative_to(folder).as_posix())
        try:
            frames = video.probe(path).frames
            progress = ProgressLog(title, "frame", frames)
            with PartialTracksWriter(_with_suffix(output / stems[path], PARTIAL_SUFFIX)) as partial:
                tracked = track_file(path, detector, settings, progress, on_tracks=partial.add_frame)
            write_files(tracked, output / stems[path])
            if draw:
                draw_video(
                    path, tracked, _with_suffix(output / stems[path], ".mp4"), ProgressLog(title, "drawn", frames)
                )
            result["frames"] = tracked.detections.frames
            result["seconds"] = progress.seconds()
            result["fps"] = round(tracked.detections.frames / tracked.model_seconds, 2)
        except ValueError as error:
            result["error"] = str(error)
            print(f"process: {error}", file=sys.stderr, flush=True)
        results.append(result)
    # All hosts write into the same folder.
    summary = "summary.json" if len(hosts) == 1 else f"summary-{host}.json"
    write_atomically(output / summary, json.dumps({"videos": results}, indent=1).encode())
    return results


def write_files(tracked: TrackedVideo, stem: Path) -> None:
    """Write the files of one video; their names are `stem` with suffixes."""
    document = json.dumps(tracked.document(), separators=(",", ":"))
    write_atomically(_with_suffix(stem, ".json"), document.encode())
    mot.write(tracked.tracks, _with_suffix(stem, ".txt"))
    tracked.detections.save(_with_suffix(stem, ".detections.npz"))


def draw_video(path: Path, tracked: TrackedVideo, target: Path, progress: ProgressLog) -> None:
    """Write the video with its tracks drawn on it. It is decoded again, because the frames were not kept."""
    from bytetrack.video.overlay import write_overlay  # takes seconds to import, which only drawing should cost

    write_overlay(path, tracked.tracks, target, progress)


def output_stems(folder: Path) -> dict[Path, Path]:
    """Return the videos in `folder` and, for each, the path of its outputs without their suffixes.

    This is the video's path without its suffix, or with it if two videos differ in their suffixes only.
    """
    videos = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    counts = Counter(path.with_suffix("") for path in videos)
    return {
        path: (path.with_suffix("") if counts[path.with_suffix("")] == 1 else path).relative_to(folder)
        for path in videos
    }


def read_hosts(base: Path) -> tuple[str, list[str]]:
    """Return the name of this host, and the names of all hosts in an order that is the same on all of them."""
    resources = _read_config(base / "config" / "resourceconfig.json")
    host = resources.get("current_host", "algo-1")
    return host, sorted(resources.get("hosts", [host]))


def is_sharded_by_sagemaker(base: Path, folder: Path) -> bool:
    """Return whether SageMaker has already given different videos to each host."""
    inputs = _read_config(base / "config" / "processingjobconfig.json").get("ProcessingInputs", [])
    sources = [entry.get("S3Input") or {} for entry in inputs]
    return any(
        source.get("S3DataDistributionType") == "ShardedByS3Key"
        # The root folder may be another one here than on SageMaker.
        and Path(source.get("LocalPath", "")).parts[-3:] == folder.parts[-3:]
        for source in sources
    )


class ProgressLog:
    """Prints the progress on one video, at most once a second and when it is complete.

    Args:
        title: Beginning of each line.
        label: Name of the number of frames in the line.
        frames: Number of frames in the video.
    """

    def __init__(self, title: str, label: str, frames: int) -> None:
        self._title, self._label, self._frames = title, label, frames
        self._started = time.perf_counter()
        self._last_printed = self._started

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return round(time.perf_counter() - self._started, 3)

    def __call__(self, done: int) -> None:
        """Report that `done` frames are complete."""
        now = time.perf_counter()
        if done < self._frames and now - self._last_printed < SECONDS_BETWEEN_LINES:
            return
        self._last_printed = now
        fps = done / (now - self._started)
        eta = max(0, self._frames - done) / fps
        print(f"{self._title}, {self._label}: {done}/{self._frames}, fps: {fps:.1f}, eta: {eta:.0f}", flush=True)


def _with_suffix(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)  # Path.with_suffix would replace the end of a name such as "cam.1"


def _read_config(path: Path) -> dict[str, Any]:
    return read_json_object(path) if path.is_file() else {}


def _argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="process", description="Track all videos of a folder.")
    parser.add_argument("--draw", action="store_true", help="also write each video with its tracks drawn on it")
    parser.add_argument(
        "--class",
        metavar="NAME",
        dest="classes",
        action="append",
        help="report and track only objects of this class; can be repeated (default: all of the model's)",
    )
    for setting in fields(TrackerConfig):
        option = "--" + setting.name.replace("_", "-")
        parser.add_argument(option, metavar="NUMBER", help=f"{setting.metadata['help']} (default: the model's)")
    return parser


def _exit(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)  # an exception, so that unfinished files are removed


def _fail(base: Path, reason: str) -> int:
    print(f"process: {reason}", file=sys.stderr, flush=True)
    write_atomically(base / "output" / "message", reason.encode())  # SageMaker shows its first 1,024 bytes
    return 1


if __name__ == "__main__":
    sys.exit(main())
