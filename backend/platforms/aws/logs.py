"""The output of jobs and endpoints in CloudWatch Logs, read incrementally."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from backend.errors import UserError
from backend.platforms.aws.account import Account
from backend.platforms.aws.messages import says_not_found

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"
PROCESSING_GROUP = "/aws/sagemaker/ProcessingJobs"
ENDPOINTS_PREFIX = "/aws/sagemaker/Endpoints/"
FIRST_HOST = "algo-1"
MAX_STREAMS = 100  # the largest number of hosts of a job
MAX_EVENTS = 10_000  # CloudWatch's limit for one request


class LogStream:
    """One log stream, read from where the previous call ended."""

    def __init__(self, account: Account, group: str, name: str) -> None:
        self._account, self._group, self._name = account, group, name
        self._token: str | None = None

    def new_lines(self) -> Iterator[str]:
        """Yield the lines since the previous call; none if the stream does not exist yet."""
        while True:
            answer = self._account.find(
                "logs",
                "get_log_events",
                logGroupName=self._group,
                logStreamName=self._name,
                startFromHead=True,
                **({"nextToken": self._token} if self._token else {}),
            )
            if answer is None:
                return
            is_at_end = answer["nextForwardToken"] == self._token
            self._token = answer["nextForwardToken"]
            for event in answer["events"]:
                yield event["message"].rstrip("\n")
            if is_at_end or not answer["events"]:
                return


class JobLogs:
    """The log streams of one job: one per host, named `<job>/<host>-…`, created while the job runs."""

    def __init__(self, account: Account, group: str, job: str) -> None:
        self._account, self._group, self._job = account, group, job
        self._streams: dict[str, LogStream] = {}  # by name

    def new_lines(self) -> Iterator[str]:
        """Yield the lines since the previous call.

        Lines of all hosts but the first begin with the host's name, so that metrics are read from one host only.
        """
        for name in _stream_names(self._account, self._group, f"{self._job}/"):
            self._streams.setdefault(name, LogStream(self._account, self._group, name))
        for name, stream in self._streams.items():
            host = name.removeprefix(f"{self._job}/").rpartition("-")[0] or name
            for line in stream.new_lines():
                yield line if host == FIRST_HOST else f"{host}: {line}"


def last_lines(account: Account, group: str, lines: int) -> str:
    """Return the end of a group's newest streams, oldest line first; empty if nothing was printed."""
    events = [
        (event["timestamp"], event["message"].rstrip("\n"))
        for stream in _stream_names(account, group)[-5:]
        for event in account.call(
            "logs", "get_log_events", logGroupName=group, logStreamName=stream, limit=min(lines, MAX_EVENTS)
        )["events"]
    ]
    return "\n".join(message for _, message in sorted(events, key=lambda event: event[0])[-lines:])


def _stream_names(account: Account, group: str, prefix: str = "") -> list[str]:
    """Return the names of streams, the most recently written last; none if the group does not exist yet."""
    query = {"logStreamNamePrefix": prefix} if prefix else {"orderBy": "LastEventTime", "descending": True}
    streams = account.pages("logs", "describe_log_streams", "logStreams", logGroupName=group, **query)
    try:
        return [stream["logStreamName"] for stream in islice(streams, MAX_STREAMS)][::-1]
    except UserError as error:
        if says_not_found(error.__cause__):
            return []
        raise
