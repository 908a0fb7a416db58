"""Passports by hand, in the shape of docs/architecture.md, for what is pure: pages and decisions.

passport(holds=[...], story=[entry("manufacture"), entry("sale")])
"""

from typing import Any

Json = dict[str, Any]

MAISON: Json = {"id": "0x" + "aa" * 32, "did": "did:web:maison.example", "name": "Maison Aurélle"}
BOUTIQUE: Json = {"id": "0x" + "bb" * 32, "did": "did:web:boutique.example", "name": "Boutique Milano"}
EXPERT: Json = {"id": "0x" + "cc" * 32, "did": "did:web:expert.example", "name": "Expert House"}
NAMELESS: Json = {"id": "0x" + "dd" * 32, "did": None, "name": None}


def entry(kind: str, facts: Json | None = None, *, sequence: int = 1, by: Json = MAISON, **changes: Any) -> Json:
    return {
        "sequence": sequence,
        "kind": kind,
        "occurred_at": "2025-06-07T21:01:00Z",
        "recorded_at": "2025-06-07T21:05:00Z",
        "organization": by,
        "facts": facts or {},
        "event_hash": "0x" + "01" * 32,
        "event_id": "0x" + "02" * 32,
        "block": 12,
        "transaction": "0x" + "03" * 32,
        "corrects": None,
        "corrected_by": None,
        "void": None,
        "standing": None,
    } | changes


def opinion(outcome: str, method: str = "in-person", *, sequence: int = 2, expires_at: str | None = None) -> Json:
    return {
        "outcome": outcome,
        "method": method,
        "by": EXPERT,
        "at": "2025-06-07T21:01:00Z",
        "expires_at": expires_at,
        "sequence": sequence,
        "standing": None,
    }


def passport(**changes: Any) -> Json:
    """A bag, sold to an owner, never judged."""
    return {
        "id": "0x" + "11" * 32,
        "type": "item",
        "brand": MAISON,
        "gtin": "09506000134352",
        "model": "Sac Lune",
        "colour": "noir",
        "category": "handbag",
        "stage": "sold",
        "holder": {"type": "owner"},
        "verdict": None,
        "holds": [],
        "recovery": None,
        "sequence": 2,
        "head": "0x" + "22" * 32,
        "word": "0x" + "33" * 32,
        "materials": [],
        "story": [entry("manufacture", {"category": "handbag", "model": "Sac Lune", "colour": "noir"}), entry("sale", sequence=2)],
        "chain": {"chain_id": 31337, "ledger": "0x" + "44" * 20, "registry": "0x" + "55" * 20},
    } | changes
