"""Proofs of real histories on a real chain: made by the service, checked by the verifier, forged on a chain of the forger's own."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.chain.rpc import Node, unhex
from ledger_api.errors import NodeInconsistent, UnknownItem
from ledger_api.indexer.loop import catch_up
from ledger_api.proving import Asked, Choice, NoStateProof, NoSuchBlock, ProofMaker
from ledger_api.proving.evidence import block_at, receipts_of, trie_nodes
from ledger_api.proving.forgetting import erase
from ledger_api.proving.receipts import receipt_trie
from ledger_api.store.engine import reading
from ledger_verify.checking import check
from ledger_verify.cli import main
from ledger_verify.disclosure import withhold
from ledger_verify.hashing import ItemId, OrganizationId, keccak, organization_id
from ledger_verify.header import item_slot, member_slot, read_account, read_word, signer_slot
from ledger_verify.proof import canonical
from ledger_verify.refusals import Refused
from ledger_verify.state import state_from_bytes, word
from ledger_verify.transition import Role
from ledger_verify.trie import Nodes
from tests import servers
from tests.chain.proof_world import GTIN, ProofWorld, address_of, key_of, later, life, manufacture, proof_world
from tests.unit.ledger_verify.proven import cut_short

MAISON, SHOP, EXPERT = (organization_id(f"did:web:{name}.example") for name in ("maison", "shop", "expert"))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ProofWorld, ItemId]]:
    """One bag with five events, which tests only read."""
    folder = tmp_path_factory.mktemp("lived")
    with proof_world(folder, f"sqlite:///{folder / 'ledger.db'}") as world:
        yield world, life(world)


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[ProofWorld]:
    with proof_world(tmp_path, database_url) as made:
        yield made


def facts(report: Any) -> dict[str, Any]:
    return {event.sequence: {field.path: field.value for field in event.fields} for event in report.events}


# --- what is shown


def test_a_real_history_is_proven_with_the_public_fields_and_no_others(lived: tuple[ProofWorld, ItemId]) -> None:
    world, item = lived

    made = world.prove(item)

    report = check(made.body, world.trust(world.hash_of(made.block)))
    assert report.is_anchored and made.is_final
    assert facts(report) == {
        1: {"/model": "Cabas Verne 32", "/colour": "bleu nuit", "/atelier": "Lyon 3"},
        2: {}, 3: {}, 4: {"/appraiser": "APR-07"}, 5: {"/description": "new lining"},
    }  # fmt: skip
    assert [event.withheld for event in report.events] == [4, 1, 2, 4, 1]
    assert all(event.signer is not None for event in report.events)
    assert [(standing.organization, standing.suspended) for standing in report.standings] == [
        (MAISON, False),
        (SHOP, False),
        (EXPERT, False),
    ]


def test_an_organization_shows_its_own_events_whole_and_nobody_elses(lived: tuple[ProofWorld, ItemId]) -> None:
    world, item = lived

    made = world.prove(item, Asked(Choice(own=SHOP, withhold=frozenset({"3/country", "/model"}))))

    shown = facts(check(made.body))
    assert shown[3] == {"/invoice": "F-1"}
    assert shown[1] == {"/colour": "bleu nuit", "/atelier": "Lyon 3"} and shown[2] == {}
    assert b"R-77" not in made.body and b"D-1" not in made.body


def test_a_serial_is_shown_only_to_whoever_names_it(lived: tuple[ProofWorld, ItemId]) -> None:
    world, item = lived

    anonymous, knowing, guessing = (world.prove(item, Asked(name=name)) for name in (None, (GTIN, "S-1"), (GTIN, "S-2")))

    assert check(knowing.body).name == f"{GTIN} S-1"
    assert check(anonymous.body).name is None and check(guessing.body).name is None
    assert b"S-1" not in anonymous.body and b"S-1" not in guessing.body


def test_the_same_wish_has_the_same_bytes_until_the_item_goes_on(world: ProofWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    item = world.record(maison, manufacture(world, "A1"))
    first = world.prove(item)
    world.node.call("anvil_mine", "0x5")
    catch_up(world.service.following())

    again = world.prove(item)
    pinned = world.prove(item, Asked(block=first.block))
    world.record(maison, later(world, "service", "A1", 1, {"description": "polished"}))
    after = world.prove(item)

    assert again == first and pinned.body == first.body
    assert len(check(after.body).events) == 2 and after.etag != first.etag
    assert world.prove(item, Asked(block=first.block)).body == first.body


def test_a_block_that_has_no_history_yet_has_no_proof(lived: tuple[ProofWorld, ItemId]) -> None:
    world, item = lived

    with pytest.raises(NoSuchBlock):
        world.prove(item, Asked(block=1))
    with pytest.raises(NoSuchBlock):
        world.prove(item, Asked(block=10**9))
    with pytest.raises(UnknownItem):
        world.prove(ItemId(bytes(32)))


def test_signers_of_a_long_batch_are_shown_when_asked_for(world: ProofWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    items = [ItemId(result.item) for result in world.accept(maison, *(manufacture(world, f"L{number}", number) for number in range(20)))]
    world.settle()

    short, whole = world.prove(items[7]), world.prove(items[7], Asked(all_signers=True))

    assert check(short.body).events[0].signer is None
    assert check(whole.body).events[0].signer == world.service.keyring.signer(maison).address
    assert len(json.loads(whole.body)["events"][0]["signer"]["others"]) == 19


# --- times, holds, lots


def test_what_is_set_aside_is_proven_with_its_block_times(world: ProofWorld) -> None:
    """A dispute, a hold of the owner's with its release begun, and a recovery that waits."""
    maison = world.admit("maison", Role.BRAND)
    platform = world.admit("platform", Role.PLATFORM, accredited_by=maison)
    owner = key_of("owner")
    world.record(maison, manufacture(world, "A1"))
    item = world.record(maison, later(world, "sale", "A1", 1, claim_key=address_of(owner)))
    world.record(maison, later(world, "recovery", "A1", 2, phase="request", new_key=address_of(key_of("new"))))
    world.record(maison, later(world, "dispute", "A1", 3, {"grounds": "seams"}))
    world.record(platform, world.consented(later(world, "hold", "A1", 4, hold="stolen"), owner, by=platform))
    world.record(platform, world.consented(later(world, "release", "A1", 5, hold="stolen"), owner, by=platform))

    made = world.prove(item)

    report = check(made.body, world.trust(world.hash_of(made.block)))
    witness = json.loads(made.body)["witness"]
    assert report.is_anchored and report.as_json()["state"]["holds"] == ["stolen", "disputed"]
    assert all(witness.values()) and witness["recovery_ready_at"] > witness["disputed_at"]
    assert check(world.prove(item, Asked(inclusion="receipts")).body).as_json()["state"]["holds"] == ["stolen", "disputed"]


