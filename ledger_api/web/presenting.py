"""From a passport to what a page says, in one language: every sentence is made here, templates only lay out. Pure.

Nothing is said in our own voice about authenticity: each opinion names who gave it, how, and when. A consumer who holds the item is never
named, because the passport does not know them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from ledger_api.passport.effective import effective_facts, effective_view
from ledger_api.passport.standing import standing_at
from ledger_api.web.languages import Language
from ledger_api.web.reviewing import LeftOut, author_note, left_out_of
from ledger_api.web.timeline import Entry, Pair, Reader, make_entries

Json = Mapping[str, Any]
OPINIONS = ("verdict", "enrolment", "ruling")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is made from: the passport and how settled it is, the serial only if the visitor named it."""

    passport: Json
    block: int
    final_block: int
    is_final: bool
    serial: str | None
    link: str  # where this page is: in the QR code
    is_effective: bool = False  # the story as it stands now, instead of as it was recorded


@dataclass(frozen=True, slots=True)
class Line:
    """A heading with the sentences under it. `tone` says how loud: stop, wait or plain. `label` says what it is about."""

    title: Markup
    texts: Sequence[Markup]
    tone: str = "plain"
    label: Markup | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    sentence: Markup
    mark: Markup | None  # in effect, withdrawn, outranked, void
    is_effective: bool
    note: Markup | None  # why its author could not give it now


@dataclass(frozen=True, slots=True)
class Material:
    title: Markup
    supplier: Markup
    lot: Markup | None
    origin_of_claim: Markup  # who says so: the brand alone, or the supplier too
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class ItemPage:
    title: Markup
    brand: str
    name: str
    subtitle: str
    numbers: Sequence[Pair]
    notices: Sequence[Line]
    glance: Sequence[Line]
    materials: Sequence[Material]
    story: Sequence[Entry]
    is_effective: bool
    left_out: Sequence[LeftOut]
    has_disputes: bool
    opinions: Sequence[Opinion]
    proof: Sequence[Pair]
    item_id: str
    link: str
    is_lot: bool


def make_item_page(shown: Shown, language: Language, *, now: datetime) -> ItemPage:
    passport, reader = shown.passport, Reader(language)
    is_lot = passport["type"] == "lot"
    maker = reader.name(passport["supplier" if is_lot else "brand"])
    name = passport["material" if is_lot else "model"] or language.say("item.nameless")
    story, left_out = effective_view(dict(passport), now) if shown.is_effective else (passport["story"], [])
    return ItemPage(
        title=language.say("item.title", model=name, brand=maker),
        brand=maker,
        name=str(name),
        subtitle=_subtitle(passport, language),
        numbers=_numbers(shown, language),
        notices=[*_notices(passport, reader, now)],
        glance=[_state(passport, reader), *([] if is_lot else [_effective_opinion(passport, reader, now)]), _standing(shown, language)],
        materials=[_material(material, reader) for material in passport["materials"]],
        story=make_entries({**passport, "story": story}, reader, final_block=shown.final_block),
        is_effective=shown.is_effective,
        left_out=left_out_of(left_out, reader),
        has_disputes=any(entry["kind"] == "dispute" for entry in passport["story"]),
        opinions=_opinions(passport, reader, now),
        proof=_proof(shown, language),
        item_id=passport["id"],
        link=shown.link,
        is_lot=is_lot,
    )


def _subtitle(passport: Json, language: Language) -> str:
    if passport["type"] == "lot":
        origin = passport["origin"]
        return " · ".join((str(language.say("item.lot")), *([language.country(origin)] if origin else [])))
    category = f"category.{passport['category']}"
    # "a piece" would say nothing that the reader does not see
    is_named = passport["category"] not in ("unspecified", "other") and language.knows(category)
    words = (str(language.say(category)) if is_named else None, passport["colour"])
    return " · ".join(word for word in words if word)


def _numbers(shown: Shown, language: Language) -> list[Pair]:
    lot = shown.passport.get("name") if shown.passport["type"] == "lot" else None
    named = (("item.gtin", shown.passport.get("gtin")), ("item.serial", shown.serial), ("item.lot", lot))
    return [Pair(language.say(key), Markup.escape(value), is_code=True) for key, value in named if value]


# --- what a buyer must know first ------------------------------------------------------------------------------------


def _notices(passport: Json, reader: Reader, now: datetime) -> list[Line]:
    notices = []
    verdict = passport["verdict"]
    if verdict is not None and verdict["outcome"] == "not-authentic":
        texts = [opinion_sentence(verdict, reader), reader.say("notice.not-authentic_text"), reader.say("notice.not-authentic_next")]
        notices.append(Line(reader.say("notice.not-authentic", who=reader.who(verdict["by"])), texts, "stop"))
    notices += [_hold(hold, reader) for hold in passport["holds"] if not _ran_out(hold, now)]
    if (recovery := passport["recovery"]) is not None:
        text = reader.say("notice.recovery_text", date=reader.time(recovery["ready_at"]))
        notices.append(Line(reader.say("notice.recovery"), [text], "wait"))
    if any(entry["void"] for entry in passport["story"]):
        notices.append(Line(reader.say("notice.compromised"), [reader.say("notice.compromised_text")], "wait"))
    return notices


def _ran_out(hold: Json, now: datetime) -> bool:
    """An examination whose end has passed no longer counts (docs/protocol.md §5)."""
    return hold["until"] is not None and instant(hold["until"]) < now


