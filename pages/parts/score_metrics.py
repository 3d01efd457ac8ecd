"""Metrics that the page Evaluate shows: their meanings, and how their values are formatted."""

from __future__ import annotations

from app.widgets.formatting import number, percent

MAIN_METRICS = ("HOTA", "MOTA", "IDF1")
BREAKDOWN_METRICS = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "IDF1")
COUNT_METRICS = ("IDSW", "FP", "FN", "FRAG", "MT", "ML")  # all other metrics are in percent
LINE_COUNTS = {"IDSW": "ID switches", "FP": "false positives", "FN": "misses"}  # that are shown beside the main metrics
MEANINGS = {
    "HOTA": "Higher Order Tracking Accuracy: balances detection (DetA) and association (AssA).",
    "MOTA": "100 % minus misses, false positives and ID switches per labeled box. Mostly measures detection.",
    "IDF1": "Share of boxes with the correct ID, with one ID per object. Measures how long IDs are kept.",
    "DetA": "Detection accuracy: finding all objects without false positives.",
    "AssA": "Association accuracy: keeping the boxes of an object together over time.",
    "LocA": "Localization accuracy: mean IoU of the matched boxes.",
    "MOTP": "Mean IoU of the matched boxes, at an IoU of at least 0.5.",
    "IDP": "ID precision: share of the tracks' boxes with the correct ID.",
    "IDR": "ID recall: share of the labeled boxes with the correct ID.",
    "IDSW": "ID switches: times a tracked object changed its ID.",
    "FP": "False positives: boxes without an object.",
    "FN": "False negatives: labeled boxes that were missed.",
    "FRAG": "Fragmentations: times the track of an object was interrupted.",
    "MT": "Mostly tracked: objects tracked for at least 80 % of their time.",
    "ML": "Mostly lost: objects tracked for less than 20 % of their time.",
}


def format_metric(name: str, value: float) -> str:
    """Format the value of a metric, which is a count or in percent."""
    return number(value) if name in COUNT_METRICS else percent(value)
