"""What the labeling editor in the browser asks for: frames, what was drawn so far, and to save what is drawn now.

An address carries the job's folder and a signature: only jobs that a server of this workspace opened can be reached.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated
from urllib.parse import urlencode

import numpy as np
from anyio import to_thread
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from app.routes.uploads import same_origin
from app.workspace import workspace_root
from backend.errors import UserError
from backend.labels.labeling_folder import EditConflict, LabelingFolder
from backend.workspace.paths import LOCAL_PLATFORM_FOLDER

PATH = "/studio/labeling"
LARGEST = 64 << 20  # bytes of what is saved at once
MOST_FOLLOWED = 500  # frames

ELSEWHERE = (
    "This clip was changed in another tab or by somebody else. Load what they drew and go on from there; what you drew "
    "since is in Undo."
)


class _Wish(BaseModel):
    """A box to be followed from a frame on, for at most `most` frames."""

    frame: int = Field(ge=0)
    xyxy: tuple[float, float, float, float]
    most: Annotated[int, Field(ge=1, le=MOST_FOLLOWED)] = 50


def address(folder: LabelingFolder, clip: int) -> str:
    """Below it are `drawn` (GET, PUT), `frame?n=` (GET) and `follow` (POST); `?` and a query end it."""
    query = urlencode({"folder": str(folder.path), "clip": clip})
    return f"{PATH}/{_sign(str(folder.path), clip)}/PART?{query}"


async def _answer(request: Request) -> Response:
    path, clip = request.query_params.get("folder", ""), request.query_params.get("clip", "")
    known = clip.isdecimal() and hmac.compare_digest(
        request.path_params["signature"].encode(), _sign(path, int(clip)).encode()
    )
    if not known or not same_origin(request):
        return _sentence("This address is not one that the console made. Reload the page.", 403)
    folder, part, method = LabelingFolder(Path(path)), request.path_params["part"], request.method
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            return _sentence("That is too much to save at once. Label a shorter clip.", 413)
    try:
        if (method, part) == ("GET", "drawn"):
            drawn = await to_thread.run_sync(folder.annotations, int(clip))
            return Response(
                drawn.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"}
            )
        if (method, part) == ("PUT", "drawn"):
            saved = await to_thread.run_sync(folder.save, int(clip), bytes(body))
            return JSONResponse({"version": saved.version})
        if (method, part) == ("GET", "frame"):
            picture = folder.frame_path(int(clip), int(request.query_params["n"]))
            return FileResponse(picture, headers={"Cache-Control": "private, max-age=3600"})
        if (method, part) == ("POST", "follow"):
            wish = _Wish.model_validate_json(bytes(body))
            return JSONResponse(await to_thread.run_sync(_follow, folder, int(clip), wish))
    except EditConflict:
        return _sentence(ELSEWHERE, 409)
    except (UserError, ValidationError) as error:
        return _sentence(str(error), 400)
    except (LookupError, ValueError, FileNotFoundError):
        pass
    return _sentence("There is no such thing.", 404)


route = Route(f"{PATH}/{{signature}}/{{part}}", _answer, methods=["GET", "PUT", "POST"])


def _follow(folder: LabelingFolder, clip: int, wish: _Wish) -> list[list[float]]:
    """The box in each frame after the wish's, for as long as it can be followed."""
    import cv2

    from backend.labels.median_flow import follow_box

    last = min(wish.frame + wish.most + 1, len(folder.job.clips[clip].frames))
    paths = (folder.frame_path(clip, frame) for frame in range(wish.frame, last))
    pictures = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths)
    found = follow_box((picture for picture in pictures if picture is not None), np.array(wish.xyxy))
    return [[round(value, 2) for value in box.tolist()] for box in islice(found, wish.most)]


def _sentence(text: str, status: int) -> JSONResponse:
    return JSONResponse({"error": text}, status)


@cache
def _key() -> bytes:
    """The workspace's own, so that a tab that was open when the console was restarted goes on saving."""
    path = workspace_root() / LOCAL_PLATFORM_FOLDER / "desk.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent) as file:  # which nobody else may read
        file.write(secrets.token_bytes(32))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
    return path.read_bytes()


def _sign(folder: str, clip: int) -> str:
    return hmac.new(_key(), f"{clip} {folder}".encode(), hashlib.sha256).hexdigest()
