"""What a page's form sends, read without a file being written: fields, and one photo. The edge has bounded the body."""

import re
from email.message import Message
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from ledger_api.errors import InvalidBody
from ledger_api.routes.deps import RawBody

MOST_FIELDS = 30
LONGEST_FIELD = 2_000  # characters that are looked at
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{1,70}")


def form_fields(body: RawBody) -> dict[str, str]:
    """Of `application/x-www-form-urlencoded`; what stands twice counts once.

    Raises:
        InvalidBody
    """
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise InvalidBody from None
    return {name: value.strip()[:LONGEST_FIELD] for name, value in pairs}


def form_photo(request: Request, body: RawBody) -> bytes:
    """The part `photo` of `multipart/form-data` (RFC 7578), as it was sent; nothing where there is none, which is no photo."""
    return _part(request.headers.get("content-type", ""), body, "photo") or b""


def _part(content_type: str, body: bytes, name: str) -> bytes | None:
    said = Message()
    said["content-type"] = content_type
    boundary = str(said.get_param("boundary", "")).encode("ascii", "replace")
    if said.get_content_type() != "multipart/form-data" or not _BOUNDARY.fullmatch(boundary):
        return None
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, end, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if end and _name_of(head) == name:
            return content
    return None


def _name_of(head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        title, _, value = line.partition(b":")
        if title.strip().lower() == b"content-disposition":
            said = Message()
            said["content-disposition"] = value.decode("utf-8", "replace").strip()
            found = said.get_param("name", header="content-disposition")
            return found if isinstance(found, str) else None
    return None


Form = Annotated[dict[str, str], Depends(form_fields)]
FormPhoto = Annotated[bytes, Depends(form_photo)]
