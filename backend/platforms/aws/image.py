"""The tracker's image, built from `containers/tracker` by AWS CodeBuild, so that nobody needs Docker at home.

An image's tag is the digest of its sources: nothing is built twice, and what is outdated is seen at once.
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
from typing import Any

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws import stack
from backend.platforms.aws.account import Account
from backend.platforms.aws.jobs import waits
from backend.platforms.aws.logs import Stream
from backend.platforms.aws.storage import Bucket
from backend.platforms.aws.terminal import aws
from backend.platforms.base import JobState, Watch

SOURCES = Path(__file__).resolve().parents[3] / "containers" / "tracker"
BUILD_SECONDS = 600  # what the phase BUILD takes, more or less: packages, layers, and the push of some GB
# How far a build is when a phase begins; what comes after BUILD takes seconds.
PHASES = {
    "SUBMITTED": 0.0,
    "QUEUED": 0.01,
    "PROVISIONING": 0.02,
    "DOWNLOAD_SOURCE": 0.06,
    "PRE_BUILD": 0.08,
    "BUILD": 0.1,
}


@dataclass(frozen=True)
class State:
    """`image` is the one to use, with its digest: that of the present sources if there is one, else the chosen one."""

    status: str  # "missing", "building", "outdated", "ready", "named" (by somebody; not the stack's)
    image: str = ""


def state(account: Account, folder: Path = SOURCES) -> State:
    """Whether there is an image, and whether it is that of the present sources."""
    chosen, ours = account.settings.image, repository(account)
    if chosen and (not ours or not _is_in(chosen, ours)):
        return State("named", chosen) if _look_up(account, chosen) else State("missing")
    if not ours:
        return State("missing")
    tag = digest(folder)
    if image := _find(account, ours, ":", tag):
        return State("ready", image)
    if _running(account, tag):
        return State("building", chosen)
    return State("outdated", chosen) if chosen else State("missing")


def pinned(account: Account) -> str:
    """The chosen image with its digest; as it is named where the registry may not be asked."""
    chosen = account.settings.image
    with suppress(UserError):
        return _look_up(account, chosen) or chosen
    return chosen


def build(account: Account, watch: Watch, folder: Path = SOURCES) -> str:
    """Build the image of the present sources, or follow a build of it that runs; returns its URI with digest.

    Nothing is built where it exists. Told to stop, it stops the build.

    Raises:
        UserError: with what CodeBuild says of the phase that failed.
    """
    ours = repository(account)
    if not ours:
        raise UserError("There is nothing to build the image with: make the stack first, or name an image that exists.")
    tag = digest(folder)
    if image := _find(account, ours, ":", tag):
        watch.log(f"The image of these sources exists: {image}")
        return image
    running = _running(account, tag) or _start(account, tag, folder, watch)
    try:
        ended = _follow(account, running["id"], watch)
    except Stopped:
        account.call("codebuild", "stop_build", id=running["id"])
        watch.log("CodeBuild was asked to stop")
        raise
    if ended["buildStatus"] != "SUCCEEDED":
        raise UserError(f"The image was not built. {_reason(ended)} The log says more: {_link(account, ended)}")
    image = _find(account, ours, ":", tag)
    if not image:
        raise UserError(f"CodeBuild says that the image is built, but {ours} has no tag {tag}. Build it again.")
    return image


def digest(folder: Path = SOURCES) -> str:
    """Of the names and contents of all that goes into the image."""
    whole = hashlib.sha256()
    for path in context(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()[:16]


def archive(folder: Path = SOURCES) -> bytes:
    """A zip of all that goes into the image; the same sources make the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in context(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # dated 1980
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, path.read_bytes())
    return packed.getvalue()


def context(folder: Path) -> list[Path]:
    """The files that Docker is given, in order: all that `.dockerignore` leaves, and what a build itself needs."""
    ignore = folder / ".dockerignore"
    rules = [_rule(line.strip()) for line in ignore.read_text().splitlines() if line.strip() and line[0] != "#"]

    def is_taken(path: Path) -> bool:
        relative = path.relative_to(folder)
        names = [each.as_posix() for each in (relative, *relative.parents)][:-1]  # a rule for a folder is for all in it
        taken = True
        for pattern, takes in rules:
            if any(pattern.fullmatch(name) for name in names):
                taken = takes
        return taken

    needed = {folder / "Dockerfile", ignore}
    return sorted(path for path in folder.rglob("*") if path.is_file() and (path in needed or is_taken(path)))


def repository(account: Account) -> str:
    """The URI of the stack's repository; empty where there is none."""
    found = stack.describe(account)
    return found.outputs.get("Repository", "") if found else ""


def command(account: Account, repository: str) -> str:
    """What builds it on a machine with Docker, in a terminal."""
    uri, host = f"{repository}:{digest()}", repository.partition("/")[0]
    login = f"{aws(account, 'ecr', 'get-login-password')} | docker login --username AWS --password-stdin {host}"
    return f"{login}\ndocker build --tag {uri} {shlex.quote(str(SOURCES))}\ndocker push {uri}"


