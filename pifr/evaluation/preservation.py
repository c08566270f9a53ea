"""Is a generated face still the person it was made from? Views against their sources and against everybody else.

The figures of the papers on pose-invariant generation (TP-GAN, ICCV 2017, table 3; CR-GAN, IJCAI 2018, section 4.2;
DR-GAN, CVPR 2017, section 4.1): cosine to the source by requested yaw and rank-1 among all people, measured by
recognisers that took no part in training the generator. Here each comes with an interval over people, with the share
that a verifier would accept, and with how far the drawn yaw is from the one asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from pifr.core.environment import environment_record
from pifr.core.errors import ConfigError, DataError
from pifr.core.progress import progress_bar
from pifr.core.seeds import numpy_generator
from pifr.data.head_height import note_of_views_from_above, yaw_at_head_height
from pifr.data.manifest import Manifest
from pifr.data.pictures import read_picture
from pifr.data.seen import data_folders, training_people_notes
from pifr.evaluation.figures import yaw_groups
from pifr.evaluation.measure import Measure
from pifr.evaluation.preservation_result import Mean, PreservationFigures, PreservationResult, PreservationSystem
from pifr.evaluation.retrieval import unit_vectors
from pifr.metrics import NOT_FOUND, TarAtFar, bootstrap_rate, rank_of_mates

if TYPE_CHECKING:
    from pifr.recognition.embedders import Embedder
    from pifr.recognition.embedding_cache import EmbeddingCache

YawEstimator = Callable[[np.ndarray], np.ndarray]
"""``uint8 (N, S, S, 3)`` -> yaw in degrees ``(N,)``."""
ACCEPT_FMR = 1e-3
_IMPOSTOR_SAMPLE = 1500
_BLOCK = 256


def measure_preservation(
    real: Manifest,
    generated: Manifest,
    embedders: Sequence[Embedder | str],
    *,
    estimate_yaw: YawEstimator | None = None,
    names: Sequence[str] | None = None,
    accept_fmr: float = ACCEPT_FMR,
    measure: Measure | None = None,
    flip_fusion: bool = False,
    allow_training_people: bool = False,
    batch_size: int = 128,
    device: str = "auto",
    cache: EmbeddingCache | None = None,
) -> PreservationResult:
    """Measure how well generated views keep who they show.

    Args:
        real: The real pictures, among them every source; all of them are enrolled.
        generated: Views with ``source_path`` and ``yaw``, the one asked for, as ``pifr augment`` writes them.
        embedders: Recognisers or their names; better none that the generator was trained with.
        estimate_yaw: Measures the yaw of views; the column ``yaw_measured`` is taken where absent.
        names: Names in tables, one an embedder.
        accept_fmr: False match rate of real impostors that sets the threshold of acceptance.
        measure: Bootstrap rounds, seed, width of a yaw group.
        flip_fusion: Add the embedding of the mirrored picture.
        allow_training_people: Go on although an embedder was trained on the real people; it is noted.
        batch_size: Pictures a forward pass.
        device: auto, cpu, cuda or cuda:N.
        cache: Where embeddings are looked up and kept.

    Raises:
        DataError: If a source is not among the real pictures or shows another person, fewer than two people are
            real, a picture is in both manifests, an embedder was trained on the people, or it gives no vector at all.
        ConfigError: If two systems have one name.
    """
    from pifr.recognition.embedders import embed_manifest, load_embedder

    measure = measure or Measure()
    loaded = [load_embedder(each, device) if isinstance(each, str) else each for each in embedders]
    systems = list(names) if names else [each.name for each in loaded]
    if not loaded or len(set(systems)) != len(loaded) or len(systems) != len(loaded):
        raise ConfigError("each embedder needs a name of its own", where="--name", found=", ".join(systems) or "none")
    people, home = real.subjects, data_folders(real)
    notes = [n for e in loaded for n in training_people_notes(e, "recogniser", people, home, allow_training_people)]
    if above := note_of_views_from_above(real):
        notes.append(above)
    trial = _Trial(real, generated, measure)
    environment = environment_record(generated.fingerprint(unreadable_ok=True))
    error = _yaw_errors(generated, estimate_yaw)
    found = []
    for name, embedder in zip(systems, loaded, strict=True):
        sides = [
            embed_manifest(embedder, side, batch_size, flip_fusion, cache) for side in (real, generated)
        ]  # fmt: skip
        record = {"embedder": embedder.name, "sha256": embedder.sha256, "flip_fusion": flip_fusion}
        vectors, failed = [side.vectors for side in sides], [side.failed for side in sides]
        found.append(trial.system(name, record, vectors, failed, error, accept_fmr))
    protocol = {
        "name": "preservation", "data": real.name, "generated": generated.name, "real_pictures": len(real),
        "real_people": len(people), "views": len(generated), "people": len(trial.people),
        "accept_fmr": accept_fmr, "bootstrap_rounds": measure.rounds, "seed": measure.seed,
        "bin_degrees": measure.bin_degrees, "notes": notes,
    }  # fmt: skip
    return PreservationResult(protocol, found, environment)


class _Trial:
    """The comparisons, the same for every embedder."""

    def __init__(self, real: Manifest, generated: Manifest, measure: Measure) -> None:
        generated.require(("source_path", "yaw"))
        self.real_person = real.table["subject"].to_numpy(dtype=str)
        self.view_person = generated.table["subject"].to_numpy(dtype=str)
        if len(set(self.real_person)) < 2:
            raise DataError("a comparison needs at least two real people", where=real.name, found=len(real.subjects))
        self.source = _source_rows(real, generated)
        # Views are asked for at the height of the head, so no real picture from above says what they can hope for.
        self.real_yaw, self.view_yaw = yaw_at_head_height(real), generated.yaw_degrees
        self.people, self.person = np.unique(self.view_person, return_inverse=True)
        names = self.people.tolist()
        self.weights = measure.weights(len(names), measure.columns(names))
        self.bin_degrees = measure.bin_degrees
        self.kept = _accepted_column(generated)

    def system(
        self, name: str, record: dict[str, object], vectors: Sequence[np.ndarray], failed: Sequence[np.ndarray],
        yaw_error: np.ndarray, accept_fmr: float,
    ) -> PreservationSystem:  # fmt: skip
        """Return all figures of one embedder from its vectors of real pictures and of views."""
        for side, bad in zip(("real picture", "view"), failed, strict=True):
            if bad.all():
                raise DataError(f"not one {side} gave an embedding", where=name, cure="check the embedder")
        real, views = (_units(table, bad) for table, bad in zip(vectors, failed, strict=True))
        rank, nearest_other = self._search(real, views, failed)
        cosine = np.einsum("nd,nd->n", views, real[self.source])
        cosine[failed[1] | failed[0][self.source]] = np.nan
        impostors = self._impostors(real, failed[0])
        threshold, note = _acceptance(impostors, accept_fmr)
        # A failed view is never accepted, so NaN compares as false.
        accepted = None if threshold is None else (cosine >= threshold).astype(float)
        values = {
            "cosine": cosine, "other": nearest_other, "rank1": (rank == 1).astype(float), "accepted": accepted,
            "kept": self.kept, "yaw_error": yaw_error,
        }  # fmt: skip
        groups = yaw_groups(self.view_yaw, self.bin_degrees, signed=True)
        genuine = self._real_cosines(real, failed[0])
        known_groups = [group for group in groups if group in genuine]
        counts = [int(groups[group].sum()) for group in known_groups]
        overall = float(np.average([genuine[g] for g in known_groups], weights=counts)) if counts else np.nan
        everything = np.ones(len(self.view_yaw), bool)
        return PreservationSystem(
            name, record, self._figures("all", everything, values, overall),
            {group: self._figures(group, mask, values, genuine.get(group, np.nan)) for group, mask in groups.items()},
            threshold, len(impostors), note,
        )  # fmt: skip

    def _figures(
        self, group: str, mask: np.ndarray, values: dict[str, np.ndarray | None], real_cosine: float
    ) -> PreservationFigures:
        means = {key: self._mean(value, mask) for key, value in values.items()}
        cosine = values["cosine"]
        assert cosine is not None
        return PreservationFigures(
            group=group, views=int(mask.sum()), people=len(np.unique(self.person[mask])),
            failures=int(np.isnan(cosine[mask]).sum()), real_cosine=real_cosine, **means,
        )  # fmt: skip

    def _mean(self, values: np.ndarray | None, mask: np.ndarray) -> Mean | None:
        if values is None:
            return None
        chosen = mask & ~np.isnan(values)
        if not chosen.any():
            return None
        interval = bootstrap_rate(values[chosen], self.person[chosen], self.weights)
        return Mean(float(values[chosen].mean()), interval)

    def _search(
        self, real: np.ndarray, views: np.ndarray, failed: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return each view's rank among all real people, and its cosine to the nearest other person, ``(V,)``."""
        enrolled = np.flatnonzero(~failed[0])
        person = self.real_person[enrolled]
        rank = np.full(len(views), NOT_FOUND, np.int64)
        nearest = np.full(len(views), np.nan)
        good = np.flatnonzero(~failed[1])
        with progress_bar("searching views", len(good)) as advance:
            for start in range(0, len(good), _BLOCK):
                rows = good[start : start + _BLOCK]
                scores = views[rows] @ real[enrolled].T
                rank[rows] = rank_of_mates(scores, self.view_person[rows], person)
                others = np.where(self.view_person[rows][:, None] == person, -np.inf, scores).max(axis=1)
                nearest[rows] = np.where(np.isfinite(others), others, np.nan)
                advance(len(rows))
        return rank, nearest

    def _impostors(self, real: np.ndarray, failed: np.ndarray) -> np.ndarray:
        """Return cosines of real pictures of two people, from at most 1,500 pictures drawn with a seed."""
        rows = np.flatnonzero(~failed)
        if len(rows) > _IMPOSTOR_SAMPLE:
            rows = np.sort(numpy_generator("impostors", len(rows)).choice(rows, _IMPOSTOR_SAMPLE, replace=False))
        upper = np.triu(self.real_person[rows][:, None] != self.real_person[rows], 1)
        return (real[rows] @ real[rows].T)[upper]

    def _real_cosines(self, real: np.ndarray, failed: np.ndarray) -> dict[str, float]:
        """Return by yaw what the same sources score with real pictures of the same people: what a view can hope for."""
        pairs: dict[str, list[float]] = {}
        groups = yaw_groups(self.real_yaw, self.bin_degrees, signed=True)
        for source in np.unique(self.source[~failed[self.source]]):
            mates = (self.real_person == self.real_person[source]) & ~failed
            mates[source] = False
            for group, mask in groups.items():
                pairs.setdefault(group, []).extend((real[mates & mask] @ real[source]).tolist())
        return {group: float(np.mean(cosines)) for group, cosines in pairs.items() if cosines}


