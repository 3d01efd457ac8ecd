"""Large files from disk to the browser, in the pieces it asks for: Streamlit would hold each whole in memory.

A file's address carries its path and a signature: only what this server itself linked to can be fetched, wherever it
lies (a video added by its path stays where it was).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.routes.uploads import same_origin

PATH = "/studio/media"
KEY = secrets.token_bytes(32)  # new with every server


async def _send(request: Request) -> Response:
    """The file, with byte ranges; `?download=<name>` to save it under that name."""
    path = request.query_params.get("path", "")
    if not same_origin(request) or not hmac.compare_digest(request.path_params["signature"].encode(), _sign(path)):
        return PlainTextResponse("The console was restarted meanwhile. Reload the page.", 403)
    if not Path(path).is_file():
        return PlainTextResponse("The file is gone.", 404)
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, filename=request.query_params.get("download"), headers=headers)


route = Route(f"{PATH}/{{signature}}/{{name}}", _send, methods=["GET", "HEAD"])


def url(path: Path | str, download: str | None = None) -> str:
    """The address at which this browser gets a file; changes when the file does."""
    path = Path(path).resolve()
    query = {"path": str(path), "v": path.stat().st_mtime_ns}
    if download:
        query["download"] = download
    page = urlsplit(st.context.url or "http://localhost")
    return f"{page.scheme}://{page.netloc}{PATH}/{_sign(str(path)).decode()}/{quote(path.name)}?{urlencode(query)}"


def _sign(path: str) -> bytes:
    return hmac.new(KEY, path.encode(), hashlib.sha256).hexdigest().encode()
