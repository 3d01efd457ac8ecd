"""A detector that needs no training: an ONNX graph that detects blue and red squares, and videos of such squares.

Each window of the image reports the center of mass of its color. The boxes are exact to a fraction of a pixel, so that
tests know the expected result.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bytetrack.detection.artifact import ModelConfig, write_config
from bytetrack.video import VideoWriter

HEIGHT, WIDTH = 64, 96
SIDE, WINDOW, STRIDE = 12, 24, 4
FRAMES = 30
FPS = 10.0
CLASSES = ["blue", "red"]
THRESHOLDS = {
    "test_conf": 0.1,
    "nmsthre": 0.5,
    "track_thresh": 0.5,
    "match_thresh": 0.8,
    "track_buffer": 30,
    "min_box_area": 0,
}


def save_model(folder: Path, *, classes: list[str] | None = None, keep_classes: list[str] | None = None) -> Path:
    """Write an artifact and return its folder. It has no weights, which only CUDA would read."""
    folder.mkdir(parents=True, exist_ok=True)
    write_config(
        folder,
        ModelConfig(
            depth=0.33,
            width=0.25,
            depthwise=True,
            classes=classes or CLASSES,
            input_size=[HEIGHT, WIDTH],
            normalization="raw",
            keep_classes=keep_classes,
            thresholds=dict(THRESHOLDS),
        ),
    )
    onnx.save(_graph(), folder / "model.onnx")
    return folder


def centers(frame: int) -> dict[str, tuple[float, float]]:
    """Return the centers of the two squares, which pass each other on two lanes."""
    return {"blue": (16 + 2 * frame, 14), "red": (80 - 2 * frame, 50)}


def render_frame(frame: int) -> np.ndarray:
    """Return a frame of the scene, `(64, 96, 3)` uint8 BGR."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for channel, (x, y) in zip((0, 2), centers(frame).values()):
        image[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2, channel] = 255
    return image


def save_video(path: Path, frames: range = range(FRAMES)) -> Path:
    with VideoWriter(path, FPS, (WIDTH, HEIGHT)) as writer:
        for frame in frames:
            writer.write(render_frame(frame))
    return path


def _graph() -> onnx.ModelProto:
    rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
    offset = np.arange(WINDOW) - (WINDOW - 1) / 2
    kernel = np.zeros((4, 3, WINDOW, WINDOW), np.float32)  # mass of blue, mass of red, their moments in x and y
    kernel[0, 0] = kernel[1, 2] = 1 / (255 * SIDE * SIDE)
    kernel[2, [0, 2]] = offset[None, :] / (255 * SIDE * SIDE)
    kernel[3, [0, 2]] = offset[:, None] / (255 * SIDE * SIDE)
    # With a padding of half a window minus half a stride, window k has its center at 4k + 2.
    pad = (WINDOW - STRIDE) // 2
    grid_y, grid_x = np.mgrid[:rows, :columns].astype(np.float32) * STRIDE + STRIDE / 2
    constants = {
        "kernel": kernel,
        "grid": np.stack([grid_x, grid_y])[None],
        "side": np.full((1, 2, 1, 1), SIDE, np.float32),
        "epsilon": np.array(1e-3, np.float32),
        "two": np.array(2, np.float32),
        "one": np.array(1, np.float32),
        "zero": np.array(0, np.float32),
        "parts": np.array([2, 2], np.int64),
        "channel": np.array([1], np.int64),
        "flat": np.array([0, 5 + len(CLASSES), -1], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["sums"], strides=[STRIDE] * 2, pads=[pad] * 4),
        helper.make_node("Split", ["sums", "parts"], ["masses", "moments"], axis=1),
        helper.make_node("ReduceSum", ["masses", "channel"], ["mass"], keepdims=1),
        helper.make_node("Add", ["mass", "epsilon"], ["divisor"]),
        helper.make_node("Div", ["moments", "divisor"], ["shift"]),
        helper.make_node("Add", ["grid", "shift"], ["center"]),
        helper.make_node("Mul", ["mass", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "side"], ["size"]),  # repeats the side for each window
        helper.make_node("Mul", ["mass", "two"], ["twice"]),
        helper.make_node("Sub", ["twice", "one"], ["sure"]),  # 0 for windows that contain half a square
        helper.make_node("Clip", ["sure", "zero", "one"], ["objectness"]),
        helper.make_node("Div", ["masses", "divisor"], ["shares"]),
        helper.make_node("Concat", ["center", "size", "objectness", "shares"], ["planes"], axis=1),
        helper.make_node("Reshape", ["planes", "flat"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["output"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", rows * columns, 5 + len(CLASSES)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    return model