def test_a_lot_is_proven_as_an_item_is(world: ProofWorld) -> None:
    tannery = world.admit("tannery", Role.SUPPLIER)
    body = {
        "kind": "raw-material", "occurred_at": world.at(0), "lot": "L-1",
        "payload": {"material": "lambskin", "origin": "IT", "quantity": {"value": "5", "unit": "MTK"}, "certificates": ["LWG"]},
    }  # fmt: skip

    lot = world.record(tannery, body)

    report = check(world.prove(lot).body)
    assert facts(report)[1] == {"/material": "lambskin", "/origin": "IT", "/certificates/0": "LWG"}
    assert report.as_json()["state"]["stage"] == "lot"


@pytest.mark.parametrize(("hold", "is_told"), [("stolen", True), ("recalled", False)])
def test_an_order_of_the_consortium_is_told_by_state_where_it_matters_and_by_receipts_always(
    world: ProofWorld, hold: str, is_told: bool
) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.record(maison, manufacture(world, "A1"))
    world.record(maison, later(world, "hold", "A1", 1, hold=hold))
    item = world.record(world.deployment.consortium, later(world, "release", "A1", 2, hold=hold))

    by_state, by_receipts = (world.prove(item, Asked(inclusion=form)).body for form in ("state", "receipts"))

    assert [json.loads(body)["events"][-1]["by_order"] for body in (by_state, by_receipts)] == [is_told, True]
    assert check(by_state, world.trust(check(by_state).blocks[0].hash)).is_anchored
    assert check(by_state).as_json()["state"]["holds"] == check(by_receipts).as_json()["state"]["holds"] == []


