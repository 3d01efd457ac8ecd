from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from backend.labels.label_store import load_labels
from backend.platforms import registry
from backend.steps import labeling
from backend.workspace.records import LabelingJob, Labels, Run
from bytetrack.tracks import Tracks
from pages.parts.labeling_form import starting_points

IMPORT, DRAW = ":material/upload: Import", ":material/draw: Draw"  # tabs


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


def open_tab(page: AppTest, tab: str) -> AppTest:
    page.session_state["labels-tab"] = tab
    return page.run()


def open_import(open_page) -> AppTest:
    return open_tab(open_page("labels"), IMPORT)


def test_without_videos_the_page_links_to_videos(open_page):
    assert button(open_page("labels"), "Go to Videos")


def test_labels_are_imported_by_path(open_page, workspace, video, tmp_path, finish):
    (tmp_path / "gt.txt").write_text("".join(f"{frame},1,5,5,20,20,1,1,1\n" for frame in range(1, 21)))
    page = open_import(open_page)
    page.selectbox(key="import-video").select(video.id)
    page.text_input(key="import-classes").input("bird")
    next(element for element in page.text_input if element.label == "Path").input(str(tmp_path / "gt.txt"))
    button(page, "Import").click().run()
    assert finish().status == "done"
    (labels,) = workspace.list(Labels)
    assert (labels.boxes, labels.objects, labels.classes) == (20, 1, ["bird"])
    page.run()  # as the panel of jobs does when the import ends
    assert page.selectbox(key="labels-look").value == labels.id


def test_labels_of_every_5th_frame_are_imported_with_a_step(open_page, workspace, video, tmp_path, finish):
    (tmp_path / "gt.txt").write_text("".join(f"{frame},1,5,5,20,20,1,1,1\n" for frame in range(1, 5)))
    page = open_import(open_page)
    next(element for element in page.text_input if element.label == "Path").input(str(tmp_path / "gt.txt"))
    button(page, "Import").click().run()
    assert finish().status == "failed"
    page.run()
    assert "import again with step=5" in page.error[0].value
    page.number_input(key="import-step").set_value(5)
    page.number_input(key="import-first-frame").set_value(4)
    next(element for element in page.text_input if element.label == "Path").input(str(tmp_path / "gt.txt"))
    button(page, "Import").click().run()
    assert finish().status == "done"
    (labels,) = workspace.list(Labels)
    assert labels.labeled_frames == [4, 9, 14, 19]


def test_an_uploaded_file_is_removed_after_its_import(open_page, workspace, video, finish):
    uploaded = workspace.root / "uploads" / "labels" / "gt.txt"
    uploaded.parent.mkdir(parents=True)
    uploaded.write_text("1,1,5,5,20,20,1,1,1\n")
    page = open_import(open_page)
    page.selectbox(key="import-video").select(video.id)
    page.button(key="import-gt.txt").click().run()
    assert finish().status == "done"
    page.run()
    assert len(workspace.list(Labels)) == 1 and not uploaded.exists()


def test_an_uploaded_file_without_labels_is_refused_and_kept(open_page, workspace, video, finish):
    uploaded = workspace.root / "uploads" / "labels" / "gt.txt"
    uploaded.parent.mkdir(parents=True)
    uploaded.write_text("")
    page = open_import(open_page)
    page.button(key="import-gt.txt").click().run()
    job = finish()
    page.run()
    assert [error.value for error in page.error] == [job.reason] and uploaded.exists()


def test_boxes_are_shown_on_the_video(open_page, labels, video, played):
    player = played(open_page("labels"))
    assert (player["width"], player["height"]) == (video.width, video.height)
    assert player["stops"] == labels.labeled_frames and [layer["name"] for layer in player["layers"]] == ["labels"]


def test_a_link_opens_labels_and_leaves_the_other_tabs_reachable(open_page, labels):
    page = open_page("labels", labels=labels.id)
    assert page.selectbox(key="labels-look").value == labels.id
    open_tab(page, DRAW)
    page.run()
    assert page.session_state["labels-tab"] == DRAW
    assert "labels-look" not in [box.key for box in page.selectbox]


def test_a_clip_is_labeled_in_the_editor_and_saved_as_labels(open_page, workspace, video, finish):
    page = open_page("labels")
    page.multiselect(key="labeling-clips").select(video.id).run()
    next(element for element in page.text_input if element.label == "Classes").input("bird").run()
    page.button(key="labeling-start").click().run()
    assert finish().status == "done"
    (record,) = workspace.list(LabelingJob)
    page.run()
    page.button(key=f"draw-{record.id}").click().run()
    assert (page.query_params["job"], page.query_params["clip"]) == (record.id, video.name)
    (editor,) = (element for element in page.get("bidi_component") if "editor" in element.proto.component_name)
    data = json.loads(editor.proto.json or editor.proto.mixed.json)
    assert (data["frames"], data["width"], data["height"]) == (video.frames, video.width, video.height)
    assert data["classes"] == ["bird"] and data["address"].startswith("/studio/labeling/")

    folder = labeling.labeling_folder(workspace, record)
    key = {"xyxy": [5, 5, 25, 25]}
    annotations = {"done": True, "objects": [{"id": 3, "class_id": 0, "keys": {"0": key, "9": key}}]}
    folder.save(0, json.dumps(annotations).encode())
    page.run()
    assert any("1 of 1 clip done" in element.value for element in page.markdown)
    button(page, "Save as labels").click().run()
    assert finish().status == "done"
    (labels,) = workspace.list(Labels)
    assert (labels.boxes, labels.objects, len(labels.labeled_frames)) == (10, 1, video.frames)
    assert labels.source == "Drawn here"
    page.run()
    button(page, "All labels").click().run()
    assert page.selectbox(key="labels-look").value == labels.id
    assert any("Drawn here" in text.value for text in page.markdown)


