"""A trained recogniser as one file for other runtimes: ONNX, or torch.export; checked against torch before it counts.

A DREAM block's yaw is estimated inside the file, not a second input: whoever uses it then needs neither the pose
estimator nor to know that there is one, and one input is what runtimes and the ``onnx:`` embedder expect.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pifr.backbones import DreamBackbone, StoredBackbone, load_backbone
from pifr.core.errors import CheckpointError, DependencyError, require_extra
from pifr.core.files import atomic_path, sha256_of_file
from pifr.core.seeds import torch_generator
from pifr.data.manifest import Manifest
from pifr.data.pixels import open_pixels
from pifr.data.tensors import to_input
from pifr.pose.estimator import shipped_estimator
from pifr.pose.reader import YawReader
from pifr.recognition.judges.onnx_model import SPEC_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

DESCRIPTION_FILE = "pifr.json"
"""Where a torch.export archive holds the same description."""
INPUT, OUTPUT = "images", "embeddings"
_OPSET = 18
_CHECKED_PICTURES = 9
_LOWEST_COSINE = 0.9999


@dataclass(frozen=True)
class ExportResult:
    """An exported file and how near it comes to torch.

    Attributes:
        path: The file.
        form: ``onnx`` or ``torch.export``.
        pictures: Pictures compared, in batches of one and of all others.
        largest_difference: Largest absolute difference of two embedding values.
        largest_value: Largest absolute embedding value, to read the difference by.
        lowest_cosine: Between the two embeddings of a picture.
    """

    path: Path
    form: str
    pictures: int
    largest_difference: float
    largest_value: float
    lowest_cosine: float

    def table(self) -> str:
        """Return a line for the terminal."""
        return (
            f"{self.path}: {self.form}, {self.path.stat().st_size / 1e6:.1f} MB; against torch on {self.pictures} "
            f"pictures: max abs difference {self.largest_difference:.2e} (values up to {self.largest_value:.1f}), "
            f"lowest cosine {self.lowest_cosine:.7f}"
        )


class ExportedRecogniser(nn.Module):
    """What goes into the file: the backbone in evaluation mode, and the estimator of yaw if it has a DREAM block.

    Args:
        stored: The trained backbone.
    """

    def __init__(self, stored: StoredBackbone) -> None:
        super().__init__()
        self.network = stored.network.eval()
        self.reader = YawReader(shipped_estimator("cpu"), stored.spec) if stored.shape.dream is not None else None
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Embed ``(N, 3, S, S)`` float32 pictures in the spec's scale and channel order as ``(N, D)``."""
        if self.reader is None or not isinstance(self.network, DreamBackbone):
            plain: Tensor = self.network(images)
            return plain
        moved: Tensor = self.network.dream(self.network.backbone(images), self.reader.plain(images))
        return moved


def export_recognizer(
    run: str | Path, onnx: Path | None = None, torch_export: Path | None = None, pictures: Manifest | None = None
) -> list[ExportResult]:
    """Export a trained recogniser and compare what was written with torch.

    Args:
        run: A run folder of ``pifr train-recognizer``, or what :func:`load_backbone` takes.
        onnx: The ONNX file to write; None for none.
        torch_export: The torch.export archive (``.pt2``) to write; None for none.
        pictures: What to compare on, the first few; without them smooth random pictures.

    Returns:
        One result a file.

    Raises:
        CheckpointError: If there is no recogniser, or an exported one says something else; no file is left then.
        DataError: If the pictures can't be read or are aligned differently.
        DependencyError: If the packages of the extra ``onnx`` are not installed.
    """
    stored = load_backbone(run)
    module, images = ExportedRecogniser(stored).eval(), _pictures(stored, pictures)
    with torch.inference_mode():
        expected = module(images).numpy()
    about = _description(stored, module)
    forms: list[tuple[Path | None, str, Callable[..., _Runner]]] = [
        (onnx, "onnx", _write_onnx), (torch_export, "torch.export", _write_archive),
    ]  # fmt: skip
    results = []
    for path, form, write in forms:
        if path is not None:
            with atomic_path(Path(path)) as temporary:
                found = _in_two_batches(write(module, images, about, temporary), images)
                results.append(_compare(Path(path), form, expected, found))
    return results


