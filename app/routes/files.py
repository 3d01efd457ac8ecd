"""Route for large files from disk to the browser, in byte ranges: Streamlit would hold each file whole in memory.

The signature of an address covers the file's path: only files that the console linked to can be fetched, wherever they
are (a video that was added by its path stays in place).
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.routes.signing import is_same_origin, is_signed, sign

PATH = "/studio/file"


async def _send_file(request: Request) -> Response:
    """Send the file, or the requested byte ranges; `?download=<name>` makes the browser save it under that name."""
    path = request.query_params.get("path", "")
    if not is_same_origin(request) or not is_signed(request.path_params["signature"], "file", path):
        return PlainTextResponse("This link is no longer valid. Reload the page. Reload the page.", 403)
    if not Path(path).is_file():
        return PlainTextResponse("The file was removed.", 404)
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, filename=request.query_params.get("download"), headers=headers)


route = Route(f"{PATH}/{{signature}}/{{name}}", _send_file, methods=["GET", "HEAD"])


def address_of(path: Path | str, download: str | None = None) -> str:
    """Return the address at which this browser gets a file. It changes when the file changes.

    Args:
        path: Path of the file.
        download: Name under which the browser saves the file; without one, the browser shows it.
    """
    path = Path(path).resolve()
    query = {"path": str(path), "v": str(path.stat().st_mtime_ns)}
    if download:
        query["download"] = download
    page = urlsplit(st.context.url or "http://localhost")
    location = f"{PATH}/{sign('file', str(path))}/{quote(path.name)}"
    return f"{page.scheme}://{page.netloc}{location}?{urlencode(query)}"
