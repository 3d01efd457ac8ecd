"""What jobs and endpoints print, from CloudWatch Logs: followed from where the last look ended, never read anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from backend.errors import UserError
from backend.platforms.aws.account import Account, is_not_found

TRAINING, PROCESSING, ENDPOINTS = (
    "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/Endpoints/",
)  # fmt: skip
FIRST_HOST = "algo-1"
MOST_STREAMS = 100  # as many as a job can have hosts


class Stream:
    """What one stream holds, read on from where the last look ended."""

    def __init__(self, account: Account, group: str, name: str) -> None:
        self._account, self._group, self._name = account, group, name
        self._token: str | None = None

    def news(self) -> Iterator[str]:
        """The lines since the last call; none where there is no such stream yet."""
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
            at_the_end = answer["nextForwardToken"] == self._token
            self._token = answer["nextForwardToken"]
            for event in answer["events"]:
                yield event["message"].rstrip("\n")
            if at_the_end or not answer["events"]:
                return


class LogFollower:
    """The lines of one job, whose streams (one per host) begin with its name and come into being while it runs."""

    def __init__(self, account: Account, group: str, job: str) -> None:
        self._account, self._group, self._job = account, group, job
        self._found: dict[str, Stream] = {}  # by name

    def lines(self) -> Iterator[str]:
        """What was printed since the last call. Lines begin with their host, but for the first one's: what reads
        figures in them reads those of one host."""
        for name in _streams(self._account, self._group, f"{self._job}/"):
            self._found.setdefault(name, Stream(self._account, self._group, name))
        for name, stream in self._found.items():
            host = name.removeprefix(f"{self._job}/").rpartition("-")[0] or name
            for line in stream.news():
                yield line if host == FIRST_HOST else f"{host}: {line}"


def last_lines(account: Account, group: str, lines: int) -> str:
    """The end of a group's newest streams, oldest line first; empty where nothing was printed."""
    events = [
        (event["timestamp"], event["message"].rstrip("\n"))
        for stream in _streams(account, group)[-5:]
        for event in account.call(
            "logs", "get_log_events", logGroupName=group, logStreamName=stream, limit=min(lines, 10_000)
        )["events"]
    ]
    return "\n".join(message for _, message in sorted(events, key=lambda event: event[0])[-lines:])


def _streams(account: Account, group: str, prefix: str = "") -> list[str]:
    """Names, those written to last at the end; none where the group does not exist, as before a first line."""
    narrowed = {"logStreamNamePrefix": prefix} if prefix else {"orderBy": "LastEventTime", "descending": True}
    pages = account.pages("logs", "describe_log_streams", "logStreams", logGroupName=group, **narrowed)
    try:
        return [each["logStreamName"] for each in islice(pages, MOST_STREAMS)][::-1]
    except UserError as error:
        if is_not_found(error.__cause__):
            return []
        raise
