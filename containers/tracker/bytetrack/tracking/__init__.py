"""The ByteTrack tracker: association of detections with tracks, frame by frame."""
