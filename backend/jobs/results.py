"""Results of jobs, as steps return them and `Job.result` holds them. Values are ids where no comment says otherwise."""

from __future__ import annotations

from typing import TypedDict


class SampleResult(TypedDict):
    """Result of “make sample”."""

    videos: list[str]
    labels: list[str]


class VideoResult(TypedDict):
    """Result of “add video” and “make browser copy”."""

    video: str


class ClipsResult(TypedDict):
    """Result of “cut video”."""

    videos: list[str]


class FramesResult(TypedDict):
    """Result of “extract frames”."""

    video: str
    zip: str  # path of the archive
    frames: int  # how many are in it


class DrawingResult(TypedDict):
    """Result of “draw tracks”."""

    of: str  # the labels or the run


class LabelsResult(TypedDict):
    """Result of “import labels” and “fetch labels”."""

    labels: list[str]
    skipped: list[str]  # a sentence for each clip that could not be used


class LabelingResult(TypedDict):
    """Result of “start labeling”."""

    labeling: str


class SplitResult(TypedDict):
    """Result of “split labels”."""

    labels: list[str]
    videos: list[str]


class DatasetResult(TypedDict):
    """Result of “build dataset”."""

    dataset: str


class ModelResult(TypedDict):
    """Result of “train”, “search hyperparameters”, “add model” and “download model”."""

    model: str


class InputTrial(TypedDict):
    """What a model detects in a picture with one normalization of its input."""

    normalization: str
    picture: str  # path of the picture with the boxes
    boxes: int  # those with a score of at least `backend.steps.model_trial.CONFIDENT_SCORE`
    mean_score: float  # of these boxes; 0 if there are none
    classes: dict[str, int]  # boxes by class


class ModelTrialResult(TypedDict):
    """Result of “try model”."""

    trials: list[InputTrial]
    better: str  # the normalization with which it is clearly surer; empty if there is none
    input_size: list[int]  # height, width in pixels
    size: str  # nano, tiny, s, m, l, x or "custom"
    outputs: int  # number of classes
    class_names: list[str]  # empty if neither the file nor COCO names them
    published: str  # name of the published checkpoint with the same checksum; empty if there is none


class ModelInputResult(TypedDict):
    """Result of “change model input”."""

    model: str
    skipped: list[str]  # a sentence about the endpoints that still have the earlier input


class PublishingResult(TypedDict):
    """Result of “publish model”."""

    registered: str  # name in the platform's model registry


class EndpointResult(TypedDict):
    """Result of “deploy”, “restart endpoint” and “update endpoint”."""

    endpoint: str


class RunResult(TypedDict):
    """Result of “track”."""

    run: str
    warnings: list[str]  # reasons to doubt the tracks, see `Run.warnings`


class VideoTrackingResult(RunResult):
    """Result of “track video”."""

    model: str
    endpoint: str


class ReportResult(TypedDict):
    """Result of “make report”."""

    run: str


class ScoreResult(TypedDict):
    """Result of “evaluate”."""

    score: str


class TrackerSearchResult(TypedDict):
    """Result of “search tracker settings”."""

    search: str
    warning: str  # a reason to doubt the result; empty if there is none


class ComparisonResult(TypedDict):
    """Result of “compare”."""

    comparison: str


class SettingsResult(TypedDict):
    """Result of “set up” and “take down”."""

    settings: dict[str, str]  # those of the platform that changed
