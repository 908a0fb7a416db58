"""The contracts' errors as exceptions: a class of the same name for each, found by its selector in the ABI."""

from collections.abc import Mapping, Sequence
from typing import Any

from eth_abi import abi as eth_abi

from ledger_api.chain.abi import Artifact
from ledger_api.errors import WouldRevert
from ledger_verify.hashing import keccak


class EmptyDid(WouldRevert):
    """An organization needs a DID."""

    code = "empty-did"


class ZeroSigner(WouldRevert):
    """The zero address signs for nobody."""

    code = "zero-signer"


class UnknownOrganization(WouldRevert):
    """The registry has not admitted this organization."""

    code = "unknown-organization"


class AlreadyAdmitted(WouldRevert):
    """The organization is a member already."""

    code = "already-admitted"


class InvalidRole(WouldRevert):
    """There is no such role, or more than one where one is needed."""

    code = "invalid-role"


class InvalidWindow(WouldRevert):
    """The window ends before it begins."""

    code = "invalid-window"


class NothingChanges(WouldRevert):
    """The registry says so already."""

    code = "nothing-changes"


class NotASigner(WouldRevert):
    """This key is no active signer of the organization."""

    code = "not-a-signer"


class SignerWasCompromised(WouldRevert):
    """This key was marked compromised; it cannot come back."""

    code = "signer-was-compromised"


class NotEntitled(WouldRevert):
    """The caller may not do this for the organization."""

    code = "not-entitled"


class OrganizationIsSuspended(WouldRevert):
    """The organization is suspended."""

    code = "organization-is-suspended"


class DeadlinePassed(WouldRevert):
    """The signature's deadline has passed."""

    code = "deadline-passed"


class InvalidSignature(WouldRevert):
    """The signature is not by a signer of the brand."""

    code = "invalid-signature"


class BlockNotReached(WouldRevert):
    """The block is not mined yet."""

    code = "block-not-reached"


class WitnessMismatch(WouldRevert):
    """A witness does not open the item's word: the item moved on, or an event before it was refused."""

    code = "witness-mismatch"


class CarrierFault(WouldRevert):
    """A list of what was carried is out of order or of the wrong length."""

    code = "carrier-fault"


class GasStarved(WouldRevert):
    """Too little gas to ask a contract wallet or to finish a group."""

    code = "gas-starved"


class InvalidPeriod(WouldRevert):
    """The ledger cannot be deployed with this period."""

    code = "invalid-period"


class GroupEnds(WouldRevert):
    """An all-or-nothing batch ended at its first refusal."""

    code = "group-ends"


class NotTheLedger(WouldRevert):
    """Only the ledger itself may ask this."""

    code = "not-the-ledger"


_OURS: Sequence[type[WouldRevert]] = (
    EmptyDid, ZeroSigner, UnknownOrganization, AlreadyAdmitted, InvalidRole, InvalidWindow, NothingChanges, NotASigner,
    SignerWasCompromised, NotEntitled, OrganizationIsSuspended, DeadlinePassed, InvalidSignature, BlockNotReached,
    WitnessMismatch, CarrierFault, GasStarved, InvalidPeriod, GroupEnds, NotTheLedger,
)  # fmt: skip
BY_NAME: Mapping[str, type[WouldRevert]] = {error.__name__: error for error in _OURS}
_ERROR_STRING = keccak(b"Error(string)")[:4]  # what `require(…, "text")` gives
_PANIC = keccak(b"Panic(uint256)")[:4]


def revert_error(revert: bytes | None, artifacts: Sequence[Artifact]) -> WouldRevert:
    """The exception for a contract's error bytes; its facts are the error's arguments, bytes in hex."""
    if not revert:
        return WouldRevert("the contract would revert without a reason", error="")
    selector, body = revert[:4], revert[4:]
    for artifact in artifacts:
        entry = artifact.errors.get(selector)
        if entry is not None:
            values = eth_abi.decode(entry.types, body)
            facts = dict(zip(entry.names, map(_readable, values), strict=True))
            return BY_NAME.get(entry.name, WouldRevert)(error=entry.name, **facts)
    if selector == _ERROR_STRING:
        return WouldRevert(f"the contract would revert: {eth_abi.decode(['string'], body)[0]}", error="Error")
    if selector == _PANIC:
        return WouldRevert(f"the contract would panic: {eth_abi.decode(['uint256'], body)[0]:#x}", error="Panic")
    return WouldRevert(f"the contract would revert with 0x{selector.hex()}", error="0x" + selector.hex())


def _readable(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value
