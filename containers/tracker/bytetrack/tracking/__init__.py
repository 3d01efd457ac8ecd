"""ByteTrack: association of detections with tracks from frame to frame."""
