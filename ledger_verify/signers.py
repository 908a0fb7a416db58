"""Who signed a batch: the event put back among the others, the batch hashed again, the key recovered from the signature."""

from coincurve import PublicKey

from ledger_verify.hashing import batch_digest, batch_hash, keccak
from ledger_verify.history import Followed
from ledger_verify.proof import ProvenEvent, Signed
from ledger_verify.refusals import Refused

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def check_signer(event: ProvenEvent, signed: Signed, followed: Followed, separator: bytes, number: int) -> None:
    """Raises Refused: signature."""
    hashes = [*signed.others[: signed.position], followed.hash, *signed.others[signed.position :]]
    hashed = batch_hash(event.organization, signed.address, signed.deadline, signed.all_or_nothing, hashes)
    if recover(batch_digest(separator, hashed), signed.signature) != signed.address:
        raise Refused("signature", f"event {number}: the batch was not signed by 0x{signed.address.hex()}")


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address whose key signed (r ‖ s ‖ v, s low, v 27 or 28); None for no signature."""
    if signature[64] not in (27, 28) or int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    except ValueError:  # r is no point, or zero
        return None
    return keccak(key.format(compressed=False)[1:])[12:]
