"""What the consumer's pages say of a case, in the visitor's language: its shots, its state, its story, what was concluded and by whom.

A case comes as its doors tell it (`CaseOut` as plain values), so that pages and programs know the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ledger_api.web.languages import Language
from ledger_api.web.timeline import Pair

DRAWINGS = frozenset(path.stem for path in (Path(__file__).parent / "templates" / "shots").glob("*.svg"))
PLAIN_DRAWING = "detail"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShotCard:
    """One detail that is to be photographed."""

    name: str
    number: int
    title: Markup
    why: Markup
    hint: Markup
    drawing: str
    required: bool
    state: str  # missing, good, poor, erased
    mark: Markup  # the state in words
    photo: str | None
    better: list[Markup]  # what to do better
    is_enough: bool  # nothing more has to come
    asked: Markup | None  # what an appraiser asked for


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list."""

    id: str
    title: Markup
    state: Markup
    when: Markup


@dataclass(frozen=True, slots=True)
class JournalLine:
    number: int
    when: Markup
    clock: str
    text: Markup


@dataclass(frozen=True, slots=True)
class Result:
    """Who concluded what, how, when; and where it stands."""

    outcome: str
    heading: Markup
    sentence: Markup
    confidence: Markup
    reasons: list[Markup]
    helps: list[Markup]  # what would help, where there is no conclusion
    item: str | None
    not_recorded: bool
    is_disputed: bool
    was_appealed: bool


@dataclass(frozen=True, slots=True)
class CasePage:
    id: str
    state: str
    heading: Markup
    text: Markup
    title: Markup
    desk: str
    due: Markup | None
    price: Markup | None
    is_paid: bool
    shots: list[ShotCard]
    tags: list[Pair]
    journal: list[JournalLine]


