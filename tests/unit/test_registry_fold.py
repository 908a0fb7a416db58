"""The registry's logs folded to the standing of members: a pure function of the logs in their order."""

import pytest

from ledger_api.errors import FoldMismatch
from ledger_api.indexer import registry
from ledger_api.indexer.registry import compromised_by, fold_registry
from ledger_api.store.following import RegistryLog
from ledger_verify.hashing import keccak, organization_id

DID = "did:web:maison.example"
MAISON, EXPERT = organization_id(DID), organization_id("did:web:expert.example")
KEY = b"\x07" * 20


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def log(block: int, topics: list[bytes], body: bytes = b"") -> RegistryLog:
    return RegistryLog(block, 0, b"".join(topics), body)


def admitted(block: int = 1, did: str = DID, organization: bytes = MAISON) -> RegistryLog:
    text = did.encode()
    return log(block, [registry.ADMITTED, organization], number(64) + number(2) + number(len(text)) + text.ljust(64, b"\0"))


def signer(topic: bytes, block: int, body: bytes = b"") -> RegistryLog:
    return log(block, [topic, MAISON, bytes(12) + KEY], body)


def test_an_admitted_organization_has_its_did_and_roles() -> None:
    standing = fold_registry([admitted()])

    assert standing.organizations == [(MAISON, DID, 2, False, None, 1, None, None)]


def test_roles_and_suspension_are_as_said_last() -> None:
    suspended, reinstated = (log(block, [topic, MAISON]) for block, topic in ((3, registry.SUSPENDED), (4, registry.REINSTATED)))
    roles = log(2, [registry.ROLES_SET, MAISON], number(5))

    assert fold_registry([admitted(), roles, suspended]).organizations == [(MAISON, DID, 5, True, None, 1, 3, 2)]
    assert fold_registry([admitted(), roles, suspended, reinstated]).organizations == [(MAISON, DID, 5, False, None, 1, None, 2)]


def test_a_successor_may_be_named_for_a_brand_that_never_joined_and_taken_back() -> None:
    named, taken_back = (log(1, [registry.SUCCESSOR_NAMED, MAISON, successor]) for successor in (EXPERT, bytes(32)))

    assert fold_registry([named]).successors == [(MAISON, EXPERT)]
    assert fold_registry([named, taken_back]).successors == []


def test_a_signer_retired_and_added_again_is_active() -> None:
    added, retired, again = signer(registry.SIGNER_ADDED, 1), signer(registry.SIGNER_RETIRED, 2), signer(registry.SIGNER_ADDED, 3)

    assert fold_registry([added, retired]).signers == [(MAISON, KEY, 1, 2, None)]
    assert fold_registry([added, retired, again]).signers == [(MAISON, KEY, 3, None, None)]


def test_a_compromised_signer_is_retired_too_and_the_last_word_counts() -> None:
    added, marked, corrected = (
        signer(registry.SIGNER_ADDED, 1),
        signer(registry.SIGNER_COMPROMISED, 5, number(2)),
        signer(registry.SIGNER_COMPROMISED, 6, number(4)),
    )

    assert fold_registry([added, marked]).signers == [(MAISON, KEY, 1, 5, 2)]
    assert fold_registry([added, marked, corrected]).signers == [(MAISON, KEY, 1, 5, 4)]
    assert compromised_by(marked) == (MAISON, KEY) and compromised_by(added) is None


def test_every_accreditation_is_kept_with_its_place_in_the_chain() -> None:
    given = log(7, [registry.ACCREDITED, MAISON, EXPERT], number(16) + number(2**64 - 1) + number(10) + number(20))

    assert fold_registry([given]).accreditations == [(7, 0, MAISON, EXPERT, 16, b"\xff" * 8, 10, 20)]


def test_logs_of_other_kinds_say_nothing() -> None:
    other = log(1, [keccak(b"OwnershipTransferred(address,address)"), bytes(32), bytes(32)])

    assert fold_registry([other]) == fold_registry([])


def test_an_organization_under_a_name_that_is_not_its_own_is_not_believed() -> None:
    with pytest.raises(FoldMismatch):
        fold_registry([admitted(organization=EXPERT)])
