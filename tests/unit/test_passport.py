"""What a passport says of each kind of event, from records alone: a pure function."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from ledger_api.passport.effective import effective_view
from ledger_api.passport.making import LAST_MOMENT, Known, Lot, Named, make_passport, moment, organization_shape
from ledger_api.store.records import Record
from ledger_verify.codes import Hold, Kind, Phase
from ledger_verify.hashing import Commitment, ItemId, OrganizationId, claim_holder, event_hash, event_id, keccak, organization_id
from ledger_verify.state import UNBORN, Event, State, Terms, pack_detail, state_to_bytes
from ledger_verify.transition import apply

CHAIN = {"chain_id": 1, "ledger": "0x", "registry": "0x"}
MAISON, EXPERT, TANNERY = (organization_id(f"did:web:{name}.example") for name in ("maison", "expert", "tannery"))
SIGNER = b"\x05" * 20
OWNER = claim_holder("0x" + "77" * 20)
ITEM = ItemId(keccak(b"item"))
BORN = 1_750_000_000
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class History:
    """Records of one item, folded by the twin as the indexer does."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.bodies: dict[bytes, dict[str, Any]] = {}
        self._state: State = UNBORN

    def add(
        self,
        kind: Kind,
        body: dict[str, Any] | None = None,
        *,
        organization: OrganizationId = MAISON,
        party: bytes = bytes(32),
        brand: OrganizationId | None = None,
        by_order: bool = False,
        signer: bytes = SIGNER,
        **detail: Any,
    ) -> "History":
        number = len(self.records) + 1
        when, recorded = BORN + 60 * number, BORN + 1000 * number
        payload = Commitment(keccak(b"payload %d" % number))
        event = Event(ITEM, kind, self._state.head, when, party, pack_detail(**detail), payload)
        self._state = apply(self._state, event, organization, recorded, Terms(), brand=brand, by_order=by_order)
        record = Record(
            item=ITEM, sequence=number, event_hash=event_hash(event), event_id=event_id(organization, ITEM, kind, when, payload),
            organization=organization, signer=signer, kind=kind, occurred_at=when, party=party, detail=event.detail.to_bytes(8, "big"),
            payload=payload, extra=b"\x01" if by_order else b"", state=state_to_bytes(self._state), block_number=number,
            block_time=recorded, log_index=0, transaction_hash=bytes(32),
        )  # fmt: skip
        self.records.append(record)
        if body is not None:
            self.bodies[record.event_id] = body
        return self

    def passport(self, **known: Any) -> dict[str, Any]:
        made = make_passport(ITEM, self.records, Known(bodies=self.bodies, **known), CHAIN)
        told: dict[str, Any] = orjson.loads(made.body)
        return told


def made() -> History:
    return History().add(Kind.MANUFACTURE, {"model": "Lune", "colour": "noir", "cost": "900"}, c=1)


def sold() -> History:
    return made().add(Kind.SALE, party=OWNER)


def enrolled() -> History:
    opinion = {"a": 1, "b": 3, "c": 2, "consented": True}
    return History().add(Kind.ENROLMENT, {"model": "Vieux"}, party=OWNER, brand=MAISON, organization=EXPERT, **opinion)


