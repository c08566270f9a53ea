"""The input spec: what a picture must look like before a model may see it."""

from __future__ import annotations

from typing import Literal

from pifr.core.config import Config
from pifr.core.errors import DataError


class InputSpec(Config):
    """Size, channel order, scaling and alignment of a model's input; stored in every checkpoint, asserted on use."""

    size_px: int = 64
    """Side of the square input in pixels."""
    channels: Literal["RGB", "BGR"] = "RGB"
    """Order in which the model takes the channels; stores and embedders always hold RGB."""
    mean: float = 127.5
    """Subtracted from the 0..255 pixel values."""
    std: float = 127.5
    """Divides the centred pixel values."""
    template: str = "unaligned"
    """Id of the alignment template the pictures went through."""

    def require_template(self, found: str, where: object) -> None:
        """Refuse pictures that went through another alignment.

        Args:
            found: The template id of the pictures.
            where: What they are, for the message.

        Raises:
            DataError: If the ids differ. Users report 1 to 7 points lost to this mistake.
        """
        if found != self.template:
            raise DataError(
                f"these pictures are aligned by template {found!r}, the model was trained on {self.template!r}",
                where=where,
                cure=how_to_align(self.template),
            )


def how_to_align(template: str) -> str:
    """Return what to do for pictures of ``template``; those of the twin are framed when they are rendered."""
    if template.startswith("twin-"):
        return (
            "only pictures of pifr data twin are framed so, and those of the London set after pifr data align "
            "--template crops:london-twin; take a model of your pictures' template"
        )
    return f"align them with: pifr data align --template {template}"


class AnyAlignmentSpec(InputSpec):
    """Spec of a recogniser that takes a face wherever it lies: it finds it itself, or reads the whole picture."""

    def require_template(self, found: str, where: object) -> None:
        """Take pictures of any alignment."""
