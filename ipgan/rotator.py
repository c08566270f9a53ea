"""Turning faces with trained weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ipgan.appearance_flow import Photograph
from ipgan.config import ModelConfig
from ipgan.networks import build_rotation
from ipgan.pose_map import PoseMap
from ipgan.precision import compute_dtype
from ipgan.rotation import Rotation, fused
from ipgan.stored import describe, read_stored
from pifr.core.checkpoint import load_modules, write_weights
from pifr.core.device import Precision, choose_device
from pifr.core.errors import DataError
from pifr.core.files import atomic_path, sha256_of_file, write_json
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input, to_pixels


class Rotator:
    """A trained generator, ready to turn faces.

    Pictures go in and come out as uint8 RGB. A pose is a yaw in degrees, a picture to imitate, or a code.

    Attributes:
        spec: What pictures must look like; check their alignment with ``spec.require_template``.
        name: For provenance and messages.
        sha256: Digest of the weights file.
        training_people: Names of the people it learned from, so that a measurement can refuse to test them; empty
            where that is not known.
        training_folders: What tells their data set from others, see :func:`~pifr.data.seen.data_folders`.

    Args:
        rotation: Networks.
        spec: Their input.
        pose_map: Degrees to codes; None where no yaw was known in training.
        name: See above.
        sha256: See above.
        device: Where to run.
        precision: Number format.
        batch_size: Faces at once; bounds the memory, not the input.
        training_people: See above.
        training_folders: See above.
    """

    def __init__(
        self, rotation: Rotation, spec: InputSpec, pose_map: PoseMap | None, name: str, sha256: str,
        device: torch.device, precision: Precision = "auto", batch_size: int = 32,
        training_people: frozenset[str] = frozenset(), training_folders: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.rotation = rotation.to(device).eval()
        self.spec, self.pose_map, self.name, self.sha256 = spec, pose_map, name, sha256
        self.training_people, self.training_folders = training_people, training_folders
        self.device, self.dtype, self.batch_size = device, compute_dtype(device, precision), batch_size

    @classmethod
    def load(cls, path: Path | str, device: str = "auto", precision: Precision = "auto") -> Rotator:
        """Load weights.

        Args:
            path: A run folder (its newest checkpoint is taken), a checkpoint folder, what :meth:`save` wrote, or the
                name of weights that come with the package, such as ``twin-64``.
            device: auto, cpu, cuda or cuda:N.
            precision: Number format to compute in.

        Raises:
            CheckpointError: If there are no weights, they are damaged, or of another kind of model.
        """
        stored = read_stored(path)
        rotation = build_rotation(stored.model, stored.spec.size_px)
        load_modules(stored.tensors, {"averaged": rotation}, stored.folder)
        return cls(
            rotation, stored.spec, stored.pose_map, stored.name, stored.sha256, choose_device(device), precision,
            training_people=stored.training_people, training_folders=stored.training_folders,
        )  # fmt: skip

    def save(self, folder: Path, name: str | None = None, half: bool = False) -> Path:
        """Write what inference needs, and whom it learned from, to ``folder``, for :meth:`load`.

        Args:
            folder: Must not exist, or be empty.
            name: What the weights are called from now on; None keeps the name.
            half: Store float16, half the size; faces then differ by less than a grey level here and there.

        Raises:
            PifrError: If there is something in the folder, or it can't be written.
        """
        with atomic_path(Path(folder)) as temporary:
            temporary.mkdir(parents=True)
            state = self.rotation.state_dict().items()
            tensors = {f"averaged.{key}": tensor.half() if half else tensor for key, tensor in state}
            weights = temporary / "weights.safetensors"
            write_weights(weights, tensors)
            about = describe(
                self.rotation_config, self.spec, self.pose_map, name or self.name, self.training_people,
                self.training_folders,
            )  # fmt: skip
            write_json(temporary / "meta.json", about | {"sha256": sha256_of_file(weights)})
        return Path(folder)

    @property
    def rotation_config(self) -> ModelConfig:
        """Sizes of the networks."""
        return self.rotation.config

    def rotate(
        self, pixels: np.ndarray, yaws_degrees: Sequence[float] | np.ndarray,
        pitches_degrees: float | Sequence[float] | np.ndarray = 0.0,
    ) -> np.ndarray:  # fmt: skip
        """Turn every face to every pose.

        Args:
            pixels: ``(N, S, S, 3)`` uint8.
            yaws_degrees: ``(M,)``, positive turns the nose to the picture's right.
            pitches_degrees: One for all or ``(M,)``, positive looks up.

        Returns:
            ``(N, M, S, S, 3)`` uint8.

        Raises:
            DataError: If an angle lies outside what was learned, no yaw was known in training, or sizes differ.
        """
        return self._every(pixels, self.poses_for_yaws(yaws_degrees, pitches_degrees))

    def imitate(self, pixels: np.ndarray, pose_pixels: np.ndarray) -> np.ndarray:
        """Show every face in the pose of every other picture.

        Args:
            pixels: ``(N, S, S, 3)`` uint8, who is to be shown.
            pose_pixels: ``(M, S, S, 3)`` uint8, whose pose to take.

        Returns:
            ``(N, M, S, S, 3)`` uint8.
        """
        return self._every(pixels, self.pose_codes(pose_pixels))

    def identity_codes(self, pixels: np.ndarray) -> np.ndarray:
        """Return identity codes ``(N, F)`` float32 of ``(N, S, S, 3)`` uint8; of unit norm where that is their nature.

        Codes of several pictures of one person may be averaged before :meth:`generate`, or see :meth:`fuse`.
        """
        return self._encode(pixels, lambda images: self.rotation.identity_encoder(images).code)

    def fuse(self, pixels: np.ndarray, groups: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return one identity code for each group of pictures.

        DR-GAN weighs pictures by what its encoder has learned of their worth; for the other generators all count
        alike.

        Args:
            pixels: ``(N, S, S, 3)`` uint8.
            groups: ``(N,)`` numbers; pictures with one number show one person.

        Returns:
            ``(G, F)`` float32, in the order of ``np.unique(groups)``.

        Raises:
            DataError: If there are not as many numbers as pictures.
        """
        numbers = np.asarray(groups)
        if numbers.shape != (len(pixels),):
            raise DataError("every picture to fuse needs the number of its group",
                            found=f"{len(pixels)} pictures and numbers of shape {numbers.shape}")  # fmt: skip

        def weighed(images: Tensor) -> Tensor:
            encoding = self.rotation.identity_encoder(images)
            return torch.cat([encoding.code, self.rotation.confidence(encoding)[:, None]], dim=1)

        encoded = self._tensor(self._encode(pixels, weighed))
        members = [self._tensor(numbers == number).bool() for number in np.unique(numbers)]
        means = [fused(encoded[rows, :-1], encoded[rows, -1]) for rows in members]
        return self.rotation.place(torch.stack(means)).cpu().numpy() if means else encoded[:, :-1].cpu().numpy()

    def pose_codes(self, pixels: np.ndarray) -> np.ndarray:
        """Return pose codes ``(N, P)`` float32, the posterior means, of ``(N, S, S, 3)`` uint8."""
        return self._encode(pixels, lambda images: self.rotation.pose_encoder(images).mean)

    def poses_for_yaws(
        self, yaws_degrees: Sequence[float] | np.ndarray, pitches_degrees: float | Sequence[float] | np.ndarray = 0.0
    ) -> np.ndarray:
        """Return pose codes ``(M, P)`` for yaws ``(M,)`` and pitches, one for all or ``(M,)``.

        Raises:
            DataError: If an angle lies outside what was learned, or no yaw was known in training.
        """
        return self._degrees().codes_for(yaws_degrees, pitches_degrees)

    @property
    def yaw_range_degrees(self) -> tuple[float, float]:
        """Least and greatest yaw it can draw and see.

        Raises:
            DataError: If no yaw was known in training.
        """
        return self._degrees().range_degrees

    def yaws(self, pixels: np.ndarray) -> np.ndarray:
        """Return the yaw ``(N,)`` at which the generator itself sees ``(N, S, S, 3)`` uint8 pictures, in degrees.

        Raises:
            DataError: If no yaw was known in training.
        """
        return self._degrees().yaws_for(self.pose_codes(pixels))

    @property
    def carries_detail(self) -> bool:
        """Whether :meth:`generate` makes use of the photographs themselves; see :mod:`ipgan.appearance_flow`."""
        return self.rotation.config.appearance_flow

    def generate(
        self, identity_codes: np.ndarray, pose_codes: np.ndarray, photographs: np.ndarray | None = None,
        photograph_poses: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Draw one face for each row of codes.

        Args:
            identity_codes: ``(B, F)``. Where they are of unit norm by nature, only the direction of those given counts.
            pose_codes: ``(B, P)``.
            photographs: ``(B, S, S, 3)`` uint8, pictures of the same people from which detail is carried over; without
                them faces are drawn from the codes alone. Generators that carry no detail make no use of them.
            photograph_poses: ``(B, P)`` pose codes of the photographs, where they are at hand.

        Returns:
            ``(B, S, S, 3)`` uint8.

        Raises:
            DataError: If there are not as many of one as of the other.
        """
        given = {"pose codes": pose_codes, "photographs": photographs, "poses of photographs": photograph_poses}
        for what, others in given.items():
            if others is not None and len(identity_codes) != len(others):
                raise DataError(f"as many {what} as identity codes are needed",
                                found=f"{len(identity_codes)} and {len(others)}")  # fmt: skip
        if not self.carries_detail:
            photographs = None
        elif photographs is not None and photograph_poses is None:
            photograph_poses = self.pose_codes(photographs)
        parts = [np.empty((0, self.spec.size_px, self.spec.size_px, 3), np.uint8)]
        for start in range(0, len(identity_codes), self.batch_size):
            rows = slice(start, start + self.batch_size)
            with torch.inference_mode():
                codes = self.rotation.place(self._tensor(identity_codes[rows])), self._tensor(pose_codes[rows])
                more = []
                if photographs is not None and photograph_poses is not None:
                    images = to_input(photographs[rows], self.spec, self.device)
                    more = [Photograph(images, self._tensor(photograph_poses[rows]))]
                made = self.rotation.generator(*codes, self.dtype, *more)
            parts.append(to_pixels(made, self.spec))
        return np.concatenate(parts)

    def _degrees(self) -> PoseMap:
        if self.pose_map is None:
            raise DataError(
                "this generator knows no degrees: no yaw was known in training", where=self.name,
                cure="give pictures to imitate, or learn degrees from estimated yaws with 'ipgan calibrate'",
            )  # fmt: skip
        return self.pose_map

    def _every(self, pixels: np.ndarray, pose: np.ndarray) -> np.ndarray:
        identity, count = self.identity_codes(pixels), len(pixels)
        every = np.repeat(np.arange(count), len(pose))
        details = (pixels[every], self.pose_codes(pixels)[every]) if self.carries_detail else ()
        faces = self.generate(identity[every], np.tile(pose, (count, 1)), *details)
        return faces.reshape(count, len(pose), *faces.shape[1:])

    def _encode(self, pixels: np.ndarray, encode: Callable[[Tensor], Tensor]) -> np.ndarray:
        parts: list[np.ndarray] = []
        for start in range(0, max(len(pixels), 1), self.batch_size):
            with torch.inference_mode():
                images = to_input(pixels[start : start + self.batch_size], self.spec, self.device)
                parts.append(encode(images.to(self.dtype)).float().cpu().numpy())
        return np.concatenate(parts)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(self.device)
