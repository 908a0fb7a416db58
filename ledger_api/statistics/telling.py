"""Between the words of a question about verdicts and its answer in words: the same for HTTP, pages and the command line."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, NamedTuple

from ledger_api.domain.identifiers import Unreadable, bytes32
from ledger_api.errors import InvalidBody
from ledger_api.statistics.overturns import wilson
from ledger_api.statistics.verdicts import GROUPINGS, RULES, SMALLEST, Counts, Label, Question, Row, Table
from ledger_verify.codes import CATEGORY_CODES, METHOD_CODES, Method
from ledger_verify.hashing import organization_id

Json = dict[str, Any]
CATEGORIES = {code: int(number) for number, code in CATEGORY_CODES.items()}
METHODS = {code: int(number) for number, code in METHOD_CODES.items() if number not in (Method.NONE, Method.RULING)}


class Range(NamedTuple):
    """Which blocks of which ledger were counted, both ends included."""

    chain_id: int
    ledger: bytes
    from_block: int
    to_block: int
    block_hash: bytes | None  # of the last; None before the first was followed

    def as_json(self) -> Json:
        hashed = None if self.block_hash is None else _hex(self.block_hash)
        return {"chain_id": self.chain_id, "ledger": _hex(self.ledger), "from_block": self.from_block} | {
            "to_block": self.to_block,
            "block_hash": hashed,
        }


def question_of(
    *,
    group_by: str = "week",
    from_week: str | None = None,
    to_week: str | None = None,
    brand: str | None = None,
    category: str | None = None,
    method: str | None = None,
    authenticator: str | None = None,
) -> Question:
    """Raises InvalidBody, which names the field and the rule."""
    if group_by not in GROUPINGS:
        raise InvalidBody(f"group_by is one of {', '.join(GROUPINGS)}.", field="group_by")
    weeks = {name: _week(name, value) for name, value in (("from_week", from_week), ("to_week", to_week))}
    if from_week is not None and to_week is not None and from_week > to_week:
        raise InvalidBody("from_week must not be later than to_week.", field="from_week")
    return Question(
        group_by=group_by,
        **weeks,
        brand=_organization("brand", brand),
        category=_coded("category", category, CATEGORIES),
        method=_coded("method", method, METHODS),
        authenticator=_organization("authenticator", authenticator),
    )


def tell(table: Table, question: Question, blocks: Range, names: Mapping[bytes, str]) -> Json:
    """The answer as JSON. `names`: the DIDs that the registry knows."""
    return {
        "blocks": blocks.as_json(),
        "query": asked(question, names),
        "definition": RULES,
        "smallest": SMALLEST,
        "total": _counts(table.total),
        "groups": [_row(row, question.group_by, names) for row in table.rows],
    }


def key_of(label: Label, grouping: str) -> str:
    """A row's name for programs."""
    if isinstance(label, bytes):
        return _hex(label)
    if isinstance(label, int):
        return CATEGORY_CODES[label] if grouping == "category" else METHOD_CODES[label]  # type: ignore[index]  # equal to its number
    return label


def _row(row: Row, grouping: str, names: Mapping[bytes, str]) -> Json:
    did = names.get(row.label) if isinstance(row.label, bytes) else None
    return {"key": key_of(row.label, grouping), "did": did, "counts": _counts(row.counts)}


def _counts(counts: Counts | None) -> Json | None:
    if counts is None:
        return None
    rate = wilson(counts.not_authentic, counts.concluded)
    told = None if rate is None else {"not_authentic": counts.not_authentic, "of": counts.concluded} | rate._asdict()
    return asdict(counts) | {"fake_rate": told}


def asked(question: Question, names: Mapping[bytes, str]) -> Json:
    """The question as it may be asked again."""
    found = asdict(question)
    for name in ("brand", "authenticator"):
        if found[name] is not None:
            found[name] = names.get(found[name], _hex(found[name]))
    for name in ("category", "method"):
        if found[name] is not None:
            found[name] = key_of(found[name], name)
    return found


def _week(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        year, week = text.split("-W")
        date.fromisocalendar(int(year), int(week), 1)
    except ValueError:
        raise InvalidBody(f"{name} must be an ISO week such as 2026-W48.", field=name) from None
    if (len(year), len(week)) != (4, 2):
        raise InvalidBody(f"{name} must be an ISO week such as 2026-W48.", field=name)
    return text


def _organization(name: str, text: str | None) -> bytes | None:
    """By its DID, or by its id on the ledger."""
    if text is None:
        return None
    if not text.startswith("0x"):
        return organization_id(text)
    try:
        return bytes32(text)
    except Unreadable:
        raise InvalidBody(f"{name} must be a DID, or an id of 32 bytes in hex.", field=name) from None


def _coded(name: str, text: str | None, codes: Mapping[str, int]) -> int | None:
    if text is None:
        return None
    if text not in codes:
        raise InvalidBody(f"{name} is one of {', '.join(list(codes)[:11])}.", field=name)
    return codes[text]


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
