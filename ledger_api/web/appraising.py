"""From what the API tells an appraiser to what their pages say, in one language. Pure; templates only lay out.

Machines' findings are shown by their kind and their fields, whatever they are: a new machine needs no new page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from ledger_api.desk.appraising import REASONS, is_another_serial
from ledger_api.web.asking import tags_in_words
from ledger_api.web.languages import Language
from ledger_api.web.presenting import Line, Shown, make_item_page
from ledger_api.web.taking import Taking, taking
from ledger_api.web.timeline import Entry, Pair

Json = Mapping[str, Any]
# of a finding: for machines, or said otherwise
UNSAID = frozenset({"candidates", "version", "defects", "hashes", "photo"})
# of a finding's fields those whose values are codes, and the group of texts that says them
SAID = {"result": "found", "ledger": "ledger", "how": "how", "whose": "whose", "desk": "desk", "outcome": "outcome", "shot": "shot"}
DEEPEST = 3
OUTCOMES = ("authentic", "not-authentic", "inconclusive")


@dataclass(frozen=True, slots=True)
class Waiting:
    case: str
    brand: str
    category: Markup
    value: str | None
    due: Markup
    marks: Sequence[Markup]


@dataclass(frozen=True, slots=True)
class Finding:
    """`photos`: the addresses of earlier photos that it speaks of."""

    title: Markup
    is_warning: bool
    pairs: Sequence[Pair]
    photos: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ShotPage:
    name: str
    title: Markup
    photo: str | None  # its address
    size: str
    pairs: Sequence[Pair]
    look: Markup | None
    notes: Sequence[str]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class CasePage:
    case: str
    brand: str
    category: Markup
    facts: Sequence[Pair]
    until: Markup
    is_appeal: bool
    is_in_person: bool
    seat: int
    words: str
    notes: Sequence[str]
    shots: Sequence[ShotPage]
    taking: Taking | None  # in person: what is to be photographed
    askable: Sequence[tuple[str, Markup]]
    findings: Sequence[Finding]
    ledger: Sequence[Line]
    story: Sequence[Entry]
    item: str | None
    journal: Sequence[tuple[Markup, Markup, str]]
    others: Sequence[Json]
    outcomes: Sequence[tuple[str, Markup]]
    reasons: Sequence[tuple[str, Markup]]


def waiting_in_words(case: Json, language: Language, *, until: datetime | None = None) -> Waiting:
    marks = ("is_appeal", "is_senior_wanted", "is_in_person")
    said = [language.say(f"appraise.{mark}") for mark in marks if case[mark]]
    due = language.say("appraise.claim_until", when=_clock(until)) if until else _moment(case["due_at"], language)
    return Waiting(case["case"], case["brand"], _category(case["category"], language), _euros(case["value_eur"]), due, said)


def case_page(told: Json, language: Language, *, taken: str | None = None) -> CasePage:
    """`taken`: in person, the shot that was just sent."""
    checks = list(told["checks"])
    passport, is_in_person = told["ledger"], told["method"] == "in-person"
    titles = {name: shot_name(name, language) for name in told["shot_list"]}
    page = (
        None
        if passport is None
        else make_item_page(Shown(passport, 0, 0, is_final=True, serial=None, link=""), language, now=_at(told["until"]))
    )
    return CasePage(
        case=told["case"],
        brand=told["brand"],
        category=_category(told["category"], language),
        facts=_facts(told, language),
        until=_clock(_at(told["until"])),
        is_appeal=told["is_appeal"],
        is_in_person=is_in_person,
        seat=told["seat"],
        words=told["notes"],
        notes=[one["words"] for one in told["references"] if one["shot"] is None],
        shots=[_shot(shot, told, checks, language) for shot in _in_order(told)],
        taking=taking(told, language, titles, taken=taken) if is_in_person else None,
        askable=[] if told["is_appeal"] or is_in_person else list(titles.items()),
        findings=[_finding(check, told, language) for check in checks if check["shot"] not in {shot["photo"] for shot in told["shots"]}],
        ledger=[] if page is None else [*page.notices, *page.glance[:-1]],  # the last says how settled the record is
        story=[] if page is None else page.story,
        item=told["item"] if page is not None else None,
        journal=[_line(line, language) for line in told["journal"]],
        others=[_opinion(opinion, language) for opinion in told["others"]],
        outcomes=[(outcome, language.say(f"appraise.outcome_{outcome}")) for outcome in OUTCOMES],
        reasons=[(reason, _say("reason", reason, language)) for reason in REASONS],
    )


def shot_name(name: str, language: Language) -> Markup:
    """An authenticator may have details of its own, which are called what it calls them."""
    return _say("shot", name, language)


def _say(group: str, code: str, language: Language) -> Markup:
    key = f"appraise.{group}_{code}"
    return language.say(key) if language.knows(key) else language.plain(code.replace("-", " "))


def _facts(told: Json, language: Language) -> list[Pair]:
    value = None if told["value_eur"] is None else _euros(told["value_eur"])
    named = (("gtin", told["gtin"]), ("serial", told["serial"]), ("value", value))
    facts = [Pair(language.say(f"appraise.{key}"), language.plain(text), is_code=key != "value") for key, text in named if text]
    return [
        *facts,
        *[Pair(_say("number", name, language), language.plain(text), is_code=True) for name, text in sorted(told["numbers"].items())],
        *tags_in_words(told["tags"], language),
        Pair(language.say("appraise.due"), _moment(told["due_at"], language), is_code=False),
    ]


# --- shots and findings ----------------------------------------------------------------------------------------------


def _in_order(told: Json) -> list[Json]:
    """As the shot list asks for them; what it has no more comes last."""
    place = {name: number for number, name in enumerate(told["shot_list"])}
    return sorted(told["shots"], key=lambda shot: (place.get(shot["name"], len(place)), shot["name"]))


def _shot(shot: Json, told: Json, checks: Sequence[Json], language: Language) -> ShotPage:
    name, look = shot["name"], f"appraise.look_{shot['name']}"
    taken = shot["captured_at"] and _moment(shot["captured_at"], language)
    pairs = [("taken", taken), ("device", shot["device"] and language.plain(shot["device"]))]
    is_there = shot["state"] != "erased"
    return ShotPage(
        name=name,
        title=shot_name(name, language),
        photo=f"/desk/cases/{told['case']}/photos/{shot['photo']}" if is_there else None,
        size=f"{shot['width']} × {shot['height']}",
        pairs=[Pair(language.say(f"appraise.{key}"), text, is_code=False) for key, text in pairs if text],
        look=language.say(look) if language.knows(look) else None,
        notes=[one["words"] for one in told["references"] if one["shot"] == name],
        findings=[_quality(shot, language), *(_finding(check, told, language) for check in checks if check["shot"] == shot["photo"])],
    )


def _quality(shot: Json, language: Language) -> Finding:
    defects = [_say("defect", one["code"], language) for one in shot["quality"].get("defects", ())]
    said = language.plain(", ").join(defects) if defects else language.say("appraise.no_defect")
    return Finding(
        language.say("appraise.check_quality"), bool(defects), [Pair(language.say("appraise.field_result"), said, is_code=False)]
    )


def _finding(check: Json, told: Json, language: Language) -> Finding:
    """`waiting`, `failed` and `off` are said as they are: nothing was found out. Another desk's photos have no address here."""
    result = check["result"] or {}
    warns = is_another_serial(result) or bool(result.get("matches")) or bool(result.get("flagged"))
    pairs = list(_pairs(result, language, DEEPEST)) or [
        Pair(language.say("appraise.field_result"), _say("state", check["state"], language), is_code=False)
    ]
    photos = [match["photo"] for match in result.get("matches", ()) if match["photo"] is not None]
    addresses = [f"/desk/cases/{told['case']}/matches/{photo}" for photo in photos]
    return Finding(_say("check", check["kind"], language), warns, pairs, addresses)


