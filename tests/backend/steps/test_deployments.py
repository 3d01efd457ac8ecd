from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
from deployment_helpers import add_model, add_video, all_ended, deploy, never_ready, servers
from waiting import until

from backend import jobs
from backend.errors import UserError
from backend.jobs import processes
from backend.jobs.processes import Stopped
from backend.platforms import registry
from backend.platforms.aws.endpoints import SageMakerEndpoints
from backend.platforms.aws.platform import AwsPlatform
from backend.platforms.registry import platform_of
from backend.progress import silent
from backend.steps import deployments, models
from backend.steps.tracking import track
from backend.workspace import Workspace
from backend.workspace.paths import PROJECT
from backend.workspace.records import Endpoint, Job

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_left(workspace: Workspace) -> Iterator[None]:
    """End all servers, so that a failed test leaves none running."""
    yield
    for folder in servers(workspace):
        processes.kill_with_variable("SAGEMAKER_BASE_DIR", folder)


def settings(workspace: Workspace, endpoint: Endpoint) -> dict:
    """Return the tracker settings of the endpoint's server."""
    answer = platform_of(workspace, endpoint.platform).endpoints.invoke(
        endpoint.ref, b"{}", "application/json", "NEW_SESSION"
    )
    return json.loads(answer.body)["settings"]


def kill_job(workspace: Workspace, job: Job, moment: Callable[[], object]) -> None:
    """Kill the job's process once `moment` returns true, and wait until the console has noticed."""
    until(moment)
    psutil.Process(job.pid).kill()
    until(lambda: not jobs.active(workspace))
    assert workspace.get(Job, job.id).status == "failed"


def test_batch_needs_no_process(workspace: Workspace) -> None:
    endpoint = deploy(workspace, add_model(workspace), "batch")
    assert deployments.deployment_of(workspace, endpoint).state().status == "in service"
    assert deployments.deployment_of(workspace, endpoint).log() == "" and endpoint.ref == {}
    assert deployments.restart(workspace, silent, endpoint=endpoint.id) == {"endpoint": endpoint.id}
    deployments.deployment_of(workspace, endpoint).delete()
    assert workspace.list(Endpoint) == []


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_an_endpoint_is_killed_restarted_and_deleted(workspace: Workspace, tmp_path: Path, mode: str) -> None:
    video = add_video(workspace, tmp_path)
    endpoint = deploy(workspace, add_model(workspace), mode)
    state = deployments.deployment_of(workspace, endpoint).state()
    assert state.status == "in service" and "127.0.0.1" in state.location and state.since
    assert "Uvicorn running" in deployments.deployment_of(workspace, endpoint).log()

    psutil.Process(endpoint.ref["pid"]).kill()
    until(lambda: deployments.deployment_of(workspace, endpoint).state().status == "gone", seconds=5)
    with pytest.raises(UserError, match="process is gone. Restart it on Deploy"):
        track(workspace, silent, video=video.id, endpoint=endpoint.id)

    deployments.restart(workspace, silent, endpoint=endpoint.id)
    again = workspace.get(Endpoint, endpoint.id)
    assert deployments.deployment_of(workspace, again).state().status == "in service" and again.name == endpoint.name
    assert all_ended(endpoint.ref["folder"]) and not Path(endpoint.ref["folder"]).exists()
    track(workspace, silent, video=video.id, endpoint=again.id, draw=False)

    deployments.deployment_of(workspace, again).delete()
    assert workspace.list(Endpoint) == [] and all_ended(workspace.root)
    assert list((workspace.root / "local" / "endpoints").iterdir()) == []


