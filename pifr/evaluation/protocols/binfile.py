"""``.bin`` files of verification pairs, as the InsightFace project ships LFW, CFP-FP and AgeDB-30.

Such a file is a pickle of (encoded pictures, labels), and a pickle may run any code when it is opened. This reader
knows four harmless names and refuses everything else.
"""

from __future__ import annotations

import codecs
import hashlib
import importlib
import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pifr.core.errors import DataError
from pifr.core.files import atomic_path, cache_folder, sha256_of_file

if TYPE_CHECKING:
    from pifr.evaluation.protocols.pairs import Pair

_FOLDS = 10


def read_bin(path: Path) -> tuple[Path, list[Pair], dict[str, str]]:
    """Unpack a ``.bin`` file into the user's cache and read its pairs.

    Equal pictures become one file. Who is who follows from the pairs: pictures linked by same pairs are one person.

    Args:
        path: The file.

    Returns:
        Folder of the pictures, pairs in ten folds of the file's order, and picture -> person.

    Raises:
        DataError: If it is missing, no such file, or its pickle asks for anything but data.
    """
    from pifr.evaluation.protocols.pairs import Pair, people_from_pairs

    if not path.is_file():
        raise DataError("file not found", where=path, cure="check the path")
    pictures, labels = _load(path)
    names = [f"{hashlib.sha256(picture).hexdigest()[:24]}{_ending(picture)}" for picture in pictures]
    folder = cache_folder() / "bin" / sha256_of_file(path)[:24]
    if not folder.is_dir():
        with atomic_path(folder, replace_folder=True) as temporary:  # another process may unpack the same file
            temporary.mkdir(parents=True)
            for name, picture in zip(names, pictures, strict=True):
                (temporary / name).write_bytes(picture)
    count = len(labels)
    pairs = [
        Pair(names[2 * number], names[2 * number + 1], same, number * _FOLDS // count + 1)
        for number, same in enumerate(labels)
    ]
    return folder, pairs, people_from_pairs(pairs, str(path))


def _load(path: Path) -> tuple[list[bytes], list[bool]]:
    try:
        loaded = _DataOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        pictures, labels = loaded
        pictures = [bytes(picture) for picture in pictures]
        labels = [bool(label) for label in labels]
    except DataError as error:
        raise DataError(error.what, where=path, found=error.found, cure=error.cure) from error
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise DataError("not a .bin file of (pictures, labels)", where=path, found=type(error).__name__) from error
    if not labels or len(pictures) != 2 * len(labels):
        raise DataError(
            "a .bin file holds two pictures a label", where=path,
            found=f"{len(pictures)} pictures, {len(labels)} labels",
        )  # fmt: skip
    return pictures, labels


class _DataOnly(pickle.Unpickler):
    """Builds bytes, lists, numbers and numpy arrays, and nothing that could act."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("_codecs", "encode"): codecs.encode,  # how Python 2's protocol writes bytes
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) in allowed:
            return allowed[module, name]
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name in ("_reconstruct", "scalar"):
            return getattr(importlib.import_module("numpy._core.multiarray"), name)
        raise DataError(
            "this pickle asks for more than data and was not opened", found=f"{module}.{name}",
            cure="do not open it with other tools either",
        )  # fmt: skip


def _ending(picture: bytes) -> str:
    if picture[:3] == b"\xff\xd8\xff":
        return ".jpg"
    if picture[:8] == b"\x89PNG\r\n\x1a\n":
        return ".png"
    raise DataError("a picture is neither JPEG nor PNG", found=picture[:8].hex())
