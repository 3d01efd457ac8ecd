"""Search the tracker settings that score best against labels, on the stored detections of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.jobs.processes import Stopped
from backend.jobs.results import TrackerSearchResult
from backend.progress import Progress
from backend.steps import models
from backend.steps.evaluation import check_same_video, load_detections, load_truth, retrack, score_tracks
from backend.steps.unlabeled_tracks import find_unlabeled, unlabeled_warning
from backend.workspace import Workspace
from backend.workspace.records import Labels, Model, Run, TrackerSearch
from bytetrack.tracking.config import SETTING_NAMES

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

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


def run(workspace: Workspace, progress: Progress, *, run: str, labels: str, trials: int = 100) -> TrackerSearchResult:
    """Try settings with TPE (Bergstra et al. 2011) for the highest HOTA, and store the best.

    The result is never worse than the model's own settings. If the search is stopped, the best so far is stored.

    Args:
        workspace: Workspace of the run.
        progress: Called with the progress.
        run: Id or name of a run that has detections.
        labels: Id or name of labels of the same video.
        trials: Number of settings to try.

    Raises:
        UserError: If the run has no detections, or the labels do not fit it.
    """
    import optuna

    run_record, labels_record = workspace.get(Run, run), workspace.get(Labels, labels)
    check_same_video(run_record, labels_record)
    truth = load_truth(workspace, labels)
    detections = load_detections(workspace, run)
    own = model_settings(workspace, run_record.model)
    space = search_space(detections.frames, len(detections.classes))
    if warning := unlabeled_warning(find_unlabeled(truth, detections, own)):
        print(warning, flush=True)

    def score(settings: dict[str, float]) -> dict[str, float]:
        return score_tracks(truth, retrack(detections, settings))[0]

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
            warning=warning,
        )
    )
    if stopped:
        raise stopped
    return {"search": record.id, "warning": warning}


def model_settings(workspace: Workspace, model: str) -> dict[str, float]:
    """Return the tracker settings that are stored with a model; none if the model was removed."""
    thresholds = models.thresholds(workspace, model) if workspace.find(Model, model) else {}
    return {name: value for name, value in thresholds.items() if name in SETTING_NAMES}


def search_space(frames: int, classes: int) -> dict[str, tuple[float, float, float]]:
    """Return the space to search for a video with this number of frames and classes, as `SPACE` describes it.

    `min_length` stays below a quarter of the video, because more would remove objects that are visible for part of it.
    """
    low, high, step = SPACE["min_length"]
    space = SPACE | {"min_length": (low, min(high, (frames - 1) // 4), step)}
    return space | SPACE_OF_SEVERAL_CLASSES if classes > 1 else space


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
