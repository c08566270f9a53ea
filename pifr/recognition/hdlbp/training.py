"""Learning the projection: PCA, then LDA or whitening, folded into one matrix."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pifr.core.environment import environment_record
from pifr.core.errors import DataError
from pifr.core.progress import progress_bar
from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest
from pifr.data.pictures import read_picture
from pifr.data.pixels import PixelStore, open_pixels
from pifr.data.seen import data_folders
from pifr.data.spec import InputSpec
from pifr.recognition.hdlbp.config import FeatureConfig, ProjectionConfig
from pifr.recognition.hdlbp.embedder import KIND, HdlbpEmbedder, refuse_foreign_folder
from pifr.recognition.hdlbp.features import feature_count, lbp_features
from pifr.recognition.hdlbp.points import points_for

_BLOCK = 64


@dataclass(frozen=True)
class HdlbpResult:
    """A trained baseline.

    Attributes:
        folder: Where it lies; ``hdlbp:FOLDER`` names it.
        pictures: Pictures learned from.
        people: People they show.
        features: Numbers a picture before projection.
        dims: Numbers after it.
        points: Where the points come from, in words.
        variance: Share of the features' variance that the principal components hold.
        seconds: Time it took.
    """

    folder: Path
    pictures: int
    people: int
    features: int
    dims: int
    points: str
    variance: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {**self.__dict__, "folder": str(self.folder)}

    def table(self) -> str:
        """Return a short text for the terminal."""
        return (
            f"{self.pictures:,} pictures of {self.people:,} people, {self.features:,} features at {self.points}\n"
            f"projected to {self.dims} numbers; PCA keeps {100 * self.variance:.1f} % of the variance; "
            f"{self.seconds:.1f} s\nbaseline: hdlbp:{self.folder}"
        )


def train_hdlbp(
    data: Manifest, out: Path, features: FeatureConfig | None = None, projection: ProjectionConfig | None = None
) -> HdlbpResult:
    """Learn the baseline's projection and write it to a folder.

    Chen et al. compress by PCA and compare by joint Bayes. Here LDA follows PCA instead: both model one covariance
    within people and one between them, and after LDA, which makes the first the identity, plain cosine may be used.

    Args:
        data: Pictures of at least two people, aligned; two of a person at least where LDA is wanted.
        out: Folder to write: a new or empty one, or a baseline to replace.
        features: Scales and cells.
        projection: Dimensions, LDA, size of the sample.

    Raises:
        DataError: If people or pictures are too few, a picture can't be read, or ``out`` holds something else.
    """
    refuse_foreign_folder(out)
    start = time.perf_counter()
    features, projection = features or FeatureConfig(), projection or ProjectionConfig()
    people, person = np.unique(data.table["subject"].to_numpy(dtype=str), return_inverse=True)
    _require_enough(data, person, projection)
    rows = _sample(person, projection)
    # Landmarks are counted in pixels of the manifest's pictures, which have one size after alignment.
    points, origin = points_for(data, read_picture(data.paths[0]).shape[0])
    store = open_pixels(data, features.sizes_px[0])
    table = _features(store, rows, points, features)
    mean, matrix, variance = learn_projection(table, person[rows], projection)
    del table
    chosen = people[np.unique(person[rows])]
    spec = InputSpec(size_px=features.sizes_px[0], template=data.template)
    trained = HdlbpEmbedder(
        spec, features, points, f"{KIND}:{Path(out).name}", "", mean, matrix,
        frozenset(chosen.tolist()), frozenset(data_folders(data)),
    )  # fmt: skip
    trained.save(Path(out), {
        "projection": projection.model_dump(mode="json"), "points": origin, "pictures": len(rows),
        "variance": variance, "environment": environment_record(data.fingerprint()),
    })  # fmt: skip
    return HdlbpResult(
        Path(out), len(rows), len(chosen), len(mean), matrix.shape[1], origin, variance, time.perf_counter() - start
    )


def learn_projection(
    table: np.ndarray, person: np.ndarray, config: ProjectionConfig
) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit PCA, then LDA or whitening.

    Args:
        table: ``(N, D)`` float32 features; centred in place, to spare a copy of up to a gigabyte.
        person: ``(N,)`` index of each row's person.
        config: Dimensions, LDA, seed.

    Returns:
        Mean ``(D,)`` and matrix ``(D, K)`` float32 such that ``(x - mean) @ matrix`` is the embedding, and the share
        of the variance that the principal components hold.
    """
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    # Within-person scatter must stay invertible, so LDA gets fewer components than pictures minus people.
    free = len(table) - 1 - (len(np.unique(person)) - 1 if config.lda else 0)
    dims = max(1, min(config.pca_dims, free, table.shape[1]))
    mean = table.mean(axis=0)
    table -= mean
    pca = PCA(dims, svd_solver="randomized", random_state=config.seed, copy=False)
    scores = pca.fit_transform(table)
    variance = float(pca.explained_variance_ratio_.sum())
    if config.lda:
        lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(scores, person)
        turn = lda.scalings_[:, : min(len(lda.classes_) - 1, dims)]
    else:
        turn = np.diag(1 / np.sqrt(np.maximum(pca.explained_variance_, 1e-12)))
    matrix = np.ascontiguousarray(pca.components_.T @ turn, dtype=np.float32)
    return mean.astype(np.float32), matrix, variance


def _require_enough(data: Manifest, person: np.ndarray, config: ProjectionConfig) -> None:
    counts = np.bincount(person)
    if len(counts) < 2:
        raise DataError("a baseline learns from at least two people", where=data.name, found=len(counts))
    if config.lda and counts.max() < 2:
        raise DataError(
            "LDA needs two pictures of somebody", where=data.name, found="one picture a person",
            cure="add pictures, or take --no-lda",
        )  # fmt: skip
    if len(person) < 4:
        raise DataError("a baseline learns from at least four pictures", where=data.name, found=len(person))


def _sample(person: np.ndarray, config: ProjectionConfig) -> np.ndarray:
    """Return the rows to learn from, ascending: all, or turn by turn one of each person up to the limit."""
    if len(person) <= config.max_pictures:
        return np.arange(len(person))
    shuffled = numpy_generator("hdlbp pictures", config.seed).permutation(len(person))
    order = shuffled[np.argsort(person[shuffled], kind="stable")]
    first_of_person = np.searchsorted(person[order], np.arange(person.max() + 1))
    turn = np.arange(len(order)) - first_of_person[person[order]]
    return np.sort(order[np.argsort(turn, kind="stable")][: config.max_pictures])


def _features(store: PixelStore, rows: np.ndarray, points: np.ndarray, config: FeatureConfig) -> np.ndarray:
    table = np.empty((len(rows), feature_count(len(points), config)), np.float32)
    with progress_bar("local binary patterns", len(rows)) as advance:
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            table[start : start + len(block)] = lbp_features(store[block], points, config)
            advance(len(block))
    return table
