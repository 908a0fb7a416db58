"""A photo's file without what is written beside its pixels: no EXIF, XMP or IPTC (where it was taken stands in each), no comment, no
thumbnail, no second picture or film in its tail. Pure; the pixels' own bytes are not touched.

What stays says how pixels are shown: JPEG's tables and scans, JFIF, Adobe's transform, the colour profile; PNG's and WebP's chunks of the
same sort. How the camera was held is a note too, and goes: the picture that people look at has been turned already.
"""

import re
import struct
from collections.abc import Iterator

JPEG, PNG, RIFF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF"
_SCAN, _END = 0xDA, 0xD9
_APPLICATIONS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # those that stay, by how they begin
_BESIDE = frozenset({*range(0xE0, 0xF0), 0xFE})  # application segments, comments
_AFTER_A_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # within it: stuffed zeros and restarts
_CHUNKS_OF_PNG = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs"})
_CHUNKS_OF_WEBP = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"})
_NOTED = 0x08 | 0x04  # WebP's flags for EXIF and XMP


def bare(body: bytes) -> bytes | None:
    """None: the file is not made as its kind is, and cannot be taken apart."""
    try:
        if body.startswith(JPEG):
            return JPEG + b"".join(_segments(body))
        if body.startswith(PNG):
            return PNG + b"".join(_chunks(body))
        chunks = b"".join(_of_webp(body)) if body.startswith(RIFF) and body[8:12] == b"WEBP" else b""
        return RIFF + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks if chunks else None
    except (ValueError, IndexError, struct.error):
        return None


def _segments(body: bytes) -> Iterator[bytes]:
    """ITU T.81 annex B, up to the end of the first picture. Raises ValueError, IndexError."""
    at = len(JPEG)
    while True:
        marker, begins = body[at + 1], body[at] == 0xFF
        if not begins:
            raise ValueError("no marker where one has to be")
        if marker == 0xFF:  # filled up
            at += 1
            continue
        if marker == _END:
            yield body[at : at + 2]
            return
        end = at + 2 + _length(body, at + 2)
        if marker not in _BESIDE or body.startswith(_APPLICATIONS.get(marker, b"\xff"), at + 4):
            yield body[at:end]
        at = end
        if marker == _SCAN:
            found = _AFTER_A_SCAN.search(body, at)
            if found is None:
                raise ValueError("a scan without an end")
            yield body[at : found.start()]
            at = found.start()


def _length(body: bytes, at: int) -> int:
    length: int = struct.unpack_from(">H", body, at)[0]
    if length < 2 or at + length > len(body):
        raise ValueError("a segment beyond the file")
    return length


def _chunks(body: bytes) -> Iterator[bytes]:
    """ISO 15948 §5.3, up to IEND."""
    at, kind = len(PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", body, at)
        end = at + 12 + length
        if end > len(body):
            raise ValueError("a chunk beyond the file")
        if kind in _CHUNKS_OF_PNG:
            yield body[at:end]
        at = end


def _of_webp(body: bytes) -> Iterator[bytes]:
    """RFC 9649 §2: what the file says is its end is its end."""
    at, stop = 12, 8 + struct.unpack_from("<I", body, 4)[0]
    while at + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", body, at)
        end = at + 8 + length + length % 2
        if end > len(body):
            raise ValueError("a chunk beyond the file")
        if kind == b"VP8X":
            yield body[at : at + 8] + bytes((body[at + 8] & ~_NOTED,)) + body[at + 9 : end]
        elif kind in _CHUNKS_OF_WEBP:
            yield body[at:end]
        at = end
