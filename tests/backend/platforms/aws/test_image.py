"""The image's sources, compared with Docker's own parser of `.dockerignore`, and its build on moto's CodeBuild.

moto's builds are done when first looked at, print nothing and push nothing: the tests write a build's phases, its log
and the image that it pushes. That the buildspec builds the image with Docker is not tested here.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docker.utils.build import exclude_paths
from moto.codebuild.models import CodeBuildBackend

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws import image, stack
from backend.platforms.aws.account import Account
from backend.platforms.aws.settings import AwsSettings
from backend.platforms.base import JobState, Watch

REGION = "eu-west-1"
QUIET = Watch(lambda line: None)
ENDED = {"buildStatus": "SUCCEEDED", "currentPhase": "COMPLETED"}

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


@pytest.fixture(scope="module")
def settings(standin) -> dict[str, str]:
    """Settings of an account with a stack, and with the project that moto's CloudFormation skips."""
    account = Account(AwsSettings(region=REGION, stack="images"))
    outputs = stack.create_or_update(account, QUIET)
    standin.client("codebuild").create_project(
        name="images",
        source={"type": "S3", "location": f"{outputs['bucket']}/image/tracker.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_MEDIUM"},
        serviceRole=outputs["role"],
    )
    return {"region": REGION, "stack": "images", **outputs}


@pytest.fixture
def account(settings: dict[str, str]) -> Account:
    return Account(AwsSettings.parse(settings))


@pytest.fixture
def sources(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the tracker's sources with a unique digest."""
    folder = tmp_path / "tracker"
    shutil.copytree(image.SOURCES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "bytetrack" / "extra.py").write_text(f"# {request.node.name}\n")
    return folder


@pytest.fixture
def codebuild(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that sets a build's states, one per poll, and returns the recorded requests."""

    def goes(*states: dict[str, Any]) -> list[dict[str, Any]]:
        left, requests = list(states), []
        start = CodeBuildBackend.start_build

        def batch_get_builds(backend: CodeBuildBackend, ids: list[str]) -> list[dict[str, Any]]:
            builds = [entry for all in backend.build_metadata_history.values() for entry in all if entry["id"] in ids]
            state = left.pop(0) if len(left) > 1 else left[0]
            return [
                build | {key: value() if callable(value) else value for key, value in state.items()} for build in builds
            ]

        def start_build(backend: CodeBuildBackend, *args: Any, **kwargs: Any) -> dict[str, Any]:
            requests.append(kwargs)
            return start(backend, *args, **kwargs)

        monkeypatch.setattr(CodeBuildBackend, "batch_get_builds", batch_get_builds)
        monkeypatch.setattr(CodeBuildBackend, "start_build", start_build)
        return requests

    return goes


def push(account: Account, tag: str, repository: str = "") -> str:
    """Push an image to the stack's repository, or to another one, and return its URI with digest."""
    repository = repository or image.stack_repository(account)
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    config = {"mediaType": kind, "size": 1, "digest": f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"}
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
    name = repository.partition("/")[2]
    put = account.call("ecr", "put_image", repositoryName=name, imageManifest=json.dumps(manifest), imageTag=tag)
    return f"{repository}@{put['image']['imageId']['imageDigest']}"


# --- The sources ------------------------------------------------------------------------------------------------------


def test_the_build_context_is_that_of_docker() -> None:
    folder = image.SOURCES
    patterns = [line.strip() for line in (folder / ".dockerignore").read_text().splitlines() if line.strip()]
    docker = {path for path in exclude_paths(str(folder), patterns) if (folder / path).is_file()}
    ours = {path.relative_to(folder).as_posix() for path in image.build_context(folder)}
    assert ours == docker and {"Dockerfile", "requirements.txt", "bytetrack/serve.py"} <= ours


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "*.md\n!README.md",
        "**/*.md",
        "docs/*\n!docs/a.md",
        "/docs",
        "docs/\n",
        "# docs\n?ocs",
        "*\n!docs/deep",
        "**",
    ],
)
def test_ignore_rules_have_the_same_meaning_as_for_docker(tmp_path: Path, rules: str) -> None:
    for name in ("Dockerfile", "README.md", "c.md", "docs/a.md", "docs/b.md", "docs/deep/b.md", "src/x.py", "docs.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text(rules)
    patterns = [line.strip() for line in rules.splitlines() if line.strip() and line[0] != "#"]
    docker = {path for path in exclude_paths(str(tmp_path), patterns) if (tmp_path / path).is_file()}
    assert {path.relative_to(tmp_path).as_posix() for path in image.build_context(tmp_path)} == docker | {
        ".dockerignore"
    }


def test_the_digest_depends_only_on_the_files_in_the_image(sources: Path) -> None:
    first, zipped = image.sources_digest(sources), image.archive(sources)
    (sources / "notes.txt").write_text("not copied")
    (sources / "bytetrack" / "__pycache__").mkdir()
    (sources / "bytetrack" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (sources / "bytetrack" / "extra.py").touch()
    assert (image.sources_digest(sources), image.archive(sources)) == (first, zipped)
    names = zipfile.ZipFile(io.BytesIO(zipped)).namelist()
    assert "Dockerfile" in names and "bytetrack/extra.py" in names and "notes.txt" not in names
    (sources / "bytetrack" / "extra.py").rename(sources / "bytetrack" / "other.py")
    assert image.sources_digest(sources) != first


# --- The build --------------------------------------------------------------------------------------------------------


def test_an_image_is_built_from_the_sources_in_the_bucket(account: Account, sources: Path, codebuild, standin) -> None:
    tag = image.sources_digest(sources)
    logs, place = standin.client("logs"), {"logGroupName": "/builds", "logStreamName": tag}
    logs.create_log_group(logGroupName="/builds")
    logs.create_log_stream(**place)

    def printed(*lines: str) -> Callable[[], dict[str, str]]:
        def put() -> dict[str, str]:
            now = int(time.time() * 1000)
            logs.put_log_events(**place, logEvents=[{"timestamp": now, "message": f"{line}\n"} for line in lines])
            return {"groupName": "/builds", "streamName": tag}

        return put

    def done() -> str:
        push(account, tag)
        return "SUCCEEDED"

    requests = codebuild(
        {"buildStatus": "IN_PROGRESS", "currentPhase": "QUEUED"},
        {"buildStatus": "IN_PROGRESS", "currentPhase": "BUILD", "logs": printed("Step 1/9", "Step 2/9")},
        {"buildStatus": done, "currentPhase": "COMPLETED", "logs": printed("pushed")},
    )
    assert image.state(account, sources).status == "missing"
    lines: list[str] = []
    phases: list[str] = []
    progress: list[float] = []
    watch = Watch(lines.append, lambda state: phases.append(state.status), lambda share, step: progress.append(share))
    uri = image.build(account, watch, sources)
    assert uri.startswith(f"{image.stack_repository(account)}@sha256:") and len(requests) == 1
    assert phases == ["QUEUED", "BUILD", "COMPLETED"] and progress == sorted(progress)
    assert [line for line in lines if line in ("Step 1/9", "Step 2/9", "pushed")] == ["Step 1/9", "Step 2/9", "pushed"]
    uploaded = account.call("s3", "get_object", Bucket=account.settings.bucket, Key=f"image/{tag}.zip")["Body"].read()
    assert uploaded == image.archive(sources)
    assert image.state(account, sources) == image.ImageState("ready", uri)
    assert image.build(account, watch, sources) == uri and len(requests) == 1  # the image exists


def test_a_failed_build_reports_the_phase_and_the_reason(account: Account, sources: Path, codebuild) -> None:
    message = "Error while executing command: docker build --tag x .. Reason: exit status 1"
    phases = [
        {"phaseType": "PRE_BUILD", "phaseStatus": "SUCCEEDED"},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"statusCode": "X", "message": message}]},
        {"phaseType": "COMPLETED"},
    ]
    codebuild({"buildStatus": "FAILED", "currentPhase": "COMPLETED", "phases": phases})
    with pytest.raises(UserError, match="not built. BUILD failed: Error while .* exit status 1. See the log: http"):
        image.build(account, QUIET, sources)
    codebuild(ENDED)
    with pytest.raises(UserError, match="reports that it built the image, but .* has no tag"):
        image.build(account, QUIET, sources)


