"""Probes turned to the front before they are embedded: the other use of a generator, beside training data.

"Frontalise, then recognise" (R. Huang et al., TP-GAN, ICCV 2017; L. Tran et al., DR-GAN, CVPR 2017): the recogniser
stays as it is, and a generator stands between the probe and it. Enrolled pictures are not touched. Where the order of a
pair says nothing, as in LFW, a benchmark turns both pictures.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from pifr.data.pictures import resize_picture
from pifr.data.spec import InputSpec

if TYPE_CHECKING:
    from ipgan import Rotator
    from pifr.recognition import Embedder

FRONTAL_DEGREES = 0.0


class FrontalisedEmbedder:
    """An embedder that sees every probe as a generator draws it from the front.

    Attributes:
        enrols_with: The embedder itself; a benchmark embeds what is enrolled with it.
        options: What a result says of this option.
        parts: What it is made of; a benchmark asks each whom it learned from, since names belong to a data set.
        training_people: Names of the people that either learned from.
        training_folders: Folders of the manifests those names belong to.

    Args:
        embedder: What embeds the drawn faces.
        rotator: The generator.

    Raises:
        DataError: If the two want pictures of different alignment, or the generator never learned a frontal view.
    """

    def __init__(self, embedder: Embedder, rotator: Rotator) -> None:
        embedder.spec.require_template(rotator.spec.template, f"{embedder.name} behind {rotator.name}")
        rotator.poses_for_yaws([FRONTAL_DEGREES])  # refuses a generator that knows no degrees
        self.enrols_with, self.rotator = embedder, rotator
        self.name = f"{embedder.name} + frontalised by {rotator.name}"
        self.spec = InputSpec(size_px=rotator.spec.size_px, template=rotator.spec.template)
        self.sha256 = hashlib.sha256(f"{embedder.sha256} {rotator.sha256}".encode()).hexdigest()
        self.options: dict[str, Any] = {
            "frontalised_by": rotator.name, "frontalised_by_sha256": rotator.sha256,
            "frontalised_yaw_degrees": FRONTAL_DEGREES,
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
        """Draw ``(N, S, S, 3)`` uint8 RGB pictures from the front and embed them as ``(N, D)`` float32."""
        faces = self.rotator.rotate(pixels, [FRONTAL_DEGREES])[:, 0]
        return self.enrols_with(np.stack([resize_picture(face, self.enrols_with.spec.size_px) for face in faces]))