def test_a_failed_deployment_leaves_nothing(workspace: Workspace) -> None:
    model = add_model(workspace)
    with pytest.raises(UserError, match="Unknown serving mode “carrier”. Choose one of batch, realtime, async"):
        deployments.deploy(workspace, silent, name="e", model=model.id, mode="carrier")
    with pytest.raises(UserError, match="Model not found: “model-0”"):
        deployments.deploy(workspace, silent, name="e", model="model-0", mode="batch")
    with pytest.raises(UserError, match="cannot be a name"):
        deployments.deploy(workspace, silent, name="a/b", model=model.id, mode="realtime")
    (workspace.folder(model) / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="did not start. It printed: .*model.onnx"):
        deployments.deploy(workspace, silent, name="e", model=model.id, mode="realtime")
    assert workspace.list(Endpoint) == [] and all_ended(workspace.root)


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_an_update_replaces_the_server(workspace: Workspace, tmp_path: Path, mode: str) -> None:
    model, other = add_model(workspace), add_model(workspace)
    models.store_thresholds(workspace, other.id, {"track_buffer": 77})
    before = deploy(workspace, model, mode)
    updated = deployments.update(workspace, silent, endpoint=before.id, model=other.id, options={"count": 2})
    assert updated == {"endpoint": before.id}
    (after,) = workspace.list(Endpoint)
    assert (after.id, after.name, after.mode) == (before.id, before.name, mode)
    assert (after.model, after.options, after.pending) == (other.id, {"count": 2}, {})
    assert deployments.deployment_of(workspace, after).state().status == "in service"
    assert servers(workspace) == {after.ref["folder"]} != {before.ref["folder"]}
    assert not Path(before.ref["folder"]).exists()
    if mode == "realtime":
        assert settings(workspace, after)["track_buffer"] == 77
    video = add_video(workspace, tmp_path)
    track(workspace, silent, video=video.id, endpoint=after.id, draw=False)
    deployments.deployment_of(workspace, after).delete()
    assert servers(workspace) == set()


def test_an_update_without_arguments_applies_the_models_current_thresholds(workspace: Workspace) -> None:
    model = add_model(workspace)
    endpoint = deploy(workspace, model, "realtime")
    models.store_thresholds(workspace, model.id, {"track_buffer": 55})
    deployments.update(workspace, silent, endpoint=endpoint.id)
    after = workspace.get(Endpoint, endpoint.id)
    assert after.model == model.id and settings(workspace, after)["track_buffer"] == 55
    deployments.deployment_of(workspace, after).delete()


def test_an_update_of_batch_changes_the_record(workspace: Workspace) -> None:
    endpoint, other = deploy(workspace, add_model(workspace), "batch"), add_model(workspace)
    deployments.update(workspace, silent, endpoint=endpoint.id, model=other.id, options={"count": 2})
    after = workspace.get(Endpoint, endpoint.id)
    assert (after.model, after.options, after.ref, after.pending) == (other.id, {"count": 2}, {}, {})


def test_an_update_that_does_not_start_changes_nothing(workspace: Workspace) -> None:
    endpoint, broken = deploy(workspace, add_model(workspace), "realtime"), add_model(workspace)
    (workspace.folder(broken) / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="did not start. It printed: .*model.onnx"):
        deployments.update(workspace, silent, endpoint=endpoint.id, model=broken.id, options={"count": 2})
    assert workspace.get(Endpoint, endpoint.id) == endpoint
    assert deployments.deployment_of(workspace, endpoint).state().status == "in service"
    assert servers(workspace) == {endpoint.ref["folder"]}
    assert [str(path) for path in (workspace.root / "local" / "endpoints").iterdir()] == [endpoint.ref["folder"]]
    deployments.deployment_of(workspace, endpoint).delete()


def test_an_update_is_stopped(workspace: Workspace) -> None:
    endpoint = deploy(workspace, model := add_model(workspace), "realtime")
    never_ready(workspace.folder(model))
    job = jobs.start(workspace, "update endpoint", "Update", endpoint=endpoint.id)
    until(lambda: workspace.get(Endpoint, endpoint.id).pending)
    with pytest.raises(UserError, match="already being updated"):
        deployments.update(workspace, silent, endpoint=endpoint.id)
    jobs.stop(workspace, job.id)
    with pytest.raises(UserError, match="Update stopped"):
        jobs.wait(workspace, job.id, silent)
    assert servers(workspace) == {endpoint.ref["folder"]} and workspace.get(Endpoint, endpoint.id) == endpoint
    deployments.deployment_of(workspace, endpoint).delete()


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_an_update_that_is_killed_while_it_waits_leaves_the_old_server(workspace: Workspace, mode: str) -> None:
    endpoint = deploy(workspace, model := add_model(workspace), mode)
    never_ready(workspace.folder(model))
    job = jobs.start(workspace, "update endpoint", "Update", endpoint=endpoint.id)
    kill_job(workspace, job, lambda: len(servers(workspace)) == 2)
    assert servers(workspace) == {endpoint.ref["folder"]}
    assert deployments.deployment_of(workspace, endpoint).state().status == "in service"
    assert workspace.get(Endpoint, endpoint.id) == endpoint
    deployments.deployment_of(workspace, endpoint).delete()
    assert all_ended(workspace.root)