@pytest.mark.parametrize(
    ("history", "facts"),
    [
        (made(), {"category": "handbag", "model": "Lune", "colour": "noir"}),
        (History().add(Kind.RAW_MATERIAL, {"material": "calf", "origin": "FR", "price": "1"}), {"material": "calf", "origin": "FR"}),
        (made().add(Kind.SALE, {"invoice": "F-1"}, party=OWNER), {}),
        (sold().add(Kind.RESALE, {"price": "1"}, party=claim_holder(b"\x01" * 20)), {}),
        (
            made().add(Kind.VERDICT, {"appraiser": "A-1", "grounds": "private"}, organization=EXPERT, a=2, b=1, time=BORN + 10_000),
            {"outcome": "not-authentic", "method": "photo", "expires_at": "2025-06-15T17:53:20Z", "appraiser": "A-1"},
        ),
        (
            History().add(
                Kind.ENROLMENT, {"model": "Vieux"}, party=OWNER, brand=MAISON, organization=EXPERT, a=1, b=3, c=2, consented=True
            ),
            {"outcome": "authentic", "method": "in-person", "expires_at": None, "category": "watch", "model": "Vieux"},
        ),
        (made().add(Kind.DISPUTE, {"grounds": "private"}, time=1), {"sequence": 1}),
        (made().add(Kind.DISPUTE), {"sequence": None}),
        (
            made().add(Kind.DISPUTE).add(Kind.RULING, {"grounds": "seen"}, a=1),
            {"outcome": "authentic", "expires_at": None, "grounds": "seen"},
        ),
        (made().add(Kind.SERVICE, {"description": "waxed", "parts": "x"}), {"description": "waxed"}),
        (made().add(Kind.HOLD, a=Hold.RECALLED), {"hold": "recalled", "until": None}),
        (made().add(Kind.HOLD, a=Hold.RECALLED).add(Kind.RELEASE, a=Hold.RECALLED), {"hold": "recalled"}),
        (made().add(Kind.HOLD, a=Hold.RECALLED).add(Kind.RELEASE, by_order=True, a=Hold.RECALLED), {"hold": "recalled", "by_order": True}),
        (sold().add(Kind.RECOVERY, a=Phase.REQUEST, party=OWNER), {"phase": "request"}),
        (made().add(Kind.RETIRE, {"reason": "burnt"}), {"reason": "burnt"}),
    ],
    ids=lambda value: value.records[-1].kind.code if isinstance(value, History) else "",
)
def test_each_kind_tells_its_public_facts_and_no_others(history: History, facts: dict[str, Any]) -> None:
    assert history.passport()["story"][-1]["facts"] == facts


def test_a_shipment_tells_to_whom() -> None:
    told = made().add(Kind.SHIPMENT, party=EXPERT).passport(organizations={EXPERT: organization_shape(EXPERT, "did:x", "Expert")})

    assert told["story"][-1]["facts"]["to"]["name"] == "Expert"
    assert told["holder"] == {"type": "organization", "organization": {"id": "0x" + EXPERT.hex(), "did": "did:x", "name": "Expert"}}


def test_an_owner_is_only_an_owner() -> None:
    made = sold().add(Kind.HOLD, a=Hold.STOLEN, consented=True)

    told = made.passport()

    assert told["holder"] == {"type": "owner"}
    assert told["holds"] == [{"hold": "stolen", "since": "2025-06-15T15:09:40Z", "by": "owner", "sequence": 3, "until": None}]
    assert "77" * 20 not in orjson.dumps(told).decode()


def test_a_hold_set_again_is_as_old_as_its_first_setting() -> None:
    told = sold().add(Kind.HOLD, a=1, consented=True).add(Kind.RELEASE, a=1, consented=True).add(Kind.HOLD, a=1, consented=True).passport()

    assert [hold["sequence"] for hold in told["holds"]] == [3]


def test_a_hold_set_after_it_was_cleared_is_as_old_as_that() -> None:
    history = made().add(Kind.HOLD, a=3).add(Kind.RELEASE, a=3).add(Kind.HOLD, a=3)

    assert [hold["sequence"] for hold in history.passport()["holds"]] == [4]


def test_two_holds_are_told_each_with_its_setter() -> None:
    history = sold().add(Kind.HOLD, a=1, consented=True).add(Kind.DISPUTE, organization=EXPERT)

    holds = history.passport()["holds"]

    assert [(hold["hold"], hold["by"] if hold["by"] == "owner" else hold["by"]["id"]) for hold in holds] == [
        ("stolen", "owner"),
        ("disputed", "0x" + EXPERT.hex()),
    ]


def test_a_verification_says_until_when() -> None:
    history = sold().add(Kind.HOLD, organization=EXPERT, a=Hold.IN_VERIFICATION, time=BORN + 86_400, consented=True)

    (hold,) = history.passport()["holds"]

    assert hold["until"] == "2025-06-16T15:06:40Z"


def test_a_pending_recovery_is_told_until_it_ends() -> None:
    history = sold().add(Kind.RECOVERY, a=Phase.REQUEST, party=claim_holder(b"\x01" * 20))
    assert history.passport()["recovery"] == {"requested_at": "2025-06-15T15:56:40Z", "ready_at": "2025-07-15T15:56:40Z", "sequence": 3}

    history.add(Kind.RECOVERY, a=Phase.VETO, consented=True)

    assert history.passport()["recovery"] is None


