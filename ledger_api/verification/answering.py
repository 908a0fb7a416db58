"""From a question to a signed answer: what the store shows of the item, what the rules say, what we put our name to.

One question or a thousand are looked up alike: a few queries for all of them, in one moment of the database, so that they share one block.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from ledger_api.domain.fields import rfc3339
from ledger_api.domain.network import Network
from ledger_api.errors import NotFollowedYet
from ledger_api.store import verifying as rows
from ledger_api.store.records import is_partner
from ledger_api.verification.agreement import NOBODY, Resale, flaw_in
from ledger_api.verification.asking import VerificationIn
from ledger_api.verification.decision import Answer, Asked, AsOf, Found, decide, item_facts
from ledger_api.verification.statement import make_statement, statement_digest, typed_data
from ledger_verify.codes import KIND_CODES, Kind
from ledger_verify.hashing import organization_id
from ledger_verify.state import state_from_bytes, word

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Voice:
    """Who signs, and for which ledger."""

    network: Network
    sign: Callable[[bytes], bytes]
    signer: bytes


class Seen(NamedTuple):
    """The item as it is, and whether the caller may see it. No item is seen by everybody."""

    found: Found | None
    is_visible: bool
    etag: str = ""

    @property
    def shown(self) -> Found | None:
        return self.found if self.is_visible else None


NOTHING = Seen(None, True)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer with what it was given to: the question, and its JSON as it came."""

    question: VerificationIn
    request: Any
    seen: Seen
    answer: Answer
    here: AsOf


def as_of(connection: Connection) -> AsOf:
    """Raises NotFollowedYet."""
    here = rows.standing(connection)
    if here is None or here.block_hash is None or here.time is None:
        raise NotFollowedYet
    return AsOf(block=here.block, block_hash=here.block_hash, time=here.time, final_block=here.final_block)


def look_up(connection: Connection, questions: Sequence[VerificationIn], organization: bytes, *, now: int) -> Iterator[Seen]:
    """In the order of the questions. A brand that folds *withheld* into *unknown* is obeyed.

    Everything is read before this returns; each passport is opened when its turn comes, so that a thousand do not lie open at once.
    """
    named = rows.items_by_serial(connection, {names for one in questions if (names := one.names) is not None})
    known = rows.items_by_id(connection, {one.id for one in questions if one.names is None and one.id is not None})
    found = [named.get(names) if (names := one.names) is not None else known.get(one.id or NOBODY) for one in questions]
    partners: dict[bytes, bool] = {}

    def may_see(row: rows.Row) -> bool:
        if row.visibility in (None, "public") or organization == row.brand:
            return True
        if row.brand not in partners:
            partners[row.brand] = is_partner(connection, row.brand, organization, now=now)
        return partners[row.brand]

    pending = rows.pending_kinds(connection, {row.item for row in found if row is not None})
    visible = [row is None or may_see(row) for row in found]
    return (NOTHING if row is None else _seen(row, sees, pending) for row, sees in zip(found, visible, strict=True))


def _seen(row: rows.Row, is_visible: bool, pending: Mapping[bytes, Sequence[int]]) -> Seen:
    if not is_visible and row.visibility == "folded":
        return NOTHING
    kinds = [KIND_CODES[Kind(kind)] for kind in pending.get(row.item, ())]
    found = Found(row.item, state_from_bytes(row.state), orjson.loads(row.passport), row.block_number, kinds)
    return Seen(found, is_visible, row.etag)


def judge(question: VerificationIn, seen: Seen, here: AsOf, *, network: Network, caller: bytes, now: int) -> Answer:
    return decide(seen.found, _asked(question, seen.found, network, caller, now), here, now=now, visible=seen.is_visible)


def _asked(question: VerificationIn, found: Found | None, network: Network, caller: bytes, now: int) -> Asked:
    expect = question.expect
    party = expect.buyer if question.step == "ship" else expect.seller
    descriptions = {name: value for name in ("model", "colour", "category") if (value := getattr(expect, name)) is not None}
    flaw = None
    if question.consent is not None and found is not None:
        given = question.consent
        consent = Resale(given.new_holder, given.deadline, given.signature, given.carrier or NOBODY)
        flaw = flaw_in(consent, found.state, item=found.item, caller=caller, domain_separator=network.domain_separator, now=now)
    return Asked(
        step=question.step,
        brand=organization_id(expect.brand) if expect.brand is not None else None,
        descriptions=descriptions,
        holder=party.holder if party is not None else None,
        has_consent=question.consent is not None,
        consent_flaw=flaw,
    )


def signed(voice: Voice, given: Given, *, now: int) -> Json:
    """The answer as it leaves: with the facts behind it, the block it stands on, and our signature under its digest."""
    shown, network, answer, here = given.seen.shown, voice.network, given.answer, given.here
    item, item_word = (shown.item, word(shown.state)) if shown else (given.question.id or NOBODY, 0)
    statement = make_statement(answer, item=item, word=item_word.to_bytes(32, "big"), as_of=here, now=now, request=given.request)
    digest = statement_digest(statement, chain_id=network.chain_id, ledger=network.ledger)
    return {
        "decision": answer.decision.code,
        "reasons": [reason.document() for reason in answer.reasons],
        "item": item_facts(shown) if shown else None,
        "as_of": block(here, shown),
        "issued_at": rfc3339(now),
        "valid_until": rfc3339(statement.valid_until),
        "signer": "0x" + voice.signer.hex(),
        "digest": "0x" + digest.hex(),
        "signature": "0x" + voice.sign(digest).hex(),
        "typed_data": typed_data(statement, chain_id=network.chain_id, ledger=network.ledger),
    }


def block(here: AsOf, shown: Found | None) -> Json:
    return {
        "block": here.block,
        "block_hash": "0x" + here.block_hash.hex(),
        "time": rfc3339(here.time),
        "final_block": here.final_block,
        "final": shown is None or shown.last_block <= here.final_block,
    }
