"""The words on a badge, cut to the room there is for them. Somebody else wrote the title and the names: nothing of them may leave its line.

Pure; templates/badge.svg lays out.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger_api.web.languages import Language
from ledger_api.web.presenting import opinion_sentence
from ledger_api.web.timeline import Reader

LONGEST = 400  # characters of a foreign text that are looked at
TITLE, SUBTITLE, SENTENCE = 40, 56, 54  # columns: a Chinese character takes two
LINES = 3
NO_TEXT = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # what reorders the text around it
_PIECES = re.compile(
    r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]+|\s+"
)


@dataclass(frozen=True, slots=True)
class Offer:
    """The listing that the badge belongs to, in words that stay where they are put."""

    title: str
    platform: str
    host: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`kind`: live, silent or foreign."""

    kind: str
    heading: str
    title: str
    subtitle: str
    lines: Sequence[str]
    foot: str
    over: str


def make_offer(*, title: str, platform: str, host: str) -> Offer:
    return Offer(tame(title), tame(platform), tame(host))


def make_picture(kind: str, offer: Offer, verdict: Mapping[str, Any] | None, language: Language, *, until: datetime) -> Picture:
    say = language.say
    if kind == "foreign":
        home = say("badge.home", host=offer.host).striptags()
        return Picture(kind, str(say("badge.foreign")), "", "", _wrapped(home), "", "")
    return Picture(
        kind,
        str(say(f"badge.{kind}")),
        cut(offer.title, TITLE),
        cut(f"{offer.platform} · {offer.host}", SUBTITLE),
        _wrapped(sentence(verdict, language) if kind == "live" else str(say("badge.silent_text"))),
        valid_until(until, language) if kind == "live" else "",
        str(say("badge.over")),
    )


def sentence(verdict: Mapping[str, Any] | None, language: Language) -> str:
    """Who said what, when; never in our own voice."""
    if verdict is None:
        return str(language.say("verdict.none"))
    return tame(opinion_sentence(verdict, Reader(language)).striptags())


def valid_until(moment: datetime, language: Language) -> str:
    return str(language.say("badge.until", date=language.date(moment), time=f"{moment:%H:%M}"))


def tame(text: str) -> str:
    """One line, without what is no text and what turns the text around it."""
    shown = (" " if one.isspace() else one for one in text[:LONGEST])
    kept = "".join(one for one in shown if unicodedata.category(one) not in NO_TEXT and one not in TURNING)
    return " ".join(kept.split())


def cut(text: str, columns: int) -> str:
    if _width(text) <= columns:
        return text
    while text and _width(text) > columns - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for piece in _PIECES.findall(text):
        if _width(lines[-1] + piece.rstrip()) <= SENTENCE or not lines[-1]:
            lines[-1] += piece
        else:
            lines.append(piece.lstrip())
    lines = [line.strip() for line in lines if line.strip()]
    kept = lines[:LINES] if len(lines) <= LINES else [*lines[: LINES - 1], " ".join(lines[LINES - 1 :])]
    return [cut(line, SENTENCE) for line in kept]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
