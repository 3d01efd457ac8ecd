"""Labels from a file or folder into the workspace: read, matched with its videos, checked against them, stored."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from backend.errors import UserError
from backend.files.archives import extract, is_archive
from backend.jobs.results import LabelsResult
from backend.labels import clip_lengths
from backend.labels.formats import coco, mot
from backend.labels.formats.ground_truth import reading
from backend.labels.frame_mapping import AmbiguousFrames, FrameMapping, map_to_video
from backend.labels.label_sequence import LabelSequence, bare, find, is_named, store_labels
from backend.platforms.registry import platform_of
from backend.progress import Progress, part
from backend.workspace import Workspace
from backend.workspace.records import Labels, Video

FORMATS = {"ground_truth": "Ground Truth", "mot": "MOTChallenge", "coco": "COCO"}
FILES = {".txt", ".csv", ".json", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"}  # as opposed to a folder's name
LIMIT_BYTES = 10 << 30  # of an unpacked archive: some MOTChallenge archives bring all their images along


def import_labels(
    workspace: Workspace,
    progress: Progress,
    *,
    path: str,
    video: str | None = None,
    format: str = "auto",
    classes: list[str] | None = None,
    step: int | None = None,
    first_frame: int | None = None,
) -> LabelsResult:
    """Bring labels in: {"labels": [ids], "skipped": [a sentence for each sequence that could not be used]}.

    Each sequence of the labels goes to the video of its name. Labels of clips `<video>_0`, `<video>_1`, … of a video
    that is not cut yet cut it first, into clips as long as the labels say. Labels that do not fit the length of their
    video are refused unless `step` is given.

    Args:
        path: a labeling job's output folder, a MOTChallenge file or folder, a COCO file, or a zip or tar of one;
            in S3, too, where the chosen platform is AWS.
        video: whose labels they are; without it names decide.
        format: a key of `FORMATS`, or "auto".
        classes: names for the numbers of a MOTChallenge file's class column.
        step: Frames of the video from one labeled picture to the next. 1 takes the numbers of the pictures as they are.
            Without it the labels must fit the length of the video.
        first_frame: Frame of the video, counted from 0, that the first picture is. 0 if omitted.

    Raises:
        UserError: if nothing can be used: not labels, of the wrong kind, empty, or of another video.
    """
    chosen, mapping = workspace.get(Video, video) if video else None, FrameMapping(step, first_frame)
    with _at_hand(workspace, path, part(progress, 0, 0.2)) as place, _unpacked(place) as unpacked:
        progress(0.2, "reading labels")
        format = detect_format(unpacked) if format == "auto" else format
        sequences = read(unpacked, format, classes)
    matching = part(progress, 0.2, 0.9)
    stored, skipped = keep(
        workspace,
        sequences,
        lambda usable: videos_for(workspace, matching, usable, chosen, mapping),
        FORMATS[format],
        path,
        mapping,
    )
    progress(1, f"{len(stored)} imported")
    return {"labels": [labels.id for labels in stored], "skipped": skipped}


def keep(
    workspace: Workspace,
    sequences: list[LabelSequence],
    videos_for: Callable[[list[LabelSequence]], list[Video | None]],
    source: str,
    path: str,
    mapping: FrameMapping,
) -> tuple[list[Labels], list[str]]:
    """Store the sequences that can be used; returns them and a sentence for each that cannot.

    Args:
        videos_for: gives the video of each sequence, None where there is none.
        source: what the labels are said to be, a value of `FORMATS`.
        path: where they were.
        mapping: Which frames of the videos the pictures are, as far as the user said so.

    Raises:
        UserError: if none can be used, or it is unclear of which frames one of them is.
    """
    skipped = [note for sequence in sequences if not sequence.labeled_frames for note in sequence.notes]
    usable = [sequence for sequence in sequences if sequence.labeled_frames]
    if not any(len(sequence.tracks) for sequence in usable):
        raise UserError(
            f"The labels in {Path(path).name} are empty: they hold not one box. Check that the labeling is done."
        )
    fitted: list[tuple[Video, LabelSequence]] = []
    for sequence, match in zip(usable, videos_for(usable)):
        try:
            if match is None:
                raise UserError(
                    f"The workspace has no video “{sequence.name}” of at least {mapping.frames_needed(sequence)} "
                    "frames. Add the video that was labeled, or choose it for these labels."
                )
            fitted.append((match, map_to_video(sequence, match, mapping)))
        except AmbiguousFrames:
            raise
        except UserError as error:
            skipped.append(str(error))
    if not fitted:
        raise UserError(skipped[-1])

    for note in skipped:
        print(note, flush=True)
    stored = [store_labels(workspace, match, sequence, source) for match, sequence in fitted]
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
            raise UserError("SeqLabel.json is a part of a labeling job's output. Name the job's whole output folder.")
        if path.suffix.lower() in (".txt", ".csv"):
            return "mot"
        if path.suffix.lower() == ".json":
            return "coco"
    else:
        signs = {
            "ground_truth": find(path, reading.MANIFEST),
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


def read(path: Path, format: str, classes: list[str] | None = None) -> list[LabelSequence]:
    """The sequences in a file or an unpacked folder; see the format's module."""
    if format == "ground_truth":
        return reading.read(path)
    if format == "mot":
        return mot.read(path, classes)
    if format == "coco":
        files = [path] if path.is_file() else _json_files(path)
        if all(file.name == coco.ROBOFLOW_FILE for file in files):
            return coco.read(*files)  # the splits of one export
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
            platform.files.download(path, place, progress)
        else:
            platform.labeling.fetch_output(path, place, progress)
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
    """A COCO export's files: in the folder, in its `annotations`, or in Roboflow's folders train, valid and test."""
    return (
        sorted(folder.glob("*.json"))
        or sorted(folder.glob("annotations/*.json"))
        or find(folder, coco.ROBOFLOW_FILE, depth=2)
    )


