"""What runs the network: ONNX Runtime on the CPU, PyTorch in half precision on a CUDA device; one small interface."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from bytetrack.devices import gpu_count


class Engine(Protocol):
    """A detector network, whatever runs it; calls from several threads at once are allowed.

    Attributes:
        input_size: height and width of the images it takes.
    """

    input_size: tuple[int, int]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            images: `(N, 3, height, width)` float32, normalized as the model's configuration says.

        Returns:
            `(N, anchors, 5 + classes)` float32: center x, center y, width, height in pixels of the input, then
            objectness and the score of each class in 0..1.
        """


class OnnxEngine:
    """`model.onnx` of an artifact on ONNX Runtime's CPU provider, with its default threads.

    Raises:
        ValueError: if the file is missing or is not such a model.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        path = Path(folder) / "model.onnx"
        if not path.is_file():
            raise ValueError(f"There is no model.onnx in {folder}: that is not a whole model artifact.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # its warnings are about its own optimizer
        # Threads that spin while they wait would take the cores from the decoder, which works meanwhile.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common base but this one
            raise ValueError(f"{path} is not a model that ONNX Runtime can read: {_first_line(error)}") from error
        self._input = self._session.get_inputs()[0]
        if len(self._input.shape) != 4 or not all(isinstance(side, int) for side in self._input.shape[2:]):
            raise ValueError(f"{path} must take images of (N, 3, height, width) and takes {self._input.shape}.")
        self.input_size = tuple(self._input.shape[2:])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self._session.run(None, {self._input.name: images})[0]


class TorchEngine:
    """`model.safetensors` of an artifact on PyTorch; half precision, boxes decoded in single, where that is CUDA.

    Raises:
        ValueError: if the artifact is not whole.
    """

    def __init__(self, folder: Path, device: str = "cuda") -> None:
        import torch

        from bytetrack.detection.artifact import load_torch, read_config

        self._torch = torch
        self._device = torch.device(device)
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        height, width = read_config(folder).input_size
        self.input_size = (height, width)
        model = load_torch(folder).eval().requires_grad_(False)
        model.head.decode_in_inference = False  # half precision cannot hold a position to a pixel beyond 1,024
        self._model = model.to(self._device, self._dtype, memory_format=torch.channels_last)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        with self._torch.inference_mode():
            batch = self._torch.from_numpy(images).to(self._device, self._dtype)
            output = self._model(batch.to(memory_format=self._torch.channels_last)).float()
            return self._model.head.decode_outputs(output, dtype=output.type()).cpu().numpy()


def load_engine(folder: Path) -> Engine:
    """Return the fastest engine that this machine has for the artifact in `folder`.

    Raises:
        ValueError: if the artifact is not whole, or there is a GPU that cannot be used (see `devices.gpu_count`).
    """
    return TorchEngine(folder) if gpu_count() else OnnxEngine(folder)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