def test_the_verdict_is_always_somebody_s() -> None:
    history = made().add(Kind.VERDICT, organization=EXPERT, a=1, b=3)

    told = history.passport(organizations={EXPERT: organization_shape(EXPERT, None, "Expert House")})["verdict"]

    assert (told["outcome"], told["method"], told["by"]["name"], told["sequence"]) == ("authentic", "in-person", "Expert House", 2)


def test_a_weaker_opinion_does_not_become_the_verdict_and_stays_in_the_story() -> None:
    history = made().add(Kind.VERDICT, organization=EXPERT, a=1, b=3).add(Kind.VERDICT, organization=TANNERY, a=2, b=1)

    told = history.passport()

    assert told["verdict"]["sequence"] == 2
    assert [entry["kind"] for entry in told["story"]] == ["manufacture", "verdict", "verdict"]


def test_a_correction_changes_what_is_told_now_and_not_what_was_recorded() -> None:
    told = made().add(Kind.CORRECTION, {"reason": "typing", "replaces": {"model": "Lune II", "cost": "1"}}, time=1).passport()

    assert told["model"] == "Lune II"
    assert told["story"][0]["facts"]["model"] == "Lune" and told["story"][0]["corrected_by"] == 2
    assert told["story"][1]["facts"] == {"sequence": 1, "reason": "typing", "replaces": {"model": "Lune II"}}


def test_the_later_of_two_corrections_counts() -> None:
    history = made()
    for colour in ("bleu", "rouge"):
        history.add(Kind.CORRECTION, {"replaces": {"colour": colour}}, time=1)

    assert history.passport()["colour"] == "rouge"


def test_an_overruled_opinion_is_left_out_of_the_effective_view() -> None:
    told = made().add(Kind.VERDICT, organization=EXPERT, a=2, b=1).add(Kind.DISPUTE).add(Kind.RULING, a=1).passport()

    stands, left_out = effective_view(told, NOW)

    assert [entry["kind"] for entry in stands] == ["manufacture", "dispute", "ruling"]
    assert left_out == [{"sequence": 2, "kind": "verdict", "reason": "overruled", "by": 4}]


def test_a_withdrawn_verdict_is_left_out_of_the_effective_view() -> None:
    told = made().add(Kind.VERDICT, organization=EXPERT, a=2, b=1).add(Kind.CORRECTION, organization=EXPERT, a=0, time=2).passport()

    stands, left_out = effective_view(told, NOW)

    assert told["verdict"] is None
    assert [entry["sequence"] for entry in stands] == [1]
    assert {entry["sequence"]: entry["reason"] for entry in left_out} == {2: "withdrawn", 3: "applied"}


def test_a_corrected_verdict_reads_as_corrected() -> None:
    told = made().add(Kind.VERDICT, organization=EXPERT, a=2, b=1).add(Kind.CORRECTION, organization=EXPERT, a=1, time=2).passport()

    stands, _ = effective_view(told, NOW)

    assert told["verdict"]["outcome"] == stands[1]["facts"]["outcome"] == "authentic"
    assert stands[1]["replaced"]["facts"]["outcome"] == "not-authentic"


def test_what_a_compromised_key_signed_is_void_from_that_block_on() -> None:
    history = made().add(Kind.SERVICE, signer=b"\x06" * 20).add(Kind.SERVICE, signer=b"\x06" * 20)

    told = history.passport(compromised={(MAISON, b"\x06" * 20): 3})
    _, left_out = effective_view(told, NOW)

    assert [entry["void"] for entry in told["story"]] == [None, None, "compromised"]
    assert left_out == [{"sequence": 3, "kind": "service", "reason": "compromised", "by": None}]


def test_a_void_correction_corrects_nothing() -> None:
    history = made().add(Kind.CORRECTION, {"replaces": {"model": "Fake"}}, signer=b"\x06" * 20, time=1)

    told = history.passport(compromised={(MAISON, b"\x06" * 20): 0})

    assert told["model"] == "Lune" and told["story"][0]["corrected_by"] is None


def test_a_void_birth_says_nothing_of_the_item() -> None:
    told = made().passport(compromised={(MAISON, SIGNER): 0})

    assert (told["model"], told["colour"]) == (None, None)


def test_a_brand_s_word_outranks_the_enrolment() -> None:
    history = enrolled()
    assert history.passport()["model"] == "Vieux"

    history.add(Kind.MANUFACTURE, {"model": "Lune 1987"}, c=1)

    told = history.passport()
    assert (told["model"], told["category"], told["stage"]) == ("Lune 1987", "handbag", "sold")


