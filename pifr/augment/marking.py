"""Every file says what it is: the IPTC digital source type and the generator's digest in an XMP packet.

Vocabulary: http://cv.iptc.org/newscodes/digitalsourcetype/. A learned generator makes ``trainedAlgorithmicMedia``
("created algorithmically using a model derived from sampled content"); a photograph projected on a modelled head is
``compositeSynthetic`` ("a mix or composite that includes at least one synthetic element"); a mirror image is
``algorithmicallyEnhanced`` ("modification or correction by algorithm").
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = f"{_VOCABULARY}trainedAlgorithmicMedia"
COMPOSITE = f"{_VOCABULARY}compositeSynthetic"
ALTERED = f"{_VOCABULARY}algorithmicallyEnhanced"
NAMESPACE = "urn:pifr:augment:1:"
"""Of the properties ``Generator`` and ``GeneratorSha256``."""
_PNG_KEY = "XML:com.adobe.xmp"
_JPEG_QUALITY = 92


def xmp_packet(source_type: str, properties: Mapping[str, str]) -> str:
    """Return an XMP packet (ISO 16684-1) with ``Iptc4xmpExt:DigitalSourceType`` and properties of our namespace.

    Args:
        source_type: A URI of the vocabulary.
        properties: Names such as ``GeneratorSha256``, and values.
    """
    own = "".join(f"\n   pifr:{name}={quoteattr(value)}" for name, value in properties.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about=""\n'
        '   xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"\n'
        '   xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        f'   xmlns:pifr="{NAMESPACE}"\n'
        f"   Iptc4xmpExt:DigitalSourceType={quoteattr(source_type)}\n"
        f'   xmp:CreatorTool="pifr augment"{own}/>\n'
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        '<?xpacket end="r"?>'
    )


def encode_picture(pixels: np.ndarray, picture_format: str, xmp: str) -> bytes:
    """Encode ``(H, W, 3)`` uint8 RGB as PNG (iTXt chunk) or JPEG (APP1 segment) with an XMP packet.

    Args:
        pixels: The picture.
        picture_format: ``png`` or ``jpg``.
        xmp: The packet.
    """
    stream = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if picture_format == "png":
        info = PngInfo()
        info.add_itxt(_PNG_KEY, xmp)
        picture.save(stream, "PNG", compress_level=1, pnginfo=info)
    else:
        picture.save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0, xmp=xmp.encode())
    return stream.getvalue()
