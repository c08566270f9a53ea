"""What does the searching behind :class:`~pifr.evaluation.index.SearchIndex`: FAISS, or torch for the flat kinds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pifr.core.device import gpu_number
from pifr.core.errors import CheckpointError, ConfigError, DependencyError, require_extra
from pifr.evaluation.gpu_limits import check_answers, check_codes, default_code_bytes

if TYPE_CHECKING:
    import torch

    from pifr.evaluation.index import IndexConfig

Engine = Literal["auto", "faiss", "torch"]
FAISS_FILE, TORCH_FILE = "index.faiss", "index.safetensors"
_PROBES = 1024
_POINTS_A_CENTROID = 39
"""FAISS warns below this many training vectors a centroid."""


def choose_engine(config: IndexConfig, engine: Engine, device: str, dims: int, count: int) -> FaissEngine | TorchEngine:
    """Return an empty engine for a kind of index.

    Args:
        config: The kind and its sizes.
        engine: faiss, torch or auto.
        device: cpu, cuda or cuda:N.
        dims: Width of a vector.
        count: Vectors that will be enrolled; decides how many inverted lists there are.

    Raises:
        ConfigError: If engine, device or width don't go with the kind.
        DependencyError: If FAISS is needed and not installed.
    """
    flat = config.kind in ("flat", "flat16")
    if engine == "torch" and not flat:
        raise ConfigError(f"torch searches flat galleries only, not {config.kind}", cure="install FAISS")
    on_gpu = device.startswith("cuda")
    if engine == "auto" and flat and on_gpu:
        engine = "torch"  # FAISS's GPU wheel follows an older CUDA than torch; torch's top-k is as fast
    if engine == "torch":
        return TorchEngine(dims, config.kind == "flat16", device)
    try:
        faiss = _import_faiss()
    except DependencyError:
        if engine == "faiss" or not flat:
            raise
        return TorchEngine(dims, config.kind == "flat16", device)
    return FaissEngine(_empty(faiss, config, dims, count, on_gpu), config, device)


class FaissEngine:
    """An index of FAISS.

    Args:
        index: The index, on the CPU.
        config: Its sizes.
        device: Where it searches; building is always on the CPU.
    """

    name = "faiss"

    def __init__(self, index: Any, config: IndexConfig, device: str) -> None:
        self._index, self._config, self._device = index, config, device
        self._searched = index
        if device.startswith("cuda") and config.kind in ("hnsw", "flat16"):
            raise ConfigError(f"FAISS searches {config.kind} on the CPU only", where=f"--device {device}")
        if device.startswith("cuda"):
            _require_gpu(device)
            if config.kind == "ivfpq":
                check_codes(index, config.probed_lists, device)

    @property
    def dims(self) -> int:
        """Width of a vector."""
        return int(self._index.d)

    @property
    def count(self) -> int:
        """Vectors enrolled."""
        return int(self._index.ntotal)

    @property
    def trained(self) -> bool:
        """Whether vectors may be added."""
        return bool(self._index.is_trained)

    @property
    def bytes(self) -> int:
        """Bytes of the index as it is stored."""
        return _stored_bytes(self._index, self._config)

    def train(self, units: np.ndarray) -> None:
        """Learn lists and codes from ``(N, D)``."""
        self._index.train(units)

    def add(self, units: np.ndarray) -> None:
        """Enrol ``(N, D)``."""
        self._index.add(units)

    def finish(self) -> None:
        """Get ready to search, on the GPU where one was named."""
        if self._config.kind == "ivfpq":
            self._index.nprobe = min(self._config.probed_lists, self._index.nlist)
        if self._config.kind == "hnsw":
            self._index.hnsw.efSearch = self._config.hnsw_search
        if self._device.startswith("cuda"):
            faiss = _import_faiss()
            options = faiss.GpuClonerOptions()
            # Tables of 64 codes in single precision exceed a multiprocessor's shared memory.
            options.useFloat16 = self._config.kind == "ivfpq"
            self._resources = faiss.StandardGpuResources()
            try:
                self._searched = faiss.index_cpu_to_gpu(self._resources, gpu_number(self._device), self._index, options)
            except RuntimeError as error:  # its memory, or a limit of another version of FAISS
                raise DependencyError(
                    "FAISS can't bring the index to the GPU", where=f"--device {self._device}",
                    found=str(error).split("\n")[0], cure="search on the CPU",
                ) from error  # fmt: skip

    def search(self, units: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return cosines and rows ``(P, k)``."""
        if self._device.startswith("cuda"):
            check_answers(k, self._device)
        return self._searched.search(units, k)

    def save(self, folder: Path) -> Path:
        """Write the index into ``folder`` and return its file."""
        _import_faiss().write_index(self._index, str(folder / FAISS_FILE))
        return folder / FAISS_FILE

    @classmethod
    def load(cls, file: Path, config: IndexConfig, device: str) -> FaissEngine:
        """Read what :meth:`save` wrote."""
        try:
            index = _import_faiss().read_index(str(file))
        except RuntimeError as error:
            raise CheckpointError("FAISS can't read the index", where=file, found=str(error).split("\n")[0]) from error
        engine = cls(index, config, device)
        engine.finish()
        return engine


