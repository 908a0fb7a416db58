"""A photo from a stranger becomes pixels of ours, or one of the `photo-…` errors; never anything else, and never a file.

1. Bytes within the limit. 2. What it is is told by its content: JPEG, PNG or WebP. 3. Sides and frames are read from the header before
anything is decoded; a phone's JPEG may hold more pictures (MPF), of which the first counts. 4. When and with which device it was taken is
noted; where is not. 5. Decoded, turned as the camera held it, and made anew as JPEG: no metadata, profile, thumbnail, comment or second
file in its tail survives. 6. Of what was sent the picture's own bytes are kept as they are, without what was written beside them
(`stripping`); where a file cannot be taken apart, the picture made anew.
"""

import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ledger_api.desk.errors import (
    PhotoAnimated,
    PhotoDamaged,
    PhotoNotAnImage,
    PhotoTooLarge,
    PhotoTooManyPixels,
    PhotoTooSmall,
)
from ledger_api.desk.stripping import bare

FORMATS = ("JPEG", "PNG", "WEBP")
SEVERAL = "MPO"  # a JPEG with others behind it, of other sizes or for depth (CIPA DC-007): no animation
JPEG_QUALITY = 92
DEVICE_LENGTH = 128
_TAKEN = re.compile(r"\d{4}:\d{2}:\d{2} \d{2}:\d{2}:\d{2}")


@dataclass(frozen=True, slots=True)
class Limits:
    most_bytes: int = 25 * 2**20
    most_pixels: int = 60_000_000
    longest_side: int = 16_000
    shortest_side: int = 200


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Received:
    pixels_jpeg: bytes  # made anew
    original: bytes  # what was sent, without what was written beside the picture
    width: int
    height: int
    captured_at: datetime | None  # as the camera says, taken for UTC; None: it does not say
    device: str | None
    format: str


def receive(body: bytes, *, limits: Limits = LIMITS) -> Received:
    """Raises PhotoTooLarge, PhotoNotAnImage, PhotoAnimated, PhotoTooManyPixels, PhotoTooSmall, PhotoDamaged."""
    if len(body) > limits.most_bytes:
        raise PhotoTooLarge(bytes=len(body), limit_bytes=limits.most_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns where we refuse
        try:
            with Image.open(BytesIO(body), formats=FORMATS) as image:
                _check(image, limits)
                captured_at, device = _noted(image)
                pixels = _decoded(image)
        except UnidentifiedImageError:
            raise PhotoNotAnImage(formats=[name.lower() for name in FORMATS]) from None
        except Image.DecompressionBombError:
            raise PhotoTooManyPixels(limit=limits.most_pixels) from None
        except (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, MemoryError) as error:
            raise PhotoDamaged(why=type(error).__name__) from None
    made = BytesIO()
    pixels.save(made, "JPEG", quality=JPEG_QUALITY)
    width, height = pixels.size
    kind = "jpeg" if image.format == SEVERAL else str(image.format).lower()
    return Received(made.getvalue(), bare(body) or made.getvalue(), width, height, captured_at, device, kind)


def _check(image: Image.Image, limits: Limits) -> None:
    """From the header alone."""
    width, height = image.size
    if getattr(image, "n_frames", 1) > 1 and image.format != SEVERAL:
        raise PhotoAnimated(frames=int(getattr(image, "n_frames", 2)))
    if width * height > limits.most_pixels or max(width, height) > limits.longest_side:
        raise PhotoTooManyPixels(width=width, height=height, limit=limits.most_pixels)
    if min(width, height) < limits.shortest_side:
        raise PhotoTooSmall(width=width, height=height, shortest_side=limits.shortest_side)


def _noted(image: Image.Image) -> tuple[datetime | None, str | None]:
    """What the camera says of time and of itself. Damaged notes are no damaged photo."""
    try:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        taken = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
        maker, model = exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)
    except Exception:  # a parser of a stranger's notes: whatever it stumbles over, there is nothing to note
        return None, None
    words = " ".join(part for part in (_printable(maker), _printable(model)) if part)
    return _moment(taken), words[:DEVICE_LENGTH] or None


def _printable(value: object) -> str:
    return "".join(letter for letter in value if letter.isprintable()).strip() if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    found = _TAKEN.match(value) if isinstance(value, str) else None
    try:
        return datetime.strptime(found.group(), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _decoded(image: Image.Image) -> Image.Image:
    image.load()
    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("RGBA", "LA", "PA") or (turned.mode == "P" and "transparency" in turned.info):
        whole = turned.convert("RGBA")
        white = Image.new("RGBA", whole.size, "white")
        turned = Image.alpha_composite(white, whole)
    flat = turned.convert("RGB")
    clean = Image.new("RGB", flat.size)
    clean.paste(flat)  # pixels alone: what the file said beside them stays behind
    return clean
