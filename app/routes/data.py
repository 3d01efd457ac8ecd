"""Data that a component in the browser fetches by itself, a part at a time, instead of getting all of it with the page.

A page offers it under a key that says what it is; its address cannot be guessed and is the same whenever the same is
offered again, so that the browser keeps what it has. The server remembers only those that were offered or used of late.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.routes.uploads import same_origin

PATH = "/studio/data"
KEY = secrets.token_bytes(32)  # new with every server
MOST = 32  # offers that are remembered: more than the pages of a few people show at once

T = TypeVar("T")
Answer = Callable[[str], tuple[bytes, str]]  # the name of a part → its bytes and media type; LookupError without such

_offers: OrderedDict[str, Answer] = OrderedDict()
_lock = threading.Lock()


def offer(key: str, answer: Answer) -> str:
    """The address below which `answer` gives the parts of what `key` names. It is called in threads of the server.

    Offered again, the first answer goes on giving them: it may have read what it needs.
    """
    token = hmac.new(KEY, key.encode(), hashlib.sha256).hexdigest()
    with _lock:
        _offers.setdefault(token, answer)
        _offers.move_to_end(token)
        while len(_offers) > MOST:
            _offers.popitem(last=False)
    return f"{PATH}/{token}"


def once(make: Callable[[], T]) -> Callable[[], T]:
    """`make`, called when its result is first asked for, and only then."""
    lock = threading.Lock()
    made: list[T] = []

    def get() -> T:
        with lock:
            if not made:
                made.append(make())
        return made[0]

    return get


async def _send(request: Request) -> Response:
    token = request.path_params["token"]
    with _lock:
        answer = _offers.get(token)
        if answer:
            _offers.move_to_end(token)  # what is in use stays
    if answer is None or not same_origin(request):
        return PlainTextResponse("The console was restarted, or this lay open for long. Reload the page.", 404)
    try:
        content, media_type = await to_thread.run_sync(answer, request.path_params["part"])
    except LookupError:
        return PlainTextResponse("There is no such part.", 404)
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


route = Route(f"{PATH}/{{token}}/{{part}}", _send, methods=["GET"])
