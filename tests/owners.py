"""What somebody with a claim key does with it: signs papers that the service drafts, reports an item stolen. As the pages' scripts do.

Keys stay here; what is signed comes by HTTP, and only signatures go back.
"""

from typing import Any

from coincurve import PrivateKey

from ledger_verify.claims import Wish, address_of, agree
from ledger_verify.codes import Hold, Kind
from ledger_verify.hashing import Head, ItemId, claim_holder
from ledger_verify.state import pack_detail

Json = dict[str, Any]


def hex_address(key: PrivateKey) -> str:
    return "0x" + address_of(key).hex()


def signed(typed_data: Json, key: PrivateKey) -> str:
    """The signature under a consent that was drafted for this key (EIP-712)."""
    said, domain = typed_data["message"], typed_data["domain"]
    wish = Wish(
        int(said["action"]),
        ItemId(_bytes(said["item"])),
        Head(_bytes(said["head"])),
        _bytes(said["oldHolder"]),
        int(said["deadline"]),
        new_holder=_bytes(said["newHolder"]),
        detail=int(said["detail"]),
        carrier=_bytes(said["carrier"]),
        store=_bytes(said["store"]),
    )
    return "0x" + agree(wish, key, chain_id=int(domain["chainId"]), ledger=_bytes(domain["verifyingContract"])).hex()


def stolen(item: str, terms: Json, key: PrivateKey, *, deadline: int) -> Json:
    """The body for `POST /v1/items/{item}/hold`; `terms` are the item's consent terms."""
    wish = Wish(Kind.HOLD, *_here(item, terms, key), deadline, detail=pack_detail(a=Hold.STOLEN, consented=True))
    return {"hold": "stolen", "consent": _consent(wish, terms, key)}


def given(item: str, terms: Json, key: PrivateKey, *, to: str, deadline: int) -> Json:
    """The body for `POST /v1/items/{item}/transfer`, to whoever has the key of this address."""
    wish = Wish(Kind.TRANSFER, *_here(item, terms, key), deadline, new_holder=claim_holder(_bytes(to)))
    return {"new_holder": to, "consent": _consent(wish, terms, key)}


def _here(item: str, terms: Json, key: PrivateKey) -> tuple[ItemId, Head, bytes]:
    return ItemId(_bytes(item)), Head(_bytes(terms["head"])), claim_holder(address_of(key))


def _consent(wish: Wish, terms: Json, key: PrivateKey) -> Json:
    """As it is sent: the struct with its domain, and the signature."""
    signature = agree(wish, key, chain_id=terms["chain_id"], ledger=_bytes(terms["ledger"]))
    about = {"chain_id": terms["chain_id"], "ledger": terms["ledger"], "item": _hex(wish.item), "head": _hex(wish.head)}
    holders = {"action": int(wish.action), "old_holder": _hex(wish.old_holder), "new_holder": _hex(wish.new_holder)}
    return about | holders | {"detail": str(wish.detail), "deadline": wish.deadline, "signature": _hex(signature)}


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(said: str) -> bytes:
    return bytes.fromhex(said.removeprefix("0x"))
