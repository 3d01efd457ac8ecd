"""The tracker's image, built from `containers/tracker` by AWS CodeBuild, so that the user does not need Docker.

An image's tag is a digest of its sources, so that the same sources are built only once and an outdated image is
recognized.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import shlex
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws import stack
from backend.platforms.aws.account import Account
from backend.platforms.aws.jobs import wait_intervals
from backend.platforms.aws.logs import LogStream
from backend.platforms.aws.storage import Bucket
from backend.platforms.aws.terminal import aws
from backend.platforms.base import JobState, Watch

SOURCES = Path(__file__).resolve().parents[3] / "containers" / "tracker"
TYPICAL_BUILD_SECONDS = 600  # an estimate of the phase BUILD: packages, layers, and the push of some GB
BUILD_SHARE = 0.8  # of the progress
LATER_PHASES_PROGRESS = 0.95  # the phases after BUILD take seconds
PHASE_PROGRESS = {  # at the beginning of each phase
    "SUBMITTED": 0.0,
    "QUEUED": 0.01,
    "PROVISIONING": 0.02,
    "DOWNLOAD_SOURCE": 0.06,
    "PRE_BUILD": 0.08,
    "BUILD": 0.1,
}


ImageStatus = Literal["missing", "building", "outdated", "ready", "external"]
"""An external image is in another repository than the stack's."""


@dataclass(frozen=True)
class ImageState:
    """Whether there is an image of the current sources; `image` is that image, or else the one in the settings."""

    status: ImageStatus
    image: str = ""


def state(account: Account, folder: Path = SOURCES) -> ImageState:
    """Return whether there is an image, and whether it is built from the current sources."""
    chosen, repository = account.settings.image, stack_repository(account)
    if chosen and not chosen.startswith((f"{repository}:", f"{repository}@")):
        return ImageState("external", chosen) if _with_digest(account, chosen) else ImageState("missing")
    if not repository:
        return ImageState("missing")
    tag = sources_digest(folder)
    if image := _find(account, repository, {"imageTag": tag}):
        return ImageState("ready", image)
    if _running_build(account, tag):
        return ImageState("building", chosen)
    return ImageState("outdated", chosen) if chosen else ImageState("missing")


def chosen_with_digest(account: Account) -> str:
    """Return the image in the settings with its digest, or as it is if access to the repository is denied."""
    chosen = account.settings.image
    with suppress(UserError):
        return _with_digest(account, chosen) or chosen
    return chosen


def build(account: Account, watch: Watch, folder: Path = SOURCES) -> str:
    """Build the image of the current sources and return its URI with digest.

    A build of the same sources that runs is followed, and an image that exists is not built again. If this process is
    asked to stop, it stops the build.

    Raises:
        UserError: With CodeBuild's message about the phase that failed.
    """
    repository = stack_repository(account)
    if not repository:
        raise UserError("The image cannot be built without the stack. Create the stack, or enter an existing image.")
    tag = sources_digest(folder)
    if image := _find(account, repository, {"imageTag": tag}):
        watch.log(f"the image of these sources exists: {image}")
        return image
    running = _running_build(account, tag) or _start_build(account, tag, folder, watch)
    try:
        ended = _follow(account, running["id"], watch)
    except Stopped:
        account.call("codebuild", "stop_build", id=running["id"])
        watch.log("asked CodeBuild to stop")
        raise
    if ended["buildStatus"] != "SUCCEEDED":
        raise UserError(f"The image was not built. {_failure_reason(ended)} See the log: {_link(account, ended)}")
    image = _find(account, repository, {"imageTag": tag})
    if not image:
        raise UserError(
            f"CodeBuild reports that it built the image, but {repository} has no tag {tag}. Build it again."
        )
    return image


