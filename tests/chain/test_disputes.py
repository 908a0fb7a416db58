"""A bag wrongly called fake from photographs, three times by two authenticators, and cleared: told by the real service on a real chain.

The owner disputes with nothing but a key, the brand rules, the effective answer flips, no line is lost, and what it says about the
authenticators is counted again here from the chain's logs alone.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger_verify import claims
from ledger_verify.claims import Wish
from ledger_verify.codes import Kind, Outcome
from ledger_verify.hashing import Head, ItemId, OrganizationId, claim_holder, keccak
from ledger_verify.logs import Recorded
from ledger_verify.state import pack_detail, unpack_detail
from ledger_verify.wire import RECORDED, decode_log
from tests.faults.fleet import Brand, Fleet, fleet_of

OWNER = claims.claim_key(keccak(b"the owner's card")[:20])
PHOTO = ("photo", "not-authentic")


@dataclass
class Replay:
    """The wronged bag and another that nobody disputes, with what a platform was told before and after the ruling."""

    fleet: Fleet
    members: dict[str, Brand] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)  # what the brand is told that it has to rule on
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def send(self, who: str, *events: dict[str, Any]) -> None:
        """Accepted and final before this returns."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status, told = self.fleet.send(self.members[who], [{"occurred_at": moment} | event for event in events])
        assert status == 202 and {one["status"] for one in told["results"]} == {"accepted"}, told
        self.fleet.settle()

    def judge(self, who: str, bag: int, method: str, outcome: str) -> dict[str, Any]:
        return {"kind": "verdict", "item": {"id": self.items[bag]}, "method": method, "outcome": outcome, "payload": {"appraiser": who}}

    def dispute(self) -> None:
        """By the owner's key alone: no account, no API key."""
        item = self.items[0]
        terms = self.get(f"/v1/items/{item}/consent-terms")
        holder, deadline = claim_holder(claims.address_of(OWNER)), int(time.time()) + 3600
        detail, head = pack_detail(consented=True), Head(bytes.fromhex(terms["head"][2:]))
        wish = Wish(Kind.DISPUTE, ItemId(bytes.fromhex(item[2:])), head, holder, deadline, detail=detail)
        signature = claims.agree(wish, OWNER, chain_id=terms["chain_id"], ledger=bytes.fromhex(terms["ledger"][2:]))
        consent = {name: terms[name] for name in ("chain_id", "ledger", "item", "head")} | {
            "action": int(Kind.DISPUTE),
            "old_holder": "0x" + holder.hex(),
            "new_holder": "0x" + bytes(32).hex(),
            "detail": str(detail),
            "deadline": deadline,
            "signature": "0x" + signature.hex(),
        }
        body = {"grounds": "Bought in the boutique, with its invoice.", "evidence": ["0x" + "ab" * 32], "consent": consent}
        headers = {"Content-Type": "application/json"}
        status, told = self.fleet.ask("POST", f"/v1/items/{item}/dispute", json.dumps(body).encode(), headers)
        assert status == 202, told
        self.fleet.settle()

    def get(self, path: str) -> Any:
        status, told = self.fleet.get(path)
        assert status == 200, told
        return told

    def verify(self) -> dict[str, Any]:
        return self.ask_as("maison", "POST", "/v1/verifications", json.dumps({"id": self.items[0]}).encode())

    def open_disputes(self, who: str) -> list[dict[str, Any]]:
        return list(self.ask_as(who, "GET", "/v1/disputes")["disputes"])

    def ask_as(self, who: str, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.members[who].key}", "Content-Type": "application/json"}
        status, told = self.fleet.ask(method, path, body, headers)
        assert status == 200, told
        return dict(told)

    def recorded(self) -> list[Recorded]:
        """From the node, past everything the service keeps."""
        ledger = "0x" + self.fleet.service.network.ledger.hex()
        asked = {"address": ledger, "topics": ["0x" + RECORDED.hex()], "fromBlock": "0x0", "toBlock": "latest"}
        logs = self.fleet.node.call("eth_getLogs", asked)
        told = [decode_log([bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:])) for log in logs]
        return [one for one in told if isinstance(one, Recorded)]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    folder: Path = tmp_path_factory.mktemp("replay")
    with fleet_of(folder, f"sqlite:///{folder / 'ledger.db'}", block_time=None) as fleet:
        replay = Replay(fleet)
        replay.members = {"maison": fleet.brand("maison")} | {name: fleet.admit(name, "authenticator") for name in ("pixel", "lens")}
        for name in ("pixel", "lens"):
            fleet.accredit(replay.members[name], "authenticator", brand=replay.members["maison"])
        for process in ("serve", "index", "work"):
            fleet.start(process)
        _happen(replay)
        yield replay


def _happen(replay: Replay) -> None:
    births = replay.fleet.births(2)
    status, told = replay.fleet.send(replay.members["maison"], births)
    assert status == 202, told
    replay.items = [one["item"] for one in told["results"]]
    key = "0x" + claims.address_of(OWNER).hex()
    replay.send("maison", *({"kind": "sale", "item": {"id": item}, "claim_key": key, "payload": {}} for item in replay.items))
    replay.send("pixel", replay.judge("pixel", 0, *PHOTO))
    replay.send("lens", replay.judge("lens", 0, *PHOTO), replay.judge("lens", 1, "photo", "authentic"))
    replay.send("pixel", replay.judge("pixel", 0, *PHOTO) | {"payload": {"appraiser": "second look"}})
    replay.dispute()
    replay.before, replay.waiting = replay.verify(), replay.open_disputes("maison")
    assert replay.open_disputes("pixel") == []
    ruling = {"kind": "ruling", "item": {"id": replay.items[0]}, "outcome": "authentic", "payload": {"grounds": "The atelier's ledger."}}
    replay.send("maison", ruling)
    replay.after = replay.verify()


