"""Bodies of events: every kind as it should be, what each commits and tells the chain, and what is refused with which reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_api.domain import fields
from ledger_api.domain.events import AnyEvent
from ledger_api.domain.identifiers import Unreadable
from ledger_api.domain.parsing import MAX_LEAVES, Refusal, parse_event
from ledger_api.domain.reasons import SENTENCES
from ledger_api.domain.terms import committed, consent_of, detail_of, kind_of, party_of
from ledger_verify.hashing import claim_holder, organization_id
from ledger_verify.transition import Kind, Reason, pack_detail

ITEM = {"id": "0x" + "ab" * 32}
KEY = "0x" + "11" * 20
AT = "2025-03-01T09:30:00+01:00"
CONSENT = {"deadline": "2025-03-02T00:00:00Z", "signature": "0x" + "22" * 65}
EVIDENCE = ["0x" + "cd" * 32]
GTIN, SERIAL = "03760001000399", "A/7%x"
UNTIL = "2025-03-20T01:00:00+01:00"
UNTIL_SECONDS = 1_742_428_800

# kind, fields beside kind, occurred_at and payload; payload; detail; party; committed facts
Row = tuple[str, dict[str, Any], dict[str, Any], int, bytes, dict[str, Any]]
KINDS: list[Row] = [
    ("raw-material", {"lot": "L 1"}, {"material": "silk", "origin": "CN"}, 0, bytes(32), {"lot": "L 1"}),
    (
        "manufacture",
        {"gtin": GTIN, "serial": SERIAL, "category": "watch"},
        {"model": "M", "colour": "noir", "lots": ["did:web:t.example#L 1"]},
        pack_detail(c=2),
        bytes(32),
        {"gtin": GTIN, "serial": SERIAL, "category": "watch"},
    ),
    ("shipment", {"item": ITEM, "to": "did:web:b.example"}, {"reference": "R"}, 0, organization_id("did:web:b.example"), {}),
    ("sale", {"item": ITEM, "claim_key": KEY}, {"invoice": "F", "country": "FR"}, 0, claim_holder(KEY), {}),
    ("resale", {"item": ITEM, "new_holder": KEY, "consent": CONSENT}, {"listing": "E"}, 0, claim_holder(KEY), {}),
    (
        "transfer",
        {"item": ITEM, "new_holder": "did:web:b.example"},
        {"price": {"amount": "10.50", "currency": "EUR"}},
        0,
        organization_id("did:web:b.example"),
        {},
    ),
    (
        "verdict",
        {"item": ITEM, "outcome": "not-authentic", "method": "chip", "expires_at": UNTIL},
        {"appraiser": "A", "evidence": EVIDENCE},
        pack_detail(a=2, b=2, time=UNTIL_SECONDS),
        bytes(32),
        {"outcome": "not-authentic", "method": "chip", "expires_at": "2025-03-20T00:00:00Z"},
    ),
    (
        "enrolment",
        {"brand": "did:web:old.example", "gtin": GTIN, "serial": SERIAL, "category": "handbag", "presenter_key": KEY, "consent": CONSENT},
        {"model": "M"},
        pack_detail(a=1, b=3, c=1, consented=True),
        claim_holder(KEY),
        {"brand": "did:web:old.example", "gtin": GTIN, "serial": SERIAL, "category": "handbag"},
    ),
    ("dispute", {"item": ITEM, "sequence": 3}, {"grounds": "g"}, pack_detail(time=3), bytes(32), {"sequence": 3}),
    ("ruling", {"item": ITEM, "outcome": "inconclusive"}, {}, pack_detail(a=3), bytes(32), {"outcome": "inconclusive"}),
    ("service", {"item": ITEM, "consent": CONSENT}, {"description": "d"}, pack_detail(consented=True), bytes(32), {}),
    (
        "hold",
        {"item": ITEM, "hold": "in-verification", "until": UNTIL, "consent": CONSENT},
        {},
        pack_detail(a=4, time=UNTIL_SECONDS, consented=True),
        bytes(32),
        {"hold": "in-verification", "until": "2025-03-20T00:00:00Z"},
    ),
    ("release", {"item": ITEM, "hold": "stolen"}, {}, pack_detail(a=1), bytes(32), {"hold": "stolen"}),
    ("recovery", {"item": ITEM, "phase": "request", "new_key": KEY}, {}, pack_detail(a=1), claim_holder(KEY), {"phase": "request"}),
    ("recovery", {"item": ITEM, "phase": "veto", "consent": CONSENT}, {}, pack_detail(a=2, consented=True), bytes(32), {"phase": "veto"}),
    (
        "correction",
        {"item": ITEM, "sequence": 2, "outcome": "authentic"},
        {"reason": "r", "replaces": {"colour": "bleu"}},
        pack_detail(a=1, time=2),
        bytes(32),
        {"sequence": 2, "outcome": "authentic"},
    ),
    ("retire", {"item": ITEM}, {"reason": "burnt"}, 0, bytes(32), {}),
]


def body_of(row: Row) -> dict[str, Any]:
    return {"kind": row[0], "occurred_at": AT, "payload": row[2]} | row[1]


def parsed(value: Any) -> AnyEvent:
    body = parse_event(value)
    assert not isinstance(body, Refusal), body
    return body


def refused(value: Any) -> Refusal:
    refusal = parse_event(value)
    assert isinstance(refusal, Refusal)
    return refusal


@pytest.mark.parametrize("row", KINDS, ids=lambda row: row[0])
def test_every_kind_tells_the_chain_and_commits_what_the_protocol_says(row: Row) -> None:
    body = parsed(body_of(row))

    assert (kind_of(body).code, detail_of(body), party_of(body)) == (row[0], row[3], row[4])
    assert committed(body) == row[2] | row[5]
    assert (consent_of(body) is None) == ("consent" not in row[1])


def test_every_kind_of_the_protocol_has_a_body_here() -> None:
    assert {row[0] for row in KINDS} == {kind.code for kind in Kind}


@pytest.mark.parametrize("row", KINDS, ids=lambda row: row[0])
def test_own_fields_stay_in_the_payload_and_stray_ones_beside_it_are_refused(row: Row) -> None:
    own = {"erp": {"id": [1, 2.5, None, True]}}

    body = parsed(body_of(row) | {"payload": row[2] | own})
    stray = refused(body_of(row) | {"erp_id": 1})

    assert committed(body)["erp"] == own["erp"]
    assert (stray.reason, stray.field) == (Reason.MALFORMED, "erp_id")


@pytest.mark.parametrize("row", KINDS, ids=lambda row: row[0])
def test_no_key_holder_or_consent_is_ever_committed(row: Row) -> None:
    text = repr(committed(parsed(body_of(row))))

    assert "11" * 20 not in text
    assert "22" * 65 not in text
    assert "did:web:b.example" not in text


@pytest.mark.parametrize(
    ("reference", "field"),
    [
        ({"gtin": GTIN}, "item.serial"),
        ({"gtin": GTIN, "serial": SERIAL, "id": "0x" + "ab" * 32}, "item.gtin"),
        ({"id": "0xAB"}, "item.id"),
        ({"supplier": "did:web:t.example", "lot": " L"}, "item.lot"),
        ("0x" + "ab" * 32, "item"),
        ({}, "item.gtin"),
    ],
)
def test_a_reference_names_an_item_in_one_way(reference: Any, field: str) -> None:
    refusal = refused({"kind": "shipment", "occurred_at": AT, "item": reference, "to": "did:web:b.example", "payload": {}})

    assert (refusal.reason, refusal.field) == (Reason.MALFORMED, field)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"kind": None}, {"kind": "sale"}, {"kind": ["sale"]}])
def test_what_is_no_event_is_malformed(value: Any) -> None:
    assert refused(value).reason == Reason.MALFORMED


@pytest.mark.parametrize("amount", [True, 1, 1.5, "1e3", "01", "-1", "", "1."])
def test_quantities_are_decimal_text(amount: Any) -> None:
    payload = {"material": "silk", "origin": "CN", "quantity": {"value": amount, "unit": "KGM"}}

    assert refused({"kind": "raw-material", "occurred_at": AT, "lot": "L", "payload": payload}).field == "payload.quantity.value"


@pytest.mark.parametrize(
    "payload",
    [
        {"a": list(range(MAX_LEAVES + 1))},
        {"a": "x" * 20_001},
        {"x" * 20_001: 1},
        {"a": [[[[[[[[[[[[1]]]]]]]]]]]]},
        {"a": -(2**53)},
        {"a": 1e20},  # its canonical text is digits alone, which no proof may have
    ],
    ids=["wide", "long", "long name", "deep", "inexact", "a large float"],
)
def test_a_payload_has_bounds(payload: dict[str, Any]) -> None:
    refusal = refused({"kind": "retire", "occurred_at": AT, "item": ITEM, "payload": payload})

    assert (refusal.reason, refusal.field) == (Reason.MALFORMED, "payload")


@pytest.mark.parametrize("signature", ["0x" + "22" * 64, "22" * 65, 7, None])
def test_a_consent_is_signed_with_sixty_five_bytes(signature: Any) -> None:
    refusal = refused(body_of(KINDS[4]) | {"consent": CONSENT | {"signature": signature}})

    assert (refusal.reason, refusal.field) == (Reason.MALFORMED, "consent.signature")


# --- times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-03-01T09:30:00+01:00", 1_740_817_800),
        ("2025-03-01t08:30:00.999z", 1_740_817_800),
        ("2025-03-01 08:30:00-00:00", 1_740_817_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ],
)
def test_times_are_unix_seconds(text: str, seconds: int) -> None:
    assert fields.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2025-03-01T09:30:00", Reason.TIME_ZONE_MISSING),
        ("2025-03-01T09:30:00.5", Reason.TIME_ZONE_MISSING),
        ("2025-03-01", Reason.MALFORMED),
        ("2025-13-01T09:30:00Z", Reason.MALFORMED),
        ("2025-02-30T09:30:00Z", Reason.MALFORMED),
        ("2025-03-01T09:30:60Z", Reason.MALFORMED),
        ("2025-03-01T09:30:00+99:00", Reason.MALFORMED),
        ("1969-12-31T23:59:59Z", Reason.MALFORMED),
        ("0001-01-01T00:00:00+23:00", Reason.MALFORMED),
        ("1740817800", Reason.MALFORMED),
        ("٢٠٢٥-03-01T09:30:00Z", Reason.MALFORMED),
        ("", Reason.MALFORMED),
    ],
)
def test_what_is_wrong_with_a_time_is_named(text: str, reason: Reason) -> None:
    with pytest.raises(Unreadable) as caught:
        fields.seconds(text)

    assert caught.value.reason == reason


@given(st.integers(0, 253_402_300_799))
def test_a_time_comes_back_from_its_text(moment: int) -> None:
    assert fields.seconds(fields.rfc3339(moment)) == moment


def test_a_missing_zone_anywhere_is_named_before_anything_later_in_the_list() -> None:
    refusal = refused(body_of(KINDS[6]) | {"expires_at": "2025-03-20T00:00:00", "item": {"gtin": "1", "serial": ""}})

    assert (refusal.reason, refusal.field) == (Reason.TIME_ZONE_MISSING, "expires_at")


# --- lots and words


@pytest.mark.parametrize(
    "text", ["", "did:web:t.example", "t#L", "did:web:t.example#", "did:web:t.example#a\x00", "did:web:t.example#" + "é" * 128]
)
def test_a_lot_that_is_not_named_by_its_supplier_is_malformed(text: str) -> None:
    refusal = refused({"kind": "manufacture", "occurred_at": AT, "gtin": GTIN, "serial": "1", "payload": {"model": "M", "lots": [text]}})

    assert (refusal.reason, refusal.field) == (Reason.MALFORMED, "payload.lots.0")


def test_a_lots_name_may_hold_a_hash_sign() -> None:
    assert fields.lot_reference("did:web:t.example#A#7") == ("did:web:t.example", "A#7")


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
