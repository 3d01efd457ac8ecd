"""Following a job of SageMaker to its end, whichever kind it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws.account import Account
from backend.platforms.aws.logs import LogFollower
from backend.platforms.base import JobState, Watch

ENDED = ("Completed", "Failed", "Stopped")
STOP_SECONDS = 140  # SageMaker gives a container 120 s, and then uploads

Cost = Callable[[dict[str, Any]], tuple[float, float]]  # billable seconds and US dollars so far, from a description


@dataclass(frozen=True)
class Kind:
    """How SageMaker calls one kind of job in its requests and answers."""

    noun: str  # in the names of boto3's operations, such as "training_job"
    key: str  # of the job's name
    status: str  # the key of its state
    group: str  # of its logs
    page: str  # of AWS's own console


def waits(longest: float = 10.0) -> Iterator[float]:
    """Seconds from one look to the next: short at first, as much ends soon, then seldom."""
    wait = 0.5
    while True:
        yield wait
        wait = min(wait * 1.3, longest)


def create(account: Account, kind: Kind, name: str, **request: Any) -> None:
    """Start a job. Told to stop meanwhile, it stops the job in case that SageMaker has it by now."""
    try:
        account.call("sagemaker", f"create_{kind.noun}", **{kind.key: name}, **request)
    except Stopped:
        with suppress(UserError):
            stop(account, kind, name)
        raise


def follow(account: Account, kind: Kind, name: str, watch: Watch, cost: Cost) -> dict[str, Any]:
    """Wait for the job's end, telling its lines and states; returns its last description.

    Told to stop, it stops the job and waits until SageMaker has.
    """
    logs = LogFollower(account, kind.group, name)
    try:
        return _until_ended(account, kind, name, watch, logs, cost)
    except Stopped:
        stop(account, kind, name)
        watch.log(f"SageMaker was asked to stop {name}")
        deadline = time.monotonic() + STOP_SECONDS
        for wait in waits(3):
            if describe(account, kind, name)[kind.status] in ENDED or time.monotonic() > deadline:
                break
            time.sleep(wait)
        _tell_lines(logs, watch)
        raise


def describe(account: Account, kind: Kind, name: str) -> dict[str, Any]:
    return account.call("sagemaker", f"describe_{kind.noun}", **{kind.key: name})


def stop(account: Account, kind: Kind, name: str) -> None:
    """Ask it to stop; fine if it has ended meanwhile."""
    try:
        account.call("sagemaker", f"stop_{kind.noun}", **{kind.key: name})
    except UserError:
        if describe(account, kind, name)[kind.status] not in (*ENDED, "Stopping"):
            raise


def link(account: Account, kind: Kind, name: str) -> str:
    """The job's page in AWS's own console."""
    return f"https://{account.region}.console.aws.amazon.com/sagemaker/home?region={account.region}#/{kind.page}/{name}"


def _until_ended(
    account: Account, kind: Kind, name: str, watch: Watch, logs: LogFollower, cost: Cost
) -> dict[str, Any]:
    for wait in waits():
        found = describe(account, kind, name)
        seconds, dollars = cost(found)
        status = found.get("SecondaryStatus") or found[kind.status]
        watch.state(JobState(status, name, link(account, kind, name), seconds, dollars))
        _tell_lines(logs, watch)
        if found[kind.status] in ENDED:
            time.sleep(min(wait, 2))  # its last lines may come after its end
            _tell_lines(logs, watch)
            return found
        time.sleep(wait)
    raise AssertionError("waits never end")


def _tell_lines(logs: LogFollower, watch: Watch) -> None:
    for line in logs.lines():
        watch.log(line)
