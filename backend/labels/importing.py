"""Labels from a file or folder into the workspace: read, matched with its videos, checked against them, stored."""

from __future__ import annotations

import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from backend import videos
from backend.archives import extract, is_archive
from backend.errors import UserError
from backend.labels import coco, ground_truth, mot
from backend.labels.sequence import Sequence, bare, find, fit, store
from backend.platform import platform_of
from backend.progress import Progress, part
from backend.records import Labels, Video
from backend.workspace import Workspace

FORMATS = {"ground_truth": "Ground Truth", "mot": "MOTChallenge", "coco": "COCO"}
FILES = {".txt", ".csv", ".json", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"}  # as opposed to a folder's name
CLIP_NAME = re.compile(r"(?P<stem>.+)_(?P<number>\d{1,4})")
LIMIT_BYTES = 10 << 30  # of an unpacked archive: some MOTChallenge archives bring all their images along


def import_labels(
    workspace: Workspace,
    progress: Progress,
    *,
    path: str,
    video: str | None = None,
    format: str = "auto",
    classes: list[str] | None = None,
) -> dict:
    """Bring labels in: {"labels": [ids], "skipped": [a sentence for each sequence that could not be used]}.

    Each sequence of the labels goes to the video of its name. Labels of clips `<video>_0`, `<video>_1`, … of a video
    that is not cut yet cut it first, into clips as long as the labels say.

    Args:
        path: a labelling job's output folder, a MOTChallenge file or folder, a COCO file, or a zip or tar of one;
            in S3, too, where the chosen platform is AWS.
        video: whose labels they are; without it names decide.
        format: a key of `FORMATS`, or "auto".
        classes: names for the numbers of a MOTChallenge file's class column.

    Raises:
        UserError: if nothing can be used: not labels, of the wrong kind, empty, or of another video.
    """
    chosen = workspace.get(Video, video) if video else None
    with _at_hand(workspace, path, part(progress, 0, 0.2)) as place, _unpacked(place) as unpacked:
        progress(0.2, "reading labels")
        format = detect_format(unpacked) if format == "auto" else format
        sequences = read(unpacked, format, classes)
    matching = part(progress, 0.2, 0.9)
    stored, skipped = keep(
        workspace, sequences, lambda usable: videos_for(workspace, matching, usable, chosen), FORMATS[format], path
    )
    progress(1, f"{len(stored)} imported")
    return {"labels": [labels.id for labels in stored], "skipped": skipped}


def keep(
    workspace: Workspace,
    sequences: list[Sequence],
    videos_for: Callable[[list[Sequence]], list[Video | None]],
    source: str,
    path: str,
) -> tuple[list[Labels], list[str]]:
    """Store the sequences that can be used; returns them and a sentence for each that cannot.

    Args:
        videos_for: gives the video of each sequence, None where there is none.
        source: what the labels are said to be, a value of `FORMATS`.
        path: where they were.

    Raises:
        UserError: if none can be used.
    """
    skipped = [note for sequence in sequences if not sequence.labelled_frames for note in sequence.notes]
    usable = [sequence for sequence in sequences if sequence.labelled_frames]
    if not any(len(sequence.tracks) for sequence in usable):
        raise UserError(
            f"The labels in {Path(path).name} are empty: they hold not one box. Check that the labelling is done."
        )
    fitted: list[tuple[Video, Sequence]] = []
    for sequence, match in zip(usable, videos_for(usable)):
        try:
            if match is None:
                raise UserError(
                    f"The workspace has no video “{sequence.name}” of at least {sequence.length} frames. Add the video "
                    "that was labelled, or choose it for these labels."
                )
            fitted.append((match, fit(sequence, match)))
        except UserError as error:
            skipped.append(str(error))
    if not fitted:
        raise UserError(skipped[-1])

    for note in skipped:
        print(note, flush=True)
    stored = [store(workspace, match, sequence, source) for match, sequence in fitted]
    for labels in stored:
        print(f"{labels.name}: {labels.boxes} boxes of {labels.objects} objects. {' '.join(labels.notes)}", flush=True)
    return stored, skipped


def detect_format(path: Path) -> str:
    """The key of `FORMATS` that fits a file or an unpacked folder.

    Raises:
        UserError: if none does.
    """
    if path.is_file():
        if path.suffix in (".manifest", ".jsonl"):
            return "ground_truth"
        if path.name == "SeqLabel.json":
            raise UserError("SeqLabel.json is a part of a labelling job's output. Name the job's whole output folder.")
        if path.suffix.lower() in (".txt", ".csv"):
            return "mot"
        if path.suffix.lower() == ".json":
            return "coco"
    else:
        signs = {
            "ground_truth": find(path, ground_truth.MANIFEST),
            "mot": find(path, "gt.txt"),
            "coco": _json_files(path),
        }
        found = {format: len(files[0].parts) for format, files in signs.items() if files}
        if not found and (path / "annotations" / "consolidated-annotation").is_dir():
            return "ground_truth"  # of a job that has not ended, as its reader will say
        if found:
            return min(found, key=lambda format: found[format])
    raise UserError(
        f"{path.name} is not labels that can be read. Name a Ground Truth job's output folder, a MOTChallenge gt.txt, "
        "a COCO .json, or a zip or tar of one of them."
    )


def read(path: Path, format: str, classes: list[str] | None = None) -> list[Sequence]:
    """The sequences in a file or an unpacked folder; see the format's module."""
    if format == "ground_truth":
        return ground_truth.read(path)
    if format == "mot":
        return mot.read(path, classes)
    if format == "coco":
        files = [path] if path.is_file() else _json_files(path)
        return [sequence for file in files for sequence in coco.read(file)]
    raise UserError(f"“{format}” is not a label format that can be read. Choose one of {', '.join(FORMATS)}.")


@contextmanager
def _at_hand(workspace: Workspace, path: str, progress: Progress) -> Iterator[Path]:
    """The path itself, or a copy of what lies at an address for as long as the block lasts."""
    if not path.startswith("s3://"):
        place = Path(path).expanduser()
        if not place.exists():
            raise UserError(f"There is no file or folder {place}. Check the path.")
        yield place
        return
    platform = platform_of(workspace)
    address = PurePosixPath(path)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / (address.name or "labels")
        if address.suffix.lower() in FILES:
            platform.download(path, place, progress)
        else:
            platform.labelling.fetch_output(path, place, progress)
        yield place


@contextmanager
def _unpacked(place: Path) -> Iterator[Path]:
    """The folder or file itself, or the folder that an archive unpacks to for as long as the block lasts."""
    if not (place.is_file() and is_archive(place)):
        yield place
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield extract(place, Path(temporary) / (place.name.split(".")[0] or "labels"), limit_bytes=LIMIT_BYTES)


def _json_files(folder: Path) -> list[Path]:
    """A COCO export's files: in the folder, or in its `annotations`."""
    return sorted(folder.glob("*.json")) or sorted(folder.glob("annotations/*.json"))


def videos_for(
    workspace: Workspace, progress: Progress, sequences: list[Sequence], chosen: Video | None
) -> list[Video | None]:
    """The video of each sequence, cut out of a longer one where need be; None where there is none."""
    everything = workspace.list(Video)
    if len(sequences) == 1:
        clip = CLIP_NAME.fullmatch(bare(sequences[0].name))
        if chosen is not None and not (clip and _is_named(chosen, clip["stem"])):
            return [chosen]
        whole: list[Video | None] = [video for video in everything if video.parent is None]
        if chosen is None and len(whole) == 1 and not clip and not _named(everything, sequences[0]):
            return whole

    by_stem: dict[str, dict[int, Sequence]] = defaultdict(dict)
    for sequence in sequences:
        if clip := CLIP_NAME.fullmatch(bare(sequence.name)):
            by_stem[clip["stem"]][int(clip["number"])] = sequence
    candidates = [video for video in everything if chosen is None or video.id == chosen.id]
    matches = {sequence.name: _named([v for v in candidates if v.parent is None], sequence) for sequence in sequences}
    for stem, clips in by_stem.items():
        if all(matches[sequence.name] for sequence in clips.values()):
            continue
        whole_video = chosen or next((video for video in everything if _is_named(video, stem)), None)
        if whole_video is None:
            continue
        cut = _clips_of(workspace, progress, whole_video, clips)
        matches |= {sequence.name: matches[sequence.name] or cut.get(number) for number, sequence in clips.items()}
    # A clip that was cut in some other way still is the video of its name, if no other rule found one.
    return [
        matches[sequence.name] or (None if CLIP_NAME.fullmatch(bare(sequence.name)) else _named(everything, sequence))
        for sequence in sequences
    ]


def _clips_of(
    workspace: Workspace, progress: Progress, whole: Video, sequences: dict[int, Sequence]
) -> dict[int, Video]:
    """The clips of `whole` by number; `sequences` are labels by the number of their clip."""
    length = max(sequence.length for sequence in sequences.values())
    told = any(sequence.frames for sequence in sequences.values())
    children = [video for video in workspace.list(Video) if video.parent == whole.id]
    if not told and math.ceil(whole.frames / length) != max(sequences) + 1:
        # With some frames labelled only, the labels do not tell how long the clips were; a person who cut them does.
        named = {number: _named(children, sequence) for number, sequence in sequences.items()}
        if not any(named.values()):
            raise UserError(
                f"The labels do not tell how long the clips of “{whole.name}” were. Cut it as it was cut for "
                "labelling, then import the labels again."
            )
        return {number: video for number, video in named.items() if video is not None}
    if max(sequences) * length >= whole.frames:
        raise UserError(
            f"The labels are of {max(sequences) + 1} clips of {length} frames, but “{whole.name}” has only "
            f"{whole.frames} frames: they are the labels of another video. Add that one."
        )
    if length >= whole.frames:
        return {0: whole}

    def there() -> dict[int, Video]:
        return {
            video.start // length: video
            for video in workspace.list(Video)
            if video.parent == whole.id
            and video.start % length == 0
            and video.frames == min(length, whole.frames - video.start)
        }

    if not sequences.keys() <= there().keys():
        videos.cut(workspace, progress, video=whole.id, every_frames=length)
    return there()


def _named(candidates: list[Video], sequence: Sequence) -> Video | None:
    """The newest video of the sequence's name that is long enough for it."""
    return next((v for v in candidates if _is_named(v, sequence.name) and v.frames >= sequence.length), None)


def _is_named(video: Video, name: str) -> bool:
    return bare(name) in (bare(video.name), bare(video.path))
