"""Video files in and out: what one is, its frames, a file of frames, and a file in small pieces.

Frames are `(H, W, 3)` uint8 BGR arrays as a player shows them (a phone's rotation applied), numbered from 0 in the
order in which a decoder gives them; time stamps play no part in their numbers. Nothing here holds more than a few
frames in memory.
"""

from bytetrack.video.pieces import pieces
from bytetrack.video.reading import VideoInfo, decode, probe, read_frames, seconds_of_frames
from bytetrack.video.writing import VideoWriter

__all__ = ["VideoInfo", "VideoWriter", "decode", "pieces", "probe", "read_frames", "seconds_of_frames"]
