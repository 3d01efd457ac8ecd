"""Route for data that a component fetches in parts, when it needs them, instead of receiving all of it with the page.

A page offers data under a key that identifies it. The same key always gives the same address, so that the browser's
cache works. The server keeps only the offers that were made or used last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.routes.signing import is_same_origin, sign

PATH = "/studio/data"
MAX_OFFERS = 32  # more than the pages of a few users show at the same time

T = TypeVar("T")
ReadPart = Callable[[str], tuple[bytes, str]]  # name of a part → its bytes and media type; LookupError if unknown

_offers: OrderedDict[str, ReadPart] = OrderedDict()  # by signature, the one used last at the end
_lock = threading.Lock()


def offer(key: str, read_part: ReadPart) -> str:
    """Make data available to the browser and return the address below which its parts are.

    If the key was offered before, the earlier `read_part` stays in use, since it may have cached what it read.

    Args:
        key: Identifies the data: other data needs another key.
        read_part: Called in threads of the server with the name of a part.
    """
    signature = sign("component data", key)
    with _lock:
        _offers.setdefault(signature, read_part)
        _offers.move_to_end(signature)
        while len(_offers) > MAX_OFFERS:
            _offers.popitem(last=False)
    return f"{PATH}/{signature}"


def computed_once(compute: Callable[[], T]) -> Callable[[], T]:
    """Return a thread-safe function that calls `compute` the first time it is called, and then reuses the result."""
    lock = threading.Lock()
    results: list[T] = []

    def get() -> T:
        with lock:
            if not results:
                results.append(compute())
        return results[0]

    return get


async def _send_part(request: Request) -> Response:
    signature = request.path_params["signature"]
    with _lock:
        read_part = _offers.get(signature)
        if read_part:
            _offers.move_to_end(signature)
    if read_part is None or not is_same_origin(request):
        return PlainTextResponse("The console was restarted, or the page was open for a long time. Reload it.", 404)
    try:
        content, media_type = await to_thread.run_sync(read_part, request.path_params["part"])
    except LookupError:
        return PlainTextResponse("Part not found.", 404)
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


route = Route(f"{PATH}/{{signature}}/{{part}}", _send_part, methods=["GET"])
