"""A real chain, the real service on it, members that record by the real door: where proofs are made from.

    with proof_world(tmp_path, database_url) as world:
        maison = world.admit("maison", Role.BRAND)
        bag = world.record(maison, manufacture("A1"))
        proof = world.prove(bag)

Everything happens in this process: `settle` lets the worker, the chain and the indexer take turns.
"""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from sqlalchemy import text

from ledger_api import operating
from ledger_api.directory import Accreditation
from ledger_api.domain.parsing import Refusal, parse_event
from ledger_api.indexer.loop import catch_up
from ledger_api.intake import Order, accept_events
from ledger_api.intake.drafting import draft
from ledger_api.outbox.worker import Worker
from ledger_api.proving import Asked, Made, ProofMaker
from ledger_api.service import deploy_once, open_service
from ledger_api.settings import Settings
from ledger_api.store.engine import reading
from ledger_verify.checking import Trust
from ledger_verify.hashing import ItemId, OrganizationId, consent_digest, keccak, organization_id
from ledger_verify.transition import Role
from tests import servers

GTIN = "09506000134352"
EVERYTHING = 2**64 - 1
_numbers = itertools.count(1)
_SNAKE = {"item": "item", "head": "head", "oldHolder": "old_holder", "newHolder": "new_holder", "carrier": "carrier", "store": "store"}


