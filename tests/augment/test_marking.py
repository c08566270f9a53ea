"""Read back by Pillow, as any other program would."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from pifr.augment.marking import NAMESPACE, TRAINED, encode_picture, xmp_packet

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


@pytest.mark.parametrize("picture_format", ["png", "jpg"])
def test_every_file_says_what_it_is_and_what_made_it(picture_format: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    packet = xmp_packet(TRAINED, {"Generator": 'a "<b>" & c', "GeneratorSha256": "ab" * 32})
    with Image.open(io.BytesIO(encode_picture(pixels, picture_format, packet))) as picture:
        found = picture.info["xmp"]
        if picture_format == "png":
            np.testing.assert_array_equal(np.asarray(picture), pixels)
            assert "XML:com.adobe.xmp" in picture.text
    root = ElementTree.fromstring((found if isinstance(found, str) else found.decode()).strip("\ufeff"))
    description = next(root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"))
    assert description.get(f"{{{IPTC}}}DigitalSourceType") == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    assert description.get(f"{{{NAMESPACE}}}GeneratorSha256") == "ab" * 32
    assert description.get(f"{{{NAMESPACE}}}Generator") == 'a "<b>" & c'
