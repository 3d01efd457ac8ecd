"""Signed addresses, and the check that a request comes from one of the console's own pages.

Every address that the console gives to a browser carries a signature over what it gives access to. The key belongs to
the workspace, so that an open tab keeps working when the console restarts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from app.workspace import workspace_root
from backend.workspace.paths import LOCAL_PLATFORM_FOLDER

KEY_FILE = Path(LOCAL_PLATFORM_FOLDER) / "signing.key"  # below the workspace's root
KEY_BYTES = 32

Purpose = Literal["upload", "file", "component data", "labeling"]


def sign(purpose: Purpose, *values: str) -> str:
    """Return the signature, in hexadecimal, of `values` for one purpose.

    A signature for one purpose is not valid for any other.
    """
    message = json.dumps([purpose, *values]).encode()  # JSON keeps the borders between the values
    return hmac.new(_signing_key(workspace_root()), message, hashlib.sha256).hexdigest()


def is_signed(signature: str, purpose: Purpose, *values: str) -> bool:
    """Return whether `sign` gives this signature for the purpose and the values."""
    return hmac.compare_digest(signature.encode(), sign(purpose, *values).encode())


def is_same_origin(request: Request) -> bool:
    """Return whether the request comes from one of the console's own pages, according to the browser's headers."""
    origin = request.headers.get("origin")
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none") and (
        origin is None or urlsplit(origin).netloc == request.headers.get("host")
    )


@cache
def _signing_key(root: Path) -> bytes:
    """Read the workspace's key; create it, readable only by its owner, if there is none."""
    path = root / KEY_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent) as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
    return path.read_bytes()
