"""The page of statistics about verdicts. What it says is made in `web/counting.py`; what is counted, in `statistics/`."""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from ledger_api.errors import InvalidBody, LedgerError
from ledger_api.routes.pages import AGuest, Guest, honest_page, honest_word
from ledger_api.routes.verdicts import ACounter
from ledger_api.statistics.keeping import Counted
from ledger_api.statistics.telling import asked, key_of, question_of
from ledger_api.statistics.verdicts import GROUPINGS, SMALLEST, Label, Question
from ledger_api.store.engine import reading
from ledger_api.store.records import organization_names
from ledger_api.web.counting import make_section, make_total, name_of
from ledger_api.web.languages import Language

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

RULES = ("rule1", "rule2", "rule3", "rule4", "rule5", "rule6")
Typed = Annotated[str, Query(max_length=255)]


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: Markup
    is_chosen: bool


@router.get("/statistics")
def statistics_page(
    guest: AGuest,
    counter: ACounter,
    from_week: Typed = "",
    to_week: Typed = "",
    brand: Typed = "",
    category: Typed = "",
    method: Typed = "",
    authenticator: Typed = "",
) -> Response:
    """How many verdicts, and what they said; for whatever is chosen."""
    ctx = guest.ctx
    wished = {"from_week": from_week, "to_week": to_week, "brand": brand, "category": category, "method": method}
    try:
        ctx.limiter.take(guest.address, is_key=False, at=ctx.clock())
        counted = counter.count(ctx.engine)
        with reading(ctx.engine) as connection:
            names = {who: name or did or "" for who, (did, name) in organization_names(connection).items()}
    except LedgerError as error:
        return honest_page(guest, honest_word(error), status=error.status, error=error)
    try:
        question = question_of(**{name: value or None for name, value in (wished | {"authenticator": authenticator}).items()})  # type: ignore[arg-type]  # group_by is left out
    except InvalidBody:
        return _page(guest, counted, names, Question(), is_wrong=True)
    return _page(guest, counted, names, question)


def _page(guest: Guest, counted: Counted, names: dict[bytes, str], question: Question, *, is_wrong: bool = False) -> Response:
    blocks, plain = counted.blocks.as_json(), {name: value for name, value in asked(question, counted.names).items() if value is not None}
    tables = {grouping: counted.table(replace(question, group_by=grouping)) for grouping in GROUPINGS}
    said = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in plain.items())
    return guest.page(
        "statistics.html",
        status=422 if is_wrong else 200,
        blocks={"first": blocks["from_block"], "last": blocks["to_block"], "hash": blocks["block_hash"], "ledger": blocks["ledger"]},
        total=make_total(tables["week"].total, guest.language),
        sections=[make_section(grouping, tables[grouping], names, guest.language) for grouping in GROUPINGS],
        choices=_choices(counted, question, names, guest.language),
        data={grouping: f"/v1/statistics/verdicts?{urlencode(plain | {'group_by': grouping})}" for grouping in GROUPINGS},
        question=urlencode(plain),
        command=f"ledger statistics --from-chain --to-block {blocks['to_block']} {said}",
        is_filtered=len(plain) > 1,
        is_wrong=is_wrong,
        smallest=SMALLEST,
        rules=RULES,
    )


def _choices(counted: Counted, question: Question, names: dict[bytes, str], language: Language) -> dict[str, list[Option]]:
    """What there is to choose from: whatever the ledger has verdicts of."""
    found: dict[str, list[Label]] = {
        grouping: sorted({cell[place] for cell in counted.cells}, key=str) for place, grouping in enumerate(GROUPINGS)
    }
    fields: dict[str, Any] = {"from_week": "week", "to_week": "week"} | {name: name for name in GROUPINGS[1:]}
    return {
        field: [
            Option(_value(label, grouping, counted), name_of(label, grouping, names, language), getattr(question, field) == label)
            for label in found[grouping]
        ]
        for field, grouping in fields.items()
    }


def _value(label: Label, grouping: str, counted: Counted) -> str:
    key = key_of(label, grouping)
    return counted.names.get(label, key) if isinstance(label, bytes) else key
