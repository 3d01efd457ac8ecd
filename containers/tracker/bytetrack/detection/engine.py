"""Inference engines: ONNX Runtime on the CPU, and PyTorch in half precision on a CUDA device."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bytetrack.arrays import Float32Array
from bytetrack.detection.artifact import ONNX_FILE
from bytetrack.devices import gpu_count


class Engine(Protocol):
    """A detection network on some runtime. Calls from several threads at once are allowed.

    Attributes:
        input_size: Height and width of the input images in pixels.
    """

    input_size: tuple[int, int]

    def __call__(self, images: Float32Array) -> Float32Array:
        """Run the network.

        Args:
            images: `(N, 3, height, width)` float32, normalized as the model's configuration says.

        Returns:
            `(N, anchors, 5 + classes)` float32: center x, center y, width, height in pixels of the input, then
            objectness and the score of each class in 0..1.
        """


class OnnxEngine:
    """`model.onnx` of an artifact on ONNX Runtime's CPU provider, with its default number of threads.

    Raises:
        ValueError: If the file is missing or is not a detection model.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        path = Path(folder) / ONNX_FILE
        if not path.is_file():
            raise ValueError(f"{folder} is not a complete model artifact: model.onnx is missing.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # hides warnings about ONNX Runtime's own graph optimizer
        # Threads that spin while they wait would take cores from the decoder, which works at the same time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no more specific base class
            raise ValueError(f"ONNX Runtime cannot read {path}: {_first_line(error)}") from error
        self._input = self._session.get_inputs()[0]
        shape = self._input.shape
        if len(shape) != 4 or not all(isinstance(side, int) for side in shape[2:]):
            raise ValueError(f"The input of {path} must have the shape (N, 3, height, width), but it has {shape}.")
        self.input_size: tuple[int, int] = (shape[2], shape[3])

    def __call__(self, images: Float32Array) -> Float32Array:
        """Run the network, see `Engine`."""
        output: Float32Array = self._session.run(None, {self._input.name: images})[0]
        return output


class TorchEngine:
    """`model.safetensors` of an artifact on PyTorch: in half precision on CUDA, with boxes decoded in single precision.

    Raises:
        ValueError: If the artifact is incomplete.
    """

    def __init__(self, folder: Path, device: str = "cuda") -> None:
        import torch

        from bytetrack.detection.artifact import load_torch, read_config

        self._torch = torch
        self._device = torch.device(device)
        self._dtype = torch.float16 if self._device.type == "cuda" else torch.float32
        height, width = read_config(folder).input_size
        self.input_size: tuple[int, int] = (height, width)
        model = load_torch(folder).eval().requires_grad_(False)
        # Half precision cannot represent positions beyond 1,024 pixels exactly, so boxes are decoded after conversion.
        model.head.decode_in_inference = False
        self._model = model.to(self._device, self._dtype, memory_format=torch.channels_last)

    def __call__(self, images: Float32Array) -> Float32Array:
        """Run the network, see `Engine`."""
        with self._torch.inference_mode():
            batch = self._torch.from_numpy(images).to(self._device, self._dtype)
            output = self._model(batch.to(memory_format=self._torch.channels_last)).float()
            decoded: Float32Array = self._model.head.decode_outputs(output, dtype=output.type()).cpu().numpy()
            return decoded


def load_engine(folder: Path) -> Engine:
    """Return the fastest engine that this machine has for the artifact in `folder`.

    Raises:
        ValueError: If the artifact is incomplete, or the machine has a GPU that cannot be used, see
            `devices.gpu_count`.
    """
    return TorchEngine(folder) if gpu_count() else OnnxEngine(folder)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
