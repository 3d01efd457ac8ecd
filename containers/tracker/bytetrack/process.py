"""The program `process`: batch tracking of a folder of videos, as a SageMaker processing job runs it.

Reads `processing/input/videos` and `processing/input/model` (an artifact folder, or `model.tar.gz`); writes to
`processing/output`, per video, `<name>.json` (what `serve` answers for it), `<name>.txt` (MOTChallenge),
`<name>.detections.npz` and, with `--draw`, `<name>.mp4`; in the end `summary.json`. Why it
failed is in `output/message`.
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
from typing import Any

from bytetrack import mot, video
from bytetrack.detection import artifact
from bytetrack.detection.detector import Detector
from bytetrack.files import write_atomically
from bytetrack.paths import base_dir
from bytetrack.pipeline import TrackedVideo, track_file, tracker_config
from bytetrack.tracking.config import TrackerConfig

SECONDS_BETWEEN_LINES = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Track every video that is this host's share; 0 if at least one worked, or there was nothing to do."""
    options = vars(_parser().parse_args(arguments))
    draw = options.pop("draw")
    settings = {name: value for name, value in options.items() if value is not None}
    signal.signal(signal.SIGTERM, _leave)
    base = base_dir()
    try:
        with artifact.unpacked(base / "processing" / "input" / "model") as folder:
            detector = Detector(folder)
        tracker_config(detector, settings)
        results = _process_all(base, detector, settings, draw)
    except (OSError, ValueError) as error:
        return _fail(base, str(error))
    broken = [result for result in results if "error" in result]
    if broken and len(broken) == len(results):
        return _fail(base, " ".join(result["error"] for result in broken))
    return 0


def _process_all(base: Path, detector: Detector, settings: dict[str, str], draw: bool) -> list[dict[str, Any]]:
    """Do this host's videos one after the other; a broken one is reported and left out."""
    folder, output = base / "processing" / "input" / "videos", base / "processing" / "output"
    host, hosts = _hosts(base)
    names = _outputs(folder)
    videos = list(names) if _is_sharded(base, folder) else list(names)[hosts.index(host) :: len(hosts)]
    if not videos:
        print(f"There is no video for this host in {folder}: nothing to do.", flush=True)
    results: list[dict[str, Any]] = []
    for number, path in enumerate(videos, 1):
        title = f"video: {number}/{len(videos)} {path.name}"
        result: dict[str, Any] = {"name": path.relative_to(folder).as_posix()}
        try:
            frames = video.probe(path).frames
            report = _Report(title, "frame", frames)
            tracked = track_file(path, detector, settings, report)
            _write(tracked, output / names[path])
            if draw:
                _draw(path, tracked, _beside(output / names[path], ".mp4"), _Report(title, "drawn", frames))
            done = tracked.detections.frames
            result |= {"frames": done, "seconds": report.seconds(), "fps": round(done / tracked.model_seconds, 2)}
        except ValueError as error:
            result["error"] = str(error)
            print(f"process: {result['error']}", file=sys.stderr, flush=True)
        results.append(result)
    # All hosts write into one place.
    summary = "summary.json" if len(hosts) == 1 else f"summary-{host}.json"
    write_atomically(output / summary, json.dumps({"videos": results}, indent=1).encode())
    return results


def _write(tracked: TrackedVideo, stem: Path) -> None:
    document = json.dumps(tracked.document(), separators=(",", ":"))
    write_atomically(_beside(stem, ".json"), document.encode())
    mot.write(tracked.tracks, _beside(stem, ".txt"))
    tracked.detections.save(_beside(stem, ".detections.npz"))


def _draw(path: Path, tracked: TrackedVideo, target: Path, report: _Report) -> None:
    """The video with its tracks on it; decoded once more, because no frame is kept for later."""
    from bytetrack.video.overlay import (
        Overlay,  # brings supervision and matplotlib: seconds that only drawing should cost
    )

    size = tracked.detections.width, tracked.detections.height
    overlay = Overlay(tracked.tracks.classes, size)
    with video.VideoWriter(target, tracked.detections.fps, size) as writer:
        for number, frame in enumerate(video.read_frames(path)):
            writer.write(overlay.draw(frame, tracked.tracks.at(number)))
            report(number + 1)


def _beside(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)  # with_suffix would take "cam.1" for "cam" and a suffix


class _Report:
    """Prints how far one video is, at most once a second and when it is done."""

    def __init__(self, title: str, what: str, frames: int) -> None:
        self._title, self._what, self._frames = title, what, frames
        self._started = time.perf_counter()
        self._printed = self._started

    def seconds(self) -> float:
        return round(time.perf_counter() - self._started, 3)

    def __call__(self, done: int) -> None:
        now = time.perf_counter()
        if done < self._frames and now - self._printed < SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        fps = done / (now - self._started)
        eta = max(0, self._frames - done) / fps
        print(f"{self._title}, {self._what}: {done}/{self._frames}, fps: {fps:.1f}, eta: {eta:.0f}", flush=True)


def _outputs(folder: Path) -> dict[Path, Path]:
    """Each video in `folder` and what its outputs are called: by its stem, or its whole name where two share a stem."""
    videos = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    stems = Counter(path.with_suffix("") for path in videos)
    return {
        path: (path.with_suffix("") if stems[path.with_suffix("")] == 1 else path).relative_to(folder)
        for path in videos
    }


def _hosts(base: Path) -> tuple[str, list[str]]:
    """This host and all of them, in an order that every one of them sees."""
    resources = _read_json(base / "config" / "resourceconfig.json")
    host = resources.get("current_host", "algo-1")
    return host, sorted(resources.get("hosts", [host]))


def _is_sharded(base: Path, folder: Path) -> bool:
    """Whether SageMaker has given each host other videos already."""
    inputs = _read_json(base / "config" / "processingjobconfig.json").get("ProcessingInputs", [])
    sources = [entry.get("S3Input") or {} for entry in inputs]
    return any(
        source.get("S3DataDistributionType") == "ShardedByS3Key"
        # Whatever the root is here, SageMaker's own path ends the same.
        and Path(source.get("LocalPath", "")).parts[-3:] == folder.parts[-3:]
        for source in sources
    )


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="process", description="Track every video of a folder.")
    parser.add_argument("--draw", action="store_true", help="also write each video with its tracks drawn on it")
    for setting in fields(TrackerConfig):
        option = "--" + setting.name.replace("_", "-")
        parser.add_argument(option, metavar="NUMBER", help=f"{setting.metadata['help']} (default: the model's)")
    return parser


def _leave(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)  # and not at once: half-written files are removed on the way


def _fail(base: Path, reason: str) -> int:
    print(f"process: {reason}", file=sys.stderr, flush=True)
    write_atomically(base / "output" / "message", reason.encode())  # which SageMaker shows, the first 1,024 bytes
    return 1


if __name__ == "__main__":
    sys.exit(main())
