"""Keep web pages away from a server on loopback.

Any page that the user opens can send requests to this machine, and one whose host name resolves to 127.0.0.1 (DNS
rebinding) can also read the answers. Browsers name the page in `Origin` and the server in `Host`; other clients send no
`Origin`. Opening the server's own page by a link is allowed: the page that has the link cannot read it.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PAGE_PATH = "/"


class RefuseOtherSites:
    """ASGI middleware that answers requests under a loopback host name only, and no requests from other web pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or pass the request on."""
        if scope["type"] == "http" and not _is_allowed(Headers(scope=scope), opens_page=_opens_page(scope)):
            message = "This endpoint serves this machine only, and accepts no requests from web pages."
            await JSONResponse({"error": message}, 403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is that of this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _opens_page(scope: Scope) -> bool:
    """Return whether a browser opens the server's own page in a tab, as for a click on a link."""
    headers = Headers(scope=scope)
    is_navigation = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return scope["path"] == PAGE_PATH and scope["method"] == "GET" and is_navigation


def _is_allowed(headers: Headers, *, opens_page: bool) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    try:
        hostname = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # as for "[::1", without the closing bracket
        return False
    return (
        is_loopback(hostname)
        and (origin is None or urlsplit(origin).netloc == host)
        and (opens_page or headers.get("sec-fetch-site", "none") in ("same-origin", "none"))
    )