def test_an_update_that_is_killed_after_it_recorded_the_new_server_is_reverted(workspace: Workspace) -> None:
    endpoint = deploy(workspace, model := add_model(workspace), "realtime")
    never_ready(workspace.folder(model))
    job = jobs.start(workspace, "update endpoint", "Update", endpoint=endpoint.id)
    until(lambda: workspace.get(Endpoint, endpoint.id).pending)
    pending = workspace.get(Endpoint, endpoint.id)
    assert pending.ref == endpoint.ref and servers(workspace) == {
        endpoint.ref["folder"],
        pending.pending["ref"]["folder"],
    }
    jobs.refresh(workspace)
    assert len(servers(workspace)) == 2  # because its job is alive
    process = psutil.Process(job.pid)
    process.kill()
    until(lambda: not processes.is_alive(pending.pending["pid"], pending.pending["pid_started"]))
    assert deployments.deployment_of(workspace, pending).state().status == "in service"
    assert workspace.get(Endpoint, endpoint.id) == endpoint and servers(workspace) == {endpoint.ref["folder"]}
    deployments.deployment_of(workspace, endpoint).delete()


def test_an_update_that_is_killed_before_the_old_server_has_ended_leaves_the_new_one(workspace: Workspace) -> None:
    first = jobs.start(workspace, "deploy", "Deploy", name="e", model=add_model(workspace).id, mode="realtime")
    endpoint = workspace.get(Endpoint, jobs.wait(workspace, first.id, silent).result["endpoint"])
    psutil.Process(endpoint.ref["pid"]).suspend()  # so that it does not end when it is asked to
    job = jobs.start(workspace, "update endpoint", "Update", endpoint=endpoint.id)
    kill_job(workspace, job, lambda: workspace.get(Endpoint, endpoint.id).ref != endpoint.ref)
    after = workspace.get(Endpoint, endpoint.id)
    assert servers(workspace) == {after.ref["folder"]}
    assert deployments.deployment_of(workspace, after).state().status == "in service"
    assert workspace.get(Endpoint, endpoint.id).pending == {}
    deployments.deployment_of(workspace, after).delete()


def test_deleting_an_endpoint_ends_its_pending_version(workspace: Workspace) -> None:
    endpoint = deploy(workspace, model := add_model(workspace), "realtime")
    never_ready(workspace.folder(model))
    job = jobs.start(workspace, "update endpoint", "Update", endpoint=endpoint.id)
    until(lambda: workspace.get(Endpoint, endpoint.id).pending)
    deployments.deployment_of(workspace, endpoint).delete()
    with pytest.raises(UserError, match="Update failed"):
        jobs.wait(workspace, job.id, silent)
    assert servers(workspace) == set() and workspace.list(Endpoint) == []


def test_a_deployment_that_is_killed_leaves_no_server_without_a_record(workspace: Workspace) -> None:
    never_ready(workspace.folder(model := add_model(workspace)))
    job = jobs.start(workspace, "deploy", "Deploy", name="e", model=model.id, mode="realtime")
    kill_job(workspace, job, lambda: servers(workspace))
    endpoints = workspace.list(Endpoint)
    assert servers(workspace) == {entry.ref["folder"] for entry in endpoints}
    for endpoint in endpoints:
        deployments.deployment_of(workspace, endpoint).delete()
    assert servers(workspace) == set()