def _units(vectors: np.ndarray, failed: np.ndarray) -> np.ndarray:
    units = np.zeros_like(vectors)
    units[~failed] = unit_vectors(vectors[~failed])
    return units


def _acceptance(impostors: np.ndarray, fmr: float) -> tuple[float | None, str | None]:
    """Return the lowest threshold that at most a share ``fmr`` of impostors reaches, or why there is none."""
    found = TarAtFar(fmr, np.nan, np.nan, len(impostors))
    if found.too_few:
        return None, str(found)
    allowed = min(int(np.floor(fmr * len(impostors) + 1e-9)), len(impostors) - 1)
    refused = np.sort(impostors)[len(impostors) - allowed - 1]
    return float(np.nextafter(refused, np.float32(np.inf))), None


def _source_rows(real: Manifest, generated: Manifest) -> np.ndarray:
    """Return the row of each view's source among the real pictures ``(V,)``."""
    row_of = {path.resolve(): row for row, path in enumerate(real.paths)}
    # An absolute source_path stays as it is; a relative one is relative to the views' manifest.
    sources = [(generated.folder / path).resolve() for path in generated.table["source_path"]]
    for row, (path, source) in enumerate(zip(generated.paths, sources, strict=True)):
        where = generated.place(row)
        if path.resolve() in row_of:
            raise DataError("a view is listed among the real pictures too", where=where, found=path)
        if source not in row_of:
            raise DataError(
                "the source is not among the real pictures", where=where, found=source,
                cure="name the manifest that pifr augment was given as --data",
            )  # fmt: skip
        subjects = real.table["subject"][row_of[source]], generated.table["subject"][row]
        if subjects[0] != subjects[1]:
            raise DataError("the source shows another person", where=where, found=f"{subjects[1]} from {subjects[0]}")
    return np.array([row_of[source] for source in sources])