def test_an_enrolment_keeps_its_place_and_says_which_record_of_the_brand_replaced_its_description() -> None:
    told = enrolled().add(Kind.MANUFACTURE, {"model": "Lune 1987", "colour": "noir"}, c=1).passport()

    (birth, record), left_out = effective_view(told, NOW)

    assert left_out == []
    assert {name: birth["facts"].get(name) for name in ("model", "colour", "category", "outcome")} == {
        "model": "Lune 1987", "colour": "noir", "category": "handbag", "outcome": "authentic",
    }  # fmt: skip
    assert birth["replaced"] == {"facts": told["story"][0]["facts"], "by": 2} and birth["overruled_by"] is None
    assert (record["outranks"], record["replaced"]) == ([1], None)


def test_a_void_record_of_the_brand_replaces_nothing_of_an_enrolment() -> None:
    history = enrolled().add(Kind.MANUFACTURE, {"model": "Lune 1987"}, signer=b"\x06" * 20, c=1)

    (birth,), _ = effective_view(history.passport(compromised={(MAISON, b"\x06" * 20): 0}), NOW)

    assert (birth["facts"]["model"], birth["replaced"]) == ("Vieux", None)


def test_an_enrolment_whose_opinion_a_ruling_overruled_says_so() -> None:
    told = enrolled().add(Kind.DISPUTE).add(Kind.RULING, a=2).passport()

    stands, left_out = effective_view(told, NOW)

    assert left_out == [] and told["verdict"]["outcome"] == "not-authentic"
    assert [(entry["kind"], entry["overruled_by"], entry["outranks"]) for entry in stands] == [
        ("enrolment", 3, []), ("dispute", None, []), ("ruling", None, [1]),
    ]  # fmt: skip


def test_an_event_whose_payload_nobody_gave_us_is_told_from_the_chain() -> None:
    told = History().add(Kind.MANUFACTURE, c=1).passport()

    assert (told["model"], told["gtin"], told["category"]) == (None, None, "handbag")


@pytest.mark.parametrize("lots", [None, "L-1", 7, [7], [None]])
def test_lots_that_are_no_list_of_names_are_passed_over(lots: Any) -> None:
    assert History().add(Kind.MANUFACTURE, {"lots": lots}).passport()["materials"] == []


def test_corrected_lots_are_the_materials() -> None:
    history = History().add(Kind.MANUFACTURE, {"lots": ["did:web:tannery.example#L-1"]})
    history.add(Kind.CORRECTION, {"replaces": {"lots": ["did:web:tannery.example#L-2"]}}, time=1)
    lot = Lot(b"\x02" * 32, "calf", "FR", frozenset({MAISON}))

    (material,) = history.passport(lots={"did:web:tannery.example#L-2": lot})["materials"]

    assert (material["name"], material["material"], material["named_by"]) == ("L-2", "calf", "supplier")


def test_a_lot_that_is_not_known_here_is_only_named() -> None:
    (material,) = History().add(Kind.MANUFACTURE, {"lots": ["did:web:tannery.example#L-9"]}).passport()["materials"]

    assert (material["lot"], material["name"], material["named_by"], material["supplier"]["did"]) == (
        None,
        "L-9",
        "brand",
        "did:web:tannery.example",
    )


def test_a_gtin_is_told_and_a_serial_has_no_way_in() -> None:
    told = made().passport(named={ITEM: Named("09506000134352", None)})

    assert told["gtin"] == "09506000134352"


def test_a_date_beyond_the_calendar_is_its_last_moment() -> None:
    told = made().add(Kind.VERDICT, organization=EXPERT, a=1, b=3, time=2**40 - 1).passport()

    assert told["verdict"]["expires_at"] == moment(LAST_MOMENT) == "9999-12-31T23:59:59Z"


def test_the_same_records_give_the_same_bytes_and_other_ones_another_etag() -> None:
    history = made()
    first, again = (make_passport(ITEM, history.records, Known(bodies=history.bodies), CHAIN) for _ in range(2))

    other = make_passport(ITEM, history.add(Kind.SERVICE).records, Known(bodies=history.bodies), CHAIN)

    assert first == again and first.etag != other.etag