def videos_for(
    workspace: Workspace,
    progress: Progress,
    sequences: list[LabelSequence],
    chosen: Video | None,
    mapping: FrameMapping,
) -> list[Video | None]:
    """The video of each sequence, cut out of a longer one where need be; None where there is none."""
    everything = workspace.list(Video)
    if len(sequences) == 1:
        clip = clip_lengths.NAME.fullmatch(bare(sequences[0].name))
        if chosen is not None and not (clip and is_named(chosen, clip["stem"])):
            return [chosen]
        whole: list[Video | None] = [video for video in everything if video.parent is None]
        of_clip = clip and any(is_named(video, clip["stem"]) for video in everything)
        if chosen is None and len(whole) == 1 and not of_clip and not _named(everything, sequences[0], mapping):
            return whole

    by_stem: dict[str, dict[int, LabelSequence]] = defaultdict(dict)
    for sequence in sequences:
        if clip := clip_lengths.NAME.fullmatch(bare(sequence.name)):
            by_stem[clip["stem"]][int(clip["number"])] = sequence
    candidates = [video for video in everything if chosen is None or video.id == chosen.id]
    whole_videos = [video for video in candidates if video.parent is None]
    matches = {sequence.name: _named(whole_videos, sequence, mapping) for sequence in sequences}
    for stem, numbered in by_stem.items():
        if all(matches[sequence.name] for sequence in numbered.values()):
            continue
        whole_video = chosen or next((video for video in everything if is_named(video, stem)), None)
        if whole_video is None:
            continue
        found = clip_lengths.of_video(workspace, progress, whole_video, numbered, mapping)
        matches |= {sequence.name: matches[sequence.name] or found.get(number) for number, sequence in numbered.items()}
    # A clip that was cut in some other way still is the video of its name, if no other rule found one.
    return [
        matches[each.name]
        or (None if clip_lengths.NAME.fullmatch(bare(each.name)) else _named(everything, each, mapping))
        for each in sequences
    ]


def _named(candidates: list[Video], sequence: LabelSequence, mapping: FrameMapping) -> Video | None:
    """The newest video of the sequence's name that is long enough for it."""
    needed = mapping.frames_needed(sequence)
    return next((video for video in candidates if is_named(video, sequence.name) and video.frames >= needed), None)
