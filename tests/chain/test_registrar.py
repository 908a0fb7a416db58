"""Deploying, and the registry's transactions, on a real chain."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger_api.chain.abi import load_artifact
from ledger_api.chain.contracts import Contract
from ledger_api.chain.deploy import Founding, deploy, read_deployment, verify_deployment, write_deployment
from ledger_api.chain.reverts import AlreadyAdmitted, InvalidPeriod, InvalidWindow, UnknownOrganization
from ledger_api.chain.rpc import Node
from ledger_api.directory import Accreditation
from ledger_api.errors import ContractMissing, DeploymentUnusable, KeyMissing, NodeInconsistent, NodeUnreachable, WrongChain
from ledger_api.keys import Signer
from ledger_api.outbox.registrar import ChainRegistrar
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Role
from tests import servers
from tests.chain.outbox_world import EVERYTHING, OutboxWorld

pytestmark = pytest.mark.chain
STRANGER = Signer(b"\x31" * 32)


class LateNode(Node):
    """Its pending block is as old as its newest one; geth keeps a pending block for up to two seconds."""

    def ask(self, method: str, *params: Any) -> Any:
        return super().ask(method, *("latest" if param == "pending" else param for param in params))


class EmptyNode(Node):
    """It knows the chain and none of its blocks: one that has just come up, or lags behind everything."""

    def ask(self, method: str, *params: Any) -> Any:
        return None if method == "eth_getBlockByNumber" else super().ask(method, *params)


def registry(world: OutboxWorld) -> Contract:
    return Contract(world.node, load_artifact("OrganizationRegistry"), world.deployment.registry)


def grant(brand: OrganizationId, organization: OrganizationId, *, scope: int = EVERYTHING) -> Accreditation:
    return Accreditation(brand, organization, Role.RETAILER, scope, 0, 0)


def is_accredited(world: OutboxWorld, brand: OrganizationId, organization: OrganizationId) -> bool:
    answer: bool = registry(world).read("isAccredited", brand, organization, int(Role.RETAILER), 1)[0]
    return answer


def test_the_deployment_file_says_where_and_what(world: OutboxWorld, tmp_path: Path) -> None:
    path = tmp_path / "deployments" / "31337.json"

    write_deployment(path, world.deployment)

    assert read_deployment(path) == world.deployment
    verify_deployment(world.node, read_deployment(path))
    assert registry(world).read("CONSORTIUM") == (world.deployment.consortium,)


def test_another_chain_or_other_contracts_are_refused(world: OutboxWorld) -> None:
    known = world.deployment
    with pytest.raises(WrongChain):
        verify_deployment(world.node, replace(known, chain_id=1))
    with pytest.raises(WrongChain):
        verify_deployment(world.node, replace(known, genesis_hash=bytes(32)))
    with pytest.raises(ContractMissing):
        verify_deployment(world.node, replace(known, ledger=known.registry))
    with pytest.raises(ContractMissing):
        verify_deployment(world.node, replace(known, ledger=b"\x01" * 20))


def test_a_node_without_a_block_is_waited_for_like_one_that_is_away(world: OutboxWorld) -> None:
    with pytest.raises(NodeInconsistent):
        verify_deployment(EmptyNode(world.node._url), world.deployment)


def test_a_chain_that_was_reset_is_refused(world: OutboxWorld) -> None:
    world.node.call("anvil_reset")

    with pytest.raises((WrongChain, ContractMissing)):
        verify_deployment(world.node, world.deployment)


def test_a_file_that_is_no_deployment_is_named(tmp_path: Path) -> None:
    path = tmp_path / "31337.json"
    for text in ("", "[]", '{"chain_id": 1}', '{"chain_id": "0xzz"}'):
        path.write_text(text)
        with pytest.raises(DeploymentUnusable, match=r"31337\.json"):
            read_deployment(path)


def test_a_deployment_the_contracts_refuse_says_why(world: OutboxWorld) -> None:
    owner = world.keyring.owner()
    founding = Founding("did:web:other.example", owner.address, recovery_period=0)

    with pytest.raises(InvalidPeriod):
        deploy(world.node, founding, deployer=owner.address, signing=owner.sign)


def test_a_node_that_is_away_is_told_without_its_url() -> None:
    node = Node(f"http://user:secret@127.0.0.1:{servers.free_port()}/key-of-a-provider")

    with pytest.raises(NodeUnreachable) as caught:
        node.call("eth_chainId")

    assert "secret" not in repr(caught.value) + repr(node) + str(caught.value.__cause__)
    assert "provider" not in repr(caught.value) + repr(node)


def test_an_admitted_organization_can_sign_and_repeating_changes_nothing(world: OutboxWorld) -> None:
    did = "did:web:maison.example"
    maison = organization_id(did)

    first = world.registrar.admit(did, Role.BRAND, None)
    again = world.registrar.admit(did, Role.BRAND, None)

    assert registry(world).read("standing", maison) == (True, False, int(Role.BRAND))
    assert registry(world).read("isSigner", maison, "0x" + world.keyring.signer(maison).address.hex()) == (True,)
    assert world.keyring.blinding(maison)[0] == 1
    assert (len(first), again) == (32, b"")
    with pytest.raises(AlreadyAdmitted):
        world.registrar.admit(did, Role.BRAND | Role.RETAILER, None)


def test_two_accreditations_of_one_brand_travel_together_past_a_node_whose_pending_block_is_old(world: OutboxWorld) -> None:
    maison, shops = world.admit("maison", Role.BRAND), [world.admit(name, Role.RETAILER) for name in ("lyon", "osaka", "milan")]
    world.mine_by_hand()
    world.node.call("evm_setIntervalMining", 1)
    registrar = ChainRegistrar(replace(world.around, node=LateNode(world.node._url)))

    with registrar.together():
        for shop in shops:
            registrar.accredit(grant(maison, shop))

    assert [is_accredited(world, maison, shop) for shop in shops] == [True] * 3


def test_an_organization_with_a_key_of_its_own_leaves_none_here(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND, signer=STRANGER)

    assert not world.keyring.holds(maison)
    with pytest.raises(KeyMissing):
        world.registrar.accredit(grant(maison, maison))


def test_standing_signers_and_successors_are_the_owners_to_change(world: OutboxWorld) -> None:
    maison, heir = world.admit("maison", Role.BRAND), world.admit("heir", Role.BRAND)
    registrar, second = world.registrar, STRANGER.address

    registrar.set_roles(maison, Role.BRAND | Role.RETAILER)
    registrar.suspend(maison)
    registrar.name_successor(maison, heir)
    registrar.add_signer(maison, second)
    assert registry(world).read("standing", maison) == (True, True, int(Role.BRAND | Role.RETAILER))
    assert registry(world).read("speaksFor", heir, maison) == (True,)
    assert registry(world).read("isSigner", maison, "0x" + second.hex()) == (True,)
    registrar.reinstate(maison)
    registrar.retire_signer(maison, second)
    since = int(world.node.call("eth_blockNumber"), 16)
    registrar.mark_compromised(maison, second, since)

    assert registry(world).read("compromisedSince", maison, "0x" + second.hex()) == (since,)
    repeated = [
        registrar.reinstate(maison),
        registrar.retire_signer(maison, second),
        registrar.mark_compromised(maison, second, since),
        registrar.name_successor(maison, heir),
        registrar.set_roles(maison, Role.BRAND | Role.RETAILER),
    ]
    assert repeated == [b""] * 5


def test_a_brand_accredits_by_its_signature_and_the_consortium_by_its_owner(world: OutboxWorld) -> None:
    maison, shop = world.admit("maison", Role.BRAND), world.admit("shop", Role.RETAILER)

    world.registrar.accredit(grant(maison, shop))
    assert is_accredited(world, maison, shop)
    assert world.registrar.accredit(grant(maison, shop)) == b""
    world.registrar.accredit(grant(maison, shop, scope=0))
    assert not is_accredited(world, maison, shop)
    world.registrar.accredit(grant(world.deployment.consortium, shop))

    assert is_accredited(world, maison, shop)
    assert registry(world).read("nonces", maison) == (2,)


def test_what_the_registry_would_refuse_is_not_sent(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    before = world.node.call("eth_getTransactionCount", "0x" + world.keyring.owner().address.hex(), "latest")

    with pytest.raises(UnknownOrganization):
        world.registrar.suspend(organization_id("did:web:nobody.example"))
    with pytest.raises(InvalidWindow):
        world.registrar.accredit(replace(grant(maison, maison), from_time=10, until_time=5))

    assert world.node.call("eth_getTransactionCount", "0x" + world.keyring.owner().address.hex(), "latest") == before


def test_many_are_sent_together_and_waited_for_once(world: OutboxWorld) -> None:
    world.mine_by_hand()
    stop = threading.Event()
    miner = threading.Thread(target=lambda: [world.mine() for _ in iter(lambda: stop.wait(0.3), True)])
    miner.start()
    block = int(world.node.call("eth_blockNumber"), 16)

    with world.registrar.together():
        members = [world.admit(f"member-{number}", Role.BRAND | Role.RETAILER) for number in range(8)]
        for member in members[1:]:
            world.registrar.accredit(grant(members[0], member))
    stop.set()
    miner.join()

    assert all(is_accredited(world, members[0], member) for member in members[1:])
    last = int(world.node.call("eth_blockNumber"), 16)
    sizes = [len(world.node.call("eth_getBlockByNumber", hex(number), False)["transactions"]) for number in range(block + 1, last + 1)]
    assert sum(sizes) == 15
    assert max(sizes) > 1  # one that waits for each never has two in a block


def test_what_a_reorg_took_of_the_registry_goes_out_again_without_anybody_asking(world: OutboxWorld) -> None:
    worker = world.worker()
    maison = world.admit("maison", Role.BRAND)
    shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    world.mine_by_hand()
    world.index()
    world.manufacture(maison)
    world.node.call("anvil_reorg", 2, [])  # the shop's admission with its accreditation
    assert not is_accredited(world, maison, shop)

    world.settle(worker)

    assert is_accredited(world, maison, shop)
    assert registry(world).read("standing", shop)[0]
    assert world.audit().is_clean


def test_an_owner_without_ether_keeps_no_event_back(world: OutboxWorld) -> None:
    worker, maison = world.worker(), world.admit("maison", Role.BRAND)
    world.mine()
    shop = world.admit("shop", Role.RETAILER)
    world.mine_by_hand()
    world.node.call("anvil_reorg", 1, [])
    owner = "0x" + world.keyring.owner().address.hex()
    world.node.call("anvil_setBalance", owner, "0x0")
    world.manufacture(maison)

    world.settle(worker)

    assert world.statuses() == ["final"]
    assert not registry(world).read("standing", shop)[0]

    world.node.call("anvil_setBalance", owner, hex(10**20))
    world.settle(worker)

    assert registry(world).read("standing", shop)[0]


def test_a_torn_keystore_of_the_owner_keeps_no_event_back(world: OutboxWorld) -> None:
    maison = world.admit("maison", Role.BRAND)
    world.mine_by_hand()
    world.manufacture(maison)
    (world.settings.home / "keys" / "owner.json").write_text("{")

    world.settle(world.worker())

    assert world.statuses() == ["final"]


def test_two_registrars_take_turns(world: OutboxWorld) -> None:
    other = ChainRegistrar(world.around)
    failures: list[BaseException] = []

    def admit(registrar: ChainRegistrar, name: str) -> None:
        try:
            for number in range(4):
                registrar.admit(f"did:web:{name}-{number}.example", Role.BRAND, None)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=admit, args=pair) for pair in ((world.registrar, "one"), (other, "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    for name in ("one-3", "two-3"):
        assert registry(world).read("standing", organization_id(f"did:web:{name}.example"))[0]
