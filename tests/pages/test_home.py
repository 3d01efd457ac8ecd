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
    assert [button.label for button in page.main.button] == ["Next: Datasets"]
    assert "2 of 9 steps done" in page.sidebar.markdown[0].value
