from __future__ import annotations

import pytest

from backend import progress
from backend.steps import datasets
from backend.workspace.records import Dataset, Labels


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


@pytest.fixture
def parts(workspace, labels) -> list[Labels]:
    """The labeled clip split in time, into four."""
    datasets.split_in_time(workspace, progress.silent, labels=labels.id, pieces=4)
    return workspace.list(Labels)


def test_without_labels_it_leads_to_them(open_page):
    assert button(open_page("datasets"), "Go to Labels")


def test_a_single_clip_is_offered_to_be_split_in_time(open_page, workspace, labels, finish):
    page = open_page("datasets")
    button(page, "Split in time").click().run()
    assert finish().status == "done"
    assert len(workspace.list(Labels)) == 1 + datasets.PIECES


def test_the_suggested_split_does_not_use_a_video_whose_clips_are_labeled(open_page, parts):
    page = open_page("datasets")
    splits = dict(zip(page.dataframe[0].value["Clip"], page.dataframe[0].value["Split"]))
    assert splits == {"tiny": "not used", "tiny_0": "train", "tiny_1": "train", "tiny_2": "val", "tiny_3": "test"}


def test_build_and_show(open_page, workspace, parts, finish):
    page = open_page("datasets")
    page.text_input[0].input("junction").run()
    button(page, "Build dataset").click().run()
    assert finish().status == "done"
    (dataset,) = workspace.list(Dataset)
    assert (dataset.name, dataset.frames) == ("junction", {"train": 10, "val": 5, "test": 5})
    page.run()
    assert any("junction" in text.value for text in page.markdown)
