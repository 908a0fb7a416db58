"""Reading the serial off its photo, and comparing it with what was claimed and with what the ledger knows. A machine's finding, no verdict.

Letters and digits that look alike are folded together before anything is compared; a match that holds only after folding says so, and a
person has to look. The reader's models come with its package; nothing is fetched.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np

VERSION = "serials-2"
SIDE = 1280  # of the longer side: more tells the reader nothing and costs seconds
SHORTEST = 4  # of what may be a serial
LEAST_SURE = 0.5
ALIKE = str.maketrans({"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "|": "1", "Z": "2", "S": "5", "G": "6", "B": "8"})
Result = Literal["match", "match-alike", "mismatch", "unreadable", "nothing-claimed"]
Ledger = Literal["match", "match-alike", "mismatch", "unreadable", "unknown"]
SETTLED = ("match", "match-alike", "nothing-claimed")  # a photo that is turned further tells nothing more


@dataclass(frozen=True, slots=True)
class Candidate:
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """`compared_with`: what the asker claimed; `read`: the candidate that decided. `ledger`: the same of the serial by which the ledger
    knows the item, which itself is not told here: whoever asks may read what a machine found."""

    result: Result
    read: str | None
    compared_with: str | None
    candidates: tuple[Candidate, ...]
    ledger: Ledger = "unknown"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read(photo: bytes, *, claimed: str | None, known: str | None = None) -> Reading:
    """What stands on the photo, upright or turned, compared with the claim and with what the ledger knows."""
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None, "a received photo can be decoded"
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found: list[Candidate] = []
    for turn in (None, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE):
        found += _texts(small if turn is None else cv2.rotate(small, turn))
        told = compare(found, claimed, known)
        if told.result in SETTLED and (known is None or told.ledger in SETTLED):
            return told
    return compare(found, claimed, known)


def compare(candidates: Sequence[Candidate], claimed: str | None, known: str | None = None) -> Reading:
    """Pure: the best that can be said of these candidates."""
    told, of_ledger = _against(candidates, claimed), _against(candidates, known).result
    return replace(told, ledger="unknown" if known is None or of_ledger == "nothing-claimed" else of_ledger)


def _against(candidates: Sequence[Candidate], claimed: str | None) -> Reading:
    likely = tuple(sorted((one for one in candidates if _may_be(one)), key=lambda one: -one.confidence))
    if not likely:
        return Reading("unreadable", None, claimed, ())
    if claimed is None:
        return Reading("nothing-claimed", likely[0].text, None, likely)
    wanted = plain(claimed)
    for result, same in (("match", plain), ("match-alike", folded)):
        hit = next((one for one in likely if same(wanted) in same(one.text)), None)
        if hit is not None:
            return Reading(result, hit.text, claimed, likely)  # type: ignore[arg-type]  # the two names of the loop
    return Reading("mismatch", likely[0].text, claimed, likely)


def plain(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum() or letter == "|")


def folded(text: str) -> str:
    """Letters and digits that a camera confuses become one."""
    return plain(text).translate(ALIKE)


def _may_be(candidate: Candidate) -> bool:
    text = plain(candidate.text)
    return candidate.confidence >= LEAST_SURE and len(text) >= SHORTEST and any(letter.isdigit() for letter in text)


def _texts(pixels: Any) -> list[Candidate]:
    told = _reader()(pixels)
    if told.txts is None:
        return []
    return [Candidate(str(text)[:64], round(float(sure), 3)) for text, sure in zip(told.txts, told.scores, strict=True)]


@cache
def _reader() -> Any:
    """Once per process: it takes a second and some hundred megabytes."""
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "error"})
