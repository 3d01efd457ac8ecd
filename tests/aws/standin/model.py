"""Validation of requests and answers against botocore's description of a service."""

from __future__ import annotations

import datetime
import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.validate import ParamValidator

SESSION = botocore.session.get_session()
SERVICES = {name: SESSION.get_service_model(name) for name in ("sagemaker", "sagemaker-runtime")}
# Character classes of Java's patterns that Python's lack, limited to the languages of the tests.
CLASSES = {
    "L": "A-Za-zÀ-ÖØ-öø-ÿ",
    "M": "\u0300-\u036f",
    "N": "0-9",
    "Z": " \u00a0",
    "Alnum": "A-Za-z0-9",
    "P": r"!-#%-*,-/:;?@\[-\]_{}¡§«»¿‐-‧",
    "S": "$+<->^`|~¢-©¬®-±´×÷€™",
    "ASCII": r"\x00-\x7f",
    "Print": r"\x20-\x7e",
}


class Refused(Exception):
    """An error that AWS returns."""

    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.more = code, message, status, more


def invalid(message: str, code: str = "ValidationException") -> Refused:
    return Refused(code, message)


def operation(service: str, name: str) -> OperationModel:
    return SERVICES[service].operation_model(name)


def check_request(service: str, name: str, document: dict[str, Any]) -> None:
    """Raise `Refused` as AWS does for a field that is missing, of the wrong type, too long, or violates its pattern."""
    shape = operation(service, name).input_shape
    if shape and (problems := _problems(document, shape)):
        message = f"{len(problems)} validation error{'s' * (len(problems) > 1)} detected: {'; '.join(problems)}"
        raise invalid(message, "ValidationException" if service == "sagemaker" else "ValidationError")


def answer(service: str, name: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a document that belongs to the operation's answer, ready for JSON.

    Raises AssertionError if AWS could not give that answer, because the stand-in is wrong then.
    """
    shape = operation(service, name).output_shape
    if shape is None:
        return {}
    chosen = _known(document, shape)
    problems = _problems(chosen, shape)
    assert not problems, f"{name}: {problems}"
    return _plain(chosen)


def _problems(document: Any, shape: Shape) -> list[str]:
    report = ParamValidator().validate(document, shape)
    return [report.generate_report()] if report.has_errors() else _limits(document, shape, "")


def _limits(value: Any, shape: Shape, where: str) -> list[str]:
    """Check what botocore's validator leaves to the service: patterns, enumerations, and maximum lengths and values."""
    violations: list[str] = []
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if isinstance(value, dict) and value.get(name) is not None:
                violations += _limits(value[name], member, f"{where}.{name}" if where else name)
    elif isinstance(shape, ListShape):
        for number, entry in enumerate(value):
            violations += _limits(entry, shape.member, f"{where}.{number + 1}.member")
    elif isinstance(shape, MapShape):
        for key, entry in value.items():
            violations += _limits(key, shape.key, f"{where}.key") + _limits(entry, shape.value, f"{where}.{key}.member")
    about = shape.metadata
    refused = f"Value '{value}' at '{where}' failed to satisfy constraint: Member must"
    if isinstance(value, str):
        if "enum" in about and value not in about["enum"]:
            violations.append(f"{refused} satisfy enum value set: [{', '.join(about['enum'])}]")
        if "pattern" in about and not _pattern(about["pattern"]).fullmatch(value):
            violations.append(f"{refused} satisfy regular expression pattern: {about['pattern']}")
    if "max" in about and shape.type_name != "blob":  # the size of a body is limited by the service's quotas
        if isinstance(value, (str, list, dict)) and len(value) > int(about["max"]):
            violations.append(f"{refused} have length less than or equal to {about['max']}")
        elif isinstance(value, (int, float)) and value > float(about["max"]):
            violations.append(f"{refused} have value less than or equal to {about['max']}")
    return violations


@cache
def _pattern(java: str) -> re.Pattern[str]:
    """Translate a Java pattern to Python."""
    python, inside = "", False
    for token in re.findall(r"\\p\{\w+\}|\\.|.", java, re.DOTALL):
        if token.startswith(r"\p{"):
            characters = CLASSES[token[3:-1]]
            token = characters if inside else f"[{characters}]"
        elif token in "[]":
            inside = token == "["
        python += {r"\z": r"\Z"}.get(token, token)
    python = re.sub(r"\$\{\d+,\d+\}$", "", python)  # Python does not allow a repeated end anchor
    return re.compile(python, re.DOTALL)


def _known(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            name: _known(value[name], member) for name, member in shape.members.items() if value.get(name) is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_known(entry, shape.member) for entry in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return value
