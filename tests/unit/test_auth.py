"""Principals, scopes and buckets, without a database."""

import pytest

from ledger_api import auth
from ledger_api.auth import Limiter, NewKey, Principal, Scope, check_scopes
from ledger_api.domain.signatures import HALF_ORDER, signer_of
from ledger_api.errors import CallerError, Forbidden, RateLimited
from ledger_verify.hashing import keccak, organization_id
from ledger_verify.transition import Kind
from tests.consortium import address_of, key_of, sign

BRAND, OTHER = organization_id("did:web:b.example"), organization_id("did:web:o.example")


def principal(*scopes: str) -> Principal:
    return Principal("k", BRAND, frozenset(scopes))


def test_which_kinds_a_key_may_send() -> None:
    assert principal("events:write").kinds() is None
    assert principal("events:write:sale", "events:write:raw-material").kinds() == {Kind.SALE, Kind.RAW_MATERIAL}
    assert principal("admin", "events:read").kinds() == frozenset()


def test_the_desk_sees_all_and_writes_in_nobodys_name() -> None:
    desk = principal("admin")

    assert desk.may_see(OTHER)
    with pytest.raises(Forbidden):
        desk.require(Scope.WRITE)


def test_a_member_sees_its_own() -> None:
    assert principal("events:read").may_see(BRAND)
    assert not principal("events:read").may_see(OTHER)


@pytest.mark.parametrize("scopes", [set(), {"everything"}, {"events:write:birth"}, {"events:write", "Admin"}])
def test_scopes_that_do_not_exist_are_refused(scopes: set[str]) -> None:
    with pytest.raises(CallerError):
        check_scopes(frozenset(scopes))


def test_a_token_does_not_show_in_a_repr() -> None:
    assert "secret" not in repr(NewKey("id", "lk_id_secret"))


# --- buckets


def taken(limiter: Limiter, caller: str, at: float, *, is_key: bool = False, cost: int = 1) -> bool:
    try:
        limiter.take(caller, is_key=is_key, at=at, cost=cost)
    except RateLimited:
        return False
    return True


def test_a_bucket_is_a_minute_deep_and_fills_again() -> None:
    limiter = Limiter(anonymous_per_minute=60, key_per_minute=600)

    assert sum(taken(limiter, "a", 0.0) for _ in range(100)) == 60
    assert not taken(limiter, "a", 0.5)
    assert taken(limiter, "a", 1.0)
    assert sum(taken(limiter, "a", 1000.0) for _ in range(100)) == 60


def test_callers_do_not_share_a_bucket_and_keys_have_a_deeper_one() -> None:
    limiter = Limiter(anonymous_per_minute=2, key_per_minute=5)

    assert sum(taken(limiter, "a", 0.0) for _ in range(9)) == 2
    assert sum(taken(limiter, "b", 0.0) for _ in range(9)) == 2
    assert sum(taken(limiter, "k", 0.0, is_key=True) for _ in range(9)) == 5


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    limiter = Limiter(anonymous_per_minute=1, key_per_minute=1)

    assert taken(limiter, "a", 100.0)
    assert not taken(limiter, "a", 0.0)


def test_a_flood_of_addresses_does_not_eat_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MOST_BUCKETS", 10)
    limiter = Limiter(anonymous_per_minute=1, key_per_minute=1)

    for number in range(100):
        taken(limiter, str(number), 0.0)

    assert len(limiter._buckets) == 10


# --- signatures


def test_a_signature_tells_who_made_it() -> None:
    digest = keccak(b"digest")

    assert signer_of(digest, sign(key_of("owner"), digest)) == address_of(key_of("owner"))
    assert signer_of(keccak(b"other"), sign(key_of("owner"), digest)) != address_of(key_of("owner"))


def test_a_signature_that_the_ledger_would_not_take_is_nobodys() -> None:
    digest = keccak(b"digest")
    good = sign(key_of("owner"), digest)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = order - int.from_bytes(good[32:64], "big")
    assert mirrored > HALF_ORDER

    assert signer_of(digest, good[:32] + mirrored.to_bytes(32, "big") + bytes([55 - good[64]])) is None
    assert signer_of(digest, good[:64] + b"\x00") is None
    assert signer_of(digest, good[:64]) is None
    assert signer_of(digest, bytes(64) + b"\x1b") is None
