"""A version of a proof that shows less: whoever has a proof can make one, and the verifier names what is no longer shown."""

from collections.abc import Collection, Sequence
from typing import Any

from ledger_verify.hashing import Disclosure, disclosure_digest, seal
from ledger_verify.proof import Json, Payload, canonical, read_canonical, read_proof


def withhold(encoded: bytes, paths: Collection[str]) -> bytes:
    """The proof without these fields: pointers, `/model` in every event or `3/model` in the third; what lies under one too.

    Raises:
        Refused: it is no proof file.
        ValueError: a path that names no field that is shown: a slip would give away what it meant to keep.
    """
    proof = read_proof(encoded)
    document: Json = read_canonical(encoded)
    named: set[str] = set()
    for number, (event, told) in enumerate(zip(proof.events, document["events"], strict=True), 1):
        if event.payload.commitment is None:
            told["payload"] = _without(event.payload, told["payload"]["withheld"], number, paths, named)
    unknown = set(paths) - named
    if unknown:
        raise ValueError(f"no field is shown at {', '.join(sorted(unknown))}")
    return canonical(document)


def sealed(field: Disclosure) -> list[str]:
    """A withheld field as the file names it: `[path, seal]`."""
    return [field.path, "0x" + seal(field.salt, field.path, field.value).hex()]


def is_named(path: str, number: int, wanted: str) -> bool:
    """Does this wish mean the field at this path of this event?"""
    sequence, _, rest = wanted.partition("/")
    above = f"/{rest}"
    return sequence in ("", str(number)) and (path == above or path.startswith(f"{above}/"))


def _without(payload: Payload, withheld: Sequence[Any], number: int, paths: Collection[str], named: set[str]) -> Json:
    fields = []
    closed = {told.digest: entry for told, entry in zip(payload.withheld, withheld, strict=True)}
    for field in payload.fields:
        meant = {wanted for wanted in paths if is_named(field.path, number, wanted)}
        named |= meant
        if meant:
            closed[disclosure_digest(field.salt, field.path, field.value)] = sealed(field)
        else:
            fields.append([field.salt.hex(), field.path, field.value])
    return {"fields": fields, "withheld": [closed[digest] for digest in sorted(closed)]}
