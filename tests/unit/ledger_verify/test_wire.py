import json
from importlib.resources import files
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils import keccak
from eth_utils.abi import collapse_if_tuple
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_verify import wire
from ledger_verify.hashing import OrganizationId
from ledger_verify.state import UNBORN, Opening, facts
from ledger_verify.wire import Approval, BatchRefused, Enrolled, Recorded, Refused, ReleasedByOrder, SignedBatch, UnknownLog, Witness
from tests.unit.ledger_verify.scenes import sold, verifying
from tests.unit.ledger_verify.test_hashing import EVENTS, WORDS
from tests.unit.ledger_verify.test_state import ASIDES

ABI = json.loads((files("ledger_api") / "abi" / "ProvenanceLedger.json").read_text())["abi"]
TIMES = st.integers(0, 2**48 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20)
OPENINGS = st.builds(
    Opening,
    index=st.integers(0, 2**16 - 1),
    aside=ASIDES,
    brand=WORDS,
    serial_commitment=WORDS,
    prior_head=WORDS,
    history=st.lists(st.builds(wire.Link, WORDS, WORDS), max_size=3).map(tuple),
    endorser=ADDRESSES,
    endorsement_deadline=TIMES,
    endorsement=st.binary(max_size=70),
)
APPROVALS = st.builds(Approval, st.integers(0, 2**16 - 1), WORDS, WORDS, TIMES, st.binary(max_size=70))
WITNESSES = st.builds(Witness, WORDS, WORDS, WORDS, st.integers(0, 2**256 - 1))


@st.composite
def batches(draw: st.DrawFn) -> SignedBatch:
    events = draw(st.lists(EVENTS, max_size=3))
    return SignedBatch(
        organization=OrganizationId(draw(WORDS)),
        signer=draw(ADDRESSES),
        deadline=draw(TIMES),
        all_or_nothing=draw(st.booleans()),
        events=events,
        witnesses=[draw(WITNESSES) for _ in events],
        openings=draw(st.lists(OPENINGS, max_size=2)),
        approvals=draw(st.lists(APPROVALS, max_size=2)),
        signature=draw(st.binary(max_size=70)),
    )


def entry(name: str, kind: str) -> dict[str, Any]:
    [found] = [one for one in ABI if one.get("name") == name and one["type"] == kind]
    return dict(found)


def signature(described: dict[str, Any]) -> str:
    return f"{described['name']}({','.join(collapse_if_tuple(one) for one in described['inputs'])})"


def plain(batch: SignedBatch) -> tuple[Any, ...]:
    """As the ABI's tuples, for a second encoder."""
    openings = [
        (
            one.index,
            (
                one.aside.setters,
                one.aside.verification_until,
                one.aside.stolen_release_at,
                one.aside.disputed_at,
                one.aside.recovery_key,
                one.aside.recovery_ready_at,
            ),
            one.brand,
            one.serial_commitment,
            one.prior_head,
            [(link.event_hash, link.organization) for link in one.history],
            one.endorser,
            one.endorsement_deadline,
            one.endorsement,
        )
        for one in batch.openings
    ]
    return (
        batch.organization,
        batch.signer,
        batch.deadline,
        batch.all_or_nothing,
        [(one.item, one.kind, one.head, one.occurred_at, one.party, one.detail, one.payload) for one in batch.events],
        [(one.head, one.holder, one.brand, one.facts) for one in batch.witnesses],
        openings,
        [(one.index, one.carrier, one.store, one.deadline, one.signature) for one in batch.approvals],
        batch.signature,
    )


@settings(max_examples=60)
@given(st.lists(batches(), max_size=2))
def test_calldata_is_what_the_compiled_abi_makes_of_it(carried: list[SignedBatch]) -> None:
    record = entry("record", "function")
    kinds = [collapse_if_tuple(one) for one in record["inputs"]]

    calldata = wire.encode_record(carried)

    assert calldata[:4] == keccak(text=signature(record))[:4]
    assert calldata[4:] == encode(kinds, [[plain(batch) for batch in carried]])


def log_of(name: str, **values: Any) -> tuple[list[bytes], bytes]:
    """Topics and body as a node gives them, made from the compiled ABI."""
    described = entry(name, "event")
    kinds = {one["name"]: one["type"] for one in described["inputs"]}
    indexed = [one["name"] for one in described["inputs"] if one["indexed"]]
    rest = [one for one in kinds if one not in indexed]
    topics = [keccak(text=signature(described)), *(encode([kinds[one]], [values[one]]) for one in indexed)]
    return topics, encode([kinds[one] for one in rest], [values[one] for one in rest])


