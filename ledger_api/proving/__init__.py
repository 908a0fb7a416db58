"""Proofs: made from the mirror, the payload store and a node (`making`, `fields`, `evidence`, `receipts`), read by `ledger_verify`.

A proof leaves here only after the verifier itself has accepted it. Who may see which field is decided in `fields`.
"""

from ledger_api.proving.evidence import NoStateProof
from ledger_api.proving.fields import Choice
from ledger_api.proving.making import Asked, Made, NoSuchBlock, ProofMaker

__all__ = ["Asked", "Choice", "Made", "NoStateProof", "NoSuchBlock", "ProofMaker"]
