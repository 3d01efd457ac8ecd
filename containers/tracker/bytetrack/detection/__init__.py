"""The YOLOX detector: models as data, and inference."""
