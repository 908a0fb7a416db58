"""The demo buyers of an import: their claim keys, in a file of their own, and what they sign.

A real claim key is made at the shop or by the buyer and never comes here. An import of past sales has no buyers to
ask, so it plays them: every key is derived from one random seed in the file, and the file is on disk before the sale
that names the key is accepted. Losing the file loses the demo's items, nothing else.
"""

import hashlib
import hmac
import json
import secrets
from pathlib import Path

from coincurve import PrivateKey

from ledger_api.durable import write_durably
from ledger_verify import hashing
from ledger_verify.transition import Event


class DemoBuyers:
    """Claim keys by address. `key_for` is a pure function of the seed, so a second import finds the same keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[bytes, PrivateKey] = {}
        self._unsaved = False
        try:
            stored = json.loads(path.read_text())
        except FileNotFoundError:
            stored = {"seed": secrets.token_hex(32), "keys": {}}
            self._unsaved = True
        self._seed = bytes.fromhex(stored["seed"])
        for address, secret in stored["keys"].items():
            self._keys[bytes.fromhex(address[2:])] = PrivateKey(bytes.fromhex(secret[2:]))

    def __repr__(self) -> str:
        return f"DemoBuyers({len(self._keys)} keys)"

    def key_for(self, *occasion: str) -> bytes:
        """The 20-byte address of the buyer on this occasion (the row's cells). Call `save` before using it."""
        secret = hmac.digest(self._seed, "\x00".join(occasion).encode(), hashlib.sha256)
        key = PrivateKey(secret)
        address = hashing.keccak(key.public_key.format(compressed=False)[1:])[12:]
        if address not in self._keys:
            self._keys[address] = key
            self._unsaved = True
        return address

    def holds(self, holder: bytes) -> bool:
        """Is this holder (32 bytes) one of the demo buyers?"""
        return hashing.is_key(holder) and holder[12:] in self._keys

    def save(self) -> None:
        """On disk before this returns."""
        if not self._unsaved:
            return
        keys = {"0x" + address.hex(): "0x" + key.secret.hex() for address, key in self._keys.items()}
        write_durably(self._path, json.dumps({"seed": self._seed.hex(), "keys": keys}, indent=1))
        self._unsaved = False

    def consent(self, event: Event, *, holder: bytes, domain_separator: bytes, deadline: int) -> bytes:
        """The holder's EIP-712 signature (65 bytes) over exactly this event, for any carrier."""
        digest = hashing.consent_digest(
            domain_separator,
            action=event.kind,
            item=event.item,
            head=event.head,
            old_holder=holder,
            new_holder=event.party,
            detail=event.detail,
            carrier=bytes(32),
            store=bytes(32),
            deadline=deadline,
        )
        signature = self._keys[holder[12:]].sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([27 + signature[64]])
