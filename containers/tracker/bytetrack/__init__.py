"""ByteTrack with a YOLOX detector: training, serving and batch processing of one container image."""

import os

# ONNX Runtime reads this when it is imported; without it, every session writes a device id into the home folder and
# sends it to Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
