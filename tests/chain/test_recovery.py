"""A lost claim card on a real chain: the brand asks in public, the present key may refuse, and only then a new key holds the item.

The whole service stands here: doors, worker and indexer under one clock that the test moves together with the chain's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest
from coincurve import PrivateKey

from ledger_verify import claims
from ledger_verify.claims import Wish
from ledger_verify.codes import Hold, Kind, Phase
from ledger_verify.hashing import Head, ItemId, claim_holder, keccak
from ledger_verify.state import pack_detail
from tests.living import GTIN, World, living_ledger

WAITING_PERIOD = 30 * 24 * 3600
ATOM = "{http://www.w3.org/2005/Atom}"
LOST, FRESH = (PrivateKey(keccak(name)) for name in (b"the lost card", b"the fresh key"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with living_ledger(tmp_path_factory.mktemp("recovery")) as made:
        yield made


@dataclass(frozen=True)
class Owned:
    """A bag that was sold to LOST."""

    world: World
    serial: str
    item: str

    def ask_brand(self, phase: str) -> tuple[int, dict[str, Any]]:
        """The brand sends this phase of a recovery to FRESH: (status, answer)."""
        event = {
            "kind": "recovery", "phase": phase, "new_key": hex_address(FRESH), "item": {"gtin": GTIN, "serial": self.serial},
            "occurred_at": self.terms()["now"], "payload": {"grounds": "receipt shown"},
        }  # fmt: skip
        answer = self.world.http.post("/v1/events", json=event, headers=self.world.bearer("maison"))
        if answer.status_code == 202:
            self.await_recorded(answer.json()["results"][0]["event_id"])
        return answer.status_code, answer.json()

    def wish(self, key: PrivateKey, deed: str, kind: Kind, detail: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What the owner's page does with a key: (status, answer)."""
        terms = self.terms()
        chain_id, ledger = terms["chain_id"], bytes.fromhex(terms["ledger"][2:])
        holder, deadline = claim_holder(claims.address_of(key)), int(self.world.clock()) + 3600
        item, head = ItemId(bytes.fromhex(self.item[2:])), Head(bytes.fromhex(terms["head"][2:]))
        signature = claims.agree(Wish(kind, item, head, holder, deadline, detail=detail), key, chain_id=chain_id, ledger=ledger)
        consent = {
            "chain_id": chain_id, "ledger": terms["ledger"], "item": self.item, "head": terms["head"], "action": int(kind),
            "old_holder": "0x" + holder.hex(), "new_holder": "0x" + bytes(32).hex(), "detail": str(detail), "deadline": deadline,
            "signature": "0x" + signature.hex(),
        }  # fmt: skip
        answer = self.world.http.post(f"/v1/items/{self.item}/{deed}", json=body | {"consent": consent})
        if answer.status_code == 202:
            self.await_recorded(answer.json()["event_id"])
        return answer.status_code, answer.json()

    def report_lost(self, key: PrivateKey) -> tuple[int, dict[str, Any]]:
        return self.wish(key, "hold", Kind.HOLD, pack_detail(a=Hold.LOST, consented=True), {"hold": "lost"})

    def veto(self, key: PrivateKey) -> tuple[int, dict[str, Any]]:
        return self.wish(key, "recovery", Kind.RECOVERY, pack_detail(a=Phase.VETO, consented=True), {"phase": "veto"})

    def await_recorded(self, event_id: str) -> None:
        address = f"/v1/items/{self.item}/events/{event_id}"
        self.world.eventually(lambda: self.world.http.get(address).json()["status"] in ("recorded", "final"))

    def terms(self, key: PrivateKey | None = None) -> dict[str, Any]:
        asked = {} if key is None else {"key": hex_address(key)}
        told: dict[str, Any] = self.world.http.get(f"/v1/items/{self.item}/consent-terms", params=asked).json()
        return told

    def is_held_by(self, key: PrivateKey) -> bool:
        return bool(self.terms(key)["is_holder"])

    def feed(self) -> list[str]:
        """The feed's titles, newest first."""
        answer = self.world.http.get(f"/v1/items/{self.item}/feed", headers={"Accept-Language": "en"})
        return [str(entry.findtext(f"{ATOM}title")) for entry in ElementTree.fromstring(answer.content).iter(f"{ATOM}entry")]


@pytest.fixture
def owned(world: World) -> Owned:
    serial, item = world.bag()
    world.record("boutique", {"kind": "sale", "item": {"gtin": GTIN, "serial": serial}, "claim_key": hex_address(LOST)})
    return Owned(world, serial, item)


def hex_address(key: PrivateKey) -> str:
    return "0x" + claims.address_of(key).hex()


def test_a_request_is_public_and_its_owner_hears_of_it(owned: Owned) -> None:
    status, _ = owned.ask_brand("request")

    pending = owned.world.passport(owned.serial)["recovery"]
    assert status == 202 and pending is not None
    assert owned.terms()["recovery_ready_at"] == pending["ready_at"]
    assert owned.feed()[0] == "New claim card requested"
    assert owned.is_held_by(LOST)


def test_the_present_key_refuses_and_nothing_can_be_completed(owned: Owned) -> None:
    owned.ask_brand("request")

    assert owned.veto(LOST)[0] == 202
    owned.world.later(WAITING_PERIOD + 60)
    status, problem = owned.ask_brand("complete")

    assert (status, problem["reason"]) == (409, "too-early")
    assert owned.is_held_by(LOST) and owned.world.passport(owned.serial)["recovery"] is None


def test_after_the_waiting_period_the_new_key_holds_it_and_the_lost_one_opens_nothing(owned: Owned) -> None:
    owned.ask_brand("request")
    too_early = owned.ask_brand("complete")

    owned.world.later(WAITING_PERIOD + 60)
    assert owned.ask_brand("complete")[0] == 202

    assert too_early[1]["reason"] == "waiting-period"
    assert (owned.is_held_by(FRESH), owned.is_held_by(LOST)) == (True, False)
    assert owned.report_lost(LOST)[1]["code"] == "consent-not-the-holder"
    assert owned.report_lost(FRESH)[0] == 202


def test_nobody_but_the_present_key_can_refuse(owned: Owned) -> None:
    owned.ask_brand("request")

    status, problem = owned.veto(FRESH)

    assert (status, problem["code"]) == (409, "consent-not-the-holder")
    assert owned.terms()["recovery_ready_at"] is not None


def test_an_owner_s_report_bars_every_recovery_until_it_is_lifted(owned: Owned) -> None:
    owned.report_lost(LOST)
    barred = owned.ask_brand("request")

    lifted = owned.wish(LOST, "release", Kind.RELEASE, pack_detail(a=Hold.LOST, consented=True), {"hold": "lost"})

    assert (barred[0], barred[1]["reason"]) == (409, "on-hold")
    assert (lifted[0], owned.ask_brand("request")[0]) == (202, 202)


def test_a_report_made_during_the_waiting_period_stops_the_completion(owned: Owned) -> None:
    owned.ask_brand("request")
    owned.report_lost(LOST)

    owned.world.later(WAITING_PERIOD + 60)
    status, problem = owned.ask_brand("complete")

    assert (status, problem["reason"]) == (409, "on-hold")
    assert owned.is_held_by(LOST)