def price(language: Language, cents: int | None) -> Markup:
    """None: it is free."""
    if cents is None:
        return language.say("ask.free")
    return language.say("ask.price", euros=cents // 100, cents=f"{cents % 100:02d}")


def title_of(language: Language, brand: str, category: str) -> Markup:
    """`Maison · Handbag`; the brand's name comes from outside."""
    return Markup("{} · {}").format(brand, language.say(f"category.{category}"))


def case_line(language: Language, case: Any) -> CaseLine:
    """Of a row."""
    title = title_of(language, _short(case.brand_did), case.category)
    return CaseLine(case.id, title, language.say(f"ask_state.{case.state}"), language.time(case.created_at))


def case_page(language: Language, case: Json, *, brand: str, desk: str, shots: Sequence[ShotCard]) -> CasePage:
    """`shots` as `shot_cards` makes them."""
    state = case["state"]
    waits = state in ("awaiting-photos", "awaiting-payment", "checking", "queued", "appraising")
    return CasePage(
        id=case["id"],
        state=state,
        heading=language.say(f"ask_state.{state}"),
        text=language.say(f"ask_state.{state}_text"),
        title=title_of(language, brand, case["category"]),
        desk=desk,
        due=language.time(_moment(case["due_at"])) if waits else None,
        price=None if case["price_cents"] is None else price(language, case["price_cents"]),
        is_paid=case["paid"],
        shots=list(shots),
        tags=tags_in_words(case["tags"], language),
        journal=[_journal_line(language, line) for line in case["journal"]],
    )


def tags_in_words(tags: Mapping[str, str], language: Language) -> list[Pair]:
    """What a classifier is sure of, said as a machine's."""
    known = {group: f"category.{value}" for group, value in tags.items() if group == "category"}
    return [
        Pair(
            language.say(f"tag.{group}"),
            language.say(known[group]) if language.knows(known.get(group, "")) else language.plain(value.replace("-", " ")),
            is_code=False,
        )
        for group, value in tags.items()
    ]


# --- shots -----------------------------------------------------------------------------------------------------------


def shot_cards(language: Language, case: Json, own_words: Mapping[str, tuple[str | None, str | None]]) -> list[ShotCard]:
    """In the order in which they are asked for. `own_words`: an authenticator's reason and hint for a shot, where it has better ones."""
    asked = _asked(language, case)
    made = []
    for number, shot in enumerate(case["shots"], start=1):
        why, hint = own_words.get(shot["name"], (None, None))
        made.append(_card(language, shot, number, asked.get(shot["name"]), why, hint, case))
    return made


def _card(language: Language, shot: Json, number: int, asked: Markup | None, why: str | None, hint: str | None, case: Json) -> ShotCard:
    name, state = shot["name"], shot["state"]
    is_wanted = name in case["missing"]
    mark = "asked" if is_wanted and asked is not None else "optional" if state == "missing" and not shot["required"] else state
    return ShotCard(
        name=name,
        number=number,
        title=shot_title(language, name),
        why=language.plain(why) if why else _known(language, f"shot.{name}_why", "shot.detail_why"),
        hint=language.plain(hint) if hint else _known(language, f"shot.{name}_hint", "shot.detail_hint"),
        drawing=name if name in DRAWINGS else PLAIN_DRAWING,
        required=shot["required"],
        state=state,
        mark=language.say(f"ask_mark.{mark}"),
        photo=shot["photo"] if state in ("good", "poor") else None,
        better=[language.say(f"better.{code}") for code in shot["defects"] if language.knows(f"better.{code}")],
        is_enough=not is_wanted and state != "missing",
        asked=asked if is_wanted else None,
    )


def shot_title(language: Language, name: str) -> Markup:
    return _known(language, f"shot.{name}", None) if language.knows(f"shot.{name}") else language.plain(name.replace("-", " "))


def _known(language: Language, key: str, otherwise: str | None) -> Markup:
    return language.say(key if language.knows(key) or otherwise is None else otherwise)


def _asked(language: Language, case: Json) -> dict[str, Markup]:
    """The appraiser's words, by shot."""
    return {
        line["facts"]["shot"]: language.plain(line["facts"].get("words", "")) for line in case["journal"] if line["why"] == "shot-asked"
    }


# --- the story -------------------------------------------------------------------------------------------------------


def _journal_line(language: Language, line: Json) -> JournalLine:
    at, why, facts = _moment(line["at"]), line["why"], line["facts"]
    key = f"ask_story.{why}" if language.knows(f"ask_story.{why}") else f"ask_state.{line['state']}"
    values = {"shot": shot_title(language, facts["shot"])} if why.startswith("shot-") and "shot" in facts else {}
    text = language.say(key, **values)
    if why == "shot-asked" and facts.get("words"):
        text = Markup("{} “{}”").format(text, facts["words"])
    return JournalLine(line["number"], language.time(at), at.strftime("%H:%M"), text)


# --- the result ------------------------------------------------------------------------------------------------------


def result(language: Language, told: Json, *, state: str) -> Result:
    """Of a certificate: somebody's opinion, with whose it is; never ours."""
    outcome, method = told["outcome"], told["method"]
    decided = language.time(_moment(told["decided_at"]))
    sentence = language.say(
        f"ask_result.{outcome}", who=told["authenticator"]["name"], how=language.say(f"ask_result.by_{method}"), when=decided
    )
    reasons = [language.say(f"ask_reason.{reason}") for reason in told["reasons"] if language.knows(f"ask_reason.{reason}")]
    helps = [language.say(f"ask_help.{reason}") for reason in told["reasons"] if language.knows(f"ask_help.{reason}")]
    return Result(
        outcome=outcome,
        heading=language.say(f"ask_result.{outcome}_heading"),
        sentence=sentence,
        confidence=language.say("ask_result.confidence", percent=told["confidence"]),
        reasons=reasons,
        helps=(helps or [language.say("ask_help.photos-insufficient")]) if outcome == "inconclusive" else [],
        item=None if told["ledger"] is None else told["ledger"]["item"],
        not_recorded=told["ledger"] is None,
        is_disputed=state == "appealed",
        was_appealed=told["appealed"],
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _short(did: str) -> str:
    """`did:web:maison.example` as a list shows it where the name is not at hand."""
    return did.rpartition(":")[2]
