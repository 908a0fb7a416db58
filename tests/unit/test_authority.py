"""The registry as a value answers as the contract does (docs/protocol.md §7)."""

import pytest

from ledger_api.domain.authority import Snapshot, Window
from ledger_verify.hashing import OrganizationId, organization_id
from ledger_verify.transition import Category, Role, Standing

CONSORTIUM, BRAND, SUCCESSOR, SHOP, STRANGER, OUTSIDER = (OrganizationId(organization_id(f"did:web:{name}.example")) for name in "cbsxyz")
MEMBER = Standing(admitted=True, suspended=False, roles=int(Role.RETAILER))
ALL = 2**64 - 1


def snapshot(**parts: object) -> Snapshot:
    members = dict.fromkeys((CONSORTIUM, BRAND, SUCCESSOR, SHOP), MEMBER)
    return Snapshot(CONSORTIUM, **({"members": members} | parts))  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("successors", "brand", "speakers"),
    [
        ({}, BRAND, {BRAND}),
        ({BRAND: SUCCESSOR}, BRAND, {BRAND, SUCCESSOR}),
        ({}, OUTSIDER, {OUTSIDER, CONSORTIUM}),
        ({OUTSIDER: SUCCESSOR}, OUTSIDER, {OUTSIDER, SUCCESSOR}),
    ],
    ids=["a member", "a member that is gone", "no member", "no member, with a successor"],
)
def test_who_speaks_for_a_brand(successors: dict[bytes, bytes], brand: OrganizationId, speakers: set[bytes]) -> None:
    authority = snapshot(successors=successors).at(0)

    assert {one for one in (CONSORTIUM, BRAND, SUCCESSOR, SHOP, OUTSIDER) if authority.speaks_for(one, brand)} == speakers


@pytest.mark.parametrize(
    ("window", "now", "accredited"),
    [
        (Window(ALL, 0, 0), 5, True),
        (Window(0, 0, 0), 5, False),
        (Window(1 << Category.WATCH, 0, 0), 5, False),
        (Window(1 << Category.HANDBAG, 0, 0), 5, True),
        (Window(ALL, 5, 0), 4, False),
        (Window(ALL, 5, 6), 5, True),
        (Window(ALL, 5, 6), 6, False),
    ],
)
@pytest.mark.parametrize("grantor", [BRAND, CONSORTIUM])
def test_an_accreditation_has_a_scope_and_a_window(grantor: bytes, window: Window, now: int, accredited: bool) -> None:
    authority = snapshot(accreditations={(grantor, SHOP, int(Role.RETAILER)): window}).at(now)

    assert authority.is_accredited(BRAND, SHOP, Role.RETAILER, Category.HANDBAG) is accredited


def test_an_accreditation_is_for_one_role_one_brand_and_one_organization() -> None:
    authority = snapshot(accreditations={(BRAND, SHOP, int(Role.RETAILER)): Window(ALL, 0, 0)}).at(0)

    assert not authority.is_accredited(BRAND, SHOP, Role.AUTHENTICATOR, 0)
    assert not authority.is_accredited(SUCCESSOR, SHOP, Role.RETAILER, 0)
    assert not authority.is_accredited(BRAND, STRANGER, Role.RETAILER, 0)


def test_a_stranger_has_no_standing() -> None:
    assert snapshot().at(0).standing(STRANGER) == Standing(admitted=False, suspended=False, roles=0)
    assert not snapshot().is_signer(SHOP, b"a" * 20)
