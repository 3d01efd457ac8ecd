"""The numbers in a training's log: as SageMaker collects them (`MetricDefinitions`), and as the console draws them."""

from __future__ import annotations

import re

NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
METRICS = {  # name → how it appears in the log
    **{name: name for name in ("epoch", "total_loss", "iou_loss", "l1_loss", "conf_loss", "cls_loss", "lr")},
    **{name: name for name in ("images_per_second", "eta", "AP", "AP50", "AP75", "AR", "HOTA", "MOTA", "IDF1")},
    "best_AP": "best AP",
}
METRIC_DEFINITIONS = [{"Name": name, "Regex": rf"(?:^|, ){label}: {NUMBER}"} for name, label in METRICS.items()]
STEPS = re.compile(r"epoch: (\d+)/(\d+)(?:, iter: (\d+)/(\d+))?")


def parse(line: str) -> dict[str, float]:
    """The metrics in one line of the log; of a line of progress also `epochs`, `iter` and `iters`, the totals."""
    found = {each["Name"]: float(match[1]) for each in METRIC_DEFINITIONS if (match := re.search(each["Regex"], line))}
    if steps := STEPS.match(line):
        totals = dict(zip(("epoch", "epochs", "iter", "iters"), steps.groups()))
        found.update({name: float(value) for name, value in totals.items() if value is not None})
    return found