@pytest.mark.parametrize("mode", ["realtime", "async"])
def test_an_unrecorded_server_ends_with_the_process_that_started_it(
    workspace: Workspace, tmp_path: Path, mode: str
) -> None:
    """Not earlier, and servers of other workspaces keep running."""
    model = add_model(workspace)
    code = f"""
import sys
from pathlib import Path
from backend.platforms.local.platform import LocalPlatform
for root in sys.argv[1:]:
    endpoints = LocalPlatform(Path(root) / "local").endpoints
    ref = endpoints.start("e", Path({str(workspace.folder(model))!r}), {mode!r}, {{}})
    print(ref["folder"], flush=True)
sys.stdin.read()
"""
    other = Workspace(tmp_path / "other")
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root), str(other.root)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout
    folder, elsewhere = (starter.stdout.readline().strip() for _ in range(2))
    jobs.refresh(workspace)
    assert servers(workspace) == {folder}
    starter.kill()
    starter.communicate()
    jobs.refresh(workspace)
    assert servers(workspace) == set() and not Path(folder).exists()
    assert servers(other) == {elsewhere}
    jobs.refresh(other)
    assert servers(other) == set()


def test_the_server_of_a_queue_that_was_killed_is_ended(workspace: Workspace) -> None:
    endpoint = deploy(workspace, add_model(workspace), "async")
    psutil.Process(endpoint.ref["pid"]).kill()
    until(lambda: deployments.deployment_of(workspace, endpoint).state().status == "gone")
    jobs.refresh(workspace)
    assert servers(workspace) == set()
    assert (
        workspace.list(Endpoint) == [endpoint]
        and "Uvicorn running" in deployments.deployment_of(workspace, endpoint).log()
    )
    deployments.deployment_of(workspace, endpoint).delete()


@pytest.fixture
def sagemaker(workspace: Workspace, aws_account: dict[str, str]) -> AwsPlatform:
    """AWS, chosen as the platform of the workspace."""
    registry.change_settings(workspace, "aws", aws_account)
    registry.choose(workspace, "aws")
    platform = platform_of(workspace)
    assert isinstance(platform, AwsPlatform)
    return platform


def configurations(sagemaker: AwsPlatform) -> list[str]:
    configs = sagemaker.account.pages("sagemaker", "list_endpoint_configs", "EndpointConfigs")
    return [entry["EndpointConfigName"] for entry in configs]


def test_an_update_on_sagemaker_leaves_one_configuration(workspace: Workspace, sagemaker: AwsPlatform) -> None:
    endpoint, other = deploy(workspace, add_model(workspace), "realtime"), add_model(workspace)
    options = {"instance_type": "ml.m5.large"}
    deployments.update(workspace, silent, endpoint=endpoint.id, model=other.id, options=options)
    after = workspace.get(Endpoint, endpoint.id)
    assert after.options == options and "ml.m5.large" in deployments.deployment_of(workspace, after).state().location
    assert (after.model, after.pending, configurations(sagemaker)) == (other.id, {}, [after.ref["config"]])
    assert deployments.deployment_of(workspace, after).state().status == "in service"
    (workspace.folder(other) / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="did not start"):
        deployments.update(workspace, silent, endpoint=endpoint.id)
    assert workspace.get(Endpoint, endpoint.id) == after and configurations(sagemaker) == [after.ref["config"]]
    deployments.deployment_of(workspace, after).delete()
    assert configurations(sagemaker) == []


def test_an_update_that_sagemaker_completes_by_itself_is_adopted(
    workspace: Workspace, sagemaker: AwsPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, other = deploy(workspace, add_model(workspace), "realtime"), add_model(workspace)

    def stop(*_: object) -> NoReturn:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(SageMakerEndpoints, "wait_in_service", stop)
        with pytest.raises(Stopped):
            deployments.update(workspace, silent, endpoint=endpoint.id, model=other.id)
    during = workspace.get(Endpoint, endpoint.id)
    assert (during.ref, during.model) == (endpoint.ref, endpoint.model)
    new = during.pending["ref"]
    with workspace.edit(Endpoint, endpoint.id) as stored:
        stored.pending["pid_started"] = "gone"  # as if the job's process had ended
    sagemaker.endpoints.wait_in_service(new, silent)
    deployments.deployment_of(workspace, endpoint).state()
    after = workspace.get(Endpoint, endpoint.id)
    assert (after.ref, after.model) == (new, other.id)
    assert deployments.deployment_of(workspace, endpoint).state().status == "in service"
    assert workspace.get(Endpoint, endpoint.id).pending == {} and configurations(sagemaker) == [new["config"]]
    deployments.deployment_of(workspace, endpoint).delete()
    assert configurations(sagemaker) == []
