"""What became of opinions, in words: the effective view of a story, the disputes of one item, how authenticators fared. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ledger_api.passport.effective import effective_opinions
from ledger_api.web.timeline import Pair, Reader, entry_link

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeftOut:
    sequence: int
    sentence: Markup


# --- the effective view ------------------------------------------------------------------------------------------------


def left_out_of(left_out: Sequence[Json], reader: Reader) -> list[LeftOut]:
    """What no longer counts, each with the reason and the entry that says so."""
    return [
        LeftOut(
            one["sequence"],
            reader.say(
                f"view.{one['reason']}",
                kind=reader.say(f"kind.{one['kind']}") if reader.language.knows(f"kind.{one['kind']}") else one["kind"],
                **({} if one["by"] is None else {"by": entry_link(one["by"])}),
            ),
        )
        for one in left_out
    ]


def author_note(standing: Json | None, reader: Reader) -> Markup | None:
    """Why whoever gave an opinion could not give it now; that one is void it says by itself, since when its key is compromised here."""
    if standing is None or (standing["reason"] == "compromised" and not standing["since"]):
        return None
    date = reader.time(standing["since"]) if standing["since"] else reader.say("author.undated")
    return reader.say(f"author.{standing['reason']}", date=date)


# --- the disputes of an item ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dispute:
    """`answer` is None while it is open."""

    sequence: int
    contested: Markup
    subject: Markup
    answer: Markup
    grounds: Markup | None
    change: Markup | None
    is_open: bool


def make_disputes(passport: Json, reader: Reader) -> list[Dispute]:
    """Each dispute with what it was about, the ruling that ended it and what that changed."""
    effective = effective_opinions(passport["story"])
    story = passport["story"]
    return [_dispute(entry, story, effective, reader) for entry in story if entry["kind"] == "dispute"]


def _dispute(entry: Json, story: Sequence[Json], effective: Sequence[Json | None], reader: Reader) -> Dispute:
    place = entry["sequence"]
    who = {"who": reader.who(entry["organization"]), "date": reader.time(entry["occurred_at"])}
    contested = reader.say("dispute.contested_owner", date=who["date"]) if entry["facts"].get("by_owner") else None
    ending = next((one for one in story[place:] if _ends(one)), None)
    is_ruling = ending is not None and ending["kind"] == "ruling"
    return Dispute(
        sequence=place,
        contested=contested or reader.say("dispute.contested", **who),
        subject=_subject(entry, story, effective[place - 1], reader),
        answer=_answer(ending, reader),
        grounds=reader.language.plain(str(ending["facts"]["grounds"])) if ending and ending["facts"].get("grounds") else None,
        change=_change(effective[ending["sequence"] - 2], effective[ending["sequence"] - 1], reader) if ending and is_ruling else None,
        is_open=ending is None,
    )


def _ends(entry: Json) -> bool:
    return bool(entry["kind"] == "ruling" or (entry["kind"] == "release" and entry["facts"].get("hold") == "disputed"))


def _subject(entry: Json, story: Sequence[Json], effective: Json | None, reader: Reader) -> Markup:
    named = entry["facts"].get("sequence") or (effective and effective["sequence"])
    if not named:
        return reader.say("dispute.subject_none")
    disputed = story[named - 1]
    label = reader.say("dispute.subject_entry", sequence=named)
    if "outcome" not in disputed["facts"]:
        return label
    return reader.say("view.pair", name=label, value=opinion_in_words(disputed, reader))


def _answer(ending: Json | None, reader: Reader) -> Markup:
    if ending is None:
        return reader.say("dispute.open")
    if ending["kind"] == "release":
        return reader.say("dispute.lifted", date=reader.time(ending["occurred_at"]))
    return opinion_in_words(ending, reader)


def _change(before: Json | None, after: Json | None, reader: Reader) -> Markup:
    was, now = (reader.say(f"outcome.{one['outcome']}") if one else reader.say("dispute.nothing") for one in (before, after))
    return reader.say("dispute.kept", after=now) if was == now else reader.say("dispute.flipped", before=was, after=now)


def opinion_in_words(entry: Json, reader: Reader) -> Markup:
    facts, said = entry["facts"], {"who": reader.who(entry["organization"]), "date": reader.time(entry["occurred_at"])}
    if entry["kind"] == "ruling":
        return reader.say(f"verdict.ruled_{facts['outcome']}", **said)
    return reader.say(f"verdict.by_{facts['outcome']}", method=reader.say(f"method.{facts['method']}"), **said)


# --- how authenticators fared ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fared:
    name: Markup
    figures: Sequence[Pair]
    is_small: bool


def make_rates(authenticators: Iterable[Json], reader: Reader) -> list[Fared]:
    """`authenticators` are those of `GET /v1/statistics/authenticators`."""
    return [_fared(one, reader) for one in authenticators]


def _fared(one: Json, reader: Reader) -> Fared:
    counts = {name: one[name] for name in ("authentic", "not_authentic", "corrected", "inconclusive", "void")}
    split = reader.say("rates.split", **counts)
    values = (
        ("opinions", Markup("{} ({})").format(one["opinions"], split)),
        ("reviewed", Markup.escape(one["reviewed"])),
        ("overturned", Markup.escape(one["overturned"])),
        ("rate", _range(one["overturn_rate"], reader)),
        ("rate_of_reviewed", _range(one["overturn_rate_of_reviewed"], reader)),
        ("beside", reader.say("rates.beside_text", **counts)),
    )
    return Fared(reader.who(one["organization"]), [Pair(reader.say(f"rates.{name}"), value) for name, value in values], one["is_small"])


def _range(rate: Json | None, reader: Reader) -> Markup:
    if rate is None:
        return reader.say("rates.unknown")
    return reader.say("rates.range", **{name: f"{100 * rate[name]:.1f}" for name in ("value", "low", "high")})
