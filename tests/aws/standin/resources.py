"""Named and tagged resources as SageMaker stores them, listed in pages."""

from __future__ import annotations

import datetime
import threading
from typing import Any

from standin.model import Refused

ACCOUNT = "123456789012"
PAGE = 10  # entries per page by default


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Resources:
    """All resources of one kind, by region and name.

    `kind` is that of ARNs. `missing` and `taken` are what SageMaker says of a name that it does not know, or has
    already: a code and a message, in which `{arn}` and `{name}` are filled in.
    """

    def __init__(self, kind: str, missing: tuple[str, str], name_in_use: tuple[str, str]) -> None:
        self.kind = kind
        self._missing, self._taken = missing, name_in_use
        self._all: dict[str, dict[str, Any]] = {}  # by ARN
        self.tags: dict[str, list[dict[str, str]]] = {}  # by ARN
        self._lock = threading.RLock()

    def arn(self, region: str, name: str) -> str:
        return f"arn:aws:sagemaker:{region}:{ACCOUNT}:{self.kind}/{name}"

    def add(
        self, region: str, name: str, document: dict[str, Any], tags: list[dict[str, str]] | None
    ) -> dict[str, Any]:
        """Store a document and return it with its ARN and times. Raises `Refused` if the name is taken."""
        arn = self.arn(region, name)
        times = {"CreationTime": now(), "LastModifiedTime": now()}
        with self._lock:
            if arn in self._all:
                raise self._refused(self._taken, region, name)
            self._all[arn] = {"Region": region, "Arn": arn, **times, **document}
            self.tags[arn] = list(tags or [])
            return self._all[arn]

    def get(self, name: str, region: str = "") -> dict[str, Any]:
        """Return a resource of a region, or for tests of any. Raises `Refused` if it does not exist."""
        matches = self.find(name, region)
        if matches is None:
            raise self._refused(self._missing, region, name)
        return matches

    def find(self, name: str, region: str = "") -> dict[str, Any] | None:
        for entry in self.values(region):
            if entry["Arn"] == self.arn(entry["Region"], name):
                return entry
        return None

    def remove(self, name: str, region: str) -> None:
        with self._lock:
            arn = self.get(name, region)["Arn"]
            del self._all[arn], self.tags[arn]

    def values(self, region: str = "") -> list[dict[str, Any]]:
        """Return the resources of a region, or for tests of all regions, the oldest first."""
        with self._lock:
            return [entry for entry in self._all.values() if region in ("", entry["Region"])]

    def page(self, request: dict[str, Any], region: str, name_key: str, status_key: str = "") -> dict[str, Any]:
        """Return one page, newest first unless the request says otherwise: `{"entries": [...], "NextToken": …}`."""
        matches = [
            entry
            for entry in self.values(region)
            if request.get("NameContains", "").lower() in entry[name_key].lower()
            and request.get("StatusEquals") in (None, entry.get(status_key))
        ]
        if request.get("SortBy") in ("Name", name_key):
            matches.sort(key=lambda entry: entry[name_key])
        if request.get("SortOrder", "Descending") == "Descending":
            matches.reverse()
        return page(matches, request)

    def _refused(self, error: tuple[str, str], region: str, name: str) -> Refused:
        code, message = error
        return Refused(code, message.format(arn=self.arn(region, name), name=name))


def page(matches: list[Any], request: dict[str, Any]) -> dict[str, Any]:
    start, size = int(request.get("NextToken") or 0), request.get("MaxResults") or PAGE
    more = {"NextToken": str(start + size)} if start + size < len(matches) else {}
    return {"entries": matches[start : start + size], **more}


# Error codes and texts for names that are taken: of jobs, and of an endpoint and its parts.
JOB_TAKEN = (
    "ResourceInUse",
    "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
)


def hosting(kind: str, title: str) -> Resources:
    missing = ("ValidationException", f'Could not find {title} "{{arn}}".')
    return Resources(kind, missing, ("ValidationException", f'Cannot create already existing {title} "{{arn}}".'))
