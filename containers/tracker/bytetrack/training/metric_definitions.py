"""The metrics in the log of a training, as SageMaker collects them (`MetricDefinitions`) and the console plots them."""

from __future__ import annotations

import re

NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
METRICS = {  # name of the metric → its label in the log
    **{name: name for name in ("epoch", "total_loss", "iou_loss", "l1_loss", "conf_loss", "cls_loss", "lr")},
    **{name: name for name in ("images_per_second", "eta", "AP", "AP50", "AP75", "AR", "HOTA", "MOTA", "IDF1")},
    "best_AP": "best AP",
}
METRIC_DEFINITIONS = [{"Name": name, "Regex": rf"(?:^|, ){label}: {NUMBER}"} for name, label in METRICS.items()]
PROGRESS = re.compile(r"epoch: (\d+)/(\d+)(?:, iter: (\d+)/(\d+))?")


def parse(line: str) -> dict[str, float]:
    """Parse the metrics in one line of the log.

    Returns:
        Values by the name of the metric. A line about the progress also gives `epochs` and, for a step, `iter` and
        `iters`: the number of epochs, the number of the step in its epoch, and the number of steps per epoch.
    """
    metrics = {
        definition["Name"]: float(match[1])
        for definition in METRIC_DEFINITIONS
        if (match := re.search(definition["Regex"], line))
    }
    if progress := PROGRESS.match(line):
        counts = dict(zip(("epoch", "epochs", "iter", "iters"), progress.groups()))
        metrics.update({name: float(count) for name, count in counts.items() if count is not None})
    return metrics
