"""Accept or reject: every picture is measured, and the first check it fails is its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pifr.augment.calibration import References
from pifr.augment.config import AcceptanceConfig
from pifr.augment.quality import differences, sharpness, thumbnails
from pifr.augment.timing import Clock
from pifr.data.pictures import resize_picture
from pifr.metrics import unit_length

if TYPE_CHECKING:
    from pifr.pose import PoseEstimator
    from pifr.recognition import Embedder

ANOTHER_PERSON = "looks like another person"
TEST_PERSON = "looks like a test person"
OTHER_IDENTITY = "identity below threshold"
NO_EMBEDDING = "no embedding"
WRONG_YAW = "yaw off"
BLURRED = "blurred"
DUPLICATE = "near duplicate"
REASONS = (NO_EMBEDDING, TEST_PERSON, OTHER_IDENTITY, ANOTHER_PERSON, WRONG_YAW, BLURRED, DUPLICATE)
"""In the order in which they are looked for."""


@dataclass(frozen=True)
class Measured:
    """Figures of B pictures; None where they were not measured.

    Attributes:
        identity_cosine: ``(B,)`` to the own person's reference; NaN without an embedding.
        nearest_other: ``(B,)`` names; empty where there is nobody else.
        nearest_other_cosine: ``(B,)``.
        nearest_test_cosine: ``(B,)`` to the test people.
        yaw_degrees: ``(B,)`` by the pose estimator.
        yaw_error_degrees: ``(B,)`` distance to the yaw asked for; NaN where none was.
        sharpness: ``(B,)``.
        thumbnails: ``(B, 256)``.
    """

    sharpness: np.ndarray
    thumbnails: np.ndarray
    identity_cosine: np.ndarray | None = None
    nearest_other: list[str] | None = None
    nearest_other_cosine: np.ndarray | None = None
    nearest_test_cosine: np.ndarray | None = None
    yaw_degrees: np.ndarray | None = None
    yaw_error_degrees: np.ndarray | None = None


@dataclass
class Seen:
    """What a person has so far, to find duplicates among; ``sharpness`` is the sources' mean."""

    sharpness: float
    thumbnails: list[np.ndarray] = field(default_factory=list)


class Acceptance:
    """The checks with what they need.

    Args:
        config: Thresholds.
        judge: Embedder of the identity check; None leaves it out.
        references: What it compares with.
        estimator: Of the yaw; None leaves it out.
    """

    def __init__(
        self,
        config: AcceptanceConfig,
        judge: Embedder | None = None,
        references: References | None = None,
        estimator: PoseEstimator | None = None,
    ) -> None:
        self.config, self.judge, self.references, self.estimator = config, judge, references, estimator
        self._row = {who: row for row, who in enumerate(references.subjects)} if references is not None else {}

    def measure(self, pixels: np.ndarray, subjects: list[str], yaws_degrees: np.ndarray, clock: Clock) -> Measured:
        """Measure ``(B, S, S, 3)`` uint8 pictures of ``subjects``, asked to be turned by ``yaws_degrees``."""
        values: dict[str, object] = {}
        with clock.part("checks"):
            values.update(sharpness=sharpness(pixels), thumbnails=thumbnails(pixels))
        if self.judge is not None and self.references is not None:
            with clock.part("embedder"):
                values.update(self._identity(pixels, subjects))
        if self.estimator is not None:
            with clock.part("pose estimator"):
                yaw = self.estimator(pixels).yaw_degrees.astype(float)
            values.update(yaw_degrees=yaw, yaw_error_degrees=np.abs(yaw - yaws_degrees))
        return Measured(**values)  # type: ignore[arg-type]

    def _identity(self, pixels: np.ndarray, subjects: list[str]) -> dict[str, object]:
        from pifr.recognition.embedders import embed_pixels

        judge, references = self.judge, self.references
        assert judge is not None
        assert references is not None
        vectors = embed_pixels(judge, np.stack([resize_picture(one, judge.spec.size_px) for one in pixels]))
        failed = ~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)
        vectors = unit_length(np.where(failed[:, None], 0, vectors))
        cosines = (vectors @ references.vectors.T).astype(float)
        here, own = np.arange(len(pixels)), np.array([self._row[who] for who in subjects])
        own_cosine = np.where(failed, np.nan, cosines[here, own])
        cosines[here, own] = -np.inf
        nearest = cosines.argmax(axis=1)
        alone = cosines.shape[1] == 1
        found: dict[str, object] = {
            "identity_cosine": own_cosine,
            "nearest_other": ["" if alone else references.subjects[row] for row in nearest],
            "nearest_other_cosine": np.full(len(pixels), np.nan) if alone else cosines[here, nearest],
        }
        if references.test_vectors is not None:
            found["nearest_test_cosine"] = (vectors @ references.test_vectors.T).max(axis=1).astype(float)
        return found

    def reason(self, measured: Measured, index: int, seen: Seen) -> str:
        """Return why picture ``index`` is rejected, or an empty text."""
        config = self.config
        if measured.identity_cosine is not None:
            found = self._identity_reason(measured, index)
            if found:
                return found
        most = config.max_yaw_error_degrees
        errors = measured.yaw_error_degrees
        if errors is not None and most is not None and errors[index] > most:  # unknown where no degrees were asked for
            return WRONG_YAW
        if config.min_sharpness is not None and measured.sharpness[index] < config.min_sharpness * seen.sharpness:
            return BLURRED
        if config.min_difference is not None and seen.thumbnails:
            gaps = differences(measured.thumbnails[index], np.stack(seen.thumbnails))
            if gaps.min() < config.min_difference:
                return DUPLICATE
        return ""

    def _identity_reason(self, measured: Measured, index: int) -> str:
        assert measured.identity_cosine is not None
        assert self.references is not None
        threshold, own = self.references.threshold, measured.identity_cosine[index]
        if threshold is None:
            return ""
        if np.isnan(own):
            return NO_EMBEDDING
        test = measured.nearest_test_cosine[index] if measured.nearest_test_cosine is not None else -np.inf
        if test >= threshold and test >= own:
            return TEST_PERSON
        if own < threshold:
            return OTHER_IDENTITY
        assert measured.nearest_other_cosine is not None
        return ANOTHER_PERSON if measured.nearest_other_cosine[index] >= own else ""
