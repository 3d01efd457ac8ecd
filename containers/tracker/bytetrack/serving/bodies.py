"""The bodies of requests: received as files, recognized by their type, and decoded within limits."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import cv2
import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from bytetrack.arrays import ImageArray

MAX_IMAGE_BYTES = 25 * 1024**2  # the limit of SageMaker's real-time endpoints
MAX_IMAGE_PIXELS = 25 * 1000**2  # decoded, they take 75 MB, however small the file is
MAX_SETTINGS_BYTES = 64 * 1024
IMAGE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
# Content types that do not say what the body is. The last one is curl's default.
UNSPECIFIC_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded")


class BodyKind(StrEnum):
    """What a request body contains."""

    IMAGE = "image"
    VIDEO = "video"
    SETTINGS = "settings"
    EMPTY = "empty"


@asynccontextmanager
async def receive_body(request: Request, max_bytes: int) -> AsyncIterator[Path]:
    """Receive the body into a temporary file, so that it is never in memory as a whole.

    Raises:
        HTTPException: If the body is larger than `max_bytes`, the connection breaks or the disk is full.
    """
    size = 0
    with tempfile.TemporaryDirectory(prefix="bytetrack-") as folder, (Path(folder) / "body").open("wb") as file:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size <= max_bytes:
                    await run_in_threadpool(file.write, chunk)
                elif size > 2 * max_bytes:
                    # Most clients read the answer only after sending their whole body, so a body that is a little too
                    # large is read to its end.
                    break
        except ClientDisconnect:
            raise HTTPException(400, "The connection broke before the body was complete.") from None
        except OSError as error:
            raise HTTPException(507, f"The body cannot be stored here: {error.strerror}.") from error
        if size > max_bytes:
            raise HTTPException(
                413, f"The body is larger than the {max_bytes:,} bytes that this endpoint accepts: send it in pieces."
            )
        file.close()
        yield Path(file.name)


def body_kind(request: Request, body: Path) -> BodyKind:
    """Tell what the body is by its declared content type, or by its first bytes if that is not specific.

    Raises:
        HTTPException: If the endpoint does not accept the content type.
    """
    if body.stat().st_size == 0:
        return BodyKind.EMPTY
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in UNSPECIFIC_TYPES:
        with body.open("rb") as file:
            return BodyKind.IMAGE if file.read(8).startswith(IMAGE_SIGNATURES) else BodyKind.VIDEO
    if content_type in ("image/jpeg", "image/png"):
        return BodyKind.IMAGE
    if content_type.startswith("video/"):
        return BodyKind.VIDEO
    if content_type == "application/json":
        return BodyKind.SETTINGS
    raise HTTPException(
        415, f"This endpoint accepts image/jpeg, image/png, video/mp4 and application/json, but not {content_type!r}."
    )


def read_settings(body: Path) -> dict[str, Any]:
    """Read a JSON object of settings.

    Raises:
        ValueError: If the body is something else, or too large.
    """
    if body.stat().st_size > MAX_SETTINGS_BYTES:
        raise ValueError(f"The settings have more than {MAX_SETTINGS_BYTES // 1024} kB; expected a few numbers.")
    try:
        settings = json.loads(body.read_bytes())
    except ValueError as error:
        raise ValueError(f"The settings are not JSON: {error}.") from error
    if not isinstance(settings, dict):
        raise ValueError('The settings must be a JSON object such as {"frame_rate": 7}.')
    return settings


def parse_attributes(header: str) -> dict[str, str]:
    """Parse settings in the form `frame_rate=7;track_thresh=0.6`.

    Raises:
        ValueError: If a part has no value.
    """
    settings = {}
    for part in filter(None, map(str.strip, header.split(";"))):
        name, separator, value = part.partition("=")
        if not separator:
            raise ValueError(f"CustomAttributes must have the form name=value;name=value, but {part!r} has no value.")
        settings[name.strip()] = value.strip()
    return settings


def parse_classes(value: Any) -> list[str]:
    """Parse the setting `classes`: a list of names, or the text `person,traffic%20light`.

    In a text, names are separated by commas and may be percent-encoded, as headers cannot hold every character.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(value, str):
        return [unquote(name).strip() for name in value.split(",") if name.strip()]
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return value
    raise ValueError('classes must be a list of class names such as ["person", "car"].')


def decode_image(body: Path) -> ImageArray:
    """Decode a JPEG or PNG file to a `(H, W, 3)` uint8 BGR image.

    Raises:
        HTTPException: If the file is too large.
        ValueError: If the body is not a JPEG or PNG, is damaged, or has too many pixels.
    """
    if body.stat().st_size > MAX_IMAGE_BYTES:
        raise HTTPException(413, f"The image is larger than the {MAX_IMAGE_BYTES:,} bytes that are accepted.")
    try:
        with Image.open(body, formats=("JPEG", "PNG")) as header:  # reads the size without decoding the pixels
            width, height = header.size
        if width * height > MAX_IMAGE_PIXELS:
            raise ValueError(
                f"The image has {width} x {height} pixels, but at most {MAX_IMAGE_PIXELS // 1000**2} megapixels are "
                "accepted. Scale it down and send it again."
            )
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("The body is not an image that can be read: send a whole JPEG or PNG.") from None
    image = cv2.imdecode(np.fromfile(body, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("The image is damaged: its data ends too early or cannot be decoded.")
    return np.asarray(image, np.uint8)
