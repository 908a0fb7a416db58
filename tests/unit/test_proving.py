"""Making proofs, without a chain: which fields are shown, which names, and what is believed of a node."""

import json
from typing import Any

import orjson
import pytest

from ledger_api.chain.rpc import Refusal
from ledger_api.errors import KeyMissing, NodeInconsistent
from ledger_api.proving.evidence import HeaderUnknown, NoStateProof, block_at, receipts_of, trie_nodes
from ledger_api.proving.fields import PUBLIC_ONLY, Choice, PayloadMismatch, payload_document
from ledger_api.proving.naming import name_document
from ledger_api.proving.receipts import receipt_trie
from ledger_api.store.proving import Named, StoredPayload
from ledger_api.store.records import Record
from ledger_verify.codes import Kind
from ledger_verify.hashing import (
    ItemId,
    OrganizationId,
    commit_payload,
    commitment_of,
    disclosure_digest,
    flatten,
    hmac_sha256,
    item_key,
    keccak,
    organization_id,
    salted_serial,
)
from ledger_verify.state import pack_detail
from tests.unit.ledger_verify.proven import header_of, shown

MAISON, VERNE, CONSORTIUM = (organization_id(f"did:web:{name}.example") for name in ("maison", "verne", "consortium"))
ITEM = ItemId(keccak(b"item"))
SECRET = b"drawn for the two of them"
GTIN, SERIAL = "09506000134352", "S-1"


class Keys:
    """Blinding keys of MAISON and of the consortium; VERNE keeps its own."""

    def blinding(self, organization: OrganizationId) -> tuple[int, bytes]:
        return 1, self.blinding_of(organization, 1)

    def blinding_of(self, organization: OrganizationId, epoch: int) -> bytes:
        if organization == VERNE:
            raise KeyMissing
        return keccak(b"key %d of " % epoch + organization)


def record(kind: Kind, payload: bytes, *, organization: bytes = MAISON, sequence: int = 1, detail: int = 0, **fields: Any) -> Record:
    plain = {name: b"" for name in Record._fields} | {"occurred_at": 5, "block_number": 1, "block_time": 1, "log_index": 0}
    told = {"item": ITEM, "sequence": sequence, "organization": organization, "kind": int(kind), "detail": detail.to_bytes(8, "big")}
    return Record(**(plain | told | {"payload": payload} | fields))  # type: ignore[arg-type]  # columns of one type each


def committed(kind: Kind, body: dict[str, Any], **fields: Any) -> tuple[Record, StoredPayload]:
    key = item_key(Keys().blinding_of(MAISON, 2), ITEM, SECRET)
    made = commit_payload(body, item_key=key, organization=MAISON, kind=kind, occurred_at=5)
    return record(kind, made.commitment, **fields), StoredPayload(orjson.dumps(body).decode(), None, 2, SECRET)


def paths(document: dict[str, Any]) -> set[str]:
    return {field[1] for field in document["fields"]}


def test_a_correction_shows_what_the_corrected_kind_would_show() -> None:
    birth, _ = committed(Kind.MANUFACTURE, {"model": "Lune"})
    body = {"reason": "a slip", "sequence": 1, "replaces": {"colour": "blanc", "workshop": "R-77"}}
    correction, stored = committed(Kind.CORRECTION, body, sequence=2, detail=pack_detail(time=1))

    told = payload_document(correction, [birth, correction], stored, PUBLIC_ONLY, Keys())

    assert paths(told) == {"/reason", "/replaces/colour"} and len(told["withheld"]) == 2


@pytest.mark.parametrize(
    ("withhold", "left"),
    [
        ({"/certificates"}, {"/material"}),
        ({"1/certificates/0"}, {"/material", "/certificates/1"}),
        ({"2/material"}, {"/material", "/certificates/0", "/certificates/1"}),
        ({"/"}, {"/material", "/certificates/0", "/certificates/1"}),
        ({"/cert"}, {"/material", "/certificates/0", "/certificates/1"}),
    ],
)
def test_a_wish_withholds_what_lies_under_its_pointer_and_nothing_beside(withhold: set[str], left: set[str]) -> None:
    lot, stored = committed(Kind.RAW_MATERIAL, {"material": "silk", "certificates": ["A", "B"], "lot": "L-1"})

    told = payload_document(lot, [lot], stored, Choice(withhold=frozenset(withhold)), Keys())

    named = {path for path, _ in (one for one in told["withheld"] if isinstance(one, list))}
    assert paths(told) == left and named == {"/material", "/certificates/0", "/certificates/1"} - left
    assert len(told["withheld"]) == len(named) + 1  # what is not public has no name


def test_salts_that_an_organization_left_are_used_and_those_it_kept_leave_the_commitment() -> None:
    body = {"model": "Lune", "colour": "noir"}
    salts = {path: keccak(path.encode())[:16] for path, _ in flatten(body)}
    payload = commitment_of(disclosure_digest(salts[path], path, value) for path, value in flatten(body))
    own = record(Kind.MANUFACTURE, payload, organization=VERNE)
    left = StoredPayload(json.dumps(body), json.dumps({path: shown(salt) for path, salt in salts.items()} | {"name": "0x00"}), 0)
    kept = StoredPayload(json.dumps(body), None, 1)

    assert paths(payload_document(own, [own], left, PUBLIC_ONLY, Keys())) == {"/model", "/colour"}
    assert payload_document(own, [own], kept, PUBLIC_ONLY, Keys()) == {"commitment": shown(payload)}
    assert payload_document(own, [own], None, PUBLIC_ONLY, Keys()) == {"commitment": shown(payload)}