class ProofWorld:
    def __init__(self, url: str, folder: Path, database_url: str) -> None:
        self.settings = Settings(home=folder / "home", database_url=database_url)
        deploy_once(self.settings, url)
        self.url = url
        self.service = open_service(self.settings, url)
        self.node = self.service.node
        self.deployment = self.service.deployment
        self.maker = ProofMaker(self.service.engine, self.node, self.deployment, self.service.keyring)
        self.start = int(time.time()) - 86_400
        self._worker = Worker(self.service.surroundings(), owner="worker", lane=0)
        self._following = self.service.following()

    def close(self) -> None:
        self.service.close()

    # --- members

    def admit(self, name: str, roles: Role, *, accredited_by: OrganizationId | None = None) -> OrganizationId:
        did = f"did:web:{name}.example"
        member = operating.directory.Member(did=did, name=name.title(), country=None, visibility="public", roles=roles)
        registrar = self.service.registrar()
        operating.directory.admit(self.service.engine, registrar, member, signer=None, now=self.start)
        organization = organization_id(did)
        if accredited_by is not None:
            for role in roles:
                registrar.accredit(Accreditation(accredited_by, organization, role, EVERYTHING, from_time=0, until_time=0))
        catch_up(self._following)
        return organization

    def organization(self, name: str) -> OrganizationId:
        return organization_id(f"did:web:{name}.example")

    # --- events

    def record(self, organization: OrganizationId, *bodies: dict[str, Any]) -> ItemId:
        """Accepted, carried, followed. Gives the item of the last."""
        results = self.accept(organization, *bodies)
        self.settle()
        return ItemId(results[-1].item)

    def accept(self, organization: OrganizationId, *bodies: dict[str, Any]) -> list[Any]:
        order = Order(organization=organization, now=int(time.time()), submission=f"{next(_numbers):032x}", request_id="test")
        results = accept_events(self.service.intake, [parse_event(body) for body in bodies], order).results
        assert [result.status for result in results] == ["accepted"] * len(bodies), results
        return results

    def settle(self, turns: int = 6) -> None:
        for _ in range(turns):
            self._worker.turn()
            self.node.call("evm_mine")
            catch_up(self._following)
            with reading(self.service.engine) as connection:
                if not connection.execute(text("SELECT count(*) FROM events WHERE status = 'accepted'")).scalar_one():
                    break
        self.node.call("evm_mine")
        self.node.call("evm_mine")
        catch_up(self._following)

    def carry(self) -> None:
        """What is accepted is sent and seen; no block comes after it."""
        self._worker.turn()
        self.follow()

    def follow(self) -> None:
        catch_up(self._following)

    def at(self, number: int) -> str:
        """Times of occurrence, one after the other, all in the past."""
        return datetime.fromtimestamp(self.start + 60 * number, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def consented(self, body: dict[str, Any], key: PrivateKey, *, by: OrganizationId) -> dict[str, Any]:
        """The body with the consent of whoever has this key, on the item as it is now; a new item's presenter signs alike."""
        deadline = int(time.time()) + 3600
        until = datetime.fromtimestamp(deadline, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        drafted = draft(self.service.intake, body | {"consent": {"deadline": until}}, organization=by)
        assert not isinstance(drafted, Refusal) and drafted.consent is not None, drafted
        asked = drafted.consent["message"]
        plain = {name: asked[name] for name in ("action", "detail", "deadline")}
        hexed = {_SNAKE[name]: bytes.fromhex(asked[name][2:]) for name in _SNAKE}
        signature = key.sign_recoverable(consent_digest(self.deployment.domain_separator, **plain, **hexed), hasher=None)
        return body | {"consent": {"deadline": until, "signature": "0x" + (signature[:64] + bytes([signature[64] + 27])).hex()}}

    # --- proofs

    def prove(self, item: ItemId, asked: Asked | None = None) -> Made:
        return self.maker.make(item, asked or Asked())

    def trust(self, *block_hashes: bytes) -> Trust:
        """Everything, as somebody knows it who has the deployment file and asked a node for these blocks."""
        known = self.deployment
        return Trust(
            chain_id=known.chain_id, ledger=known.ledger, ledger_code_hash=known.ledger_code_hash,
            block_hashes=frozenset(block_hashes), registry=known.registry, registry_code_hash=known.registry_code_hash,
        )  # fmt: skip

    def hash_of(self, block: int) -> bytes:
        return bytes.fromhex(self.node.call("eth_getBlockByNumber", hex(block), False)["hash"][2:])


@contextmanager
def proof_world(folder: Path, database_url: str) -> Iterator[ProofWorld]:
    with servers.anvil() as url:
        world = ProofWorld(url, folder, database_url)
        try:
            yield world
        finally:
            world.close()


# --- bodies ----------------------------------------------------------------------------------------------------------


def key_of(name: str) -> PrivateKey:
    return PrivateKey(keccak(name.encode()))


def address_of(key: PrivateKey) -> str:
    return "0x" + keccak(key.public_key.format(compressed=False)[1:])[12:].hex()


def manufacture(world: ProofWorld, serial: str, number: int = 0, **payload: Any) -> dict[str, Any]:
    whole = {"model": "Cabas Verne 32", "colour": "bleu nuit", "atelier": "Lyon 3"} | payload
    return {
        "kind": "manufacture", "occurred_at": world.at(number), "gtin": GTIN, "serial": serial, "category": "handbag", "payload": whole,
    }  # fmt: skip


def later(world: ProofWorld, kind: str, serial: str, number: int, payload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Any other event on the item of this serial."""
    named = {"gtin": GTIN, "serial": serial}
    return {"kind": kind, "occurred_at": world.at(number), "item": named, "payload": payload or {}} | fields


def life(world: ProofWorld, serial: str = "S-1") -> ItemId:
    """A bag made, shipped, sold, seen, serviced: five events of three organizations."""
    maison = world.admit("maison", Role.BRAND)
    shop = world.admit("shop", Role.RETAILER, accredited_by=maison)
    expert = world.admit("expert", Role.AUTHENTICATOR, accredited_by=maison)
    world.record(maison, manufacture(world, serial, secret="R-77"))
    world.record(maison, later(world, "shipment", serial, 1, {"reference": "D-1"}, to="did:web:shop.example"))
    world.record(shop, later(world, "sale", serial, 2, {"invoice": "F-1", "country": "FR"}, claim_key=address_of(key_of("owner"))))
    seen = {"appraiser": "APR-07", "grounds": "agrees with the reference", "evidence": ["0x" + "ab" * 32]}
    world.record(expert, later(world, "verdict", serial, 3, seen, outcome="authentic", method="in-person"))
    return world.record(maison, later(world, "service", serial, 4, {"description": "new lining", "parts": ["lining"]}))
