from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from starlette.requests import Request

from app.routes import signing
from app.routes.signing import Purpose, is_same_origin, is_signed, sign

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def request(**headers: str) -> Request:
    names = {name.replace("_", "-"): value for name, value in ({"host": "console:8501"} | headers).items()}
    raw = [(name.encode(), value.encode()) for name, value in names.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def test_a_signature_is_valid_for_its_values() -> None:
    assert is_signed(sign("file", "/a.mp4"), "file", "/a.mp4")
    assert is_signed(sign("labeling", "/job", "3"), "labeling", "/job", "3")


def test_a_changed_signature_is_invalid() -> None:
    signature = sign("file", "/a.mp4")
    changed = ("0" if signature[0] != "0" else "1") + signature[1:]
    for wrong in (changed, signature[:-1], signature.upper(), "", "é"):
        assert not is_signed(wrong, "file", "/a.mp4")


@pytest.mark.parametrize("values", [("/b.mp4",), ("/a.mp4", ""), (), ("/a", ".mp4")])
def test_changed_values_make_a_signature_invalid(values: tuple[str, ...]) -> None:
    assert not is_signed(sign("file", "/a.mp4"), "file", *values)


def test_values_cannot_move_into_each_other() -> None:
    assert len({sign("labeling", *values) for values in (("ab", "c"), ("a", "bc"), ("abc",), ('a", "bc',))}) == 4


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_signature_is_invalid_for_any_other_purpose(purpose: Purpose) -> None:
    assert [other for other in PURPOSES if is_signed(sign(purpose, "x"), other, "x")] == [purpose]


def test_another_workspace_has_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = sign("file", "/a.mp4")
    monkeypatch.setenv("BYTETRACK_WORKSPACE", str(tmp_path / "another"))
    assert not is_signed(signature, "file", "/a.mp4")


def test_signatures_stay_valid_when_the_console_restarts(workspace_root: Path) -> None:
    signature = sign("file", "/a.mp4")
    signing._signing_key.cache_clear()  # as in a new process
    assert is_signed(signature, "file", "/a.mp4")


def test_only_the_owner_can_read_the_key(workspace_root: Path) -> None:
    sign("file", "/a.mp4")
    key = workspace_root / signing.KEY_FILE
    assert key.stat().st_mode & 0o077 == 0 and len(key.read_bytes()) == signing.KEY_BYTES
    assert [path.name for path in key.parent.iterdir()] == [key.name]  # no temporary file is left


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, True),  # not a browser
        ({"sec_fetch_site": "same-origin", "origin": "http://console:8501"}, True),
        ({"sec_fetch_site": "none"}, True),  # typed into the address bar
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://console:9999"}, False),
        ({"origin": "null"}, False),
    ],
)
def test_same_origin(headers: dict[str, str], same: bool) -> None:
    assert is_same_origin(request(**headers)) is same
