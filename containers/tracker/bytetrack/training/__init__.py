"""Training of the YOLOX detector."""