_Runner = Callable[[Tensor], np.ndarray]
"""Runs the written file on ``(N, 3, S, S)``."""


def _write_onnx(module: nn.Module, images: Tensor, about: dict[str, Any], path: Path) -> _Runner:
    for package in ("onnx", "onnxscript"):  # torch's exporter is written in the second
        require_extra(package, "onnx", "exporting to ONNX")
    runtime: Any = require_extra("onnxruntime", "onnx", "checking the ONNX file")
    with _quiet():
        program = torch.onnx.export(
            module, (images[:2],), dynamo=True, input_names=[INPUT], output_names=[OUTPUT], opset_version=_OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False,
        )  # fmt: skip
    if program is None:
        raise DependencyError("this torch has no exporter to ONNX", found=torch.__version__, cure="update torch")
    model = program.model_proto
    model.producer_name = "pifr"
    for key, value in about.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)
    path.write_bytes(model.SerializeToString())
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda batch: np.asarray(session.run([OUTPUT], {INPUT: batch.contiguous().numpy()})[0])


def _write_archive(module: nn.Module, images: Tensor, about: dict[str, Any], path: Path) -> _Runner:
    buffer, files = io.BytesIO(), {DESCRIPTION_FILE: json.dumps(about)}
    with _quiet():
        shapes = ({0: torch.export.Dim("batch")},)
        torch.export.save(torch.export.export(module, (images[:2],), dynamic_shapes=shapes), buffer, extra_files=files)
        path.write_bytes(buffer.getvalue())
        program = torch.export.load(io.BytesIO(path.read_bytes())).module()

    def run(batch: Tensor) -> np.ndarray:
        with torch.inference_mode():
            embeddings: Tensor = program(batch)
        return embeddings.numpy()

    return run


def _description(stored: StoredBackbone, module: ExportedRecogniser) -> dict[str, Any]:
    """Return what a file says of itself; the names of the people it learned from are left out on purpose."""
    return {
        SPEC_KEY: stored.spec.model_dump(mode="json"),
        "pifr.backbone": stored.shape.model_dump(mode="json"),
        "pifr.run": stored.checkpoint.path.resolve().parent.parent.name,
        "pifr.step": stored.checkpoint.step,
        "pifr.people": stored.meta["people"],
        "pifr.data_fingerprint": stored.meta.get("data_fingerprint", ""),  # older runs keep it in the run folder alone
        "pifr.weights_sha256": sha256_of_file(stored.checkpoint.weights_path),
        "pifr.yaw_estimator_sha256": module.reader.sha256 if module.reader is not None else "",
    }


def _pictures(stored: StoredBackbone, manifest: Manifest | None) -> Tensor:
    spec = stored.spec
    if manifest is not None:
        spec.require_template(manifest.template, manifest.name)
        first = manifest.select(np.arange(len(manifest)) < _CHECKED_PICTURES)
        return to_input(np.array(open_pixels(first, spec.size_px).images), spec)
    coarse = torch.rand(_CHECKED_PICTURES, 3, 8, 8, generator=torch_generator(0, "pictures to compare exports on"))
    smooth = nn.functional.interpolate(coarse, size=(spec.size_px, spec.size_px), mode="bilinear")
    return to_input((smooth * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous(), spec)


def _in_two_batches(run: _Runner, images: Tensor) -> np.ndarray:
    """Run a single picture, then all others: a batch size frozen into the file would fail here."""
    return np.concatenate([run(part) for part in (images[:1], images[1:]) if len(part)])


def _compare(path: Path, form: str, expected: np.ndarray, found: np.ndarray) -> ExportResult:
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(found, axis=1)
    cosine = float(((expected * found).sum(1) / np.maximum(lengths, 1e-12)).min())
    if not cosine >= _LOWEST_COSINE:
        raise CheckpointError(
            f"the {form} file does not say what torch says, so it was not kept", where=path,
            found=f"a lowest cosine of {cosine:.5f}", cure="report it with the versions of torch, onnx and onnxscript",
        )  # fmt: skip
    difference = float(np.abs(expected - found).max())
    return ExportResult(path, form, len(expected), difference, float(np.abs(expected).max()), cosine)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' notes on their own progress off the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
