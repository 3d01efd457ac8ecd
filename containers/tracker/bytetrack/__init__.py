"""ByteTrack with a YOLOX detector: training, serving and batch processing of one container image."""
