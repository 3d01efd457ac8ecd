"""Video files: their properties and frames, and writing, cutting and drawing on them.

Frames are `(H, W, 3)` uint8 BGR arrays as a player shows them, with a phone's rotation applied. They are numbered from
0 in the order in which they are decoded; time stamps do not affect the numbers. No function keeps more than a few
frames in memory.
"""

from bytetrack.video.pieces import pieces
from bytetrack.video.reading import VideoInfo, decode, frame_times, probe, read_frames, read_frames_at, sample_frames
from bytetrack.video.writing import VideoWriter

__all__ = [
    "VideoInfo",
    "VideoWriter",
    "decode",
    "frame_times",
    "pieces",
    "probe",
    "read_frames",
    "read_frames_at",
    "sample_frames",
]
