"""Any recogniser as an ONNX file, for example one bought or trained with another tool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pifr.core.config import check_config, read_yaml
from pifr.core.device import gpu_number
from pifr.core.errors import CheckpointError, DataError, DependencyError, require_extra
from pifr.core.files import sha256_of_file
from pifr.data.spec import InputSpec

_CUDA = "CUDAExecutionProvider"
SPEC_KEY = "pifr.input_spec"
"""Metadata key under which an exported file holds its input spec, as JSON."""


class OnnxEmbedder:
    """A network in ONNX form, one input ``(N, 3, S, S)`` float32, first output ``(N, D)``.

    What the network expects is not written in an ordinary ONNX file, and guessing it costs accuracy without a word.
    A file of ``pifr export`` says it in its metadata. For others it is read from a YAML file of the same name beside
    it, which also goes before the metadata, with the keys of :class:`~pifr.data.spec.InputSpec`::

        size_px: 112
        channels: BGR
        mean: 127.5
        std: 128.0
        template: arcface-112

    Args:
        path: The ``.onnx`` file.
        device: auto, cpu, cuda or cuda:N; a GPU needs onnxruntime-gpu.

    Raises:
        CheckpointError: If the file or its spec is missing, or it is no such network.
        DependencyError: If onnxruntime is not installed, or does not run on the GPU that was named.
    """

    def __init__(self, path: str, device: str = "auto") -> None:
        file = Path(path)
        if not file.is_file():
            raise CheckpointError("file not found", where=path, cure="name it onnx:model.onnx")
        runtime: Any = require_extra("onnxruntime", "onnx", "an ONNX model")
        self._session = open_session(runtime, file, device)
        self.spec = _input_spec(file, self._session.get_modelmeta().custom_metadata_map)
        self.name, self.sha256 = file.stem, sha256_of_file(file)
        self.device = str(self._session.get_providers()[0])  # a GPU's vectors differ in their last bits
        self._input = self._check_input(file)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures as ``(N, D)`` float32."""
        if pixels.shape[1:] != (self.spec.size_px, self.spec.size_px, 3):
            raise DataError(f"{self.name} takes pictures of {self.spec.size_px} px", found=pixels.shape)
        ordered = pixels if self.spec.channels == "RGB" else pixels[..., ::-1]
        scaled = (ordered.astype(np.float32) - self.spec.mean) / self.spec.std
        batch = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))
        if self._fixed_batch is None:
            return np.asarray(self._session.run(None, {self._input: batch})[0])
        # A network exported for one picture at a time is fed one at a time.
        size = self._fixed_batch
        padded = np.concatenate([batch, np.zeros((-len(batch) % size, *batch.shape[1:]), np.float32)])
        parts = [self._session.run(None, {self._input: padded[i : i + size]})[0] for i in range(0, len(padded), size)]
        return np.concatenate(parts)[: len(batch)]

    def _check_input(self, file: Path) -> str:
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else None
        if shape is None or len(shape) != 4:
            raise CheckpointError(
                "a recogniser has one input (N, 3, S, S)", where=file, found=[i.shape for i in inputs]
            )
        for side in shape[2:]:
            if isinstance(side, int) and side != self.spec.size_px:
                raise CheckpointError(
                    f"the spec says {self.spec.size_px} px, the network takes {side}", where=file, cure="mend the spec"
                )
        self._fixed_batch: int | None = shape[0] if isinstance(shape[0], int) else None
        return str(inputs[0].name)


def _input_spec(file: Path, metadata: Mapping[str, str]) -> InputSpec:
    beside = file.with_suffix(".yaml")
    if beside.is_file():
        return check_config(InputSpec, read_yaml(beside), str(beside))
    if SPEC_KEY not in metadata:
        raise CheckpointError(
            "an ONNX file does not say how it wants its pictures", where=file,
            cure=f"write size_px, channels, mean, std and template into {beside.name} beside it",
        )  # fmt: skip
    try:
        return check_config(InputSpec, dict(json.loads(metadata[SPEC_KEY])), f"{file}, metadata {SPEC_KEY}")
    except (ValueError, TypeError) as error:
        raise CheckpointError("the input spec in the metadata is damaged", where=file, found=str(error)) from error


def open_session(runtime: Any, file: Path, device: str) -> Any:
    """Open a network where it was asked to run; ``auto`` takes a GPU that is there.

    Args:
        runtime: The package ``onnxruntime``.
        file: The ``.onnx`` file.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        CheckpointError: If the file can't be read.
        DependencyError: If a GPU was named and the network would run elsewhere.
    """
    named = device not in ("auto", "cpu")
    number = gpu_number(device) if named else 0
    wanted: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu" and _CUDA in runtime.get_available_providers():
        wanted.insert(0, (_CUDA, {"device_id": number}))
    elif named:
        raise DependencyError(
            "onnxruntime here runs on the CPU only", where=f"--device {device}", cure="install onnxruntime-gpu"
        )
    try:
        session = runtime.InferenceSession(str(file), providers=wanted)
    except Exception as error:  # onnxruntime raises its own family of exceptions, without a common public base
        raise CheckpointError("can't read the ONNX file", where=file, found=str(error)) from error
    running = session.get_providers()[0]
    if named and running != _CUDA:  # onnxruntime falls back with no more than a line in its log
        raise DependencyError(
            "onnxruntime did not start on the GPU", where=f"--device {device}", found=running,
            cure="check that its CUDA and cuDNN are installed, or use --device cpu",
        )  # fmt: skip
    return session