class TorchEngine:
    """A blocked matrix product and top-k: the same answers as a flat index of FAISS.

    Args:
        dims: Width of a vector.
        half: Keep vectors in half precision.
        device: Where they lie.
    """

    name = "torch"
    trained = True

    def __init__(self, dims: int, half: bool, device: str) -> None:
        from pifr.core.device import choose_device

        self.dims, self._half, self._device = dims, half, choose_device(device)
        self._blocks: list[torch.Tensor] = []

    @property
    def count(self) -> int:
        """Vectors enrolled."""
        return sum(map(len, self._blocks))

    @property
    def bytes(self) -> int:
        """Bytes of the vectors as they are stored."""
        return self.count * self.dims * (2 if self._half else 4)

    def train(self, units: np.ndarray) -> None:
        """Learn nothing."""

    def add(self, units: np.ndarray) -> None:
        """Enrol ``(N, D)``."""
        import torch

        block = torch.from_numpy(units)  # fresh from unit_vectors, so it need not be copied
        self._blocks.append(block.to(self._device, torch.float16 if self._half else torch.float32))

    def finish(self) -> None:
        """Do nothing: blocks are searched as they were added."""

    def search(self, units: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return cosines and rows ``(P, k)``; memory holds one block of scores and the best ``k`` so far."""
        import torch

        scores, rows = [np.empty((0, k), np.float32)], [np.empty((0, k), np.int64)]
        for start in range(0, len(units), _PROBES):
            queries = torch.from_numpy(units[start : start + _PROBES]).to(self._device)
            best = torch.empty(len(queries), 0, device=self._device)
            best_rows = torch.empty(len(queries), 0, dtype=torch.int64, device=self._device)
            first = 0
            for block in self._blocks:
                top, index = (queries @ block.float().T).topk(min(k, len(block)), dim=1)
                best, best_rows = torch.cat([best, top], 1), torch.cat([best_rows, index + first], 1)
                best, chosen = best.topk(min(k, best.shape[1]), dim=1)
                best_rows = best_rows.gather(1, chosen)
                first += len(block)
            scores.append(best.cpu().numpy())
            rows.append(best_rows.cpu().numpy())
        return np.concatenate(scores), np.concatenate(rows)

    def save(self, folder: Path) -> Path:
        """Write the vectors into ``folder`` and return their file."""
        from safetensors.torch import save_file

        # One tensor a block: joining them would need the gallery's memory once more.
        named = {f"block{n:06d}": block.cpu().contiguous() for n, block in enumerate(self._blocks)}
        save_file(named, folder / TORCH_FILE)
        return folder / TORCH_FILE

    @classmethod
    def load(cls, file: Path, config: IndexConfig, device: str) -> TorchEngine:
        """Read what :meth:`save` wrote."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            named = load_file(file)
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointError("damaged index", where=file, found=str(error)) from error
        blocks = [named[name] for name in sorted(named)]
        engine = cls(blocks[0].shape[1], config.kind == "flat16", device)
        engine._blocks = [block.to(engine._device) for block in blocks]
        return engine


def _empty(faiss: Any, config: IndexConfig, dims: int, count: int, on_gpu: bool) -> Any:
    metric = faiss.METRIC_INNER_PRODUCT
    if config.kind == "flat":
        return faiss.IndexFlatIP(dims)
    if config.kind == "flat16":
        return faiss.IndexScalarQuantizer(dims, faiss.ScalarQuantizer.QT_fp16, metric)
    if config.kind == "hnsw":
        index = faiss.IndexHNSWFlat(dims, config.hnsw_links, metric)
        index.hnsw.efConstruction = config.hnsw_build
        return index
    code_bytes = config.code_bytes or default_code_bytes(dims, on_gpu)
    if dims % code_bytes:
        raise ConfigError(
            f"vectors of {dims} numbers can't be cut into {code_bytes} equal parts", where="code_bytes",
            cure=f"take a divisor of {dims}",
        )  # fmt: skip
    lists = config.lists or inverted_lists(min(count, config.train_vectors), count)
    # Codes have 256 centroids; fewer training vectors than that need shorter codes.
    bits = min(8, int(np.log2(max(2, min(count, config.train_vectors)))))
    return faiss.IndexIVFPQ(faiss.IndexFlatIP(dims), dims, lists, code_bytes, bits, metric)


def inverted_lists(train_vectors: int, count: int) -> int:
    """Return the number of lists: four square roots of the gallery, as far as the training vectors support it."""
    return max(1, min(int(4 * np.sqrt(count)), train_vectors // _POINTS_A_CENTROID))


def _stored_bytes(index: Any, config: IndexConfig) -> int:
    count, dims = int(index.ntotal), int(index.d)
    if config.kind == "ivfpq":
        return count * (int(index.code_size) + 8) + int(index.nlist) * dims * 4
    if config.kind == "hnsw":
        return count * dims * 4 + int(index.hnsw.neighbors.size()) * 4
    return count * dims * (2 if config.kind == "flat16" else 4)


def _import_faiss() -> Any:
    # Importing FAISS before torch is reported to crash where both bring CUDA.
    import torch  # noqa: F401

    return require_extra("faiss", "faiss-cpu", "this kind of index")


def _require_gpu(device: str) -> None:
    faiss = _import_faiss()
    gpus = faiss.get_num_gpus() if hasattr(faiss, "get_num_gpus") else 0
    if gpu_number(device) >= gpus:
        raise DependencyError(
            "FAISS here finds no such GPU", where=f"--device {device}",
            cure="install 'pifr-toolkit[faiss-gpu]', or search on the CPU",
        )  # fmt: skip