def _hold(hold: Json, reader: Reader) -> Line:
    name = hold["hold"]
    is_owners = hold["by"] == "owner"
    title = reader.say(f"notice.{name}_by" if name in ("lost", "stolen") and not is_owners else f"notice.{name}")
    since = reader.time(hold["since"])
    said = reader.say("notice.since_owner", date=since) if is_owners else reader.say("notice.since", date=since, who=reader.who(hold["by"]))
    until = [reader.say("notice.until", date=reader.time(hold["until"]))] if hold["until"] else []
    return Line(title, [said, reader.say(f"notice.{name}_text"), *until], "wait" if name in ("disputed", "in-verification") else "stop")


# --- at a glance -----------------------------------------------------------------------------------------------------


def _state(passport: Json, reader: Reader) -> Line:
    key, holder = state_key(passport), passport["holder"].get("organization")
    who = reader.who(holder) if holder else Markup("")
    return Line(reader.say(f"state.{key}"), [reader.say(f"state.{key}_text", holder=who)], label=reader.say("item.state"))


def state_key(passport: Json) -> str:
    """Where the item is in its life, never with whom of its consumers."""
    holder = passport["holder"].get("organization")
    if passport["type"] == "lot" and passport["stage"] != "retired":
        return "lot"
    match passport["stage"]:
        case "unsold":
            return "made" if holder is not None and holder["id"] == passport["brand"]["id"] else "shop"
        case "sold" if holder is not None:
            return "bought"
        case "sold":
            return _owned(passport)
        case stage:
            return str(stage)


def _owned(passport: Json) -> str:
    kinds = {entry["kind"] for entry in passport["story"] if not entry["void"]}
    if "resale" in kinds:
        return "resold"
    if "transfer" in kinds:  # to a buyer, or to a fresh key of the same owner: the chain does not say
        return "moved"
    return "sold" if "sale" in kinds else "owned"


def _effective_opinion(passport: Json, reader: Reader, now: datetime) -> Line:
    verdict = passport["verdict"]
    if verdict is None:
        return Line(reader.say("verdict.none"), [reader.say("verdict.none_text")], label=reader.say("item.opinion"))
    texts = []
    if verdict["expires_at"] and verdict["outcome"] == "authentic":
        key = "verdict.lapsed" if instant(verdict["expires_at"]) <= now else "verdict.until"
        texts.append(reader.say(key, date=reader.time(verdict["expires_at"])))
    if passport["story"][verdict["sequence"] - 1]["void"]:
        texts.append(reader.say("story.void"))
    if (note := author_note(standing_at(verdict.get("standing"), now), reader)) is not None:
        texts.append(note)
    return Line(opinion_sentence(verdict, reader), texts, label=reader.say("item.opinion"))


def opinion_sentence(verdict: Json, reader: Reader) -> Markup:
    said = {"who": reader.who(verdict["by"]), "date": reader.time(verdict["at"])}
    if verdict["method"] == "ruling":
        return reader.say(f"verdict.ruled_{verdict['outcome']}", **said)
    return reader.say(f"verdict.by_{verdict['outcome']}", method=reader.say(f"method.{verdict['method']}"), **said)


def _standing(shown: Shown, language: Language) -> Line:
    key = "final" if shown.is_final else "recorded"
    return Line(language.say(f"standing.{key}"), [language.say(f"standing.{key}_text")], label=language.say("item.standing"))


def _opinions(passport: Json, reader: Reader, now: datetime) -> list[Opinion]:
    """Every opinion ever recorded, corrections applied, with what became of it."""
    facts = effective_facts(passport["story"])
    return [
        _opinion(entry, facts[entry["sequence"]], passport["verdict"], reader, now)
        for entry in passport["story"]
        if entry["kind"] in OPINIONS
    ]


def _opinion(entry: Json, facts: Json, verdict: Json | None, reader: Reader, now: datetime) -> Opinion:
    is_effective = verdict is not None and verdict["sequence"] == entry["sequence"]
    outcome, mark = facts["outcome"], None
    if entry["void"]:
        mark = "void"
    elif outcome == "none":
        outcome, mark = entry["facts"]["outcome"], "withdrawn"
    elif is_effective:
        mark = "effective"
    elif verdict is not None and verdict["outcome"] != outcome:
        mark = "overruled"
    said = {"outcome": outcome, "method": facts.get("method", "ruling"), "by": entry["organization"], "at": entry["occurred_at"]}
    note = author_note(standing_at(entry.get("standing"), now), reader)
    return Opinion(opinion_sentence(said, reader), reader.say(f"verdict.{mark}") if mark else None, is_effective, note)


# --- materials and proof -----------------------------------------------------------------------------------------------


def _material(material: Json, reader: Reader) -> Material:
    origin = reader.language.country(material["origin"]) if material["origin"] else reader.say("material.origin_unstated")
    stated = material["material"] is not None
    is_confirmed = material["named_by"] == "supplier"
    return Material(
        title=reader.say("material.line", material=material["material"], origin=origin) if stated else reader.say("material.unstated"),
        supplier=reader.say("material.supplier", who=reader.who(material["supplier"])),
        lot=reader.say("material.lot", name=material["name"]) if material["name"] else None,
        origin_of_claim=reader.say("material.confirmed" if is_confirmed else "material.named"),
        is_confirmed=is_confirmed,
    )


def _proof(shown: Shown, language: Language) -> list[Pair]:
    chain, passport = shown.passport["chain"], shown.passport
    values = (
        ("chain", chain["chain_id"]),
        ("contract", chain["ledger"]),
        ("registry", chain["registry"]),
        ("item", passport["id"]),
        ("head", passport["head"]),
        ("word", passport["word"]),
        ("block", shown.block),
        ("final", shown.final_block),
    )
    return [Pair(language.say(f"proof.{name}"), Markup.escape(value), is_code=True) for name, value in values]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
