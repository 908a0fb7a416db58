import hashlib
import hmac
import json
from typing import Any

import pytest
import rfc8785
from eth_account.messages import encode_typed_data
from eth_utils import keccak as other_keccak
from hypothesis import given
from hypothesis import strategies as st

from ledger_verify import hashing, typed_data
from ledger_verify.hashing import Commitment, Disclosure, EventHash, Head, ItemId, OrganizationId, Uncommittable
from ledger_verify.state import Event

BRAND = hashing.organization_id("did:web:maison.example")
ITEM = ItemId(hashing.keccak(b"item"))
CONTEXT: dict[str, Any] = {
    "item_key": hashing.item_key(b"k" * 32, ITEM),
    "organization": BRAND,
    "kind": 2,
    "occurred_at": 1_750_000_000,
}
SAFE = 2**53 - 1
LEAVES = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
PAYLOADS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
WORDS = st.binary(min_size=32, max_size=32)
EVENTS = st.builds(
    Event,
    item=WORDS,
    kind=st.integers(0, 255),
    head=WORDS,
    occurred_at=st.integers(0, 2**48 - 1),
    party=WORDS,
    detail=st.integers(0, 2**64 - 1),
    payload=WORDS,
)
CHAIN, CONTRACT, SIGNER = 31337, b"\x11" * 20, b"\x22" * 20
DOMAIN = hashing.domain_separator(CHAIN, CONTRACT)


def wallet_digest(message: dict[str, Any]) -> bytes:
    """What a wallet would sign for this JSON."""
    signable = encode_typed_data(full_message=json.loads(json.dumps(message)))
    return other_keccak(b"\x19" + signable.version + signable.header + signable.body)


# --- names


def test_keccak_is_the_one_ethereum_means() -> None:
    assert hashing.keccak(b"ledger") == other_keccak(b"ledger")


def test_a_serial_commitment_is_salted_by_the_brands_key() -> None:
    salt = hmac.digest(b"b" * 32, b"serial\x0009506000134352\x00A1", "sha256")

    commitment = hashing.serial_commitment(b"b" * 32, "09506000134352", "A1")

    assert commitment == other_keccak(b"09506000134352" + b"\x02" + b"A1" + salt)
    assert commitment != hashing.serial_commitment(b"c" * 32, "09506000134352", "A1")


def test_a_lot_commitment_counts_bytes_and_not_characters() -> None:
    salt = hmac.digest(b"b" * 32, b"lot\x00" + "é".encode(), "sha256")

    assert hashing.lot_commitment(b"b" * 32, "é") == other_keccak(b"\x00\x02" + "é".encode() + salt)


def test_an_item_is_named_by_brand_and_commitment_and_a_lot_by_its_supplier() -> None:
    commitment = Commitment(b"c" * 32)

    assert hashing.item_id(BRAND, commitment) == other_keccak(BRAND + commitment)
    assert hashing.lot_id(BRAND, commitment) == hashing.item_id(BRAND, commitment)


def test_an_item_cannot_be_named_by_parts_of_another_length() -> None:
    with pytest.raises(ValueError, match="expected 32 bytes, not 31"):
        hashing.item_id(OrganizationId(b"b" * 31), Commitment(b"c" * 33))


def test_an_event_id_is_the_packed_hash_of_what_makes_an_event_the_same() -> None:
    payload = Commitment(b"p" * 32)

    identity = hashing.event_id(BRAND, ITEM, 7, 2**40 + 5, payload)

    assert identity == other_keccak(BRAND + ITEM + b"\x07" + (2**40 + 5).to_bytes(6, "big") + payload)


@pytest.mark.parametrize("address", [b"\xab" * 20, "0x" + "ab" * 20, "0x" + "AB" * 20])
def test_a_claim_keys_address_is_a_holder(address: bytes | str) -> None:
    holder = hashing.claim_holder(address)

    assert holder == bytes(12) + b"\xab" * 20
    assert hashing.is_key(holder) and not hashing.is_organization(holder)


def test_what_is_no_address_is_no_holder() -> None:
    with pytest.raises(ValueError, match="20 bytes, not 19"):
        hashing.claim_holder("0x" + "ab" * 19)


def test_nobody_is_neither_a_key_nor_an_organization() -> None:
    assert not hashing.is_key(bytes(32)) and not hashing.is_organization(bytes(32))
    assert hashing.is_organization(BRAND) and not hashing.is_key(BRAND)


# --- payloads


def test_a_payload_is_flattened_to_its_leaves_with_pointers() -> None:
    payload = {"a/b": {"m~n": [1, {"x": None}]}, "empty": {}, "none": [], "": "y"}

    leaves = hashing.flatten(payload)

    assert leaves == [("/a~1b/m~0n/0", 1), ("/a~1b/m~0n/1/x", None), ("/empty", {}), ("/none", []), ("/", "y")]


def test_an_empty_payload_is_one_leaf() -> None:
    assert hashing.flatten({}) == [("", {})]


def test_a_payload_nested_as_deep_as_a_parser_lets_it_is_committed() -> None:
    payload: Any = "x"
    for _ in range(5000):
        payload = [payload]

    assert hashing.flatten(payload) == [("/0" * 5000, "x")]


def naive_commitment(payload: Any) -> bytes:
    """The rules of docs/protocol.md §3, read slowly."""
    digests = []
    for path, value in hashing.flatten(payload):
        context = BRAND + b"\x02" + (1_750_000_000).to_bytes(6, "big") + path.encode()
        salt = hmac.new(CONTEXT["item_key"], context, "sha256").digest()[:16]
        sealed = hashlib.sha256(rfc8785.dumps([salt.hex(), path, value])).hexdigest()
        digests.append(hashlib.sha256(rfc8785.dumps([path, sealed])).digest())
    return hashlib.sha256(b"ledger-payload-v2" + b"".join(sorted(digests))).digest()