def test_an_enrolled_item_is_proven_with_the_brand_behind_its_id(world: ProofWorld) -> None:
    expert = world.admit("expert", Role.AUTHENTICATOR, accredited_by=world.deployment.consortium)
    presenter = key_of("presenter")
    body = {
        "kind": "enrolment", "occurred_at": world.at(0), "brand": "did:web:old-house.example", "gtin": GTIN, "serial": "OLD-1",
        "category": "watch", "presenter_key": address_of(presenter), "payload": {"model": "Ellipse", "appraiser": "APR-1"},
    }  # fmt: skip

    item = world.record(expert, world.consented(body, presenter, by=expert))

    report = check(world.prove(item, Asked(name=(GTIN, "OLD-1"))).body)
    assert report.name == f"{GTIN} OLD-1" and report.as_json()["state"]["stage"] == "enrolled"
    assert facts(report)[1] == {"/model": "Ellipse", "/appraiser": "APR-1"}
    assert check(world.prove(item, Asked(inclusion="receipts")).body).events[0].hash == report.events[0].hash


def test_a_compromised_key_is_told_as_the_registry_has_it(world: ProofWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    item = world.record(maison, manufacture(world, "A1"))
    signer = world.service.keyring.signer(maison).address
    world.service.registrar().mark_compromised(maison, signer, 1)
    world.settle()

    (standing,) = check(world.prove(item).body).standings

    assert standing.signers == ((signer, False, 1),)


# --- the fallback


def test_receipts_prove_the_same_history_with_signers_and_times(lived: tuple[ProofWorld, ItemId]) -> None:
    world, item = lived

    made = world.prove(item, Asked(inclusion="receipts"))

    report = check(made.body)
    by_state = check(world.prove(item).body)
    assert [event.hash for event in report.events] == [event.hash for event in by_state.events]
    assert [event.signer for event in report.events] == [event.signer for event in by_state.events]
    assert all(event.block is not None and world.hash_of(event.block) in {block.hash for block in report.blocks} for event in report.events)


class NoProofs(Node):
    """A node that lacks `eth_getProof` and, as some do, `eth_getBlockReceipts`."""

    def batch(self, calls: Any) -> list[Any]:
        return super().batch([self._other(method, params) for method, params in calls])

    def ask(self, method: str, *params: Any) -> Any:
        method, params = self._other(method, params)
        return super().ask(method, *params)

    def _other(self, method: str, params: Any) -> tuple[str, Any]:
        return ("eth_notServed" if method in ("eth_getProof", "eth_getBlockReceipts") else method), params


def test_a_node_without_state_proofs_is_fallen_back_from(lived: tuple[ProofWorld, ItemId]) -> None:
    world, item = lived
    maker = ProofMaker(world.service.engine, NoProofs(world.url), world.deployment, world.service.keyring)

    made = maker.make(item, Asked())

    assert json.loads(made.body)["inclusion"]["type"] == "receipts"
    assert len(check(made.body).events) == 5
    with pytest.raises(NoStateProof):
        maker.make(item, Asked(inclusion="state"))


def test_hardhat_serves_what_both_kinds_of_inclusion_need_and_its_headers_hash() -> None:
    """The second client."""
    with servers.hardhat_node() as url:
        node = Node(url)
        sender = node.call("eth_accounts")[0]
        transaction = node.call("eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1"})
        block = node.call("eth_getTransactionReceipt", transaction)
        found = block_at(node, int(block["blockNumber"], 16))
        receipts = receipts_of(node, found.header.hash)

        state = trie_nodes(node, found.header.number, [(unhex(sender), [])])

        assert receipt_trie(receipts, found.header.receipts_root).root == found.header.receipts_root
        assert read_account(Nodes(state), found.header.state_root, unhex(sender)).code_hash == keccak(b"")
        node.close()


# --- what must not pass


