"""Claim cards: what is printed can be read again, however it is typed, and gives one key."""

import pytest

from ledger_verify import claims
from ledger_verify.claims import NotACard, Wish
from ledger_verify.codes import Kind
from ledger_verify.hashing import Head, ItemId, claim_holder, keccak

SECRET = bytes(range(20))
ITEM, HEAD = ItemId(keccak(b"item")), Head(keccak(b"head"))
LEDGER = bytes(range(20, 40))


@pytest.mark.parametrize(
    "typed",
    [
        claims.card_text(SECRET),
        claims.card_text(SECRET).lower().replace(" ", "-"),
        claims.card_text(SECRET).replace(" ", "").replace("O", "0").replace("I", "1").replace("B", "8"),
        claims.card_link("https://ledger.example/", ITEM, SECRET),
    ],
)
def test_a_card_is_read_however_it_is_typed(typed: str) -> None:
    assert claims.read_card(typed) == SECRET


@pytest.mark.parametrize("typed", ["", "AAAA", claims.card_text(SECRET) + " AAAA", "é" * 32, "//[", "A" * 31 + "="])
def test_what_is_no_card_is_refused_as_such(typed: str) -> None:
    with pytest.raises(NotACard):
        claims.read_card(typed)


def test_a_secret_of_another_length_gives_no_key() -> None:
    with pytest.raises(NotACard, match="20 bytes, not 19"):
        claims.claim_key(SECRET[:19])


def test_cards_that_differ_in_one_bit_give_keys_that_share_nothing() -> None:
    other = bytes([SECRET[0] ^ 1]) + SECRET[1:]

    assert claims.address_of(claims.claim_key(SECRET)) != claims.address_of(claims.claim_key(other))


@pytest.mark.parametrize("moved", ["chain", "ledger", "item", "head", "deadline"])
def test_a_wish_is_good_for_one_chain_one_ledger_one_item_one_head_and_one_deadline(moved: str) -> None:
    key = claims.claim_key(SECRET)
    holder = claim_holder(claims.address_of(key))
    wish = Wish(Kind.TRANSFER, ITEM, HEAD, holder, 1_800_000_000, holder)
    other = Wish(
        Kind.TRANSFER,
        ItemId(keccak(b"other")) if moved == "item" else ITEM,
        Head(keccak(b"other")) if moved == "head" else HEAD,
        holder,
        1_800_000_001 if moved == "deadline" else 1_800_000_000,
        holder,
    )
    chain_id, ledger = 2 if moved == "chain" else 1, bytes(20) if moved == "ledger" else LEDGER

    assert claims.agree(wish, key, chain_id=1, ledger=LEDGER) != claims.agree(other, key, chain_id=chain_id, ledger=ledger)


def test_the_service_finds_the_holder_in_a_wish() -> None:
    from ledger_api.domain.signatures import signer_of

    key = claims.claim_key(SECRET)
    wish = Wish(Kind.TRANSFER, ITEM, HEAD, claim_holder(claims.address_of(key)), 1_800_000_000)

    signature = claims.agree(wish, key, chain_id=1, ledger=LEDGER)

    assert signer_of(claims.wish_digest(wish, chain_id=1, ledger=LEDGER), signature) == claims.address_of(key)
