"""The Python twin against the deployed contract, question by question: every probe on every scene that differs.

For each case the item's word is put into the contract's storage, one event is carried as the twin encodes it (real signatures, real
witness), and what the contract says (its reason, the word after, a release by order) must be what the twin said. `--twin all` asks
all of the twelve thousand questions; by default each answer of each probe is asked once or thrice.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from web3 import Web3

from ledger_verify import hashing, wire
from ledger_verify.state import Opening, has_aside, word
from ledger_verify.transition import Event, Kind, Reason
from tests import servers
from tests.unit.ledger_verify import world
from tests.unit.ledger_verify.probes import all_probes
from tests.unit.ledger_verify.scenes import SCENES

pytestmark = pytest.mark.chain
SECRETS = {name: int.from_bytes(hashing.keccak(name.encode()), "big") >> 8 for name in world.DIDS}
STRANGER = 78
ARTIFACTS = Path(__file__).resolve().parents[2] / "ledger_api" / "abi"
WORDS_SLOT = 2  # of the mapping from item to word, in the contract's storage layout
ANYBODY = bytes(32)


def sign(secret: int, digest: bytes) -> bytes:
    signature = PrivateKey(secret.to_bytes(32, "big")).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def shown(address: bytes) -> str:
    return Web3.to_checksum_address(address)


@dataclass
class Place:
    """The two contracts on an Anvil, with the registry that the scenes assume."""

    web3: Web3
    registry: Any
    ledger: Any

    @property
    def separator(self) -> bytes:
        return hashing.domain_separator(self.web3.eth.chain_id, bytes.fromhex(self.ledger.address[2:]))

    def send(self, call: Any, sender: str) -> Any:
        receipt = self.web3.eth.wait_for_transaction_receipt(call.transact({"from": sender, "gas": 8_000_000}))
        assert receipt["status"] == 1
        return receipt


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    port = servers.free_port()
    command = [servers.anvil_binary(), "--port", str(port), "--timestamp", str(world.START - 100_000), "--silent"]
    with servers.started(command, port=port):
        yield founded(Web3(Web3.HTTPProvider(f"http://127.0.0.1:{port}")))


def founded(web3: Web3) -> Place:
    owner = web3.eth.accounts[0]
    here = Place(web3, None, None)

    def deployed(name: str, *values: object) -> Any:
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
        factory = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        return web3.eth.contract(address=here.send(factory.constructor(*values), owner)["contractAddress"], abi=artifact["abi"])

    consortium = shown(world.address_of(SECRETS["consortium"]))
    here.registry = deployed("OrganizationRegistry", owner, world.DIDS["consortium"], consortium)
    here.ledger = deployed("ProvenanceLedger", here.registry.address, world.TERMS.recovery_period, world.TERMS.ruling_period)
    for name, did in world.DIDS.items():
        standing = world.REGISTRY.standing(world.IDS[name])
        if name == "consortium" or not standing.admitted:
            continue
        here.send(here.registry.functions.admit(did, int(standing.roles), shown(world.address_of(SECRETS[name]))), owner)
        if standing.suspended:
            here.send(here.registry.functions.suspend(world.IDS[name]), owner)
    for (brand, organization, role), scope in world.REGISTRY.accreditations.items():
        signer = shown(world.address_of(SECRETS[world.NAMES[brand]]))
        web3.provider.make_request("anvil_setBalance", [signer, hex(10**18)])  # type: ignore[arg-type]  # Anvil's own method
        web3.provider.make_request("anvil_impersonateAccount", [signer])  # type: ignore[arg-type]  # Anvil's own method
        here.send(here.registry.functions.accredit((brand, organization, int(role), scope, 0, 0)), signer)
    for brand, successor in world.REGISTRY.successors.items():
        here.send(here.registry.functions.nameSuccessor(brand, successor), owner)
    return here


def opening(place: Place, scene: Any, probe: Any, event: Event) -> list[Opening]:
    found = scene.opening(event)
    if not found and not has_aside(scene.state):
        return []
    whole = replace(found or Opening(), aside=scene.state.aside)
    if event.kind == Kind.ENROLMENT and probe.approval and probe.approval.endorsed is not None:
        name, until = world.NAMES[whole.brand], scene.now + 100
        digest = hashing.endorsement_digest(place.separator, brand=whole.brand, event_hash=hashing.event_hash(event), deadline=until)
        secret = SECRETS[name] if probe.approval.endorsed else SECRETS["rival"]
        whole = replace(whole, endorser=world.address_of(SECRETS[name]), endorsement_deadline=until, endorsement=sign(secret, digest))
    return [whole]


def approvals(place: Place, scene: Any, probe: Any, event: Event) -> list[wire.Approval]:
    if probe.approval is None:
        return []
    is_birth = event.kind == Kind.ENROLMENT
    key, until = (event.party if is_birth else scene.state.holder), scene.now + 100
    digest = hashing.consent_digest(
        place.separator, action=event.kind, item=event.item, head=event.head, old_holder=ANYBODY if is_birth else key,
        new_holder=event.party, detail=event.detail, carrier=ANYBODY, store=ANYBODY, deadline=until,
    )  # fmt: skip
    holders = {world.address_of(secret): secret for secret in world.SECRETS.values()}
    secret = holders.get(key[12:], STRANGER) if probe.approval.valid else STRANGER
    return [wire.Approval(0, ANYBODY, ANYBODY, until, sign(secret, digest))]


def carried(place: Place, scene: Any, probe: Any, event: Event) -> bytes:
    secret, until = SECRETS[world.NAMES[probe.by]], scene.now + 100
    signer = world.address_of(secret)
    batch_hash = hashing.batch_hash(probe.by, signer, until, False, [hashing.event_hash(event)])
    batch = wire.SignedBatch(
        probe.by, signer, until, False, [event], [wire.witness_of(scene.state, event)], opening(place, scene, probe, event),
        approvals(place, scene, probe, event), sign(secret, hashing.batch_digest(place.separator, batch_hash)),
    )  # fmt: skip
    return wire.encode_record([batch])


def answer(place: Place, scene: Any, event: Event, body: bytes) -> tuple[object, int, bool]:
    """(reason, word after, released by order) as the contract says, on the scene's word at the scene's time."""
    me, ledger = place.web3.eth.accounts[0], place.ledger.address
    slot = "0x" + hashing.keccak(event.item + WORDS_SLOT.to_bytes(32, "big")).hex()
    override = {ledger: {"stateDiff": {slot: "0x" + word(scene.state).to_bytes(32, "big").hex()}}}
    calls = [
        {"from": me, "to": ledger, "data": "0x" + body.hex(), "gas": hex(3_000_000)},
        {"from": me, "to": ledger, "data": place.ledger.encode_abi("word", [event.item]), "gas": hex(100_000)},
    ]
    request = {"blockStateCalls": [{"blockOverrides": {"time": hex(scene.now)}, "stateOverrides": override, "calls": calls}]}
    told = place.web3.provider.make_request("eth_simulateV1", [request, "latest"])  # type: ignore[arg-type]  # newer than web3's list
    first, second = told["result"][0]["calls"]
    if int(first["status"], 16) != 1:
        return "reverted", 0, False
    reason, by_order = None, False
    for log in first["logs"]:
        said = wire.decode_log([bytes.fromhex(topic[2:]) for topic in log["topics"]], bytes.fromhex(log["data"][2:]))
        match said:
            case wire.Refused():
                reason = Reason(said.reason)
            case wire.BatchRefused():
                return "batch refused", 0, False
            case wire.ReleasedByOrder():
                by_order = True
    return reason, int(second["returnData"], 16), by_order


def test_the_contract_answers_every_question_as_the_twin_does(place: Place, request: pytest.FixtureRequest) -> None:
    asks_all = request.config.getoption("--twin") == "all"
    asked: Counter[tuple[str, Reason | None]] = Counter()
    accepted: Counter[int] = Counter()
    differing = []
    for scene_name, make in SCENES.items():
        scene = make()
        for probe in all_probes():
            if not world.REGISTRY.standing(probe.by).admitted:
                continue
            event = probe.event(scene)
            reason = scene.judge_event(event, probe.by, probe.approval)
            asked[probe.name, reason] += 1
            if not asks_all and asked[probe.name, reason] > (1 if reason else 3):
                continue
            after = scene.state if reason else scene.apply_event(event, probe.by)
            expected = (reason, word(after), reason is None and scene.is_by_order(event, probe.by))
            if answer(place, scene, event, carried(place, scene, probe, event)) != expected:
                differing.append((scene_name, probe.name, reason))
            accepted[event.kind] += reason is None

    assert differing == []
    assert set(accepted) >= set(Kind)
    assert all(accepted[kind] for kind in Kind)
