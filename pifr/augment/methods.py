"""The ways to show a person in another pose, behind one small interface."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pifr.augment.marking import ALTERED, COMPOSITE, TRAINED
from pifr.core.errors import ConfigError, DataError, DependencyError, near_names
from pifr.core.seeds import numpy_generator
from pifr.data.spec import InputSpec

if TYPE_CHECKING:
    from ipgan import Rotator

METHODS = ("ipgan", "headmodel", "flip", "none")
FULL_RANGE_DEGREES = (-90.0, 90.0)
_DEGREES_PER_SPREAD = 30.0


@dataclass(frozen=True)
class Faces:
    """Source pictures at the method's size.

    Attributes:
        pixels: ``(N, S, S, 3)`` uint8.
        landmarks: ``(N, 5, 2)`` float pixels at that size; None where the method needs none.
    """

    pixels: np.ndarray
    landmarks: np.ndarray | None = None


@dataclass(frozen=True)
class Poses:
    """What is asked of each of B views.

    Attributes:
        yaws_degrees: ``(B,)``.
        names: B names of views; draws are keyed by them, so that nobody's depends on a neighbour.
        pixels: ``(B, S, S, 3)`` uint8 pictures to imitate, instead of the yaws.
        attempt: 0 for the pose itself, then other draws near it.
        seed: Of the draws.
        spread: Of the draws, see ``AcceptanceConfig.retry_spread``.
    """

    yaws_degrees: np.ndarray
    names: Sequence[str]
    pixels: np.ndarray | None = None
    attempt: int = 0
    seed: int = 0
    spread: float = 0.15

    def draws(self, width: int) -> np.ndarray:
        """Return standard normal draws ``(B, width)``; zeros at the first attempt."""
        if not self.attempt:
            return np.zeros((len(self.names), width), np.float32)
        rows = [numpy_generator(self.seed, "retry", name, self.attempt).normal(size=width) for name in self.names]
        return np.array(rows, dtype=np.float32).reshape(len(rows), width)


class Method(Protocol):
    """A way to show a person in another pose.

    Attributes:
        name: For provenance.
        sha256: Digest of its weights or of its definition.
        spec: Size and alignment of the pictures it takes and makes.
        source_type: IPTC digital source type of what it makes.
        needs: Of the manifest, beyond path and subject: ``landmarks``, ``yaw``.
        retries: Whether another draw can help.
        imitates: Whether it takes pictures as poses.
        mirrors: Whether it reaches only the mirror images of a person's real yaws.
    """

    name: str
    sha256: str
    spec: InputSpec
    source_type: str
    needs: frozenset[str]
    retries: bool
    imitates: bool
    mirrors: bool

    @property
    def range_degrees(self) -> tuple[float, float] | None:
        """Least and greatest yaw it makes; None where it knows no degrees."""

    def encode(self, faces: Faces) -> Sequence[Any]:
        """Return what the method keeps of each source, ``N`` entries; called once a source."""

    def draw(self, sources: Sequence[Sequence[Any]], poses: Poses) -> np.ndarray:
        """Draw B views, each of one or more sources of one person: ``(B, S, S, 3)`` uint8."""


class IpganMethod:
    """A generator of :mod:`ipgan`; several sources are fused by the mean of their identity codes."""

    source_type, needs, retries, imitates, mirrors = TRAINED, frozenset[str](), True, True, False

    def __init__(self, rotator: Rotator) -> None:
        self.rotator = rotator
        self.name, self.sha256, self.spec = rotator.name, rotator.sha256, rotator.spec

    @property
    def range_degrees(self) -> tuple[float, float] | None:
        """Least and greatest yaw seen in training."""
        if not hasattr(self.rotator, "pose_map"):
            return FULL_RANGE_DEGREES
        return self.rotator.pose_map.range_degrees if self.rotator.pose_map is not None else None

    def encode(self, faces: Faces) -> Sequence[Any]:
        """Return a source's identity code, its pixels and its pose code."""
        codes = self.rotator.identity_codes(faces.pixels), faces.pixels, self.rotator.pose_codes(faces.pixels)
        return list(zip(*codes, strict=True))

    def draw(self, sources: Sequence[Sequence[Any]], poses: Poses) -> np.ndarray:
        """Generate; a retry adds noise to the pose code, in proportion to the code's length."""
        identity = np.stack([np.mean([code for code, _, _ in entries], axis=0) for entries in sources])
        # Detail can come from one photograph only; the first is the best.
        pixels, seen_from = (np.stack([entries[0][part] for entries in sources]) for part in (1, 2))
        if poses.pixels is not None:
            codes = self.rotator.pose_codes(poses.pixels)
        else:
            codes = self.rotator.poses_for_yaws(poses.yaws_degrees)
        codes = np.asarray(codes, dtype=np.float32)
        if poses.attempt:
            per_entry = np.linalg.norm(codes, axis=1, keepdims=True) / np.sqrt(codes.shape[1])
            codes = codes + np.float32(poses.spread) * per_entry * poses.draws(codes.shape[1])
        return self.rotator.generate(identity, codes, pixels, seen_from)


