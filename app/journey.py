"""The journey: its steps in order, each one page, and how far this workspace has come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backend.workspace import Workspace
from backend.workspace.records import Comparison, Dataset, Endpoint, Labels, Model, Record, Run, Score, Video

PAGES = Path(__file__).resolve().parents[1] / "pages"


@dataclass(frozen=True)
class Step:
    """One page. `makes` is the kind of record whose existence says that the step was taken; None for no step."""

    key: str
    title: str
    icon: str
    group: str
    purpose: str
    makes: type[Record] | None = None

    @property
    def page(self) -> str:
        """What `st.switch_page` and `st.page_link` take."""
        return str(PAGES / f"{self.key}.py")

    @property
    def material(self) -> str:
        return f":material/{self.icon}:"


STEPS: dict[str, Step] = {
    step.key: step
    for step in (
        Step("home", "Home", "home", "", "Where you stand, and what comes next."),
        Step("videos", "Videos", "movie", "Prepare", "Bring in video files and cut them into clips.", Video),
        Step("labels", "Labels", "select_all", "Prepare", "Boxes that people drew around the objects.", Labels),
        Step("datasets", "Datasets", "dataset", "Prepare", "Labeled clips, split for training and testing.", Dataset),
        Step("training", "Training", "model_training", "Learn", "Teach a detector what your objects look like.", Model),
        Step("models", "Models", "neurology", "Learn", "Detectors that you trained or brought in.", Model),
        Step(
            "deploy", "Deploy", "rocket_launch", "Use", "Put a model to work: batch, real-time, asynchronous.", Endpoint
        ),
        Step("track", "Track", "conversion_path", "Use", "Follow every object through a video.", Run),
        Step("evaluate", "Evaluate", "fact_check", "Judge", "How good the tracks are, against labels.", Score),
        Step("compare", "Compare", "speed", "Judge", "How fast each way of serving answers.", Comparison),
        Step("account", "Account", "account_circle", "Console", "Where jobs run, what exists, what it costs."),
    )
}


@dataclass(frozen=True)
class Standing:
    """How far one step has come: `count` records made; `needed` is False where another way led past it."""

    step: Step
    count: int
    needed: bool = True

    @property
    def done(self) -> bool:
        return self.count > 0


def standing(workspace: Workspace) -> list[Standing]:
    """Every step that makes something, in the journey's order."""
    counts = {step.makes: len(workspace.list(step.makes)) for step in STEPS.values() if step.makes}
    trained = sum(model.source == "trained" for model in workspace.list(Model))
    # A pretrained model needs no labels; tracks outlive the endpoint that made them.
    unneeded = {Labels, Dataset} if counts[Model] and not trained else set()
    deployed = counts[Endpoint] or counts[Run]
    return [
        Standing(
            step,
            count={"training": trained, "deploy": deployed}.get(step.key, counts[step.makes]),
            needed=step.makes not in unneeded and not (step.key == "training" and counts[Model] and not trained),
        )
        for step in STEPS.values()
        if step.makes
    ]


def next_step(steps: list[Standing]) -> Step | None:
    """The first step that is still to be taken; None when the whole journey was made."""
    return next((each.step for each in steps if not each.done and each.needed), None)