def test_a_proof_from_an_attackers_own_chain_with_permissive_code_is_not_accepted(lived: tuple[ProofWorld, ItemId], tmp_path: Path) -> None:
    """The attacker runs the same client, puts code that accepts everything at the real address, and writes the word he likes."""
    world, item = lived
    real = json.loads(world.prove(item).body)
    with servers.anvil(chain_id=31337) as url:
        forged = forge(Node(url), world, item, real)
    encoded, path = canonical(forged), tmp_path / "forged.json"
    path.write_bytes(encoded)

    report = check(encoded)

    assert not report.is_anchored and len(report.events) == 4  # a life without its last event, and perfectly consistent
    with pytest.raises(Refused, match="other-code"):
        check(encoded, world.trust(report.blocks[0].hash))
    with pytest.raises(Refused, match="other-block"):
        check(
            encoded,
            replace(world.trust(world.hash_of(1)), ledger_code_hash=report.ledger_code_hash, registry=None, registry_code_hash=None),
        )
    assert main([str(path), "--rpc", world.url, "--ledger", "0x" + world.deployment.ledger.hex()]) == 1
    assert main([str(path)]) == 3


def forge(node: Node, world: ProofWorld, item: ItemId, real: dict[str, Any]) -> dict[str, Any]:
    with reading(world.service.engine) as connection:
        row = connection.execute(text("SELECT state FROM records WHERE item = :item AND sequence = 4"), {"item": item}).scalar_one()
    ledger, registry = world.deployment.ledger, world.deployment.registry
    slots = [item_slot(item)]
    permissive = "0x600160005260206000f3"  # answers 1 to every question
    for address in (ledger, registry):
        node.call("anvil_setCode", "0x" + address.hex(), permissive)
    node.call("anvil_setStorageAt", "0x" + ledger.hex(), "0x" + slots[0].hex(), f"0x{word(state_from_bytes(bytes(row))):064x}")
    known = []
    for event in real["events"][:4]:
        organization = OrganizationId(bytes.fromhex(event["organization"][2:]))
        signer = bytes.fromhex(event["signer"]["address"][2:])
        known += [(member_slot(organization), 0x1F01 << 160), (signer_slot(organization, signer), 1)]
    for slot, value in known:
        node.call("anvil_setStorageAt", "0x" + registry.hex(), "0x" + slot.hex(), f"0x{value:064x}")
    node.call("evm_mine")
    block = block_at(node, int(node.call("eth_blockNumber"), 16))
    wanted = [(ledger, slots), (registry, [slot for slot, _ in known])]
    nodes = Nodes(trie_nodes(node, block.header.number, wanted))
    for address, asked in wanted:
        root = read_account(nodes, block.header.state_root, address).storage_root
        for slot in asked:
            read_word(nodes, root, slot)
    code_hash = "0x" + keccak(bytes.fromhex(permissive[2:])).hex()
    inclusion = {"type": "state", "header": "0x" + block.encoded.hex(), "nodes": ["0x" + one.hex() for one in nodes.used()]}
    node.close()
    return real | {"events": real["events"][:4], "ledger_code_hash": code_hash, "registry_code_hash": code_hash, "inclusion": inclusion}


def test_a_permissive_ledger_on_the_real_chain_is_not_anchored_by_a_node_alone(lived: tuple[ProofWorld, ItemId], tmp_path: Path) -> None:
    """A node says what is at an address; which address is the ledger's, only the caller knows."""
    world, item = lived
    path = tmp_path / "proof.json"
    path.write_bytes(world.prove(item).body)

    assert main([str(path), "--rpc", world.url]) == 3
    assert main([str(path), "--rpc", world.url, "--ledger", "0x" + world.deployment.ledger.hex()]) == 0
    assert main([str(path), "--rpc", world.url, "--ledger", "0x" + world.deployment.registry.hex()]) == 1