class HeadModelMethod:
    """The twin's head fitted to five landmarks, the photograph projected on it and rotated."""

    source_type, needs, retries, imitates, mirrors = COMPOSITE, frozenset({"landmarks"}), True, False, False

    def __init__(self, rotator: Any) -> None:
        self.rotator = rotator
        self.name, self.sha256, self.spec = rotator.name, rotator.sha256, rotator.spec

    @property
    def range_degrees(self) -> tuple[float, float] | None:
        """The half circle; how well the sides come out is for the acceptance to say."""
        return FULL_RANGE_DEGREES

    def encode(self, faces: Faces) -> Sequence[Any]:
        """Return picture and landmarks of each source."""
        assert faces.landmarks is not None
        return list(zip(faces.pixels, faces.landmarks, strict=True))

    def draw(self, sources: Sequence[Sequence[Any]], poses: Poses) -> np.ndarray:
        """Rotate the best source of each view; a retry asks for a yaw nearby."""
        turn = poses.draws(1)[:, 0] * poses.spread * _DEGREES_PER_SPREAD
        yaws = np.clip(poses.yaws_degrees + turn, *FULL_RANGE_DEGREES)
        keys = [id(entries[0]) for entries in sources]
        pictures = np.empty((len(sources), *sources[0][0][0].shape), dtype=np.uint8)
        for key in dict.fromkeys(keys):
            places = [place for place, other in enumerate(keys) if other == key]
            pixels, landmarks = sources[places[0]][0]
            pictures[places] = self.rotator.rotate(pixels[None], landmarks[None], yaws[places])[0]
        return pictures


class FlipMethod:
    """Mirror images: what every trainer does anyway, and the least that another method must beat."""

    source_type, needs, retries, imitates, mirrors = ALTERED, frozenset({"yaw"}), False, False, True
    name, sha256 = "flip", ""

    def __init__(self, spec: InputSpec) -> None:
        self.spec = spec

    @property
    def range_degrees(self) -> tuple[float, float] | None:
        """Any yaw whose opposite there is."""
        return FULL_RANGE_DEGREES

    def encode(self, faces: Faces) -> Sequence[Any]:
        """Return the pictures."""
        return list(faces.pixels)

    def draw(self, sources: Sequence[Sequence[Any]], poses: Poses) -> np.ndarray:
        """Mirror the source of each view."""
        return np.stack([entries[0][:, ::-1] for entries in sources])


class NoMethod(FlipMethod):
    """Nothing is made; the result is the sources alone, the baseline of a study."""

    name, needs, mirrors = "none", frozenset[str](), False

    @property
    def range_degrees(self) -> tuple[float, float] | None:
        """No yaw at all: the plan stays empty."""
        return None


def open_method(kind: str, model: str | None, device: str, spec: InputSpec) -> Method:
    """Open a method by name.

    Args:
        kind: ``ipgan``, ``headmodel``, ``flip`` or ``none``.
        model: Run folder of the generator, for ``ipgan``.
        device: auto, cpu, cuda or cuda:N.
        spec: Size and alignment of the sources, for methods that take any.

    Raises:
        ConfigError: If there is no such method, or ``ipgan`` lacks its model.
        DependencyError: If ``headmodel`` is not in this installation.
        CheckpointError: If the generator can't be read.
    """
    if kind not in METHODS:
        raise ConfigError(f"unknown method {kind!r}", where="--method", cure=near_names(kind, METHODS))
    if (kind == "ipgan") != (model is not None):
        raise ConfigError(
            "the method 'ipgan' needs a generator" if kind == "ipgan" else f"the method {kind!r} takes no generator",
            where="--model", cure="name a run folder of 'ipgan train'" if kind == "ipgan" else "leave --model out",
        )  # fmt: skip
    if kind == "ipgan":
        from ipgan import Rotator

        return IpganMethod(Rotator.load(str(model), device))
    if kind == "headmodel":
        return HeadModelMethod(_head_model(spec))
    return FlipMethod(spec) if kind == "flip" else NoMethod(spec)


def _head_model(spec: InputSpec) -> Any:
    try:
        rotator = importlib.import_module("pifr.headmodel").HeadModelRotator
    except (ImportError, AttributeError) as error:
        raise DependencyError(
            "the method 'headmodel' needs pifr.headmodel", found=str(error), cure="use --method ipgan, flip or none"
        ) from error
    return rotator(spec.size_px, spec.template)


def require_yaws(method: Method, yaws_degrees: Sequence[float]) -> None:
    """Refuse yaws that a method can't make, before anything is written.

    Raises:
        DataError: Naming the first one, or saying that the method knows no degrees.
    """
    reach = method.range_degrees
    if isinstance(method, IpganMethod):
        method.rotator.poses_for_yaws(np.asarray(yaws_degrees, dtype=float))  # says it in the generator's own words
    elif reach is not None:
        wild = [yaw for yaw in yaws_degrees if not reach[0] <= yaw <= reach[1]]
        if wild:
            raise DataError(
                f"the method {method.name!r} turns faces by {reach[0]:g} to {reach[1]:g} degrees",
                found=f"a request for {wild[0]:g}", cure="ask for yaws within that range",
            )  # fmt: skip