def test_stopping_stops_the_build_on_aws(account: Account, sources: Path, codebuild, standin) -> None:
    codebuild({"buildStatus": "IN_PROGRESS", "currentPhase": "BUILD"})
    lines: list[str] = []

    def stop(state: JobState) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        image.build(account, Watch(lines.append, stop), sources)
    assert standin.count("codebuild", "StopBuild") == 1 and "asked CodeBuild to stop" in lines[-1]


def test_a_running_build_is_followed(account: Account, sources: Path, codebuild) -> None:
    tag = image.sources_digest(sources)
    variables = {"environmentVariables": [{"name": "TAG", "value": tag, "type": "PLAINTEXT"}]}
    environment = {"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_MEDIUM", **variables}
    account.call("codebuild", "start_build", projectName="images")
    running = {"buildStatus": "IN_PROGRESS", "currentPhase": "BUILD", "environment": environment}
    requests = codebuild(running, running, {**ENDED, "environment": lambda: push(account, tag) and environment})
    assert image.state(account, sources).status == "building"
    assert "@sha256:" in image.build(account, QUIET, sources)
    assert requests == []


def test_changed_sources_make_the_image_outdated(settings: dict[str, str], account: Account, sources: Path) -> None:
    old = push(account, image.sources_digest(sources))
    chosen = Account(AwsSettings.parse({**settings, "image": old}))
    assert image.state(chosen, sources) == image.ImageState("ready", old)
    (sources / "bytetrack" / "extra.py").write_text("# changed")
    assert image.state(chosen, sources) == image.ImageState("outdated", old)


def test_an_external_image_is_looked_up_in_its_registry(settings: dict[str, str], standin) -> None:
    repository = standin.client("ecr").create_repository(repositoryName="mine")["repository"]["repositoryUri"]
    named = Account(AwsSettings.parse({**settings, "stack": "none", "image": f"{repository}:v1"}))
    assert image.state(named).status == "missing"
    push(named, "v1", repository)
    assert image.state(named) == image.ImageState("external", f"{repository}:v1")
    with pytest.raises(UserError, match="Create the stack, or enter an existing image"):
        image.build(named, QUIET)


def test_the_command_for_docker_names_the_same_tag(account: Account) -> None:
    uri = f"{image.stack_repository(account)}:{image.sources_digest()}"
    login, build, pushed = image.build_command(account, image.stack_repository(account)).splitlines()
    assert "docker login" in login and f"--tag {uri} " in build and pushed == f"docker push {uri}"
