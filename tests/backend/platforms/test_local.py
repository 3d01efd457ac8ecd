"""The local platform alone: its processes may be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from deployment_helpers import all_ended
from waiting import until

from backend.errors import UserError
from backend.jobs import processes
from backend.platforms.local.platform import LocalPlatform
from backend.progress import silent

pytestmark = pytest.mark.slow

JSON, VIDEO = "application/json", "video/mp4"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> LocalPlatform:
    return LocalPlatform(tmp_path_factory.mktemp("workspace") / "local")


def deploy(platform: LocalPlatform, model: Path, mode: str) -> dict:
    ref = platform.endpoints.start(mode, model, mode, {})
    platform.endpoints.wait_in_service(ref, silent)
    return ref


@pytest.fixture(scope="module")
def realtime(platform: LocalPlatform, model: Path) -> Iterator[dict]:
    ref = deploy(platform, model, "realtime")
    yield ref
    platform.endpoints.delete(ref)
    assert all_ended(ref["folder"]) and not Path(ref["folder"]).exists()


@pytest.fixture
def queue(platform: LocalPlatform, model: Path) -> Iterator[dict]:
    ref = deploy(platform, model, "async")
    yield ref
    platform.endpoints.delete(ref)
    assert all_ended(ref["folder"]) and not Path(ref["folder"]).exists()


def wait_for(platform: LocalPlatform, ref: dict, ticket: str) -> None:
    until(lambda: platform.endpoints.collect(ref, ticket))


def test_a_killed_endpoint_is_gone_and_another_server_on_its_port_is_not_used(
    platform: LocalPlatform, realtime: dict, model: Path
) -> None:
    ref = deploy(platform, model, "realtime")
    psutil.Process(ref["pid"]).kill()
    until(lambda: platform.endpoints.state(ref).status == "gone", seconds=5)
    assert "was killed" in platform.endpoints.state(ref).reason
    with pytest.raises(UserError, match="process is gone"):
        platform.endpoints.invoke(ref | {"port": realtime["port"]}, b"", JSON, "NEW_SESSION")
    platform.endpoints.delete(ref)
    platform.endpoints.delete(ref)
    assert not Path(ref["folder"]).exists()
    assert platform.endpoints.state(realtime).status == "in service"


def test_an_invalid_request_is_removed_from_the_queue(
    platform: LocalPlatform, queue: dict, scene: Path, tmp_path: Path
) -> None:
    missing = platform.endpoints.submit(queue, tmp_path / "missing.mp4", VIDEO)
    (Path(queue["folder"]) / "input" / "0-odd.json").write_text("not JSON")
    wait_for(platform, queue, platform.endpoints.submit(queue, scene, VIDEO))
    with pytest.raises(UserError, match="No such file"):
        platform.endpoints.collect(queue, missing)
    assert list((Path(queue["folder"]) / "input").iterdir()) == [] and scene.exists()


def test_waiting_for_a_killed_queue_is_an_error(platform: LocalPlatform, queue: dict, scene: Path) -> None:
    ticket = platform.endpoints.submit(queue, scene, VIDEO)
    psutil.Process(queue["pid"]).kill()
    with pytest.raises(UserError, match="process is gone"):
        wait_for(platform, queue, ticket)
    with pytest.raises(UserError, match="process is gone"):
        platform.endpoints.submit(queue, scene, VIDEO)


@pytest.mark.parametrize("seconds", [2, -3600])
def test_a_step_of_the_clock_does_not_orphan_an_endpoint(
    platform: LocalPlatform, model: Path, step_clock: Callable[[float], None], seconds: float
) -> None:
    ref = deploy(platform, model, "realtime")
    before = platform.endpoints.state(ref)
    step_clock(seconds)
    after = platform.endpoints.state(ref)
    assert before.status == after.status == "in service"
    assert before.since is not None and after.since == pytest.approx(before.since + seconds, abs=1.5)
    assert platform.endpoints.invoke(ref, b"{}", JSON, "NEW_SESSION").new_session
    platform.endpoints.delete(ref)
    assert all_ended(ref["folder"]) and not Path(ref["folder"]).exists()


@pytest.mark.parametrize("step", [1, 3600])
def test_an_endpoint_of_an_earlier_version_can_be_stopped(platform: LocalPlatform, model: Path, step: float) -> None:
    """Its recorded start time moves with the clock; after a large step, the folder identifies its processes."""
    ref = deploy(platform, model, "realtime")
    created = processes.start_time(ref["pid"])
    assert created is not None
    (Path(ref["folder"]) / "starter.json").unlink(missing_ok=True)
    old = ref | {"pid_started": created - step}
    assert platform.endpoints.state(old).status == ("in service" if step == 1 else "gone")
    platform.endpoints.delete(old)
    assert all_ended(ref["folder"]) and not Path(ref["folder"]).exists()