def test_the_effective_answer_flips_and_the_hold_is_gone(replay: Replay) -> None:
    codes = {name: {one["code"] for one in answer["reasons"]} for name, answer in (("before", replay.before), ("after", replay.after))}

    assert replay.before["decision"] == "reject" and {"not-authentic", "disputed"} <= codes["before"]
    assert replay.after["decision"] != "reject" and not {"not-authentic", "disputed"} & codes["after"]
    assert replay.after["item"]["verdict"]["outcome"] == "authentic"
    assert (replay.after["item"]["verdict"]["method"], replay.after["item"]["verdict"]["by"]["name"]) == ("ruling", "Maison")
    assert replay.after["item"]["holds"] == []


def test_the_brand_reads_the_owners_grounds_until_it_has_ruled(replay: Replay) -> None:
    (told,) = replay.waiting

    assert (told["item"], told["sequence"], told["by_owner"]) == (replay.items[0], 6, True)
    assert (told["grounds"], told["evidence"]) == ("Bought in the boutique, with its invoice.", ["0x" + "ab" * 32])
    assert replay.open_disputes("maison") == []


def test_nothing_is_erased_and_what_was_replaced_is_named(replay: Replay) -> None:
    journal, effective = (replay.get(f"/v1/items/{replay.items[0]}/events?view={view}") for view in ("journal", "effective"))

    kinds = ["manufacture", "sale", "verdict", "verdict", "verdict", "dispute", "ruling"]
    assert [entry["kind"] for entry in journal["events"]] == kinds
    assert [entry["facts"]["outcome"] for entry in journal["events"][2:5]] == ["not-authentic"] * 3
    assert journal["events"][5]["facts"] == {"sequence": None, "by_owner": True}
    assert effective["events"][-1]["outranks"] == [3, 4, 5]
    assert {(one["sequence"], one["reason"], one["by"]) for one in effective["left_out"]} == {(n, "overruled", 7) for n in (3, 4, 5)}


def test_the_overturn_rates_are_those_that_anybody_counts_from_the_chains_logs(replay: Replay) -> None:
    opinions, overturned = _count(replay.recorded(), brand=replay.members["maison"].id)

    told = {one["organization"]["did"]: one for one in replay.get("/v1/statistics/authenticators")["authenticators"]}
    assert {did: one["opinions"] for did, one in told.items()} == {"did:web:pixel.example": 2, "did:web:lens.example": 2}
    for name in ("pixel", "lens"):
        one, who = told[f"did:web:{name}.example"], replay.members[name].id
        assert (one["opinions"], one["overturned"]) == (opinions[who], overturned[who])
        assert one["overturn_rate"]["value"] == overturned[who] / opinions[who]
        assert one["is_small"] is True
    assert told["did:web:pixel.example"]["overturn_rate"] == pytest.approx({"value": 1.0, "low": 0.3424, "high": 1.0}, abs=1e-4)
    assert told["did:web:lens.example"]["overturn_rate"] == pytest.approx({"value": 0.5, "low": 0.0945, "high": 0.9055}, abs=1e-4)


def test_an_authenticators_own_page_names_what_was_overturned(replay: Replay) -> None:
    told = replay.get("/v1/statistics/authenticators/did:web:lens.example")

    expected = {"item": replay.items[0], "sequence": 4, "outcome": "not-authentic", "method": "photo", "by": 7}
    assert told["overturned_opinions"] == [expected]
    assert replay.fleet.get("/v1/statistics/authenticators/did:web:nobody.example")[0] == 404


def test_the_pages_tell_the_same_to_a_visitor(replay: Replay) -> None:
    disputes = replay.get(f"/items/{replay.items[0]}/disputes").decode()
    fared = replay.get("/authenticators").decode()
    effective = replay.get(f"/items/{replay.items[0]}?view=effective").decode()

    assert "Its owner contested it on" in disputes and "Entry 3: " in disputes
    assert "The opinion in effect was “not authentic” and is “authentic” from then on." in disputes
    assert "The atelier&#39;s ledger." in disputes
    assert disputes.count("judged it not authentic") == 4  # each on record, and the one that was contested
    assert "100.0 %, between 34.2 and 100.0 % with 95 % confidence" in fared
    assert 'Outranked by entry <a href="#entry-7">7</a>.' in effective


def test_the_audit_finds_every_line_of_it(replay: Replay) -> None:
    report = replay.fleet.audit(settled=False)

    assert report.is_clean


def _count(logs: list[Recorded], *, brand: OrganizationId) -> tuple[Counter[bytes], Counter[bytes]]:
    """(opinions, overturned) by organization, the plain way: a later ruling on the same item that says the other thing."""
    opinions, overturned = Counter[bytes](), Counter[bytes]()
    for place, log in enumerate(logs):
        if log.kind != Kind.VERDICT or log.organization == brand:
            continue
        outcome = unpack_detail(log.detail).a
        assert outcome in (Outcome.AUTHENTIC, Outcome.NOT_AUTHENTIC)
        opinions[log.organization] += 1
        rulings = [unpack_detail(later.detail).a for later in logs[place:] if later.kind == Kind.RULING and later.item == log.item]
        overturned[log.organization] += bool(rulings and rulings[-1] != outcome)
    return opinions, overturned
