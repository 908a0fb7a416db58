"""A photo in a form, taken apart by hand: what a browser sends is found whole, whatever else comes is no photo and no crash."""

import random

import pytest

from ledger_api.errors import InvalidBody
from ledger_api.routes.desk.forms import MOST_FIELDS, _part, form_fields

PHOTO = b"\xff\xd8\r\n--x\r\n\r\n--X\x00" + bytes(range(256))


def multipart(*parts: tuple[str, bytes], boundary: str = "X") -> bytes:
    made = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + body + b"\r\n" for head, body in parts)
    return made + f"--{boundary}--\r\n".encode()


@pytest.mark.parametrize("boundary", ["----WebKitFormBoundaryAbC123", "'()+_,-./:=?", "a b"])
def test_what_a_browser_sends_is_found_whole(boundary: str) -> None:
    other = ('Content-Disposition: form-data; name="lang"', b"fr")
    photo = ('Content-Disposition: form-data; name="photo"; filename="a \\"b\\".jpg"\r\nContent-Type: image/jpeg', PHOTO)

    found = _part(f'multipart/form-data; boundary="{boundary}"', multipart(other, photo, boundary=boundary), "photo")

    assert found == PHOTO


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b""),
        ("image/jpeg", PHOTO),
        ("multipart/form-data", multipart(("x", b""))),
        ('multipart/form-data; boundary=""', b"--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 71, b""),
        ("multipart/form-data; boundary=\xe9", b""),
        ("multipart/form-data; boundary=X", b""),
        ("multipart/form-data; boundary=X", b"--X--\r\n"),
        ("multipart/form-data; boundary=X", b"--X\r\nContent-Disposition: form-data; name=photo"),
        ("multipart/form-data; boundary=X", multipart(("Content-Disposition: form-data; name*=utf-8''%ff", PHOTO))),
    ],
)
def test_what_is_no_form_with_a_photo_has_none(content_type: str, body: bytes) -> None:
    assert _part(content_type, body, "photo") is None


def test_a_thousand_damaged_forms_are_read_without_a_crash() -> None:
    chance = random.Random(5)
    whole = multipart(('Content-Disposition: form-data; name="photo"; filename="a.jpg"', PHOTO))

    for _ in range(1_000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        found = _part("multipart/form-data; boundary=X", bytes(damaged[: chance.randint(0, len(damaged))]), "photo")
        assert found is None or isinstance(found, bytes)


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a%d=1" % number for number in range(MOST_FIELDS + 1))])
def test_fields_that_cannot_be_read_or_are_too_many_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidBody):
        form_fields(body)
