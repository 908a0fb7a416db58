"""Items as the chain tells them against items as the database keeps them: heads, sequences, words, records, states.

The fold here starts from logs that the auditor read itself and hashes every event anew on the head before it.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from ledger_api.audit.hearing import Heard, Hearing, Pin
from ledger_api.audit.report import Check, shown
from ledger_api.audit.side_by_side import Row, side_by_side
from ledger_api.store.records import Record
from ledger_verify.hashing import Commitment, EventHash, ItemId, OrganizationId, next_head
from ledger_verify.logs import Recorded
from ledger_verify.state import NO_HEAD, UNBORN, State, Terms, state_to_bytes, word
from ledger_verify.transition import FoldMismatch, apply_recorded

_WORDS_AT_ONCE = 1_000
_HEARD = f"SELECT {', '.join(Heard._fields)} FROM heard ORDER BY item, block_number, log_index"
_RECORDS = text(f"SELECT {', '.join(Record._fields)} FROM records ORDER BY item, sequence")
_ITEMS = text("SELECT item, brand, state, sequence, block_number FROM items ORDER BY item")


class Histories:
    """Walks every item once; each of its checks is one promise."""

    def __init__(self, connection: Connection, hearing: Hearing, pin: Pin, terms: Terms) -> None:
        self._connection, self._hearing, self._pin, self._terms = connection, hearing, pin, terms
        self.heads = Check("heads follow the logs")
        self.sequences = Check("sequences have no gap")
        self.records = Check("records equal the logs")
        self.items = Check("items equal the fold")
        self.words = Check("words on chain equal the fold")

    def checked(self) -> list[Check]:
        waiting: list[tuple[bytes, int]] = []
        for item, folded in self._folded():
            waiting.append((item, folded))
            if len(waiting) >= _WORDS_AT_ONCE:
                self._compare_words(waiting)
                waiting.clear()
        self._compare_words(waiting)
        for sentence in self._hearing.unreadable:
            self.heads.find(sentence)
        return [self.heads, self.sequences, self.records, self.items, self.words]

    def _folded(self) -> Iterator[tuple[bytes, int]]:
        """The word that each item's logs give, compared with its rows on the way."""
        streamed = self._connection.execution_options(yield_per=2_000)
        heard = self._hearing.kept.execute(_HEARD)
        for item, (told, records, items) in side_by_side(heard, streamed.execute(_RECORDS), streamed.execute(_ITEMS)):
            histories = [Record._make(row) for row in records]
            self._check_sequences(item, histories)
            expected, state = self._fold([Heard._make(row) for row in told])
            self._compare_records(item, histories, expected)
            self._compare_item(item, items, expected, state)
            yield item, word(state)

    def _fold(self, told: Sequence[Heard]) -> tuple[list[Record], State]:
        """The records these logs make; stops at the first that does not follow."""
        state, head, expected = UNBORN, NO_HEAD, list[Record]()
        for one in told:
            self.heads.examined += 1
            try:
                state = apply_recorded(state, log_of(one), one.block_time, self._terms, brand=brand_of(one), by_order=len(one.extra) == 1)
            except FoldMismatch as error:
                self.heads.find(f"{error}: block {one.block_number}, log {one.log_index}")
                break
            head = next_head(head, EventHash(one.event_hash), OrganizationId(one.organization))
            if state.head != head or state.sequence != len(expected) + 1:
                self.heads.find(f"event {state.sequence} of item {shown(one.item)} does not have the head its logs give")
                break
            expected.append(_record(one, state))
        return expected, state

    # --- against the database

    def _check_sequences(self, item: bytes, histories: Sequence[Record]) -> None:
        self.sequences.examined += 1
        found = [record.sequence for record in histories]
        if found != list(range(1, len(found) + 1)):
            self.sequences.find(f"item {shown(item)} has the sequences {_short(found)}")

    def _compare_records(self, item: bytes, found: Sequence[Record], expected: Sequence[Record]) -> None:
        self.records.examined += len(found)
        kept = {record.sequence: record for record in found}
        for record in expected:
            mine = kept.pop(record.sequence, None)
            if mine is None:
                self.records.find(f"event {record.sequence} of item {shown(item)} is on the chain and not in the records")
            elif mine != record:
                differing = [name for name, ours, theirs in zip(Record._fields, mine, record, strict=True) if ours != theirs]
                self.records.find(f"event {record.sequence} of item {shown(item)} differs from its log in {', '.join(differing)}")
        for sequence in kept:
            self.records.find(f"event {sequence} of item {shown(item)} is in the records and not on the chain")

    def _compare_item(self, item: bytes, rows: Sequence[Row], expected: Sequence[Record], state: State) -> None:
        self.items.examined += 1
        if not expected:
            if rows:
                self.items.find(f"item {shown(item)} is in the database and not on the chain")
            return
        if not rows:
            self.items.find(f"item {shown(item)} is on the chain and not in the database")
            return
        wanted = {"state": expected[-1].state, "sequence": state.sequence, "block_number": expected[-1].block_number}
        mine = dict(zip(("state", "sequence", "block_number"), rows[0][2:], strict=True))
        differing = [name for name in wanted if mine[name] != wanted[name]]
        if differing:
            self.items.find(f"item {shown(item)} differs from the fold of its logs in {', '.join(differing)}")

    def _compare_words(self, folded: Sequence[tuple[bytes, int]]) -> None:
        expected = dict(folded)
        for item, found in self._hearing.words(list(expected), self._pin):
            self.words.examined += 1
            if found != expected[item]:
                self.words.find(f"item {shown(item)} has the word 0x{found:064x}, its logs give 0x{expected[item]:064x}")


def log_of(one: Heard) -> Recorded:
    return Recorded(
        ItemId(one.item),
        EventHash(one.event_hash),
        OrganizationId(one.organization),
        one.signer,
        one.kind,
        one.occurred_at,
        one.party,
        int.from_bytes(one.detail, "big"),
        Commitment(one.payload),
    )


def brand_of(one: Heard) -> OrganizationId | None:
    return OrganizationId(one.extra[:32]) if len(one.extra) == 64 else None


def _record(one: Heard, state: State) -> Record:
    return Record(
        item=one.item,
        sequence=state.sequence,
        event_hash=one.event_hash,
        event_id=one.event_id,
        organization=one.organization,
        signer=one.signer,
        kind=one.kind,
        occurred_at=one.occurred_at,
        party=one.party,
        detail=one.detail,
        payload=one.payload,
        extra=one.extra,
        state=state_to_bytes(state),
        block_number=one.block_number,
        block_time=one.block_time,
        log_index=one.log_index,
        transaction_hash=one.transaction_hash,
    )


def _short(numbers: Sequence[int]) -> str:
    told = ", ".join(map(str, numbers[:12]))
    return told + (", …" if len(numbers) > 12 else "")
