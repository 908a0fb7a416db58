"""One entry of an item's story as a visitor reads it: what happened, told by whom, when, and what became of the entry. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from ledger_api.web.languages import Language

Json = Mapping[str, Any]
SHOWN_FACTS = (
    "model",
    "colour",
    "atelier",
    "material",
    "origin",
    "certificates",
    "appraiser",
    "expires_at",
    "until",
    "description",
    "grounds",
    "reason",
)
TIMES = ("expires_at", "until")
NOTICEABLE = timedelta(days=1)  # between when it happened and when it was recorded


@dataclass(frozen=True, slots=True)
class Pair:
    name: Markup
    value: Markup
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    sequence: int
    kind: str
    title: Markup
    date: Markup
    sentence: Markup
    facts: Sequence[Pair]
    notes: Sequence[Markup]
    details: Sequence[Pair]
    is_void: bool
    is_final: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """The language with the few turns of phrase that every part of the page needs."""

    language: Language

    def say(self, key: str, **values: object) -> Markup:
        return self.language.say(key, **values)

    def time(self, text: str) -> Markup:
        return self.language.time(datetime.fromisoformat(text))

    def name(self, organization: Json) -> str:
        """Its name, else its DID; a brand that never joined may have neither."""
        return str(organization["name"] or organization["did"] or self.say("organization.unnamed"))

    def who(self, organization: Json) -> Markup:
        # names come in any script: isolated, so that they do not reorder the sentence around them
        return Markup("<bdi>{}</bdi>").format(self.name(organization))


def make_entries(passport: Json, reader: Reader, *, final_block: int) -> list[Entry]:
    story = passport["story"]
    asked = _releases_asked(story)
    return [
        _entry(entry, passport, reader, is_final=entry["block"] <= final_block, is_asking=entry["sequence"] in asked) for entry in story
    ]


def _releases_asked(story: Sequence[Json]) -> set[int]:
    """Releases of *stolen* that only began the wait of 72 hours: the first after the hold was set (docs/protocol.md §8)."""
    asked, is_waiting = set(), False
    for entry in story:
        if entry["facts"].get("hold") != "stolen":
            continue
        if entry["kind"] == "hold":
            is_waiting = False
        elif not entry["facts"].get("by_order") and not is_waiting:
            asked.add(entry["sequence"])
            is_waiting = True
        else:
            is_waiting = False
    return asked


def _entry(entry: Json, passport: Json, reader: Reader, *, is_final: bool, is_asking: bool) -> Entry:
    title, sentence = _told(entry, reader, is_asking)
    return Entry(
        sequence=entry["sequence"],
        kind=entry["kind"],
        title=title,
        date=reader.time(entry["occurred_at"]),
        sentence=sentence,
        facts=_facts(entry, passport, reader),
        notes=_notes(entry, reader),
        details=_details(entry, reader),
        is_void=bool(entry["void"]),
        is_final=is_final,
    )


def _told(entry: Json, reader: Reader, is_asking: bool) -> tuple[Markup, Markup]:
    """Title and sentence. Kinds that say more than their name have a text per outcome, hold or phase."""
    facts, kind = entry["facts"], entry["kind"]
    title, text = kind, kind
    match kind:
        case "verdict" | "ruling":
            text = f"{kind}_{facts['outcome']}"
        case "dispute" if facts.get("sequence"):
            text = "dispute_entry"
        case "hold":
            title = f"hold_{facts['hold']}"
        case "release":
            title = "release_asked" if is_asking else f"release_{facts['hold']}"
            text = "release_order" if facts.get("by_order") else "release_asked" if is_asking else "release"
        case "recovery":
            title = text = f"recovery_{facts['phase']}"
        case "correction" if facts.get("outcome") == "none":
            text = "correction_withdrawn"
    return reader.say(f"kind.{title}"), reader.say(f"kind.{text}_text", **_named(entry, reader))


def _named(entry: Json, reader: Reader) -> dict[str, object]:
    facts = entry["facts"]
    sequence = facts.get("sequence")
    link = entry_link(sequence) if sequence else ""
    return {
        "who": reader.who(entry["organization"]),
        "to": reader.who(facts["to"]) if "to" in facts else "",
        "method": reader.say(f"method.{facts['method']}") if "method" in facts else "",
        "sequence": link,
    }


def _facts(entry: Json, passport: Json, reader: Reader) -> list[Pair]:
    facts = dict(entry["facts"])
    if entry["kind"] == "manufacture":
        # the head of the page has said these already, unless they were corrected since
        facts = {name: value for name, value in facts.items() if name not in ("model", "colour") or value != passport.get(name)}
    pairs = [Pair(reader.say(f"fact.{name}"), _value(name, facts[name], reader)) for name in SHOWN_FACTS if facts.get(name)]
    if entry["kind"] == "correction":
        pairs += _replaced(facts, reader)
    return pairs


def _replaced(facts: Json, reader: Reader) -> list[Pair]:
    now = {name: value for name, value in facts.get("replaces", {}).items() if name in SHOWN_FACTS and value}
    pairs = [(name, _value(name, value, reader)) for name, value in now.items()]
    if facts.get("outcome", "none") != "none":
        pairs.append(("outcome", reader.say(f"outcome.{facts['outcome']}")))
    return [Pair(reader.say("fact.replaced", name=reader.say(f"fact.{name}")), value) for name, value in pairs]


def _value(name: str, value: Any, reader: Reader) -> Markup:
    if name == "outcome":
        return reader.say(f"outcome.{value}")
    if name in TIMES:
        return reader.time(value)
    if name == "origin":
        return Markup.escape(reader.language.country(str(value)))
    if isinstance(value, list):
        return Markup.escape(str(reader.say("language.list")).join(str(one) for one in value))
    return Markup.escape(str(value))


def _notes(entry: Json, reader: Reader) -> list[Markup]:
    notes = []
    occurred, recorded = (datetime.fromisoformat(entry[name]) for name in ("occurred_at", "recorded_at"))
    if abs(recorded - occurred) > NOTICEABLE:
        notes.append(reader.say("story.happened", occurred=reader.time(entry["occurred_at"]), recorded=reader.time(entry["recorded_at"])))
    if entry.get("replaced"):
        by = entry["replaced"]["by"]
        key = "view.replaced" if by == entry["corrected_by"] else "view.replaced_by_brand"
        notes.append(reader.say(key, sequence=entry_link(by), facts=_before(entry, reader)))
    elif entry["corrected_by"]:
        notes.append(reader.say("story.corrected", sequence=entry_link(entry["corrected_by"])))
    if entry.get("outranks"):
        links = Markup(", ").join(entry_link(sequence) for sequence in entry["outranks"])
        notes.append(reader.say("view.outranks", entries=links))
    if entry.get("overruled_by"):
        notes.append(reader.say("view.overruled_here", sequence=entry_link(entry["overruled_by"])))
    if entry["void"]:
        since = (entry.get("standing") or {}).get("since")
        notes.append(reader.say("story.void_since", date=reader.time(since)) if since else reader.say("story.void"))
    return notes


def _before(entry: Json, reader: Reader) -> Markup:
    """What the effective view replaced, in words."""
    told = entry["replaced"]["facts"].items()
    before = [(name, value) for name, value in told if value and entry["facts"].get(name) != value and name in (*SHOWN_FACTS, "outcome")]
    said = [reader.say("view.pair", name=reader.say(f"fact.{name}"), value=_value(name, value, reader)) for name, value in before]
    return reader.say("language.list").join(said)


def entry_link(sequence: int) -> Markup:
    return Markup('<a href="#entry-{0}">{0}</a>').format(sequence)


def _details(entry: Json, reader: Reader) -> list[Pair]:
    values = (
        ("sequence", entry["sequence"]),
        ("occurred", _instant(entry["occurred_at"])),
        ("recorded", _instant(entry["recorded_at"])),
        ("by", entry["organization"]["did"] or entry["organization"]["id"]),
        ("event_hash", entry["event_hash"]),
        ("event_id", entry["event_id"]),
        ("block", entry["block"]),
        ("transaction", entry["transaction"]),
    )
    return [Pair(reader.say(f"story.{name}"), Markup.escape(value), is_code=True) for name, value in values]


def _instant(text: str) -> str:
    """To the second, as it stands on record."""
    return text.replace("T", " ").replace("Z", " UTC")
