"""Examples of requests to an endpoint, which send files of the workspace and therefore run as they are."""

from __future__ import annotations

from pathlib import Path

from backend.errors import UserError
from backend.platforms.base import Example, SampleFiles
from backend.platforms.registry import platform_of
from backend.workspace import Workspace
from backend.workspace.records import Endpoint, Video
from bytetrack.files import write_atomically

IMAGE, PIECE = "example frame.jpg", "example piece.mp4"  # in the endpoint's folder
PIECE_FRAMES = 12


def examples(workspace: Workspace, endpoint: Endpoint) -> list[Example]:
    """Return examples that send a frame, a piece and the whole of the newest video that can be read.

    The frame and the piece are written to the endpoint's folder when they are first needed.

    Raises:
        UserError: If there is no such video.
    """
    return platform_of(workspace, endpoint.platform).endpoints.examples(endpoint.ref, _sample(workspace, endpoint))


def _sample(workspace: Workspace, endpoint: Endpoint) -> SampleFiles:
    folder = workspace.folder(endpoint)
    for video in workspace.list(Video):  # the newest first
        path = Path(video.path).resolve()
        if not path.is_file():
            continue
        image, piece = folder / f"{video.id} {IMAGE}", folder / f"{video.id} {PIECE}"
        try:
            if not (image.exists() and piece.exists()):
                _write_sample(path, image, piece)
        except ValueError:
            continue  # a damaged file
        return SampleFiles(image.resolve(), piece.resolve(), path, video.fps)
    raise UserError("Add a video first: the examples send a frame or a piece of it.")


def _write_sample(video: Path, image: Path, piece: Path) -> None:
    import cv2

    from bytetrack.video import pieces, read_frames

    _, _, content = next(pieces(video, PIECE_FRAMES))
    _, jpeg = cv2.imencode(".jpg", next(read_frames(video)))
    write_atomically(piece, content)
    write_atomically(image, jpeg.tobytes())
