"""Search the tracker settings that score best against labels, and check them on labels that were held out."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.jobs.results import TrackerSearchResult
from backend.progress import Progress
from backend.steps import models
from backend.steps.evaluation import (
    Metrics,
    Truth,
    check_same_video,
    load_detections,
    load_truth,
    retrack,
    score_tracks,
)
from backend.steps.tracker_units import NOMINAL_RATE
from backend.steps.unlabeled_tracks import find_unlabeled, unlabeled_warning
from backend.workspace import Workspace
from backend.workspace.records import HeldOut, Labels, Model, Run, TrackerSearch
from bytetrack.tracking.config import SETTING_NAMES

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

    from bytetrack.pipeline import VideoDetections

TRIALS = 100
SPACE: dict[str, tuple[float, float, float]] = {
    "track_thresh": (0.1, 0.9, 0.01),
    "match_thresh": (0.5, 0.99, 0.01),
    "track_buffer": (5, 120, 5),
    "min_length": (0, 20, 1),
    "fill_gaps": (0, 30, 1),
    "smooth": (1, 15, 2),
}
"""Lowest value, highest value and step of each setting. `min_box_area` depends on the purpose, not on scores."""

SPACE_OF_SEVERAL_CLASSES = {"class_votes": (0, 1, 1)}
MEANS_OFF = {("min_length", 0), ("fill_gaps", 0), ("smooth", 1), ("class_votes", 0), ("class_votes", 1)}
"""Settings and values at an end of the range beyond which there is nothing to try."""

PARTS = 3  # of the labeled frames in time, the last of which is held out
MIN_HELD_OUT_FRAMES = 10  # labeled frames
FEW_FRAMES = 150  # labeled frames; with fewer, one object can decide which settings are best
MANY_UNLABELED_SHARE = 0.1  # of the tracks; fewer are reported, but hardly decide which settings are best
CLEAR_GAIN = 0.5  # HOTA; a smaller change on the held-out labels is no reason to prefer settings

Verdict = Literal["better", "unclear", "worse", "unchecked"]


class Doubts(NamedTuple):
    """Reasons to doubt what a search finds.

    Attributes:
        warning: The reasons as sentences; empty if there are none.
        are_strong: Whether the settings should not be suggested.
    """

    warning: str
    are_strong: bool


class Check(NamedTuple):
    """Labels that the search does not use, and detections of their video."""

    run: Run
    labels: Labels
    name: str  # for the user
    truth: Truth
    detections: VideoDetections


def run(
    workspace: Workspace,
    progress: Progress,
    *,
    run: str,
    labels: str,
    trials: int = TRIALS,
    check_run: str | None = None,
    check_labels: str | None = None,
) -> TrackerSearchResult:
    """Try settings with TPE (Bergstra et al. 2011) for the highest HOTA, and store the best.

    The settings are then scored on labels that the search did not use: those of another video, or else the last third
    of the labeled frames, which the search leaves out. On the searched labels, the result is never worse than the
    model's own settings. If the search is stopped, the best so far is stored.

    Args:
        workspace: Workspace of the run.
        progress: Called with the progress.
        run: Id or name of a run that has detections.
        labels: Id or name of labels of the same video.
        trials: Number of settings to try.
        check_run: Id or name of a run of another video to check the settings on. If omitted, they are checked on the
            last third of the labeled frames.
        check_labels: Id or name of labels of that video.

    Raises:
        UserError: If a run has no detections, labels do not fit a run, or too few frames are labeled.
    """
    import optuna

    run_record, labels_record = workspace.get(Run, run), workspace.get(Labels, labels)
    check_same_video(run_record, labels_record)
    truth, detections = load_truth(workspace, labels, run_record.classes), load_detections(workspace, run)
    own = model_settings(workspace, run_record.model)
    if check_run and check_labels:
        searched, check = truth, _other_video(workspace, run_record, check_run, check_labels)
    elif check_run or check_labels:
        raise UserError("To check on another video, name both a run of it and labels of it.")
    else:
        searched, held_out_truth = split_in_time(truth)
        check = Check(run_record, labels_record, _frames_text(held_out_truth), held_out_truth, detections)
    space = search_space(_span(searched), len(detections.classes), detections.fps)
    doubts = find_doubts(truth, detections, own)
    if doubts.warning:
        print(doubts.warning, flush=True)

    def score(settings: dict[str, float]) -> Metrics:
        return score_tracks(searched, retrack(detections, settings))[0]

    def objective(trial: Trial) -> float:
        settings = {name: _suggest(trial, name, *limits) for name, limits in space.items()}
        hota = score(fixed | settings)["HOTA"]
        best = max([hota, *(earlier.value for earlier in study.trials if earlier.value is not None)])
        print(f"trial {trial.number + 1}: HOTA {hota:.2f} with {settings}", flush=True)
        progress((trial.number + 1) / trials, f"Trial {trial.number + 1} of {trials}, best HOTA {best:.1f}")
        return hota

    fixed = {"min_box_area": own.get("min_box_area", 0)}
    before = score(own)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, multivariate=True))
    stopped = None
    try:
        study.optimize(objective, n_trials=trials)
    except Stopped as error:
        if not _completed(study):
            raise
        stopped = error
    better = study.best_value > before["HOTA"]
    settings = study.best_params if better else {}
    record = workspace.add(
        TrackerSearch(
            name=run_record.name,
            run=run_record.id,
            labels=labels_record.id,
            settings=settings,
            before=before,
            metrics=score(fixed | settings) if better else before,
            importances=_importances(study),
            trials=[{"HOTA": round(trial.values[0], 3), **trial.params} for trial in _completed(study)],
            warning=doubts.warning,
            is_doubtful=doubts.are_strong,
            space={name: [low, high] for name, (low, high, _) in space.items()},
            searched=_frames_text(searched),
            held_out=_check(check, own, fixed | settings if better else own),
        )
    )
    print(describe(record), flush=True)
    if stopped:
        raise stopped
    return {"search": record.id, "warning": doubts.warning}


def model_settings(workspace: Workspace, model: str) -> dict[str, float]:
    """Return the tracker settings that are stored with a model; none if the model was removed."""
    thresholds = models.thresholds(workspace, model) if workspace.find(Model, model) else {}
    return {name: value for name, value in thresholds.items() if name in SETTING_NAMES}


def split_in_time(truth: Truth) -> tuple[Truth, Truth]:
    """Divide labels into the frames to search on and the frames to check on, which follow them.

    Raises:
        UserError: If too few frames are labeled, or one of the two parts has no labeled box.
    """
    frames = sorted(truth.labeled_frames)
    held_out = len(frames) // PARTS
    if held_out < MIN_HELD_OUT_FRAMES:
        raise UserError(
            f"The labels “{truth.name}” cover {len(frames):,} of {truth.frames:,} frames, too few to search on one "
            f"part and to check the settings on another: that needs {PARTS * MIN_HELD_OUT_FRAMES} labeled frames. "
            "Label more frames, or track another labeled video with the same model and check on that one."
        )
    parts = frames[:-held_out], frames[-held_out:]
    for part, words in zip(parts, ("first two thirds", "last third")):
        if not np.isin(truth.tracks.frame, part).any():
            raise UserError(
                f"No object is labeled in the {words} of “{truth.name}” (frames {part[0]}–{part[-1]}), so settings "
                "cannot be searched on one part and checked on the other. Label objects there, or check on another "
                "video."
            )
    return replace(truth, labeled_frames=parts[0]), replace(truth, labeled_frames=parts[1])


def find_doubts(truth: Truth, detections: VideoDetections, own_settings: Mapping[str, float]) -> Doubts:
    """Return reasons to doubt what a search on these labels finds: incomplete labels, and few of them."""
    coverage = find_unlabeled(truth, detections, own_settings)
    is_short = len(truth.labeled_frames) < FEW_FRAMES
    sentences = [unlabeled_warning(coverage)]
    if is_short:
        seconds = f" ({_span(truth) / detections.fps:.1f} s)" if detections.fps > 0 else ""
        sentences.append(
            f"Only {len(truth.labeled_frames):,} frames{seconds} are labeled: settings that fit so short a part can be "
            "worse on other videos."
        )
    many_unlabeled = len(coverage.unlabeled) >= MANY_UNLABELED_SHARE * max(1, coverage.tracks)
    return Doubts(" ".join(filter(None, sentences)), is_short or many_unlabeled)


def search_space(frames: int, classes: int, fps: float) -> dict[str, tuple[float, float, float]]:
    """Return the space to search, as `SPACE` describes it.

    Settings that count frames stay below a quarter of the searched part: a longer minimum length would remove objects
    that are visible for part of it, and longer gaps or smoothing would replace most of a track.

    Args:
        frames: Number of frames from the first to the last one that is searched on.
        classes: Number of classes of the detections.
        fps: Frames per second of the video.
    """
    quarter = (frames - 1) // 4
    lost = quarter * NOMINAL_RATE / fps if fps > 0 else math.inf
    limits = {"track_buffer": lost, "min_length": quarter, "fill_gaps": quarter, "smooth": quarter}
    space = dict(SPACE)
    for name, limit in limits.items():
        low, high, step = space[name]
        steps = max(0, int((min(high, limit) - low) // step))
        space[name] = (low, low + steps * step, step)
    return space | SPACE_OF_SEVERAL_CLASSES if classes > 1 else space


def at_rim(search: TrackerSearch) -> dict[str, str]:
    """Return which settings are at an end of their range, with the end: "lowest" or "highest".

    Values that mean "off" are left out, because there is nothing beyond them.
    """
    ends = {}
    for name, value in search.settings.items():
        low, high = search.space.get(name, (-math.inf, math.inf))
        if (name, value) in MEANS_OFF:
            continue
        if math.isclose(value, low) or math.isclose(value, high):
            ends[name] = "lowest" if math.isclose(value, low) else "highest"
    return ends


def verdict(search: TrackerSearch) -> Verdict:
    """Return what the held-out labels say about the settings; "unchecked" for searches of earlier versions."""
    if not search.held_out:
        return "unchecked"
    gain = round(search.held_out["after"]["HOTA"] - search.held_out["before"]["HOTA"], 1)
    if gain < 0:
        return "worse"
    return "better" if gain >= CLEAR_GAIN else "unclear"


def describe(search: TrackerSearch) -> str:
    """Return the outcome of a search in a sentence or two."""
    if not search.settings:
        return "No setting was better than the model's own."
    searched = f"HOTA {search.before['HOTA']:.1f} → {search.metrics['HOTA']:.1f} on the searched part"
    if not search.held_out:
        return f"{searched}. It was not checked on other labels: search again before you keep the settings."
    held_out = search.held_out
    checked = (
        f"{searched} ({search.searched}), {held_out['before']['HOTA']:.1f} → {held_out['after']['HOTA']:.1f} on "
        f"{held_out['name']}, which the search did not see."
    )
    advice = {
        "better": "",
        "unclear": " There, the difference is too small to tell them apart.",
        "worse": " They fit the searched part only: keep the model's settings.",
        "unchecked": "",
    }
    return checked + advice[verdict(search)]


def estimate_seconds(
    truth: Truth, detections: VideoDetections, settings: Mapping[str, float], trials: int = TRIALS
) -> float:
    """Estimate how long a search takes on this machine, by timing one trial.

    Args:
        truth: Labels.
        detections: Detections of the same video.
        settings: Tracker settings to time.
        trials: Number of trials of the search.
    """
    score_tracks(truth, retrack(detections, settings))  # the first one also loads libraries
    started = time.perf_counter()
    score_tracks(truth, retrack(detections, settings))
    return (time.perf_counter() - started) * trials


def _other_video(workspace: Workspace, searched: Run, run: str, labels: str) -> Check:
    run_record, labels_record = workspace.get(Run, run), workspace.get(Labels, labels)
    check_same_video(run_record, labels_record)
    if run_record.video == searched.video:
        raise UserError(
            f"The run “{run_record.name}” is of the video that is searched on. Name a run of another video, or none to "
            "check on the last third of the labeled frames."
        )
    truth = load_truth(workspace, labels_record.id, run_record.classes)
    if not np.isin(truth.tracks.frame, truth.labeled_frames).any():
        raise UserError(f"The labels “{truth.name}” contain no box, so settings cannot be checked on them.")
    return Check(run_record, labels_record, f"“{labels_record.name}”", truth, load_detections(workspace, run_record.id))


def _check(check: Check, own: dict[str, float], settings: dict[str, float]) -> HeldOut:
    before = score_tracks(check.truth, retrack(check.detections, own))[0]
    after = score_tracks(check.truth, retrack(check.detections, settings))[0] if settings != own else before
    return {
        "run": check.run.id,
        "labels": check.labels.id,
        "name": check.name,
        "labeled_frames": len(check.truth.labeled_frames),
        "before": before,
        "after": after,
    }


def _frames_text(truth: Truth) -> str:
    return f"frames {min(truth.labeled_frames)}–{max(truth.labeled_frames)}"


def _span(truth: Truth) -> int:
    """Return the number of frames from the first to the last labeled one."""
    return max(truth.labeled_frames) - min(truth.labeled_frames) + 1


def _suggest(trial: Trial, name: str, low: float, high: float, step: float) -> float:
    if isinstance(step, int):
        return trial.suggest_int(name, int(low), int(high), step=step)
    return trial.suggest_float(name, low, high, step=step)


def _completed(study: Study) -> list[FrozenTrial]:
    return [trial for trial in study.trials if trial.values]


def _importances(study: Study) -> dict[str, float]:
    """Return the share of the difference between trials that each setting explains, 0..1, the largest first."""
    import optuna

    if len({trial.values[0] for trial in _completed(study)}) < 2:  # importances are undefined if all scores are equal
        return {}
    return {name: round(float(share), 4) for name, share in optuna.importance.get_param_importances(study).items()}
