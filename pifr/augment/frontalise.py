"""Probes turned to the front before they are embedded: the other use of a generator, beside training data.

"Frontalise, then recognise" (R. Huang et al., TP-GAN, ICCV 2017; L. Tran et al., DR-GAN, CVPR 2017): the recogniser
stays as it is, and a generator stands between the probe and it. Enrolled pictures are not touched. Where the order of a
pair says nothing, as in LFW, a benchmark turns both pictures.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from pifr.core.errors import ConfigError
from pifr.data.pictures import resize_picture
from pifr.data.spec import InputSpec
from pifr.metrics import unit_length

if TYPE_CHECKING:
    from ipgan import Rotator
    from pifr.recognition import Embedder

FRONTAL_DEGREES = 0.0
FROM_DEGREES = 10.0
"""Faces seen at less are frontal for this toolkit, and there is nothing to turn."""


class FrontalisedEmbedder:
    """An embedder that sees a turned probe as a generator draws it from the front.

    A probe that is frontal already is left as it is: a drawing of it could only lose. What counts is the yaw at which
    the generator sees it, never the manifest's.

    Attributes:
        enrols_with: The embedder itself; a benchmark embeds what is enrolled with it.
        options: What a result says of this option.
        called: What a table calls this option.
        parts: What it is made of; a benchmark asks each whom it learned from, since names belong to a data set.
        training_people: Names of the people that either learned from.
        training_folders: What tells their data set from others, see :func:`~pifr.data.seen.data_folders`.

    Args:
        embedder: What embeds the drawn faces.
        rotator: The generator.
        from_degrees: Least absolute yaw of a probe that is drawn anew; 0 draws all of them.
        fuse: Add the embedding of the probe itself to that of the drawing, both of unit length, and give the sum the
            length of the former.

    Raises:
        ConfigError: If ``from_degrees`` is no angle from 0 to 90, or farther round than the generator sees.
        DataError: If the two want pictures of different alignment, or the generator never learned a frontal view.
    """

    def __init__(
        self, embedder: Embedder, rotator: Rotator, from_degrees: float = FROM_DEGREES, fuse: bool = False
    ) -> None:  # fmt: skip
        if not 0 <= from_degrees <= 90:
            raise ConfigError("probes are turned from a yaw of 0 to 90 degrees on", found=f"{from_degrees:g}")
        embedder.spec.require_template(rotator.spec.template, f"{embedder.name} behind {rotator.name}")
        rotator.poses_for_yaws([FRONTAL_DEGREES])  # refuses a generator that knows no degrees
        _require_seen(from_degrees, rotator)
        self.enrols_with, self.rotator = embedder, rotator
        self.called = f"frontalised by {rotator.name}" + " and as it is" * fuse
        self.name = f"{embedder.name} + {self.called}"
        self.from_degrees, self.fuse = float(from_degrees), fuse
        # The larger of both, so that a probe left as it is loses no detail to a smaller generator; the smaller of the
        # two gets pictures resized once more than it would alone.
        size_px = max(embedder.spec.size_px, rotator.spec.size_px)
        self.spec = InputSpec(size_px=size_px, template=rotator.spec.template)
        self.sha256 = hashlib.sha256(
            f"{embedder.sha256} {rotator.sha256} {self.from_degrees} {fuse}".encode()
        ).hexdigest()
        self.options: dict[str, Any] = {
            "frontalised_by": rotator.name, "frontalised_by_sha256": rotator.sha256,
            "frontalised_yaw_degrees": FRONTAL_DEGREES, "frontalised_from_degrees": self.from_degrees,
            "frontalised_fused": fuse,
        }  # fmt: skip
        self.parts: dict[str, object] = {"recogniser": embedder, "generator": rotator}
        self.training_people: frozenset[str] = self._of_both("training_people")
        self.training_folders: frozenset[str] = self._of_both("training_folders")
        self.cacheable: bool = bool(getattr(embedder, "cacheable", True) and embedder.sha256 and rotator.sha256)
        self.device = f"{getattr(embedder, 'device', '')} {getattr(rotator, 'device', '')}"
        self.precision = f"{getattr(embedder, 'precision', '')} {getattr(rotator, 'dtype', '')}"

    def _of_both(self, attribute: str) -> frozenset[str]:
        return frozenset(name for part in self.parts.values() for name in getattr(part, attribute, ()))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures, turned faces as drawn from the front, as ``(N, D)`` float32."""
        seen = _resized(pixels, self.rotator.spec.size_px)
        turned = np.abs(self.rotator.yaws(seen)) >= self.from_degrees
        own = _resized(pixels, self.enrols_with.spec.size_px)
        if not turned.any():
            return self.enrols_with(own)
        faces = own.copy()
        faces[turned] = _resized(
            self.rotator.rotate(seen[turned], [FRONTAL_DEGREES])[:, 0], self.enrols_with.spec.size_px
        )
        vectors = np.array(self.enrols_with(faces), dtype=np.float32)  # a copy: an embedder may use its array again
        if self.fuse:
            plain = np.asarray(self.enrols_with(own[turned]), dtype=np.float32)
            # As long as the probe's own, so that sums with other embeddings weigh turned and frontal probes alike.
            lengths = np.linalg.norm(plain, axis=1, keepdims=True)
            vectors[turned] = unit_length(unit_length(vectors[turned]) + unit_length(plain)) * lengths
        return vectors


def _require_seen(from_degrees: float, rotator: Rotator) -> None:
    """Refuse a yaw at which this generator sees nobody: what lies farther round comes out as its end."""
    low, high = rotator.yaw_range_degrees
    if from_degrees > max(-low, high):
        raise ConfigError(
            f"no probe would be turned: this generator sees yaws of {low:g} to {high:g} degrees", where=rotator.name,
            found=f"probes to be turned from {from_degrees:g} degrees on",
            cure="name a smaller yaw with --frontalise-from",
        )  # fmt: skip


def _resized(pixels: np.ndarray, size_px: int) -> np.ndarray:
    if pixels.shape[1:3] == (size_px, size_px):
        return pixels
    return np.stack([resize_picture(picture, size_px) for picture in pixels])
