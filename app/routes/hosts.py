"""Check of the host names under which browsers reach the console.

A web page can point its own host name at this machine (DNS rebinding) and is then same-origin with the console. Such
requests can be told from others only by their `Host` header, so every HTTP request and WebSocket must name a host in
`server.allowedHosts`.
"""

from __future__ import annotations

import ipaddress
import socket

import psutil
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def allowed_hosts(address: str, more: list[str] | None = None) -> list[str]:
    """Return the names for `server.allowedHosts`.

    Args:
        address: IP address or host name to listen on. A wildcard such as 0.0.0.0 stands for the host name and all
            addresses of this machine.
        more: Additional names, such as that of a reverse proxy. `*.example.com` includes its subdomains.
    """
    own = _names_of_this_machine() if _is_wildcard(address) else [address]
    return list(dict.fromkeys([*LOOPBACK, *own, *(more or [])]))


class HostCheck:
    """ASGI middleware that rejects requests for other hosts on all routes, and framing by pages of other sites.

    Streamlit itself checks `server.allowedHosts` only on its WebSocket.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject the request, or pass it on to the application."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        host = Headers(scope=scope).get("host")
        if not _is_allowed(host):
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1008})  # the server answers with 403
            sentence = (
                f"The console does not answer to the host name {(host or '')[:100]!r}. If browsers should reach it "
                "under this name, start it with --allow-host and the name."
            )
            return await PlainTextResponse(sentence, 403)(scope, receive, send)

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Content-Security-Policy", "frame-ancestors 'self'")
            await send(message)

        await self.app(scope, receive, send_with_policy)


def _is_allowed(host: str | None) -> bool:
    # Imported here, because it imports the whole server. With an empty list, Streamlit would accept any host.
    from streamlit import config
    from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

    return bool(config.get_option("server.allowedHosts")) and is_host_allowed(host)


def _is_wildcard(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_unspecified
    except ValueError:  # It is a host name.
        return False


def _names_of_this_machine() -> list[str]:
    addresses = [
        address.address.partition("%")[0]  # without the zone of a link-local IPv6 address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6)
    ]
    return list(dict.fromkeys([socket.gethostname(), socket.getfqdn(), *addresses]))