def test_a_stored_payload_that_was_not_committed_stops_the_proof() -> None:
    birth, stored = committed(Kind.MANUFACTURE, {"model": "Lune"})

    with pytest.raises(PayloadMismatch):
        payload_document(birth, [birth], stored._replace(body='{"model":"Sol"}'), PUBLIC_ONLY, Keys())


# --- names


def salt_of(keeper: OrganizationId) -> bytes:
    return hmac_sha256(Keys().blinding_of(keeper, 1), b"serial\x00" + GTIN.encode() + b"\x00" + SERIAL.encode())


@pytest.mark.parametrize("keeper", [MAISON, CONSORTIUM])
def test_a_name_is_opened_with_the_key_that_made_it(keeper: OrganizationId) -> None:
    birth = record(Kind.ENROLMENT, b"", extra=bytes(32) + salted_serial(salt_of(keeper), GTIN, SERIAL))

    told = name_document(Named(MAISON, GTIN, SERIAL, None), birth, {}, Keys(), CONSORTIUM, (GTIN, SERIAL))

    assert told == {"gtin": GTIN, "serial": SERIAL, "salt": shown(salt_of(keeper))}


def test_a_name_that_an_organization_salted_itself_is_opened_with_the_salt_it_showed() -> None:
    salt = keccak(b"its own")
    birth = record(Kind.MANUFACTURE, b"", organization=VERNE, party=salted_serial(salt, GTIN, SERIAL), event_id=b"id")
    left = {b"id": StoredPayload("{}", json.dumps({"name": shown(salt)}), 0)}
    named = Named(VERNE, GTIN, SERIAL, None)

    assert name_document(named, birth, left, Keys(), CONSORTIUM, (GTIN, SERIAL)) == {"gtin": GTIN, "serial": SERIAL, "salt": shown(salt)}
    assert name_document(named, birth, {}, Keys(), CONSORTIUM, (GTIN, SERIAL)) is None
    assert name_document(named, birth, left, Keys(), CONSORTIUM, (GTIN, "S-2")) is None
    assert name_document(None, birth, left, Keys(), CONSORTIUM, (GTIN, SERIAL)) is None


# --- a node


class Told:
    """A node that answers what it is told to, by method."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def ask(self, method: str, *_: Any) -> Any:
        return self._answers.get(method, Refusal(-32601, "Method not found", None))

    call = ask

    def batch(self, calls: Any) -> list[Any]:
        return [self.ask(method) for method, _ in calls]


def block(encoded: bytes) -> dict[str, Any]:
    """As a node tells of a header with a field more than this release knows."""
    empty = dict.fromkeys(
        (
            "parentHash",
            "sha3Uncles",
            "miner",
            "stateRoot",
            "transactionsRoot",
            "receiptsRoot",
            "logsBloom",
            "extraData",
            "mixHash",
            "nonce",
        ),
        "0x",
    )
    numbers = dict.fromkeys(("difficulty", "number", "gasLimit", "gasUsed", "timestamp"), "0x0")
    return empty | numbers | {"hash": shown(keccak(encoded))}


def test_a_header_of_an_unknown_form_is_asked_for_as_bytes_and_must_hash_to_the_block() -> None:
    encoded = header_of(number=7)

    found = block_at(Told(eth_getBlockByNumber=block(encoded), debug_getRawHeader=shown(encoded)), 7)  # type: ignore[arg-type]

    assert found.header.number == 7 and found.encoded == encoded
    for raw in (shown(header_of(number=8)), Refusal(-32601, "Method not found", None)):
        with pytest.raises(HeaderUnknown):
            block_at(Told(eth_getBlockByNumber=block(encoded), debug_getRawHeader=raw), 7)  # type: ignore[arg-type]


def test_bytes_that_hash_to_the_block_and_are_no_header_are_refused() -> None:
    with pytest.raises(HeaderUnknown):
        block_at(Told(eth_getBlockByNumber=block(b"\xc0"), debug_getRawHeader="0xc0"), 7)  # type: ignore[arg-type]


def test_a_node_that_lacks_what_it_should_have_is_asked_again_later() -> None:
    with pytest.raises(NodeInconsistent):
        block_at(Told(eth_getBlockByNumber=None), 7)  # type: ignore[arg-type]
    with pytest.raises(NodeInconsistent):
        receipts_of(Told(eth_getBlockByHash=None), bytes(32))  # type: ignore[arg-type]
    with pytest.raises(NodeInconsistent):
        receipts_of(Told(eth_getBlockByHash={"transactions": ["0x1"]}, eth_getTransactionReceipt=None), bytes(32))  # type: ignore[arg-type]
    with pytest.raises(NodeInconsistent):
        receipt_trie([], bytes(32))
    with pytest.raises(NoStateProof):
        trie_nodes(Told(), 7, [(bytes(20), [])])  # type: ignore[arg-type]