def _accepted_column(generated: Manifest) -> np.ndarray | None:
    """Return what the generating run itself accepted ``(V,)``, where it says so."""
    if "accepted" not in generated.table:
        return None
    return (generated.table["accepted"].astype(str).str.lower() == "true").to_numpy(dtype=float)


def _yaw_errors(generated: Manifest, estimate_yaw: YawEstimator | None) -> np.ndarray:
    """Return by how many degrees each view misses the yaw asked for ``(V,)``, NaN where that was not measured.

    A view that can't be read has none; that it failed is counted with the embeddings.
    """
    if estimate_yaw is None:
        if "yaw_measured" not in generated.table:
            return np.full(len(generated), np.nan)
        measured = generated.table["yaw_measured"].to_numpy(dtype=float)
    else:
        from pifr.recognition.embedders import open_readable

        store, readable = open_readable(generated, _side_of_views(generated))
        blocks = [np.arange(start, min(start + _BLOCK, len(store))) for start in range(0, len(store), _BLOCK)]
        measured = np.full(len(generated), np.nan)
        measured[readable] = np.concatenate([np.asarray(estimate_yaw(store[block]), dtype=float) for block in blocks])
    return np.abs(measured - generated.yaw_degrees)


def _side_of_views(generated: Manifest) -> int:
    """Return the side in pixels of the first view that can be read; all views of a generator have one size."""
    for path in generated.paths:
        with suppress(DataError):
            return int(read_picture(path).shape[0])
    raise DataError("not one view can be read", where=generated.name, cure="run: pifr data validate")
