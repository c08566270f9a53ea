"""From a recipe to training batches: manifests joined and checked, people numbered, pixels fetched ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pifr.core.errors import DataError, near_names
from pifr.core.progress import say
from pifr.data.manifest import Manifest, concatenate, read_manifest
from pifr.data.seen import data_folders
from pifr.data.spec import InputSpec
from pifr.recognition.config import RecognizerConfig, RecognizerData

T = TypeVar("T")
_FETCHED_AHEAD = 3


@dataclass(frozen=True)
class TrainingData:
    """What a recogniser learns from and is judged by.

    Attributes:
        train: Pictures to learn from, real and generated.
        validation: Pictures that choose the best checkpoint; None where there is no validation split.
        labels: ``(N,)`` int64 person number of each training picture.
        generated: ``(N,)`` bool.
        spec: What the network will expect.
        fingerprint: Digest of both manifests and their files.
        folders: What tells the data sets of the people from others, see :func:`~pifr.data.seen.data_folders`.
    """

    train: Manifest
    validation: Manifest | None
    labels: np.ndarray
    generated: np.ndarray
    spec: InputSpec
    fingerprint: str
    folders: tuple[str, ...]

    @property
    def people(self) -> list[str]:
        """Names by person number."""
        return self.train.subjects


def read_training_data(config: RecognizerConfig) -> TrainingData:
    """Read, join and check the manifests of a recipe.

    Raises:
        DataError: If a file, column or split is missing, a person is in training and validation, alignments
            differ, or there are fewer than two people.
    """
    base = read_manifest(config.data.manifest)
    validation = _validation_part(base, config.data)
    parts = [train_part(base, config.data.train_split, config.data.validation_split)]
    for path in config.data.extra:
        parts.append(_extra_part(read_manifest(path), config.data))
    train = concatenate(parts)
    refuse_shared_people(train, validation)
    if len(train.subjects) < 2:
        raise DataError(
            "a recogniser needs at least two people to tell apart", where=train.name, found=len(train.subjects)
        )
    if validation is not None and validation.template != train.template:
        raise DataError(
            "training and validation pictures are aligned differently", where=base.name,
            found=f"{train.template!r} and {validation.template!r}",
        )  # fmt: skip
    labels = np.unique(train.table["subject"].to_numpy(dtype=str), return_inverse=True)[1]
    generated = (train.table["kind"] == "generated").to_numpy() if "kind" in train.table else np.zeros(len(train), bool)
    spec = InputSpec(size_px=config.size_px, template=train.template)
    fingerprint = train.fingerprint() + (validation.fingerprint() if validation is not None else "")
    # Of each manifest by itself: what several lie in together may hold other sets as well.
    folders = tuple(dict.fromkeys(folder for part in parts for folder in data_folders(part)))
    return TrainingData(train, validation, labels.astype(np.int64), generated, spec, fingerprint, folders)


def fetched_ahead(fetch: Callable[[int], T], first: int, last: int) -> Iterator[tuple[int, T]]:
    """Yield ``(step, fetch(step))`` for first <= step < last while one thread works ahead."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for step in range(first, last):
                while len(waiting) < _FETCHED_AHEAD and step + len(waiting) < last:
                    waiting.append(pool.submit(fetch, step + len(waiting)))
                yield step, waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def train_part(base: Manifest, train_split: str | None, validation_split: str | None) -> Manifest:
    """Return the accepted rows of ``train_split``, or for None all accepted ones outside of ``validation_split``.

    Raises:
        DataError: If there is no such split, or nothing is left.
    """
    if train_split is not None:
        return accepted_part(base.of_split(train_split))
    if "split" in base.table and validation_split is not None:
        base = base.select(base.table["split"] != validation_split)
    if not len(base):
        raise DataError("no picture is left to learn from", where=base.name, cure="check data.validation_split")
    return accepted_part(base)


def _validation_part(base: Manifest, data: RecognizerData) -> Manifest | None:
    """Return the validation rows, or None, which is said aloud: the last checkpoint is then the only choice."""
    if data.validation_split is None:
        return None
    splits = sorted(set(base.table["split"]) - {""}) if "split" in base.table else []
    if data.validation_split not in splits:
        hint = near_names(data.validation_split, splits) if splits else "make one with: pifr data split"
        say(f"{base.name}: no split {data.validation_split!r}, so nothing chooses the best checkpoint; {hint}")
        return None
    return base.of_split(data.validation_split)


def _extra_part(extra: Manifest, data: RecognizerData) -> Manifest:
    """Return the training rows; a manifest whose rows are in no split at all is taken whole."""
    if data.train_split is not None and "split" in extra.table and (extra.table["split"] != "").any():
        extra = extra.of_split(data.train_split)
    chosen = accepted_part(extra)
    if not len(chosen):
        raise DataError("every picture of this manifest is marked as rejected", where=extra.name)
    return chosen


def accepted_part(manifest: Manifest) -> Manifest:
    """Leave out the rows that are marked as rejected."""
    if "accepted" not in manifest.table:
        return manifest
    return manifest.select(manifest.table["accepted"].astype(str).str.lower() != "false")


def refuse_shared_people(train: Manifest, validation: Manifest | None) -> None:
    """Raise a DataError that names people of both parts."""
    if validation is None:
        return
    shared = sorted(set(train.subjects) & set(validation.subjects))
    if shared:
        shown = ", ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
        raise DataError(
            "people must not be in training and validation both", where=train.name, found=shown,
            cure="split by person with: pifr data split",
        )  # fmt: skip