def test_the_address_of_an_unknown_job_says_so(open_page, video):
    page = open_page("labels", job="labelingjob-00000000")
    assert "**Labeling job not found**" in [text.value for text in page.markdown]


def test_tracks_of_a_run_are_selected_for_correction(open_page, workspace, video, labels):
    older, run = (
        workspace.add(
            Run(
                name="run",
                video=video.id,
                endpoint="e",
                endpoint_name="nano",
                mode="batch",
                model="m",
                frames=20,
                objects=1,
                seconds=1.0,
                fps=20.0,
                created=created,
            )
        )
        for created in (1e9, 2e9)
    )
    for record in (older, run):
        load_labels(workspace, labels).save(workspace.folder(record) / "tracks.json")
    page = open_page("track")
    page.button(key=f"correct-{run.id}").click().run()
    assert page.multiselect(key="labeling-clips").value == [video.id]
    assert page.selectbox(key="labeling-begin").value == "Tracks by nano"
    assert not page.button(key="labeling-start").disabled

    page = open_page("track")
    page.selectbox(key="track-run").select(older.id).run()
    page.button(key=f"correct-{older.id}").click().run()
    starting_point = page.selectbox(key="labeling-begin").value
    assert starting_point.startswith("Tracks by nano, ")
    assert starting_points([video])[starting_point] == {video.id: older.id}


def test_a_table_defines_attributes(open_page, workspace, video, finish):
    page = open_page("labels")
    page.multiselect(key="labeling-clips").select(video.id).run()
    assert not [field for field in page.text_input if "instructions" in field.label]  # only a team needs them
    next(element for element in page.text_input if element.label == "Classes").input("bird").run()
    page.session_state["labeling-attributes-"] = {
        "edited_rows": {0: {"Attribute": "color", "Kind": "Choice", "Values": "red"}},
        "added_rows": [{"Attribute": "ringed", "Kind": "Checkbox", "Changes over time": True}],
        "deleted_rows": [],
    }
    page.run()
    assert page.button(key="labeling-start").disabled and "at least two values" in page.warning[0].value


@pytest.fixture
def on_aws(workspace, aws_account):
    registry.change_settings(workspace, "aws", aws_account)
    registry.choose(workspace, "aws")
    return workspace


def test_a_labeling_job_on_aws_is_started_and_saved_as_labels(open_page, on_aws, video, standin, finish):
    page = open_page("labels")
    assert page.button(key="labeling-start").disabled
    page.multiselect(key="labeling-clips").select(video.id).run()
    page.number_input(key="labeling-every").set_value(4).run()
    assert any("5 frames in 1 clip" in element.value for element in page.markdown)
    next(element for element in page.text_input if element.label == "Classes").input("a name that is too long").run()
    assert page.button(key="labeling-start").disabled and "16 at most" in page.warning[0].value
    next(element for element in page.text_input if element.label == "Classes").input("bird, car").run()
    page.button(key="labeling-start").click().run()
    assert finish().status == "done"

    (record,) = on_aws.list(LabelingJob)
    assert (record.name, record.classes, record.frames) == (video.name, ["bird", "car"], 5)
    page.run()
    assert any("in progress" in element.value for element in page.markdown)
    assert page.get("link_button")[0].proto.url.startswith("https://abcdefghij.labeling.")
    standin.label(record.ref["job"], {0: Tracks([0, 1], [1, 1], [[5, 5, 25, 25]] * 2, [1, 1], [0, 0], ("bird",))})
    page.run()
    page.button(key=f"save-labels-{record.id}").click().run()
    assert finish().status == "done"
    (labels,) = on_aws.list(Labels)
    assert (labels.video, labels.labeled_frames, labels.boxes) == (video.id, [0, 4, 8, 12, 16], 2)


def test_earlier_labels_are_a_starting_point_and_the_job_can_be_stopped(open_page, on_aws, labels, standin, finish):
    page = open_tab(open_page("labels"), DRAW)
    page.session_state["labeling-new"] = True
    page.run()
    page.multiselect(key="labeling-clips").select(labels.video).run()
    page.selectbox(key="labeling-begin").select("Earlier labels").run()
    page.button(key="labeling-start").click().run()
    assert finish().status == "done"
    (record,) = on_aws.list(LabelingJob)
    assert list(record.corrects.values()) == [labels.id] and record.classes == ["person"]
    page.run()
    page.button(key=f"stop-{record.id}").click().run()
    assert standin.sagemaker.labeling.jobs.get(record.ref["job"])["LabelingJobStatus"] == "Stopped"
    assert any("stopped" in element.value for element in page.markdown)


def test_the_page_works_without_permission_to_list_work_teams(on_aws, open_page, labels, standin, monkeypatch):
    standin.fail_next("sagemaker", "ListWorkteams", "AccessDeniedException", message="not authorized", times=99)
    page = open_page("labels")
    assert page.selectbox(key="labels-look").value == labels.id
    open_tab(page, DRAW)
    page.session_state["labeling-new"] = True
    page.run()
    assert "You may not list workteams" in page.error[0].value
    assert not page.exception
