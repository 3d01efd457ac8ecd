"""Route for the labeling editor: it loads frames and boxes, saves boxes, and has boxes followed through the frames.

The signature of an address covers the job's folder and the clip: only jobs that this console opened can be reached.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import numpy as np
from anyio import to_thread
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from app.routes.signing import is_same_origin, is_signed, sign
from backend.errors import UserError
from backend.labels.labeling_folder import EditConflict, LabelingFolder

PATH = "/studio/labeling"
MAX_BODY_BYTES = 64 << 20
MAX_FOLLOWED_FRAMES = 500

CONFLICT = (
    "This clip was changed in another tab or by another user. Load their version and continue from there. Your own "
    "changes are in Undo."
)


class _FollowRequest(BaseModel):
    """A box to follow from a frame on, through at most `most` frames."""

    frame: int = Field(ge=0)
    xyxy: tuple[float, float, float, float]
    most: Annotated[int, Field(ge=1, le=MAX_FOLLOWED_FRAMES)] = 50


def address_of(folder: LabelingFolder, clip: int) -> str:
    """Return the address of a clip's data, in which the editor replaces `PART`.

    The parts are `drawn` (GET, PUT), `frame` (GET, with the query `&n=<frame number>`) and `follow` (POST).
    """
    query = urlencode({"folder": str(folder.path), "clip": clip})
    return f"{PATH}/{sign('labeling', str(folder.path), str(clip))}/PART?{query}"


async def _respond(request: Request) -> Response:
    path, clip = request.query_params.get("folder", ""), request.query_params.get("clip", "")
    signed = clip.isdecimal() and is_signed(request.path_params["signature"], "labeling", path, clip)
    if not signed or not is_same_origin(request):
        return _error("This link is no longer valid. Reload the page. Reload the page.", 403)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return _error("The clip has too many boxes to save. Label a shorter clip.", 413)
    try:
        response = await _respond_for_clip(request, LabelingFolder(Path(path)), int(clip), bytes(body))
    except EditConflict:
        return _error(CONFLICT, 409)
    except (UserError, ValidationError) as error:
        return _error(str(error), 400)
    except (LookupError, ValueError, FileNotFoundError):
        response = None
    return response or _error("Not found.", 404)


async def _respond_for_clip(request: Request, folder: LabelingFolder, clip: int, body: bytes) -> Response | None:
    """Respond to a request with a valid signature; None if there is no such part or method."""
    match request.method, request.path_params["part"]:
        case "GET", "drawn":
            annotations = await to_thread.run_sync(folder.annotations, clip)
            headers = {"Cache-Control": "no-store"}
            return Response(annotations.model_dump_json(), media_type="application/json", headers=headers)
        case "PUT", "drawn":
            saved = await to_thread.run_sync(folder.save, clip, body)
            return JSONResponse({"version": saved.version})
        case "GET", "frame":
            path = folder.frame_path(clip, int(request.query_params["n"]))
            return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})
        case "POST", "follow":
            follow_request = _FollowRequest.model_validate_json(body)
            return JSONResponse(await to_thread.run_sync(_follow, folder, clip, follow_request))
    return None


route = Route(f"{PATH}/{{signature}}/{{part}}", _respond, methods=["GET", "PUT", "POST"])


def _follow(folder: LabelingFolder, clip: int, request: _FollowRequest) -> list[list[float]]:
    """Return the box in each frame after the requested one, until it is lost."""
    import cv2

    from backend.labels.median_flow import follow_box

    end = min(request.frame + request.most + 1, len(folder.job.clips[clip].frames))
    paths = (folder.frame_path(clip, frame) for frame in range(request.frame, end))
    images = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths)
    boxes = follow_box((np.asarray(image, np.uint8) for image in images if image is not None), np.array(request.xyxy))
    return [[round(value, 2) for value in box.tolist()] for box in islice(boxes, request.most)]


def _error(text: str, status: int) -> JSONResponse:
    return JSONResponse({"error": text}, status)
