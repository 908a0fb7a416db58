"""Who signed a digest: secp256k1 recovery as the ledger does it, nothing else."""

from coincurve import PublicKey

from ledger_verify.hashing import keccak

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def signer_of(digest: bytes, signature: bytes) -> bytes | None:
    """The address that made a 65-byte signature; None for one that the contract would not take either (high s, v not 27 or 28)."""
    if len(signature) != 65 or signature[64] not in (27, 28) or int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        return None
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        return None
    return keccak(key.format(compressed=False)[1:])[12:]
