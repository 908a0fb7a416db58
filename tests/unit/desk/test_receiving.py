"""Photos from strangers: what is taken, what is refused and under which code, and that nothing but pixels survives."""

import io
import random
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from benchmarks.photos import draw, jpeg
from ledger_api.desk import errors
from ledger_api.desk.receiving import Limits, receive
from ledger_api.desk.stripping import bare

SMALL = Image.fromarray(draw(1, size=(320, 240)))
LOCATION = {1: "N", 2: (48.0, 51.0, 29.9), 3: "E", 4: (2.0, 17.0, 40.2)}


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def with_notes() -> bytes:
    exif = Image.Exif()
    exif[271], exif[272], exif[274], exif[306] = "Makers\x00", "Phone 9", 6, "2026:11:20 18:30:05"
    exif.get_ifd(0x8825).update(LOCATION)
    return saved(SMALL, "JPEG", exif=exif, comment=b"written beside the photo")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_phones_send_is_taken_and_made_anew(kind: str) -> None:
    body = saved(SMALL, kind)

    photo = receive(body)

    assert (photo.format, photo.width, photo.height) == (kind.lower(), 320, 240)
    assert photo.original == body  # nothing was written beside it
    assert Image.open(io.BytesIO(photo.pixels_jpeg)).format == "JPEG"


def test_time_and_device_are_noted_and_nothing_else_survives() -> None:
    body = with_notes() + b"PK\x03\x04 a second file in the tail"

    photo = receive(body)

    assert (photo.captured_at, photo.device) == (datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC), "Makers Phone 9")
    assert (photo.width, photo.height) == (240, 320)  # as the camera was held
    anew = Image.open(io.BytesIO(photo.pixels_jpeg))
    assert len(anew.getexif()) == 0 and "comment" not in anew.info and "icc_profile" not in anew.info
    assert b"second file" not in photo.pixels_jpeg and b"Phone" not in photo.pixels_jpeg


def noted(kind: str, **options: object) -> bytes:
    """With a place in each of its notes, and a second picture with its own in the tail."""
    exif = Image.Exif()
    exif[271] = "Makers"
    exif.get_ifd(0x8825).update(LOCATION)
    said = b"<x:xmpmeta><exif:GPSLatitude>48,51.5N</exif:GPSLatitude></x:xmpmeta>"
    return saved(SMALL, kind, exif=exif, xmp=said, **options) + with_notes()


def text_of_png() -> bytes:
    whole = saved(SMALL, "PNG")
    return whole[:33] + chunk(b"tEXt", b"Comment\0GPS 48.51N") + chunk(b"eXIf", b"MM\0*GPS") + whole[33:]


