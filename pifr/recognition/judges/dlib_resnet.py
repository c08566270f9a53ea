"""dlib's face network as an independent judge: 128 numbers a face, weights from a package, no training of ours.

D. King's ResNet with 29 convolutions, a reduced version of He et al., "Deep Residual Learning for Image
Recognition", CVPR 2016; trained on about three million faces, in the public domain. It comes in the extra ``judge``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from pifr.core.errors import DataError, require_extra
from pifr.core.files import sha256_of_file
from pifr.data.detectors import dlib_model_file
from pifr.data.spec import AnyAlignmentSpec, InputSpec

_PURPOSE = "the judge 'dlib'"
_CHIP_PX, _CHIP_PADDING = 150, 0.25
# Where dlib finds no face (it hardly finds profiles) the middle of the picture is taken for it.
_MIDDLE = (0.14, 0.86, 0.2, 0.92)


class DlibEmbedder:
    """dlib's detector, five landmarks, chip and network. One picture after the other, about 0.13 s each on a core.

    Raises:
        DependencyError: If dlib or the package with its weights is not installed.
    """

    name = "dlib"

    def __init__(self) -> None:
        dlib: Any = require_extra("dlib", "judge", _PURPOSE)
        weights = dlib_model_file("dlib_face_recognition_resnet_model_v1.dat", _PURPOSE)
        self.spec: InputSpec = AnyAlignmentSpec(size_px=250)
        self.sha256 = sha256_of_file(weights)
        self._dlib = dlib
        self._detect = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(dlib_model_file("shape_predictor_5_face_landmarks.dat", _PURPOSE)))
        self._network = dlib.face_recognition_model_v1(str(weights))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed ``(N, S, S, 3)`` uint8 RGB pictures as ``(N, 128)`` float32."""
        if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
            raise DataError("dlib takes uint8 RGB pictures (N, H, W, 3)", found=f"{pixels.dtype} {pixels.shape}")
        chips = [self._chip(np.ascontiguousarray(picture)) for picture in pixels]
        vectors = [np.array(self._network.compute_face_descriptor(chip)) for chip in chips]
        return np.array(vectors, dtype=np.float32).reshape(len(pixels), -1)

    def _chip(self, picture: np.ndarray) -> np.ndarray:
        """Cut the face out as the network was trained to see it: ``(150, 150, 3)`` uint8."""
        faces = self._detect(picture, 0)
        if len(faces):
            largest = max(faces, key=lambda box: box.area())
            points = self._landmarks(picture, largest)
            return self._dlib.get_face_chip(picture, points, _CHIP_PX, _CHIP_PADDING)
        height, width = picture.shape[:2]
        left, right, top, bottom = _MIDDLE
        middle = picture[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
        return np.ascontiguousarray(np.asarray(Image.fromarray(middle).resize((_CHIP_PX, _CHIP_PX))))