def test_a_node_or_the_deployment_file_tells_the_command_what_it_needs(
    lived: tuple[ProofWorld, ItemId], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, item = lived
    path = tmp_path / "proof.json"
    path.write_bytes(world.prove(item, Asked(inclusion="receipts")).body)
    deployment = str(world.settings.home / "deployments" / "31337.json")

    assert main([str(path), "--rpc", world.url, "--trust", deployment]) == 0
    assert main([str(path), "--trust", deployment]) == 3
    assert main([str(path), "--rpc", "http://127.0.0.1:9/v2/secret", "--trust", deployment]) == 2
    assert "secret" not in capsys.readouterr().err


def test_a_proof_by_receipts_whose_end_was_cut_off_is_not_complete_for_a_node(
    lived: tuple[ProofWorld, ItemId], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last event goes with its log and its block: what is left agrees with the chain, but for the number of the item's events."""
    world, item = lived
    path, ledger = tmp_path / "proof.json", "0x" + world.deployment.ledger.hex()
    whole = json.loads(world.prove(item, Asked(inclusion="receipts")).body)
    told = len(whole["events"])

    for kept, code in ((told, 0), (told - 1, 3)):
        path.write_bytes(canonical(cut_short(whole, kept)))
        assert main([str(path), "--rpc", world.url, "--ledger", ledger]) == code

    assert f"the item has {told} events by the word that you trust, and {told - 1} are told here" in capsys.readouterr().out


def test_a_node_of_another_chain_refuses_the_proof(lived: tuple[ProofWorld, ItemId], tmp_path: Path) -> None:
    world, item = lived
    path = tmp_path / "proof.json"
    path.write_bytes(world.prove(item).body)
    with servers.anvil(chain_id=5) as url:
        Node(url).call("anvil_mine", "0x40")

        assert main([str(path), "--rpc", url, "--ledger", "0x" + world.deployment.ledger.hex()]) == 1


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A web server that is no node."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"result": null}', b'{"result": {"hash": "0x12"}}', b'{"result": 5}'])
def test_a_node_that_answers_nonsense_is_no_refusal(lived: tuple[ProofWorld, ItemId], tmp_path: Path, answer: bytes) -> None:
    world, item = lived
    path = tmp_path / "proof.json"
    path.write_bytes(world.prove(item).body)

    with answering(answer) as url:
        assert main([str(path), "--rpc", url]) == 2


def test_no_proof_leaves_that_the_verifier_refuses(world: ProofWorld) -> None:
    """The mirror is behind: it holds an event less than the block that is asked of the node."""
    maison = world.admit("maison", Role.BRAND)
    item = world.record(maison, manufacture(world, "A1"))
    world.record(maison, later(world, "service", "A1", 1, {"description": "polished"}))
    with world.service.engine.begin() as connection:
        connection.execute(text("DELETE FROM records WHERE item = :item AND sequence = 2"), {"item": item})

    with pytest.raises(NodeInconsistent):
        world.prove(item)


# --- forgetting


def test_what_was_erased_is_gone_and_the_history_still_verifies(world: ProofWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    world.record(maison, manufacture(world, "A1", secret="R-77"))
    world.record(maison, later(world, "shipment", "A1", 1, {"reference": "D-1"}, to="did:web:shop.example"))
    item = world.record(shop, later(world, "service", "A1", 2, {"description": "polished"}))
    before = world.prove(item, Asked(Choice(own=maison)))

    erased = erase(world.service.engine, organization=maison, item=item, now=datetime.now(UTC))
    world.settle()

    after = world.prove(item, Asked(Choice(own=maison)))
    report = check(after.body, world.trust(world.hash_of(after.block)))
    assert erased == 2 and erase(world.service.engine, organization=maison, item=item, now=datetime.now(UTC)) == 0
    assert [event.withheld for event in report.events] == [None, None, 0] and report.is_anchored
    assert b"R-77" in before.body and b"R-77" not in after.body
    assert check(withhold(before.body, ["/secret"])).events[0].withheld == 1
    assert traces(world, b"R-77") == 0
    with pytest.raises(UnknownItem):
        erase(world.service.engine, organization=maison, item=bytes(32), now=datetime.now(UTC))


def traces(world: ProofWorld, secret: bytes) -> int:
    """How often the text still stands in the database: in SQLite's files, in PostgreSQL's rows."""
    engine = world.service.engine
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        return sum(file.read_bytes().count(secret) for file in path.parent.glob(f"{path.name}*"))
    with reading(engine) as connection:
        asked = "SELECT count(*) FROM payloads WHERE body LIKE :body"
        return int(connection.execute(text(asked), {"body": f"%{secret.decode()}%"}).scalar_one())