def test_a_recorded_log_is_decoded() -> None:
    topics, body = log_of(
        "Recorded",
        item=b"i" * 32,
        eventHash=b"e" * 32,
        organization=b"o" * 32,
        signer=b"s" * 20,
        kind=4,
        occurredAt=2**48 - 1,
        party=b"p" * 32,
        detail=2**64 - 1,
        payload=b"c" * 32,
    )

    told = wire.decode_log(topics, body)

    assert told == Recorded(b"i" * 32, b"e" * 32, b"o" * 32, b"s" * 20, 4, 2**48 - 1, b"p" * 32, 2**64 - 1, b"c" * 32)  # type: ignore[arg-type]


def test_an_enrolled_log_is_decoded() -> None:
    topics, body = log_of("Enrolled", item=b"i" * 32, brand=b"b" * 32, serialCommitment=b"c" * 32)

    assert wire.decode_log(topics, body) == Enrolled(b"i" * 32, b"b" * 32, b"c" * 32)  # type: ignore[arg-type]


def test_a_release_by_order_is_decoded() -> None:
    topics, body = log_of("ReleasedByOrder", item=b"i" * 32, hold=1)

    assert wire.decode_log(topics, body) == ReleasedByOrder(b"i" * 32, 1)  # type: ignore[arg-type]


def test_a_refused_log_is_decoded() -> None:
    topics, body = log_of("Refused", item=b"i" * 32, eventHash=b"e" * 32, batchHash=b"b" * 32, reason=25, carrier=b"c" * 20)

    assert wire.decode_log(topics, body) == Refused(b"i" * 32, b"e" * 32, b"b" * 32, 25, b"c" * 20)  # type: ignore[arg-type]


def test_a_refused_batch_is_decoded() -> None:
    topics, body = log_of("BatchRefused", organization=b"o" * 32, batchHash=b"b" * 32, reason=14, carrier=b"c" * 20)

    assert wire.decode_log(topics, body) == BatchRefused(b"o" * 32, b"b" * 32, 14, b"c" * 20)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("topics", "size"),
    [
        ([], 0),
        ([wire.RECORDED], 256),
        ([wire.RECORDED, bytes(32)], 255),
        ([wire.RECORDED, bytes(31)], 256),
        ([wire.RECORDED, bytes(32), bytes(32)], 256),
        ([bytes(32), bytes(32)], 256),
    ],
)
def test_a_log_of_another_shape_is_nobodys(topics: list[bytes], size: int) -> None:
    with pytest.raises(UnknownLog):
        wire.decode_log(topics, bytes(size))


def test_every_ledger_log_of_the_abi_can_be_decoded() -> None:
    inherited = {"EIP712DomainChanged"}  # OpenZeppelin's; a contract without upgrades never emits it
    topics = {keccak(text=signature(one)) for one in ABI if one["type"] == "event" and one["name"] not in inherited}

    assert topics == {wire.RECORDED, wire.ENROLLED, wire.RELEASED_BY_ORDER, wire.REFUSED, wire.BATCH_REFUSED}


def test_a_witness_leaves_out_the_head_that_its_event_names() -> None:
    story = sold()
    event = story.event(11)

    witness = wire.witness_of(story.state, event)

    assert witness == Witness(bytes(32), story.state.holder, story.state.brand, facts(story.state))  # type: ignore[arg-type]


def test_a_witness_for_a_superseded_event_names_the_true_head() -> None:
    story = verifying()
    event = story.event(11, head=bytes(32))  # type: ignore[arg-type]

    assert wire.witness_of(story.state, event).head == story.state.head


def test_the_witness_of_an_unborn_item_is_blank() -> None:
    assert wire.witness_of(UNBORN, sold().event(2)) == wire.NO_WITNESS


def test_a_batch_needs_a_witness_for_each_event() -> None:
    with pytest.raises(ValueError, match="one witness"):
        SignedBatch(OrganizationId(bytes(32)), bytes(20), 0, False, [sold().event(2)], [])


def test_names_of_another_length_are_not_carried() -> None:
    with pytest.raises(ValueError, match="32 bytes and a signer 20"):
        SignedBatch(OrganizationId(bytes(32)), bytes(32), 0, False, [], [])
    with pytest.raises(ValueError, match="32 bytes each"):
        Approval(0, bytes(20), bytes(32), 0, b"")
