"""An owner's doors: a signature and nothing else. What is wrong with a consent has a code of its own, and nothing is recorded."""

from typing import Any

import pytest
from coincurve import PrivateKey

from ledger_verify import claims
from ledger_verify.claims import Wish
from ledger_verify.hashing import Head, ItemId, claim_holder, keccak
from ledger_verify.state import pack_detail
from tests import consortium
from tests.consortium import CHAIN_ID, LEDGER, NOW, address_of, key_of, manufacture, sale, shipment, verdict
from tests.doors import Doors, meanwhile

OWNER, HEIR, THIEF = key_of("owner"), key_of("heir"), key_of("thief")
DEADLINE = NOW + 3600


class Owned:
    """A sold item and what its owner's page does."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        doors.post("MAISON", "/v1/events", [manufacture(), shipment()])
        sold = doors.post("BOUTIQUE", "/v1/events", [sale()]).json()
        self.item = sold["results"][0]["item"]

    def terms(self) -> dict[str, Any]:
        found: dict[str, Any] = self.doors.get(None, f"/v1/items/{self.item}/consent-terms").json()
        return found

    def signed(self, action: int, key: PrivateKey = OWNER, **changes: Any) -> dict[str, Any]:
        """The consent as a page sends it; changes are made before it is signed."""
        terms = self.terms()
        said = {
            "chain_id": CHAIN_ID, "ledger": LEDGER, "item": bytes.fromhex(terms["item"][2:]), "head": bytes.fromhex(terms["head"][2:]),
            "old_holder": claim_holder(address_of(key)), "new_holder": bytes(32), "detail": 0, "deadline": DEADLINE,
        } | changes  # fmt: skip
        wish = Wish(
            action, ItemId(said["item"]), Head(said["head"]), said["old_holder"], said["deadline"], said["new_holder"], said["detail"]
        )
        signature = claims.agree(wish, key, chain_id=said["chain_id"], ledger=said["ledger"])
        shown = {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in said.items()}
        return shown | {"action": action, "detail": str(said["detail"]), "signature": "0x" + signature.hex()}

    def gift(self, to: PrivateKey = HEIR, key: PrivateKey = OWNER, **changes: Any) -> dict[str, Any]:
        address = address_of(to)
        return {"new_holder": "0x" + address.hex(), "consent": self.signed(6, key, new_holder=claim_holder(address), **changes)}

    def send(self, deed: str, body: dict[str, Any], *, item: str | None = None) -> tuple[int, dict[str, Any]]:
        answer = self.doors.post(None, f"/v1/items/{item or self.item}/{deed}", body)
        return answer.status_code, answer.json()

    def events(self) -> int:
        return consortium.count(self.doors.engine, "events", f"kind > 4 AND '{self.item}' <> ''")


@pytest.fixture
def owned(doors: Doors) -> Owned:
    return Owned(doors)


def test_a_page_is_told_what_a_consent_must_say(owned: Owned) -> None:
    mine = owned.doors.get(None, f"/v1/items/{owned.item}/consent-terms?key=0x{address_of(OWNER).hex()}").json()
    theirs = owned.doors.get(None, f"/v1/items/{owned.item}/consent-terms?key=0x{address_of(THIEF).hex()}").json()

    assert (mine["chain_id"], mine["ledger"], mine["item"], mine["stage"]) == (CHAIN_ID, "0x" + LEDGER.hex(), owned.item, "sold")
    assert (mine["is_holder"], theirs["is_holder"], owned.terms()["is_holder"]) == (True, False, None)
    assert mine["is_settled"] is False


def test_the_holders_key_moves_the_item_and_opens_nothing_afterwards(owned: Owned) -> None:
    status, told = owned.send("claim", owned.gift())
    again = owned.send("transfer", owned.gift(to=THIEF))

    assert (status, told["status"]) == (202, "accepted")
    assert again[0] == 409
    assert again[1]["code"] == "consent-not-the-holder"
    assert consortium.count(owned.doors.engine, "item_seen", "how = 'spent-key' AND count = 1") == 1


def test_what_became_of_a_wish_can_be_followed_without_a_key(owned: Owned) -> None:
    _, told = owned.send("transfer", owned.gift())

    before = owned.doors.get(None, told["follow"]).json()
    consortium.record_all(owned.doors.engine)
    after = owned.doors.get(None, told["follow"]).json()

    assert (before["status"], after["status"], after["kind"]) == ("accepted", "recorded", "transfer")


def test_the_same_wish_sent_again_is_the_first_one(owned: Owned) -> None:
    gift = owned.gift()
    first = owned.send("transfer", gift)
    owned.doors.time += 5

    second = owned.send("transfer", gift)

    assert second[1]["event_id"] == first[1]["event_id"]
    assert consortium.count(owned.doors.engine, "events", "kind = 6") == 1


@pytest.mark.parametrize("words", ["FROM tips", "events.approval", "pg_advisory_xact_lock"])
def test_the_same_wish_sent_twice_at_once_is_one_wish_and_no_sign_of_a_second_card(owned: Owned, words: str) -> None:
    """Whatever the second had seen by then: a page that sent again because the answer did not come."""
    gift, first = owned.gift(), list[tuple[int, dict[str, Any]]]()

    def sent_before() -> None:
        owned.doors.time += 5
        first.append(owned.send("transfer", gift))

    with meanwhile(owned.doors.engine, words, sent_before):
        status, told = owned.send("transfer", gift)

    assert (status, told["event_id"]) == (202, first[0][1]["event_id"])
    assert consortium.count(owned.doors.engine, "events", "kind = 6") == 1
    assert consortium.count(owned.doors.engine, "item_seen", "how = 'spent-key'") == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"chain_id": 1}, "consent-to-another-chain"),
        ({"ledger": b"\x09" * 20}, "consent-to-another-ledger"),
        ({"item": keccak(b"another")}, "consent-to-another-item"),
        ({"new_holder": claim_holder(address_of(THIEF))}, "consent-to-another-deed"),
        ({"detail": pack_detail(consented=True)}, "consent-to-another-deed"),
        ({"head": keccak(b"another")}, "consent-withdrawn"),
        ({"deadline": NOW - 1}, "consent-expired"),
    ],
)
def test_a_consent_to_something_else_is_refused_with_its_own_code(owned: Owned, changes: dict[str, Any], code: str) -> None:
    body = {"new_holder": "0x" + address_of(HEIR).hex()}
    consent = owned.signed(6, **{"new_holder": claim_holder(address_of(HEIR))} | changes)

    status, problem = owned.send("transfer", body | {"consent": consent})

    assert (status, problem["code"]) == (409, code)
    assert consortium.count(owned.doors.engine, "events", "kind = 6") == 0


def test_a_consent_to_another_action_is_refused(owned: Owned) -> None:
    as_resale = owned.signed(5, new_holder=claim_holder(address_of(HEIR)))

    _, problem = owned.send("transfer", {"new_holder": "0x" + address_of(HEIR).hex(), "consent": as_resale})

    assert problem["code"] == "consent-to-another-deed"


def test_another_key_agrees_to_nothing(owned: Owned) -> None:
    pretended = owned.signed(6, THIEF, old_holder=claim_holder(address_of(OWNER)), new_holder=claim_holder(address_of(THIEF)))

    forged = owned.send("transfer", {"new_holder": "0x" + address_of(THIEF).hex(), "consent": pretended})
    own_name = owned.send("transfer", owned.gift(to=THIEF, key=THIEF))

    assert forged[1]["code"] == "consent-not-signed"
    assert own_name[1]["code"] == "consent-not-the-holder"
    assert consortium.count(owned.doors.engine, "item_seen") == 0  # it never held the item: not a spent key


def test_any_event_in_between_withdraws_a_consent(owned: Owned) -> None:
    gift = owned.gift()
    owned.doors.post("EXPERT", "/v1/events", verdict())

    status, problem = owned.send("transfer", gift)

    assert (status, problem["code"]) == (409, "consent-withdrawn")
    assert problem["head"] == owned.terms()["head"]


def test_a_stolen_item_stays_until_it_is_lifted_twice(owned: Owned) -> None:
    stolen = pack_detail(a=1, consented=True)
    reported = owned.send("hold", {"hold": "stolen", "consent": owned.signed(12, detail=stolen)})
    barred = owned.send("transfer", owned.gift())
    begun = owned.send("release", {"hold": "stolen", "consent": owned.signed(13, detail=stolen)})
    owned.doors.time += 60
    early = owned.send("release", {"hold": "stolen", "consent": owned.signed(13, detail=stolen)})
    owned.doors.time += 72 * 3600
    lifted = owned.send("release", {"hold": "stolen", "consent": owned.signed(13, detail=stolen, deadline=NOW + 80 * 3600)})

    assert [reported[0], begun[0], lifted[0]] == [202, 202, 202]
    assert (barred[1]["code"], barred[1]["reason"]) == ("event-refused", "on-hold")
    assert early[1]["reason"] == "waiting-period"
    assert owned.send("transfer", owned.gift(deadline=NOW + 80 * 3600))[0] == 202


def test_a_hold_is_told_while_it_is_on_its_way(owned: Owned) -> None:
    owned.send("hold", {"hold": "lost", "consent": owned.signed(12, detail=pack_detail(a=0, consented=True))})

    assert owned.terms()["holds"] == [{"hold": "lost", "by": "owner", "since": None, "until": None}]


def test_an_owner_disputes_with_grounds(owned: Owned) -> None:
    owned.doors.post("EXPERT", "/v1/events", verdict(outcome="not-authentic"))
    consent = owned.signed(9, detail=pack_detail(time=4, consented=True))

    status, _ = owned.send(
        "dispute", {"sequence": 4, "grounds": "bought in the boutique", "evidence": ["0x" + "ab" * 32], "consent": consent}
    )

    assert status == 202
    assert consortium.count(owned.doors.engine, "events", "kind = 9") == 1


def test_the_present_key_vetoes_a_recovery(owned: Owned) -> None:
    request = {
        "kind": "recovery", "phase": "request", "occurred_at": "2025-05-10T09:00:00Z", "item": {"id": owned.item},
        "new_key": "0x" + address_of(THIEF).hex(), "payload": {},
    }  # fmt: skip
    assert owned.doors.post("MAISON", "/v1/events", request).status_code == 202
    shown = owned.terms()["recovery_ready_at"]

    status, _ = owned.send("recovery", {"phase": "veto", "consent": owned.signed(14, detail=pack_detail(a=2, consented=True))})

    assert status == 202
    assert shown is not None
    assert owned.terms()["recovery_ready_at"] is None


def test_an_owner_retires_an_item(owned: Owned) -> None:
    consent = owned.signed(16, detail=pack_detail(consented=True))

    assert owned.send("retire", {"reason": "burnt", "consent": consent})[0] == 202
    assert owned.terms()["stage"] == "retired"


def test_an_item_nobody_knows_has_no_owner(owned: Owned) -> None:
    nowhere = "0x" + "00" * 32

    assert owned.doors.get(None, f"/v1/items/{nowhere}/consent-terms").status_code == 404
    assert owned.send("transfer", owned.gift(), item=nowhere)[1]["code"] == "unknown-item"


def test_another_items_event_is_not_told(owned: Owned) -> None:
    _, told = owned.send("transfer", owned.gift())
    elsewhere = told["follow"].replace(owned.item, "0x" + "11" * 32)

    assert owned.doors.get(None, elsewhere).status_code == 404
