from __future__ import annotations

import json

import pytest

from backend.workspace.records import Endpoint, Model


def button(page, label: str):
    return next(button for button in page.main.button if button.label == label)


@pytest.fixture
def model(workspace) -> Model:
    """A model without weights, which the page does not need."""
    return workspace.add(
        Model(name="site nano", size="nano", classes=["person"], input_size=[64, 64], source="trained")
    )


def test_without_a_model_it_leads_to_them(open_page):
    assert button(open_page("deploy"), "Go to Models")


def test_batch_is_ready_at_once_and_deleted_after_asking(open_page, workspace, model, finish):
    page = open_page("deploy")
    button(page, "Deploy batch").click().run()
    assert finish().status == "done"
    (endpoint,) = workspace.list(Endpoint)
    assert (endpoint.name, endpoint.mode, endpoint.model) == ("site nano batch", "batch", model.id)
    page = open_page("deploy")
    assert any("site nano batch" in text.value for text in page.markdown)
    button(page, "Delete").click().run()
    assert workspace.list(Endpoint)  # it asks first


def test_an_endpoint_whose_process_is_gone_can_be_restarted(open_page, workspace, model):
    ref = {"folder": str(workspace.root / "gone"), "port": 9, "pid": 2**22, "pid_started": 0.0, "mode": "realtime"}
    workspace.add(Endpoint(name="cam", model=model.id, mode="realtime", platform="local", ref=ref))
    assert button(open_page("deploy"), "Restart")


def test_a_model_that_cannot_be_served_says_why(open_page, workspace, model, finish):
    (workspace.folder(model) / "model.json").write_text(json.dumps({"format": 1}))
    page = open_page("deploy")
    button(page, "Deploy real-time").click().run()
    job = finish()
    assert job.status == "failed"
    assert "did not start" in job.reason
    assert not workspace.list(Endpoint)
