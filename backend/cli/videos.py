"""Subcommands for videos: make the sample, add, cut, extract frames, draw tracks, copy for browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import CycloptsError

from backend.cli.app import VIDEOS, command
from backend.cli.options import LabelsName, RangeEnds, RangeNames, RangeStarts, RunName, VideoName
from backend.cli.session import get, run_job
from backend.workspace.records import Labels, Run, Video


@command(VIDEOS, "make-sample", "make-sample --scenes 4 --frames 24 --size 320 240")
def make_sample(
    *, scenes: int = 16, frames: int = 36, size: tuple[int, int] = (480, 352), seed: int = 0
) -> dict[str, Any]:
    """Add synthetic videos of a street with exact labels.

    Args:
        scenes: Number of videos.
        frames: Frames per video.
        size: Width and height in pixels, even numbers.
        seed: Number that the scenes are drawn from; another seed gives other scenes.
    """
    return run_job("make sample", "Make the sample", scenes=scenes, frames=frames, size=list(size), seed=seed)


@command(VIDEOS, "add-video site.mp4", "add-video s3://bucket/site.mp4 --name site")
def add_video(source: str, /, *, name: str | None = None) -> dict[str, Any]:
    """Add a video file, which is used in place and not copied.

    Args:
        source: Path of the file, or its S3 address if the platform is AWS.
        name: Name in the workspace; the file's name if omitted.
    """
    path = source if "://" in source else str(Path(source).expanduser().resolve())
    return run_job("add video", f"Add {source.rsplit('/', 1)[-1]}", source=path, name=name or "")


@command(
    VIDEOS,
    "cut-video --video site --from 100 --to 249",
    "cut-video --video site --from 4.5s 60s --to 12s 75s --name morning noon",
    "cut-video --video site --every-seconds 10",
)
def cut_video(
    *,
    video: VideoName,
    starts: RangeStarts | None = None,
    ends: RangeEnds | None = None,
    names: RangeNames | None = None,
    every_frames: int | None = None,
    every_seconds: float | None = None,
) -> dict[str, Any]:
    """Cut a video into clips: ranges, or pieces of equal length.

    A range is given by --from and --to, several ones by several values of each. Pieces get the names `<video>_0`,
    `<video>_1`, …; give their length either in frames or in seconds.

    Args:
        video: Video to cut.
        starts: First frame of each range, counted from 0, such as 100, or a time in seconds, such as 4.5s.
        ends: Last frame of each range, or the time before which its frames begin. If omitted, the end of the video.
        names: Name of the clip of each range; by default `<video>_<first>-<last>`.
        every_frames: Frames per piece.
        every_seconds: Seconds per piece.
    """
    if sum(option is not None for option in (starts, every_frames, every_seconds)) != 1:
        raise CycloptsError(msg="give one of --from, --every-frames and --every-seconds.")
    source = get(Video, video)
    ranges = None
    if starts is not None:
        ranges = _ranges(source, starts, ends, names)
    elif ends or names:
        raise CycloptsError(msg="--to and --name need --from.")
    return run_job(
        "cut video",
        f"Cut {source.name}",
        video=source.id,
        every_frames=every_frames,
        every_seconds=every_seconds,
        ranges=ranges,
    )


def _ranges(source: Video, starts: list[str], ends: list[str] | None, names: list[str] | None) -> list[dict[str, Any]]:
    """Return the ranges as parameters of the job.

    Raises:
        CycloptsError: If the options have different numbers of values.
    """
    from backend.steps.videos import range_of

    if len(ends or [""]) != len(starts) or (names and len(names) != len(starts)):
        raise CycloptsError(msg="give as many values of --to and --name as of --from.")
    ranges: list[dict[str, Any]] = []
    for start, end, name in zip(starts, ends or [""], names or [""] * len(starts)):
        ranges.append({**range_of(source, start, end), "name": name})
    return ranges


@command(VIDEOS, "extract-frames --video site --every 5")
def extract_frames(*, video: VideoName, every: int = 1) -> dict[str, Any]:
    """Write frames of a video as JPEG files into a zip file.

    Args:
        video: Video to take the frames from.
        every: Step from one extracted frame to the next.
    """
    source = get(Video, video)
    return run_job("extract frames", f"Extract frames of {source.name}", video=source.id, every=every)


@command(VIDEOS, "make-browser-copy --video site")
def make_browser_copy(*, video: VideoName) -> dict[str, Any]:
    """Make a copy of a video that browsers can play.

    The copy is H.264 and has the same frames at the same times, without sound.

    Args:
        video: Video to copy.
    """
    source = get(Video, video)
    return run_job("make browser copy", f"Browser copy of {source.name}", video=source.id)


@command(VIDEOS, 'draw-tracks --run "site - nano batch"', "draw-tracks --labels site")
def draw_tracks(*, run: RunName | None = None, labels: LabelsName | None = None) -> dict[str, Any]:
    """Draw the boxes of a run or of labels on the video, as MP4.

    Args:
        run: Run whose tracks to draw.
        labels: Labels to draw.
    """
    record = run_or_labels(run, labels)
    return run_job("draw tracks", f"Draw {record.name}", of=record.id)


def run_or_labels(run: str | None, labels: str | None) -> Run | Labels:
    """Return the run or the labels that the user named.

    Raises:
        CycloptsError: If both or neither are named.
    """
    if run and not labels:
        return get(Run, run)
    if labels and not run:
        return get(Labels, labels)
    raise CycloptsError(msg="give either --run or --labels.")
