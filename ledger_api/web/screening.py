"""From what the API tells a reviewer to what their pages say, in one language. Pure; templates only lay out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from ledger_api.web.languages import Language

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One review. `labels`: what may be ticked; those that a machine flagged come first."""

    id: str
    kind: Markup
    subject: str
    since: Markup
    flags: Sequence[str]
    photos: Sequence["Photo"]
    labels: Sequence[tuple[str, bool]]
    revision: str


@dataclass(frozen=True, slots=True)
class Photo:
    address: str
    title: Markup
    flags: Sequence[tuple[str, str]]


def review_in_words(told: Json, prohibited: Sequence[str], language: Language) -> Shown:
    flagged = list(dict.fromkeys(flag["label"] for flag in told["flags"]))
    return Shown(
        id=told["id"],
        kind=language.say(f"reviewing.kind_{told['kind']}"),
        subject=told["subject"],
        since=_when(told["created_at"], language),
        flags=flagged,
        photos=[_photo(told, number, language) for number in range(told["photos"])],
        labels=[*((label, True) for label in flagged), *((label, False) for label in prohibited if label not in flagged)],
        revision=told["revision"],
    )


def fared_in_words(label: Json) -> Json:
    """Of one label: counts and shares, a dash where nothing can be said."""
    return {**label, "precision": _percent(label["precision"]), "recall": _percent(label["recall"])}


def _photo(told: Json, number: int, language: Language) -> Photo:
    flags = [(flag["label"], _percent(flag["score"])) for flag in told["flags"] if flag["photo"] == number]
    return Photo(f"/desk/reviews/{told['id']}/photos/{number}", language.say("reviewing.photo", number=number + 1), flags)


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share * 100:.0f} %"


def _when(text: str, language: Language) -> Markup:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    said = f"{language.date(moment)}, {moment:%H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), said)
