from __future__ import annotations

from backend import jobs


def test_a_first_visitor_sees_what_it_is_and_where_to_begin(open_page):
    page = open_page()
    assert page.title[0].value == "From raw video to tracks you can trust"
    assert [button.label for button in page.main.button] == ["Try it with the sample", "Add my own video"]
    assert "0 of 9 steps done" in page.sidebar.markdown[0].value


def test_the_sample_is_a_job(open_page, workspace):
    page = open_page()
    page.main.button[0].click().run()
    try:
        (job,) = jobs.recent(workspace)
        assert (job.verb, job.name) == ("make sample", "Make the sample")
        assert page.main.button[0].disabled  # not twice
    finally:
        jobs.stop(workspace, job.id)


def test_with_labels_the_next_step_is_a_dataset(open_page, labels):
    page = open_page()
    assert [button.label for button in page.main.button] == ["Track", "Next: Datasets"]
    assert "2 of 9 steps done" in page.sidebar.markdown[0].value


def test_with_a_video_tracking_is_one_click_away(open_page, video):
    page = open_page()
    assert [button.label for button in page.main.button] == ["Track", "Train on my own classes"]
    page.main.button[0].click().run()
    assert page.title[0].value.endswith("Track") and page.query_params["video"] == video.id
    assert not page.error and not page.exception


def test_steps_that_are_skipped_are_explained(open_page, video):
    assert any("Dashed: optional" in caption.value for caption in open_page().caption)