def _rule(line: str) -> tuple[re.Pattern[str], bool]:
    """A line of `.dockerignore`, and whether it takes what it matches."""
    takes = line.startswith("!")
    words = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", line.removeprefix("!").strip("/"))
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts)), takes


def _is_in(image: str, repository: str) -> bool:
    return image.startswith((f"{repository}:", f"{repository}@"))


def _look_up(account: Account, image: str) -> str:
    """The image with its digest; empty where there is none."""
    name, separator, reference = re.fullmatch(r"([^:@]+)([:@]?)(.*)", image).groups()  # type: ignore[union-attr]
    return _find(account, name, separator, reference)


def _find(account: Account, repository: str, separator: str, reference: str) -> str:
    """The image with its digest; empty where there is none. No reference means `latest`."""
    host, _, name = repository.partition("/")
    wanted = {"imageDigest": reference} if separator == "@" else {"imageTag": reference or "latest"}
    found = account.find(
        "ecr",
        "describe_images",
        region=host.split(".")[3],
        registryId=host.split(".")[0],
        repositoryName=name,
        imageIds=[wanted],
    )
    return f"{repository}@{found['imageDetails'][0]['imageDigest']}" if found and found["imageDetails"] else ""


def _start(account: Account, tag: str, folder: Path, watch: Watch) -> dict[str, Any]:
    uri = Bucket(account).put_bytes(f"image/{tag}.zip", archive(folder))
    watch.log(f"The sources are at {uri}")
    started = account.call(
        "codebuild",
        "start_build",
        projectName=account.settings.stack,
        sourceLocationOverride=uri.removeprefix("s3://"),
        environmentVariablesOverride=[{"name": "TAG", "value": tag, "type": "PLAINTEXT"}],
        idempotencyToken=secrets.token_hex(16),
    )["build"]
    watch.log(f"CodeBuild has the build {started['id']}")
    return started


def _running(account: Account, tag: str) -> dict[str, Any] | None:
    """The build of these sources that is under way."""
    listed = account.find("codebuild", "list_builds_for_project", projectName=account.settings.stack)
    if not listed or not listed["ids"]:
        return None
    for build in account.call("codebuild", "batch_get_builds", ids=listed["ids"][:10])["builds"]:  # newest first
        variables = build.get("environment", {}).get("environmentVariables", [])
        if build["buildStatus"] == "IN_PROGRESS" and any(
            (each["name"], each["value"]) == ("TAG", tag) for each in variables
        ):
            return build
    return None


def _follow(account: Account, id: str, watch: Watch) -> dict[str, Any]:
    log, phase, since = None, "", time.monotonic()
    for wait in waits(5):
        build = account.call("codebuild", "batch_get_builds", ids=[id])["builds"][0]
        if build.get("currentPhase", "") != phase:
            phase, since = build.get("currentPhase", ""), time.monotonic()
        watch.state(JobState(phase, id, _link(account, build)))
        in_phase = time.monotonic() - since
        part = 0.8 * in_phase / (in_phase + BUILD_SECONDS) if phase == "BUILD" else 0.0
        watch.progress(PHASES.get(phase, 0.95) + part, f"CodeBuild: {phase.lower().replace('_', ' ')}")
        place = build.get("logs", {})
        if log is None and place.get("streamName"):
            log = Stream(account, place["groupName"], place["streamName"])
        _tell_lines(log, watch)
        if build["buildStatus"] != "IN_PROGRESS":
            time.sleep(min(wait, 2))  # its last lines may come after its end
            _tell_lines(log, watch)
            return build
        time.sleep(wait)
    raise AssertionError("waits never end")


def _tell_lines(log: Stream | None, watch: Watch) -> None:
    for line in log.news() if log else ():
        watch.log(line)


def _reason(build: dict[str, Any]) -> str:
    if build["buildStatus"] == "STOPPED":
        return "Somebody stopped it."
    for phase in build.get("phases", []):
        if phase.get("phaseStatus", "SUCCEEDED") not in ("SUCCEEDED", "IN_PROGRESS"):
            told = "; ".join(each["message"] for each in phase.get("contexts", []) if each.get("message"))
            status = phase["phaseStatus"].lower().replace("_", " ")
            return f"{phase['phaseType']} {status}: {told or 'no reason is given'}."
    return f"CodeBuild says only “{build['buildStatus']}”."


def _link(account: Account, build: dict[str, Any]) -> str:
    home = f"https://{account.region}.console.aws.amazon.com/codesuite/codebuild"
    project, id = account.settings.stack, build["id"].replace(":", "%3A")
    return f"{home}/{account.identity['Account']}/projects/{project}/build/{id}/log?region={account.region}"
