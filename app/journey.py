"""The journey: its steps in order, one page each, and how far this workspace has come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backend.workspace import Workspace
from backend.workspace.records import Comparison, Dataset, Endpoint, Labels, Model, Record, Run, Score, Video

PAGES = Path(__file__).resolve().parents[1] / "pages"

StepKey = Literal[
    "home",
    "videos",
    "labels",
    "datasets",
    "training",
    "models",
    "deploy",
    "track",
    "evaluate",
    "compare",
    "account",
]


@dataclass(frozen=True)
class Step:
    """One step of the journey, which is one page.

    Attributes:
        key: Name of the page's file, without its suffix.
        title: Title of the page.
        icon: Name of a Material symbol.
        group: Group in the sidebar.
        purpose: What the page is for, in one sentence.
        record: Kind of record that this step creates: the step is done once there is one. None for other pages.
    """

    key: StepKey
    title: str
    icon: str
    group: str
    purpose: str
    record: type[Record] | None = None

    @property
    def page(self) -> str:
        """Path of the page, as `st.switch_page` and `st.page_link` take it."""
        return str(PAGES / f"{self.key}.py")

    @property
    def material(self) -> str:
        """The icon in Streamlit's notation."""
        return f":material/{self.icon}:"


STEPS: dict[StepKey, Step] = {
    step.key: step
    for step in (
        Step("home", "Home", "home", "", "Your progress and the next step."),
        Step("videos", "Videos", "movie", "Prepare", "Add videos and cut them into clips.", Video),
        Step(
            "labels",
            "Labels",
            "select_all",
            "Prepare",
            "Boxes and object IDs per frame. Used to train the detector and to score tracks.",
            Labels,
        ),
        Step(
            "datasets",
            "Datasets",
            "dataset",
            "Prepare",
            "Labeled clips, split into training, validation and test sets.",
            Dataset,
        ),
        Step("training", "Training", "model_training", "Train", "Train a detector on your own classes.", Model),
        Step("models", "Models", "neurology", "Train", "Trained and imported detectors.", Model),
        Step(
            "deploy",
            "Deploy",
            "rocket_launch",
            "Use",
            "Serve a model as batch jobs, a real-time endpoint or an asynchronous endpoint.",
            Endpoint,
        ),
        Step("track", "Track", "conversion_path", "Use", "Follow the objects in a video, each under its own ID.", Run),
        Step("evaluate", "Evaluate", "fact_check", "Evaluate", "Score tracks against labels.", Score),
        Step(
            "compare",
            "Compare",
            "speed",
            "Evaluate",
            "Measure latency, throughput and cost of your endpoints on the same video.",
            Comparison,
        ),
        Step("account", "Account", "account_circle", "Console", "Where jobs run, what exists and what it costs."),
    )
}


@dataclass(frozen=True)
class StepProgress:
    """How far one step has come.

    Attributes:
        step: The step.
        count: Number of records that it has created.
        needed: Whether the step leads the user on. Who tracks with a pretrained model needs no labels and no training,
            and the page Track obtains and deploys a model by itself.
    """

    step: Step
    count: int
    needed: bool = True

    @property
    def done(self) -> bool:
        """Whether the step has created a record."""
        return self.count > 0


def journey_progress(workspace: Workspace) -> list[StepProgress]:
    """Return the progress of every step that creates records, in the journey's order."""
    counts = {step.record: workspace.count(step.record) for step in STEPS.values() if step.record}
    trained = workspace.count(Model, source="trained")
    trains_own_model = bool(trained or counts[Dataset] or (counts[Labels] and not counts[Model]))
    needed = {"videos", "track"}
    if trains_own_model:
        needed |= {"labels", "datasets", "training", "evaluate", "compare"}
    elif counts[Labels]:
        needed |= {"evaluate"}
    own_counts = {
        "training": trained,  # unlike the page Models, which also lists imported models
        "deploy": counts[Endpoint] or counts[Run],  # a run remains when its endpoint is deleted
    }
    return [
        StepProgress(step, own_counts.get(step.key, counts[step.record]), needed=step.key in needed)
        for step in STEPS.values()
        if step.record
    ]


def next_step(progress: list[StepProgress]) -> StepProgress | None:
    """Return the first step that is needed and not done; None if there is none."""
    return next((entry for entry in progress if not entry.done and entry.needed), None)