def sources_digest(folder: Path = SOURCES) -> str:
    """Return a digest of the names and contents of all files that go into the image."""
    digest = hashlib.sha256()
    for path in build_context(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()[:16]


def archive(folder: Path = SOURCES) -> bytes:
    """Return a zip of all files that go into the image. The same sources give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in build_context(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # its date is always 1980
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def build_context(folder: Path) -> list[Path]:
    """Return the files that Docker gets, sorted: those that `.dockerignore` does not exclude, and the build's own."""
    ignore = folder / ".dockerignore"
    rules = [_parse_rule(line.strip()) for line in ignore.read_text().splitlines() if line.strip() and line[0] != "#"]

    def is_included(path: Path) -> bool:
        relative = path.relative_to(folder)
        names = [parent.as_posix() for parent in (relative, *relative.parents)][
            :-1
        ]  # a rule applies to subfolders, too
        included = True
        for pattern, includes in rules:
            if any(pattern.fullmatch(name) for name in names):
                included = includes
        return included

    required = {folder / "Dockerfile", ignore}
    return sorted(path for path in folder.rglob("*") if path.is_file() and (path in required or is_included(path)))


def stack_repository(account: Account) -> str:
    """Return the URI of the stack's image repository, or "" if there is none."""
    existing = stack.describe(account)
    return existing.outputs.get("Repository", "") if existing else ""


def build_command(account: Account, repository: str) -> str:
    """Return the terminal commands that build and push the image on a machine with Docker."""
    uri, host = f"{repository}:{sources_digest()}", repository.partition("/")[0]
    login = f"{aws(account, 'ecr', 'get-login-password')} | docker login --username AWS --password-stdin {host}"
    return f"{login}\ndocker build --tag {uri} {shlex.quote(str(SOURCES))}\ndocker push {uri}"


def _parse_rule(line: str) -> tuple[re.Pattern[str], bool]:
    """Return the pattern of a line in `.dockerignore`, and whether it includes what it matches (`!`)."""
    includes = line.startswith("!")
    wildcards = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", line.removeprefix("!").strip("/"))
    return re.compile("".join(wildcards.get(part) or re.escape(part) for part in parts)), includes


def _with_digest(account: Account, image: str) -> str:
    """Return an image with its digest, or "" if it does not exist. Without a tag it means `latest`."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return _find(account, repository, {"imageDigest": digest})
    repository, _, tag = image.partition(":")
    return _find(account, repository, {"imageTag": tag or "latest"})


def _find(account: Account, repository: str, image_id: dict[str, str]) -> str:
    """Return the image with its digest, or "" if it does not exist."""
    host, _, name = repository.partition("/")
    answer = account.find(
        "ecr",
        "describe_images",
        region=host.split(".")[3],
        registryId=host.split(".")[0],
        repositoryName=name,
        imageIds=[image_id],
    )
    return f"{repository}@{answer['imageDetails'][0]['imageDigest']}" if answer and answer["imageDetails"] else ""


def _start_build(account: Account, tag: str, folder: Path, watch: Watch) -> dict[str, Any]:
    uri = Bucket(account).put_bytes(f"image/{tag}.zip", archive(folder))
    watch.log(f"uploaded the sources to {uri}")
    build: dict[str, Any] = account.call(
        "codebuild",
        "start_build",
        projectName=account.settings.stack,
        sourceLocationOverride=uri.removeprefix("s3://"),
        environmentVariablesOverride=[{"name": "TAG", "value": tag, "type": "PLAINTEXT"}],
        idempotencyToken=secrets.token_hex(16),
    )["build"]
    watch.log(f"started the build {build['id']} on CodeBuild")
    return build


def _running_build(account: Account, tag: str) -> dict[str, Any] | None:
    """Return the build of these sources that is in progress."""
    answer = account.find("codebuild", "list_builds_for_project", projectName=account.settings.stack)
    if not answer or not answer["ids"]:
        return None
    builds: list[dict[str, Any]] = account.call("codebuild", "batch_get_builds", ids=answer["ids"][:10])["builds"]
    return next((build for build in builds if build["buildStatus"] == "IN_PROGRESS" and _tag_of(build) == tag), None)


def _tag_of(build: dict[str, Any]) -> str | None:
    variables = build.get("environment", {}).get("environmentVariables", [])
    return next((variable["value"] for variable in variables if variable["name"] == "TAG"), None)


def _follow(account: Account, build_id: str, watch: Watch) -> dict[str, Any]:
    """Wait until the build ends, reporting its lines and phases, and return its last description."""
    log, phase, since = None, "", time.monotonic()
    for interval in wait_intervals(5):
        build: dict[str, Any] = account.call("codebuild", "batch_get_builds", ids=[build_id])["builds"][0]
        if build.get("currentPhase", "") != phase:
            phase, since = build.get("currentPhase", ""), time.monotonic()
        watch.state(JobState(phase, build_id, _link(account, build)))
        watch.progress(_progress(phase, time.monotonic() - since), f"CodeBuild: {phase.lower().replace('_', ' ')}")
        location = build.get("logs", {})
        if log is None and location.get("streamName"):
            log = LogStream(account, location["groupName"], location["streamName"])
        _report_lines(log, watch)
        if build["buildStatus"] != "IN_PROGRESS":
            time.sleep(min(interval, 2))  # the last lines may arrive after the build's end
            _report_lines(log, watch)
            return build
        time.sleep(interval)
    raise AssertionError("wait_intervals never ends")


def _progress(phase: str, seconds_in_phase: float) -> float:
    """Return the progress of a build, 0..1. Within BUILD it approaches the phase's end without reaching it."""
    progress = PHASE_PROGRESS.get(phase, LATER_PHASES_PROGRESS)
    if phase == "BUILD":
        progress += BUILD_SHARE * seconds_in_phase / (seconds_in_phase + TYPICAL_BUILD_SECONDS)
    return progress


def _report_lines(log: LogStream | None, watch: Watch) -> None:
    for line in log.new_lines() if log else ():
        watch.log(line)


def _failure_reason(build: dict[str, Any]) -> str:
    if build["buildStatus"] == "STOPPED":
        return "It was stopped on AWS."
    for phase in build.get("phases", []):
        if phase.get("phaseStatus", "SUCCEEDED") not in ("SUCCEEDED", "IN_PROGRESS"):
            messages = [context["message"] for context in phase.get("contexts", []) if context.get("message")]
            status = phase["phaseStatus"].lower().replace("_", " ")
            return f"{phase['phaseType']} {status}: {'; '.join(messages) or 'no reason is given'}."
    return f"CodeBuild reports “{build['buildStatus']}” without a reason."


def _link(account: Account, build: dict[str, Any]) -> str:
    home = f"https://{account.region}.console.aws.amazon.com/codesuite/codebuild"
    project, build_id = account.settings.stack, build["id"].replace(":", "%3A")
    return f"{home}/{account.identity['Account']}/projects/{project}/build/{build_id}/log?region={account.region}"