def _pairs(found: Json, language: Language, depth: int, prefix: str = "") -> Iterator[Pair]:
    for name, value in found.items():
        if name in UNSAID or value is None or value == "":
            continue
        title = Markup("{}{}").format(prefix, _say("field", name, language))
        match value:
            case dict() if depth:
                yield from _pairs(value, language, depth - 1, f"{prefix}{name} · ")
            case list() if value and isinstance(value[0], dict) and depth:
                for number, one in enumerate(value, 1):
                    yield from _pairs(one, language, depth - 1, f"{prefix}{number} · ")
            case list():
                yield Pair(title, language.plain(", ".join(map(_plain, value)) or "—"), is_code=False)
            case str():
                yield Pair(title, _say(SAID[name], value, language) if name in SAID else language.plain(value), is_code=name == "read")
            case _:
                yield Pair(title, language.plain(_plain(value)), is_code=False)


def _plain(value: object) -> str:
    match value:
        case bool():
            return "✓" if value else "—"
        case float():
            return f"{value:.3g}"
    return str(value)


# --- words -----------------------------------------------------------------------------------------------------------


def _line(line: Json, language: Language) -> tuple[Markup, Markup, str]:
    shot = line["facts"].get("shot")
    what = _say("why", line["why"], language)
    said = Markup("{}: {}").format(what, shot_name(shot, language)) if shot else what
    return _clock(_at(line["at"]), language), said, str(line["facts"].get("words", ""))


def _opinion(opinion: Json, language: Language) -> Json:
    return {
        **opinion,
        "outcome": language.say(f"appraise.outcome_{opinion['outcome']}"),
        "reasons": [_say("reason", reason, language) for reason in opinion["reasons"]],
        "grounds": [(shot_name(shot, language), words) for shot, words in opinion["grounds"].items()],
    }


def _category(code: str, language: Language) -> Markup:
    return language.say(f"category.{code}")


def _euros(value: int | None) -> str | None:
    return None if value is None else f"€ {value:,}".replace(",", "\u202f")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment(text: str, language: Language) -> Markup:
    return _clock(_at(text), language)


def _clock(at: datetime, language: Language | None = None) -> Markup:
    """The hour, with its day where that may be another."""
    moment = at.astimezone(UTC)
    day = "" if language is None else f"{language.date(moment)}, "
    return Markup('<time datetime="{}">{}{}</time>').format(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), day, moment.strftime("%H:%M"))
