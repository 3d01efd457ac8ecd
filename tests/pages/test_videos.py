from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from backend.workspace.records import Job, Labels, Video


def test_empty(open_page):
    assert "**No videos yet**" in [text.value for text in open_page("videos").markdown]


def test_add_by_path(open_page, workspace, tiny_video, finish):
    page = open_page("videos")
    page.text_input[0].input(str(tiny_video))
    next(button for button in page.main.button if button.label == "Add").click().run()
    assert finish().status == "done"
    assert workspace.list(Video)[0].path == str(tiny_video)  # not copied


def test_what_is_no_video_is_told(open_page, tmp_path, finish):
    text = tmp_path / "notes, final.mp4"
    text.write_text("not a video")
    page = open_page("videos")
    page.text_input[0].input(str(text))
    next(button for button in page.main.button if button.label == "Add").click().run()
    job = finish()
    page.run()
    assert [error.value for error in page.error] == [job.reason]
    assert "Traceback" not in job.reason
    next(button for button in page.main.button if button.label == "Dismiss").click().run()
    assert not page.error


def test_an_uploaded_file_becomes_a_video_and_its_upload_goes(open_page, workspace, tiny_video, finish):
    waiting = workspace.root / "uploads" / "videos" / "site.mp4"
    waiting.parent.mkdir(parents=True)
    waiting.write_bytes(tiny_video.read_bytes())
    page = open_page("videos")
    assert finish().status == "done"
    assert workspace.list(Video)[0].name == "site"
    page.run()
    assert not list((workspace.root / "uploads").rglob("*.mp4"))
    assert not list((workspace.root / "uploads" / "taken").iterdir())


def test_details_and_cutting(open_page, workspace, video, finish):
    page = open_page("videos", video=video.id)
    assert any("Frames" in text.value and "**20 (0–19)**" in text.value for text in page.markdown)
    page.segmented_control(key="cut-how").set_value("Equal pieces").run()
    page.number_input[0].set_value(8).run()
    assert "3 clips of 8 frames (0.8 s), the last of 4. Without sound." in [text.value for text in page.caption]
    next(button for button in page.main.button if button.label == "Cut into 3 clips").click().run()
    assert finish().status == "done"
    assert sorted(clip.frames for clip in workspace.list(Video) if clip.parent) == [4, 8, 8]


def test_ranges_are_cut_without_further_settings(open_page, workspace, video, finish):
    page = open_page("videos", video=video.id)
    (strip,) = (element for element in page.get("bidi_component") if "filmstrip" in element.proto.component_name)
    data = json.loads(strip.proto.json or strip.proto.mixed.json)
    assert data["frames"] == 20 and data["numbers"][0] >= 0 and data["numbers"] == sorted(set(data["numbers"]))
    page.button(key="cut-ranges").click().run()
    assert finish().status == "done"
    (clip,) = (clip for clip in workspace.list(Video) if clip.parent)
    assert (clip.name, clip.start, clip.frames) == ("tiny_0-9", 0, 10)


def test_extracting_frames_leaves_a_zip_to_download(open_page, workspace, video, finish):
    page = open_page("videos", video=video.id)
    next(button for button in page.main.button if button.label == "Extract").click().run()
    assert finish().status == "done"
    page.run()
    assert any(element.proto.label.startswith("tiny every 10.zip") for element in page.get("link_button"))


def test_removing_asks_first_and_says_what_goes_with_it(open_page, workspace, video, labels):
    page = open_page("videos", video=video.id)
    next(button for button in page.main.button if button.label == "Delete").click().run()
    assert "1 label set" in page.warning[0].value
    assert workspace.list(Video)


def test_removing(open_page, workspace, video, labels):
    def script() -> None:
        from app.widgets import confirm_removal
        from app.workspace import workspace
        from backend.workspace.records import Video

        for video in workspace().list(Video):
            confirm_removal(video)

    page = AppTest.from_function(script).run()  # the dialog alone: a test's click reruns the page, which would close it
    page.button(key="removal-confirm").click().run()
    assert not workspace.list(Video) and not workspace.list(Labels)


def test_a_file_that_is_gone_does_not_break_the_page(open_page, workspace, video, tiny_video):
    tiny_video.unlink()
    open_page("videos")
    assert not workspace.list(Job)


def test_a_video_can_be_tracked(open_page, video):
    page = open_page("videos", video=video.id)
    next(button for button in page.main.button if button.label == "Track").click().run()
    assert page.title[0].value.endswith("Track") and page.query_params["video"] == video.id
