"""A chain with the contracts and one brand on it, and the payloads that every contestant records."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey
from eth_utils import to_checksum_address

from ledger_api.chain.deploy import Deployment, Founding, deploy
from ledger_api.chain.rpc import Node
from ledger_api.home import BLOCK_GAS_LIMIT
from ledger_api.keys import Signer
from ledger_verify import hashing
from ledger_verify.transition import Event, Kind, pack_detail
from tests import servers

# Anvil's first published account: it owns everything here
OWNER_SECRET = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
BRAND_DID = "did:web:bench-brand.example"
BRAND_KEY = hashlib.sha256(b"bench brand").digest()
BLINDING = hashlib.sha256(b"bench blinding").digest()
BORN = 1_750_000_000
GTIN = "09990000100019"


@dataclass(frozen=True)
class World:
    rpc_url: str
    deployment: Deployment


@contextmanager
def world(*, block_time: float | None) -> Iterator[World]:
    """Anvil as `ledger up` runs it (but automine when `block_time` is None), with both contracts deployed."""
    with servers.anvil(block_time=block_time, gas_limit=BLOCK_GAS_LIMIT) as url:
        owner = Signer(OWNER_SECRET)
        founding = Founding(consortium_did="did:web:bench-consortium.example", consortium_signer=owner.address)
        yield World(url, deploy(Node(url), founding, deployer=owner.address, signing=owner.sign))


def body(number: int, *, run: str) -> dict[str, Any]:
    """A manufacture as a brand's production system sends it: twelve leaves."""
    return {
        "kind": "manufacture",
        "occurred_at": "2025-06-15T15:06:40+00:00",
        "gtin": GTIN,
        "serial": f"{run}{number:07d}",
        "category": "handbag",
        "payload": {
            "model": "Cabas Verne 32",
            "colour": "noir",
            "atelier": "Lyon 3",
            "line": "A",
            "artisan": f"ART-{number % 97:03d}",
            "leather": {"kind": "calf, full grain", "finish": "box"},
            "hardware": "palladium",
            "weight_grams": "812",
            "quality_check": "QC-2",
        },
    }


def events(count: int, *, run: str) -> Iterator[Event]:
    """The same manufactures as signed events: payload committed field by field, serial hidden."""
    brand = hashing.organization_id(BRAND_DID)
    for number in range(count):
        told = body(number, run=run)
        commitment = hashing.serial_commitment(BLINDING, told["gtin"], told["serial"])
        item = hashing.item_id(brand, commitment)
        whole = told["payload"] | {name: told[name] for name in ("gtin", "serial", "category")}
        payload = hashing.commit_payload(
            whole, item_key=hashing.item_key(BLINDING, item), organization=brand, kind=Kind.MANUFACTURE, occurred_at=BORN
        ).commitment
        yield Event(
            item=item,
            kind=Kind.MANUFACTURE,
            head=hashing.Head(bytes(32)),
            occurred_at=BORN,
            party=commitment,
            detail=pack_detail(c=1),
            payload=payload,
        )


def signed_batch_of_one(event: Event, *, separator: bytes) -> tuple[Any, ...]:
    """What `record` takes, for one event, as web3.py wants it."""
    brand = hashing.organization_id(BRAND_DID)
    key = PrivateKey(BRAND_KEY)
    signer = hashing.keccak(key.public_key.format(compressed=False)[1:])[12:]
    deadline = 2**40
    digest = hashing.batch_digest(
        separator,
        hashing.batch_hash(
            organization=brand, signer=signer, deadline=deadline, all_or_nothing=False, event_hashes=[hashing.event_hash(event)]
        ),
    )
    signature = key.sign_recoverable(digest, hasher=None)
    shown = (event.item, int(event.kind), event.head, event.occurred_at, event.party, event.detail, event.payload)
    nothing = (bytes(32), bytes(32), bytes(32), 0)
    return (brand, to_checksum_address(signer), deadline, False, [shown], [nothing], [], [], signature[:64] + bytes([27 + signature[64]]))
