"""Starting a SageMaker job of any kind and following it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from backend.errors import UserError
from backend.jobs.processes import Stopped
from backend.platforms.aws import prices
from backend.platforms.aws.account import Account
from backend.platforms.aws.logs import JobLogs
from backend.platforms.aws.prices import Usage
from backend.platforms.base import JobState, Watch

ENDED = ("Completed", "Failed", "Stopped")
STOP_TIMEOUT_SECONDS = 140  # SageMaker gives a container 120 s, and then uploads

Description = dict[str, Any]
"""SageMaker's answer to a `describe_…` request."""
Cost = Callable[[Description], tuple[float, float]]
"""Returns the billable seconds and the US dollars so far from a job's description."""


@dataclass(frozen=True)
class JobKind:
    """SageMaker's names for one kind of job in requests, answers and pages."""

    noun: str  # in the names of boto3's operations, such as "training_job"
    name_key: str  # key of the job's name
    status_key: str  # key of the job's status
    log_group: str
    page: str  # path on AWS's own console


def wait_intervals(longest: float = 10.0) -> Iterator[float]:
    """Yield the seconds to wait between polls: short at first, because much ends soon, growing to `longest`."""
    interval = 0.5
    while True:
        yield interval
        interval = min(interval * 1.3, longest)


def create(account: Account, kind: JobKind, name: str, **request: Any) -> None:
    """Start a job. If this process is asked to stop meanwhile, it stops the job, which SageMaker may have by then."""
    try:
        account.call("sagemaker", f"create_{kind.noun}", **{kind.name_key: name}, **request)
    except Stopped:
        with suppress(UserError):
            stop(account, kind, name)
        raise


def follow(account: Account, kind: JobKind, name: str, watch: Watch, cost: Cost) -> Description:
    """Wait until a job ends, reporting its lines and states, and return its last description.

    If this process is asked to stop, it stops the job and waits until SageMaker has stopped it.
    """
    job_logs = JobLogs(account, kind.log_group, name)
    try:
        return _wait_until_ended(account, kind, name, watch, job_logs, cost)
    except Stopped:
        stop(account, kind, name)
        watch.log(f"asked SageMaker to stop {name}")
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        for interval in wait_intervals(3):
            if describe(account, kind, name)[kind.status_key] in ENDED or time.monotonic() > deadline:
                break
            time.sleep(interval)
        _report_lines(job_logs, watch)
        raise


def describe(account: Account, kind: JobKind, name: str) -> Description:
    """Return SageMaker's description of a job."""
    description: Description = account.call("sagemaker", f"describe_{kind.noun}", **{kind.name_key: name})
    return description


def stop(account: Account, kind: JobKind, name: str) -> None:
    """Ask SageMaker to stop a job. No-op if it has ended."""
    try:
        account.call("sagemaker", f"stop_{kind.noun}", **{kind.name_key: name})
    except UserError:
        if describe(account, kind, name)[kind.status_key] not in (*ENDED, "Stopping"):
            raise


def link(account: Account, kind: JobKind, name: str) -> str:
    """Return the URL of the job's page on AWS's own console."""
    return f"https://{account.region}.console.aws.amazon.com/sagemaker/home?region={account.region}#/{kind.page}/{name}"


def instances_cost(account: Account, resources: dict[str, Any], usage: Usage, seconds: float) -> float:
    """Return the cost in US dollars of a job's instances (`InstanceType`, `InstanceCount`) over some time."""
    instance_type, count = resources["InstanceType"], resources["InstanceCount"]
    return seconds / 3600 * prices.cost_per_hour(account, instance_type, usage, count)


def failure_reason(description: Description, status_key: str) -> str:
    """Return why a job did not complete, in the container's own words if it left some."""
    reason: str = description.get("ExitMessage") or description.get("FailureReason") or ""
    reason = reason.removeprefix("AlgorithmError: ").partition(", exit code:")[0].strip()
    if not reason and description.get("SecondaryStatus") == "MaxRuntimeExceeded":
        reason = "It reached its time limit. Start it again with a longer one; a training resumes from its checkpoint."
    if not reason and description[status_key] == "Stopped":
        reason = "It was stopped on AWS. It can be resumed."
    return reason or f"SageMaker reports “{description[status_key]}” without a reason. See the job's log."


def _wait_until_ended(
    account: Account, kind: JobKind, name: str, watch: Watch, job_logs: JobLogs, cost: Cost
) -> Description:
    for interval in wait_intervals():
        description = describe(account, kind, name)
        seconds, dollars = cost(description)
        status = description.get("SecondaryStatus") or description[kind.status_key]
        watch.state(JobState(status, name, link(account, kind, name), seconds, dollars))
        _report_lines(job_logs, watch)
        if description[kind.status_key] in ENDED:
            time.sleep(min(interval, 2))  # the last lines may arrive after the job's end
            _report_lines(job_logs, watch)
            return description
        time.sleep(interval)
    raise AssertionError("wait_intervals never ends")


def _report_lines(job_logs: JobLogs, watch: Watch) -> None:
    for line in job_logs.new_lines():
        watch.log(line)
