from __future__ import annotations

from backend.records import Labels


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def test_without_videos_it_leads_to_them(open_page):
    assert button(open_page("labels"), "Go to Videos")


def test_import_by_path(open_page, workspace, video, tmp_path, finish):
    (tmp_path / "gt.txt").write_text("".join(f"{frame},1,5,5,20,20,1,1,1\n" for frame in range(1, 21)))
    page = open_page("labels")
    page.selectbox(key="import-video").select(video.id)
    page.text_input(key="import-classes").input("bird")
    next(each for each in page.text_input if each.label == "Path").input(str(tmp_path / "gt.txt"))
    button(page, "Import").click().run()
    assert finish().status == "done"
    (labels,) = workspace.list(Labels)
    assert (labels.boxes, labels.objects, labels.classes) == (20, 1, ["bird"])


def test_an_upload_waits_for_its_options_and_goes_once_imported(open_page, workspace, video, finish):
    waiting = workspace.root / "uploads" / "labels" / "gt.txt"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("1,1,5,5,20,20,1,1,1\n")
    page = open_page("labels")
    page.selectbox(key="import-video").select(video.id)
    page.button(key="import-gt.txt").click().run()
    assert finish().status == "done"
    page.run()
    assert len(workspace.list(Labels)) == 1 and not waiting.exists()


def test_labels_of_nothing_are_told_and_kept_to_try_again(open_page, workspace, video, finish):
    waiting = workspace.root / "uploads" / "labels" / "gt.txt"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("")
    page = open_page("labels")
    page.button(key="import-gt.txt").click().run()
    job = finish()
    page.run()
    assert [error.value for error in page.error] == [job.reason] and waiting.exists()


def test_boxes_are_shown_frame_by_frame(open_page, labels):
    page = open_page("labels")
    assert page.get("image") and page.slider[0].value == 10
    button(page, "Next").click().run()
    assert page.slider[0].value == 11
    page.slider[0].set_value(19).run()
    assert button(page, "Next").disabled
