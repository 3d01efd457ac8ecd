from __future__ import annotations

from bytetrack.training.metric_definitions import METRIC_DEFINITIONS, parse


def test_each_metric_has_a_definition() -> None:
    names = {definition["Name"] for definition in METRIC_DEFINITIONS}
    assert names >= {"AP", "AP50", "best_AP", "HOTA", "lr", "total_loss"}


def test_a_line_about_a_step() -> None:
    line = "epoch: 3/30, iter: 20/50, total_loss: 3.2100, lr: 1.000e-03, images_per_second: 12.3, eta: 123"
    progress = {"epoch": 3, "epochs": 30, "iter": 20, "iters": 50}
    assert parse(line) == progress | {"total_loss": 3.21, "lr": 0.001, "images_per_second": 12.3, "eta": 123}


def test_labels_that_contain_each_other() -> None:
    assert parse("best AP: 0.4500, AP50: 0.8") == {"best_AP": 0.45, "AP50": 0.8}


def test_a_line_without_metrics() -> None:
    assert parse("model written") == {}