@given(PAYLOADS)
def test_the_quick_commitment_is_the_slow_one(payload: Any) -> None:
    assert hashing.commit_payload(payload, **CONTEXT).commitment == naive_commitment(payload)


@given(st.text())
def test_text_is_escaped_as_canonical_json_wants_it(text: str) -> None:
    salt = bytes(16)

    assert hashing.seal(salt, text, text) == hashlib.sha256(rfc8785.dumps([salt.hex(), text, text])).digest()
    assert hashing.sealed_digest(text, salt) == hashlib.sha256(rfc8785.dumps([text, salt.hex()])).digest()


def test_equal_values_never_share_a_digest() -> None:
    committed = hashing.commit_payload({"a": "same", "b": "same"}, **CONTEXT)

    assert len(set(committed.digests)) == 2


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800", object()])
def test_a_value_that_readers_would_read_differently_is_not_committed(value: Any) -> None:
    with pytest.raises(Uncommittable):
        hashing.commit_payload({"field": value}, **CONTEXT)


@pytest.mark.parametrize("payload", [{1: "x"}, {"\ud800": "x"}])
def test_a_key_that_is_no_text_is_not_committed(payload: Any) -> None:
    with pytest.raises(Uncommittable):
        hashing.commit_payload(payload, **CONTEXT)


@given(PAYLOADS)
def test_every_field_opens_against_the_commitment(payload: Any) -> None:
    committed = hashing.commit_payload(payload, **CONTEXT)

    shown = hashing.disclose(payload, **CONTEXT)

    assert all(hashing.check_disclosure(one, committed.digests, committed.commitment) for one in shown)


def test_one_field_is_shown_and_another_withheld() -> None:
    payload = {"model": "Flap", "price": "9000"}

    shown = hashing.disclose(payload, paths={"/model"}, **CONTEXT)

    assert [(one.path, one.value) for one in shown] == [("/model", "Flap")]


@pytest.mark.parametrize("forged", [{"value": "Tote"}, {"path": "/price"}, {"salt": bytes(16)}, {"value": 2**60}])
def test_a_forged_field_does_not_open(forged: dict[str, Any]) -> None:
    committed = hashing.commit_payload({"model": "Flap"}, **CONTEXT)
    [true] = hashing.disclose({"model": "Flap"}, **CONTEXT)
    told = {"salt": true.salt, "path": true.path, "value": true.value} | forged

    assert not hashing.check_disclosure(Disclosure(**told), committed.digests, committed.commitment)


def test_digests_of_another_payload_do_not_open() -> None:
    committed = hashing.commit_payload({"model": "Flap"}, **CONTEXT)
    [true] = hashing.disclose({"model": "Flap"}, **CONTEXT)

    assert not hashing.check_disclosure(true, (*committed.digests, bytes(32)), committed.commitment)


def test_the_digests_alone_recompute_the_commitment_in_any_order() -> None:
    committed = hashing.commit_payload({"a": 1, "b": 2, "c": 3}, **CONTEXT)

    assert hashing.commitment_of(reversed(committed.digests)) == committed.commitment


# --- EIP-712


@given(st.lists(EVENTS, max_size=3), st.booleans(), st.integers(0, 2**48 - 1))
def test_a_wallet_signs_the_same_batch(events: list[Event], all_or_nothing: bool, deadline: int) -> None:
    hashed = hashing.batch_hash(BRAND, SIGNER, deadline, all_or_nothing, [hashing.event_hash(event) for event in events])
    message = typed_data.batch_typed_data(
        CHAIN, CONTRACT, organization=BRAND, signer=SIGNER, deadline=deadline, all_or_nothing=all_or_nothing, events=events
    )

    assert hashing.batch_digest(DOMAIN, hashed) == wallet_digest(message)


@given(WORDS, WORDS, WORDS, WORDS, st.integers(0, 255), st.integers(0, 2**64 - 1), st.integers(0, 2**48 - 1))
def test_a_wallet_signs_the_same_consent(
    item: bytes, head: bytes, old_holder: bytes, new_holder: bytes, action: int, detail: int, deadline: int
) -> None:
    consent: dict[str, Any] = {
        "action": action,
        "item": ItemId(item),
        "head": Head(head),
        "old_holder": old_holder,
        "new_holder": new_holder,
        "detail": detail,
        "carrier": BRAND,
        "store": bytes(32),
        "deadline": deadline,
    }

    assert hashing.consent_digest(DOMAIN, **consent) == wallet_digest(typed_data.consent_typed_data(CHAIN, CONTRACT, **consent))


def test_a_wallet_signs_the_same_endorsement() -> None:
    endorsement: dict[str, Any] = {"brand": BRAND, "event_hash": EventHash(b"e" * 32), "deadline": 99}

    message = typed_data.endorsement_typed_data(CHAIN, CONTRACT, **endorsement)

    assert hashing.endorsement_digest(DOMAIN, **endorsement) == wallet_digest(message)


def test_another_chain_contract_or_name_is_another_domain() -> None:
    others = {
        hashing.domain_separator(1, CONTRACT),
        hashing.domain_separator(CHAIN, SIGNER),
        hashing.domain_separator(CHAIN, CONTRACT, name="OrganizationRegistry"),
        DOMAIN,
    }

    assert len(others) == 4


@given(WORDS, WORDS)
def test_a_head_hashes_what_came_before_it(head: bytes, event_hash: bytes) -> None:
    assert hashing.next_head(Head(head), EventHash(event_hash), BRAND) == other_keccak(head + event_hash + BRAND)