FILES: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: noted("JPEG", comment=b"GPS 48.51N", quality=80),
    "JPEG in many scans": lambda: noted("JPEG", progressive=True),
    "JPEG in a profile": lambda: noted("JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
    "JPEG of four inks": lambda: saved(SMALL.convert("CMYK"), "JPEG") + with_notes(),
    "PNG": text_of_png,
    "WebP": lambda: noted("WEBP", lossless=True),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_kept_has_the_same_pixels_and_no_note(name: str) -> None:
    body = FILES[name]()

    kept = receive(body).original

    before, after = Image.open(io.BytesIO(body)), Image.open(io.BytesIO(kept))
    assert kept != body and len(kept) < len(body)
    assert after.convert("RGB").tobytes() == before.convert("RGB").tobytes() and after.info.get("icc_profile") == before.info.get(
        "icc_profile"
    )
    assert len(after.getexif()) == 0 and not {"xmp", "comment", "exif"} & set(after.info)
    assert not any(word in kept for word in (b"GPS 48", b"GPSLat", b"Makers", b"Exif\0", b"xmpmeta", b"Phone 9"))
    assert bare(kept) == kept


def test_a_phones_photo_with_a_second_picture_behind_it_is_taken_and_only_the_first_kept() -> None:
    second = Image.fromarray(draw(7, size=(320, 240)))
    body = saved(SMALL, "MPO", save_all=True, append_images=[second], exif=Image.open(io.BytesIO(with_notes())).getexif())
    assert Image.open(io.BytesIO(body)).n_frames == 2  # type: ignore[attr-defined]  # of this format

    photo = receive(body)

    kept = Image.open(io.BytesIO(photo.original))
    assert (photo.format, photo.width, photo.height, kept.format) == ("jpeg", 240, 320, "JPEG")
    assert kept.tobytes() == Image.open(io.BytesIO(body)).tobytes() and getattr(kept, "n_frames", 1) == 1
    assert photo.device == "Makers Phone 9" and b"Exif" not in photo.original


@pytest.mark.parametrize(
    "broken",
    [b"\xff\xd8\xff\xe1\0\1", b"\xff\xd8 no marker", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT", b"RIFF\0", b"%PDF"],
)
def test_what_cannot_be_taken_apart_is_not_kept_as_it_came(broken: bytes) -> None:
    assert bare(broken) is None


def test_the_same_bytes_give_the_same_picture() -> None:
    body = jpeg(draw(2, size=(400, 300)))

    assert receive(body) == receive(body)


def test_what_is_transparent_is_white() -> None:
    photo = receive(saved(Image.new("RGBA", (300, 300), (200, 0, 0, 0)), "PNG"))

    assert Image.open(io.BytesIO(photo.pixels_jpeg)).getpixel((150, 150)) == (255, 255, 255)


REFUSED: dict[str, tuple[Callable[[], bytes], type[errors.PhotoRefused]]] = {
    "nothing": (lambda: b"", errors.PhotoNotAnImage),
    "a page": (lambda: b"<!doctype html><script>alert(1)</script>", errors.PhotoNotAnImage),
    "a drawing that can run": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', errors.PhotoNotAnImage),
    "an archive": (lambda: archive(), errors.PhotoNotAnImage),
    "another kind of picture": (lambda: saved(SMALL, "BMP"), errors.PhotoNotAnImage),
    "an animation": (lambda: saved(SMALL, "WEBP", save_all=True, append_images=[SMALL.rotate(9)]), errors.PhotoAnimated),
    "a stamp": (lambda: saved(SMALL.resize((100, 80)), "PNG"), errors.PhotoTooSmall),
    "a bomb in its header": (lambda: png_of(40_000, 40_000), errors.PhotoTooManyPixels),
    "a long thin one": (lambda: png_of(20_000, 300), errors.PhotoTooManyPixels),
    "half of one": (lambda: jpeg(draw(3, size=(600, 400)))[:9_000], errors.PhotoDamaged),
    "a profile that swells": (
        lambda: png_of(300, 300, chunk(b"iCCP", b"x\0\0" + zlib.compress(b"\0" * 80_000_000))),
        errors.PhotoDamaged,
    ),
    "a text that swells": (lambda: png_of(300, 300, chunk(b"zTXt", b"x\0\0" + zlib.compress(b"\0" * 80_000_000))), errors.PhotoDamaged),
}


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("../../evil.jpg", jpeg(draw(1, size=(300, 300))))
    return made.getvalue()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_is_refused_under_its_code(name: str) -> None:
    make, error = REFUSED[name]

    with pytest.raises(error):
        receive(make())


def test_more_bytes_than_allowed_are_not_looked_at() -> None:
    with pytest.raises(errors.PhotoTooLarge) as told:
        receive(b"\xff" * 101, limits=Limits(most_bytes=100))

    assert told.value.facts == {"bytes": 101, "limit_bytes": 100}


# --- thousands that are wrong ----------------------------------------------------------------------------------------

HEADS = (
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"%PDF-1.7",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"\0\0\0\x18ftypheic",
    b"RIFF\xff\xff\xff\xffWEBPVP8X",
    b"\x89PNG",
)


def malformed(count: int, seed: int) -> Iterator[bytes]:
    """Valid files cut, flipped, spliced, swollen and put behind other heads."""
    chance = random.Random(seed)
    tiny = Image.fromarray(draw(5, size=(220, 210)))
    whole = [saved(tiny, "JPEG"), saved(tiny.convert("P"), "PNG"), saved(tiny, "WEBP"), with_notes(), saved(tiny, "JPEG", progressive=True)]
    for _ in range(count):
        body = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(min(len(body), chance.choice((40, 700, len(body)))))
            match chance.randrange(6):
                case 0:
                    body[place] ^= 1 << chance.randrange(8)
                case 1:
                    del body[place : place + chance.randint(1, 400)]
                case 2:
                    body[place:place] = chance.randbytes(chance.randint(1, 60))
                case 3:
                    other = chance.choice(whole)
                    body[place : place + 50] = other[place : place + chance.randint(1, 300)]
                case 4:
                    body[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
                case 5:
                    body[0:0] = chance.choice(HEADS)
            if not body:
                break
        yield bytes(body)


def test_thousands_of_malformed_files_are_refused_by_code_or_become_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = Counter[str]()

    for body in malformed(5_000, seed=20261123):
        try:
            photo = receive(body)
            told["taken"] += 1
            assert photo.pixels_jpeg.startswith(b"\xff\xd8\xff") and len(photo.pixels_jpeg) < 5_000_000
            assert len(photo.original) < 5_000_000 and b"Exif\0" not in photo.original
        except errors.PhotoRefused as refused:
            told[refused.code] += 1

    assert sum(told.values()) == 5_000
    assert told["photo-not-an-image"] > 500 and told["photo-damaged"] > 500 and told["taken"] > 100
    assert list(tmp_path.iterdir()) == []
