from __future__ import annotations

from backend.workspace.records import KINDS, Labels, Model, Video


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def test_an_empty_workspace(open_page, workspace):
    page = open_page("account")
    texts = [text.value for text in page.markdown]
    assert any(str(workspace.root) in text for text in texts)
    assert any("Amazon SageMaker in your own account" in text for text in texts)
    assert any("Nothing is running: no endpoints and no jobs" in text.value for text in page.caption)


def test_what_exists_is_counted(open_page, video, labels):
    texts = [text.value for text in open_page("account").markdown]
    assert sum(text == "**1**" for text in texts) == 2
    assert sum(text == "**0**" for text in texts) == len(KINDS) - 2


def test_everything_is_deleted_only_after_the_word_was_typed(open_page, workspace, video, labels, tiny_video):
    page = open_page("account")
    button(page, "Delete everything").click().run()
    confirm = page.button(key="everything-confirm")
    assert confirm.disabled
    assert "videos: 1, labels: 1" in next(text.value for text in page.markdown if "cannot be undone" in text.value)
    assert workspace.list(Video) and workspace.list(Labels) and not workspace.list(Model)
