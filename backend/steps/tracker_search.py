"""A search for the tracker's settings that fit labels best, on the detections that a run kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.jobs.results import TrackerSearchResult
from backend.progress import Progress
from backend.steps import models
from backend.steps.evaluation import load_detections, load_truth, retrack, score_tracks
from backend.steps.unlabeled_tracks import find_unlabeled, unlabeled_warning
from backend.workspace import Workspace
from backend.workspace.records import Labels, Model, Run, TrackerSearch
from bytetrack.tracking.config import SETTING_NAMES

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

# What is tried of each setting: lowest, highest, step. `min_box_area` is no matter of scores but of what one wants.
SPACE: dict[str, tuple[float, float, float]] = {
    "track_thresh": (0.1, 0.9, 0.01),
    "match_thresh": (0.5, 0.99, 0.01),
    "track_buffer": (5, 120, 5),
    "min_length": (0, 20, 1),
    "fill_gaps": (0, 30, 1),
    "smooth": (1, 15, 2),
}
OF_CLASSES = {"class_votes": (0, 1, 1)}  # only where there are several


def run(workspace: Workspace, progress: Progress, *, run: str, labels: str, trials: int = 100) -> TrackerSearchResult:
    """Try settings, ever nearer to those that gave the best HOTA (TPE, Bergstra et al. 2011), and keep what came out.

    What is found is never worse than the model's own settings. A search that is stopped keeps what it found until then.

    Returns:
        `{"search": id, "warning": sentences}`: see `backend.steps.unlabeled_tracks.unlabeled_warning`.

    Raises:
        UserError: if the run kept no detections, or the labels do not fit it.
    """
    import optuna

    tracked, truth = workspace.get(Run, run), load_truth(workspace, labels)
    if workspace.get(Labels, labels).video != tracked.video:
        raise UserError(f"The labels “{truth.name}” are of another video than the run “{tracked.name}”.")
    detections = load_detections(workspace, run)
    own = model_settings(workspace, tracked.model)
    space = search_space(detections.frames, len(detections.classes))
    if warning := unlabeled_warning(find_unlabeled(truth, detections, own)):
        print(warning, flush=True)

    def score(settings: dict[str, float]) -> dict[str, float]:
        return score_tracks(truth, retrack(detections, settings))[0]

    def objective(trial: Trial) -> float:
        settings = {name: _suggest(trial, name, *limits) for name, limits in space.items()}
        found = score(fixed | settings)["HOTA"]
        best = max([found, *(each.value for each in study.trials if each.value is not None)])
        print(f"trial {trial.number + 1}: HOTA {found:.2f} with {settings}", flush=True)
        progress((trial.number + 1) / trials, f"Trial {trial.number + 1} of {trials}, best HOTA {best:.1f}")
        return found

    fixed = {"min_box_area": own.get("min_box_area", 0)}
    before = score(own)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, multivariate=True))
    stopped = None
    try:
        study.optimize(objective, n_trials=trials)
    except Stopped as error:
        if not _done(study):
            raise
        stopped = error
    better = study.best_value > before["HOTA"]
    settings = study.best_params if better else {}
    record = workspace.add(
        TrackerSearch(
            name=tracked.name,
            run=run,
            labels=labels,
            settings=settings,
            before=before,
            metrics=score(fixed | settings) if better else before,
            importances=_importances(study),
            trials=[{"HOTA": round(each.values[0], 3), **each.params} for each in _done(study)],
            warning=warning,
        )
    )
    if stopped:
        raise stopped
    return {"search": record.id, "warning": warning}


def model_settings(workspace: Workspace, model: str) -> dict[str, float]:
    """Return the tracker's settings that are kept with a model; empty where the model was removed."""
    kept = models.thresholds(workspace, model) if workspace.find(Model, model) else {}
    return {name: value for name, value in kept.items() if name in SETTING_NAMES}


def search_space(frames: int, classes: int) -> dict[str, tuple[float, float, float]]:
    """Return `SPACE` for a video of so many frames, with `OF_CLASSES` where there are several classes.

    `min_length` stays under a quarter of the video: more removes objects that are in view for a part of it.
    """
    low, high, step = SPACE["min_length"]
    shortened = {"min_length": (low, min(high, (frames - 1) // 4), step)}
    return SPACE | shortened | (OF_CLASSES if classes > 1 else {})


def _suggest(trial: Trial, name: str, low: float, high: float, step: float) -> float:
    if isinstance(step, int):
        return trial.suggest_int(name, int(low), int(high), step=step)
    return trial.suggest_float(name, low, high, step=step)


def _done(study: Study) -> list[FrozenTrial]:
    return [each for each in study.trials if each.values]


def _importances(study: Study) -> dict[str, float]:
    """How much of the difference between good and bad trials each setting explains; shares of 1, the largest first."""
    import optuna

    if len({each.values[0] for each in _done(study)}) < 2:
        return {}  # whatever the settings, the score was the same
    return {name: round(float(share), 4) for name, share in optuna.importance.get_param_importances(study).items()}
