"""Photos of a listing that were sent before: for another seller's live listing, to a desk about another piece; and what does not count."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.desk import asking, reuse
from ledger_api.desk.asking import Account, NewCase, Platform
from ledger_api.desk.policy import default
from ledger_api.desk.rows import accounts, cases
from ledger_api.store.engine import reading, writing
from tests.api.listings.studio import Json, Studio, codes, picture
from tests.gallery import GTIN, OWNER, SECOND_OWNER, SERIALS, address_of

ONE, OTHER = ({"seller": {"claim_key": "0x" + address_of(key).hex()}} for key in (OWNER, SECOND_OWNER))
ANNA, BERT = ({"seller_account": name} for name in ("anna", "bert"))
MINE = 5


@pytest.fixture(autouse=True)
def unscreened(studio: Studio) -> None:
    """These are about what was sent before; no classifier has a say."""
    object.__setattr__(studio.checker.machines, "tagger", None)


def is_reused(studio: Studio, listing: str, *, by: str = "platform") -> bool:
    now = studio.look(listing, by=by)
    reused = [photo["reused"] for photo in now["photos"]]
    assert ("photos-reused" in codes(now)) == any(reused)
    return any(reused)


def asked_a_desk(studio: Studio, who: Account | Platform, body: bytes, *, id: str = "c" * 32, **named: Any) -> str:
    """A case with this photo, by the desk's own ways."""
    at, expert = datetime.fromtimestamp(studio.gallery.now, UTC), studio.gallery.members["expert"].id
    reference = f"C-{id[:1]}" if isinstance(who, Platform) else None
    new = NewCase(authenticator=expert, brand_did="did:web:maison.example", category="handbag", reference=reference, **named)
    with writing(studio.gallery.engine) as connection:
        if isinstance(who, Account):
            accounts.keep_account(connection, who.id, now=at)
        asking.open_case(connection, who, new, default(), id=id, now=at)
        row = cases.case(connection, id)
    asking.add_shot(studio.gallery.engine, studio.vault, row, "logo", body, default(), id=id[::-1], now=at)  # type: ignore[arg-type]
    studio.later(1)
    return id


# --- listings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["same", "recompressed", "crop", "mirror"])
def test_a_photo_from_another_sellers_live_listing_has_the_object_seen(studio: Studio, change: str) -> None:
    first = studio.offered("enrolled", picture(MINE))
    copied = studio.offered("cleared", picture(MINE, change), by="boutique")

    now = studio.look(copied, by="boutique")

    assert (now["next"], codes(now), now["review"]) == ("book-verification", ["photos-reused"], "off")
    assert not is_reused(studio, first) and studio.look(first)["next"] == "list"
    assert first not in str(now) and studio.gallery.members["platform"].id.hex() not in str(now)
    assert not studio.client.get(f"/v1/listings/{copied}/badge.json").json()["alive"]
    assert [(one["listing"], one["reused"]) for one in studio.notices()][-1] == (copied, True)


def test_the_sign_ends_with_the_listing_that_it_points_at(studio: Studio) -> None:
    first = studio.offered("enrolled", picture(MINE))
    copied = studio.offered("cleared", picture(MINE), by="boutique")
    before = is_reused(studio, copied, by="boutique")

    studio.end(first)

    assert (before, is_reused(studio, copied, by="boutique")) == (True, False)
    assert studio.client.get(f"/v1/listings/{copied}/badge.json").json()["alive"]


def test_copied_photos_are_a_sign_of_a_second_object_while_both_are_live(studio: Studio) -> None:
    first = studio.offered("enrolled", picture(MINE))
    copied = studio.offered("cleared", picture(MINE), by="boutique")
    signs = [studio.look(one, by=by)["suspicion"]["reasons"] for one, by in ((first, "platform"), (copied, "boutique"))]

    studio.end(first)

    assert [[(sign["code"], sign["count"]) for sign in found] for found in signs] == [[], [("photos-elsewhere", 1)]]
    assert studio.look(copied, by="boutique")["suspicion"]["reasons"] == []


def test_another_picture_of_the_same_kind_is_no_copy(studio: Studio) -> None:
    studio.offered("enrolled", picture(MINE))

    assert not is_reused(studio, studio.offered("cleared", picture(MINE + 1), by="boutique"), by="boutique")


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ({"offer": ONE}, {"offer": OTHER}, True),
        ({"offer": ONE}, {"offer": OTHER, "by": "boutique"}, True),
        ({"offer": ONE}, {"offer": ONE}, False),
        ({"offer": ONE}, {"offer": ONE, "by": "boutique"}, False),
        ({}, {}, False),
        ({}, {"by": "boutique"}, True),
        ({"offer": ONE}, {"by": "boutique"}, True),
        ({"offer": ANNA}, {"offer": BERT}, True),
        ({"offer": ANNA}, {"offer": ANNA}, False),
        ({"offer": ANNA}, {"offer": ANNA, "by": "boutique"}, True),
        ({"offer": ONE | ANNA}, {"offer": OTHER | ANNA}, False),
        ({"offer": ANNA}, {}, True),
    ],
    ids=[
        "another seller",
        "elsewhere",
        "renewed",
        "two marketplaces",
        "a shop's own",
        "another shop",
        "a seller and a shop",
        "another account",
        "the same account",
        "an account elsewhere",
        "another key of one account",
        "an account and a shop",
    ],
)
def test_whose_listing_it_was_decides(studio: Studio, first: Json, second: Json, counts: bool) -> None:
    studio.offered(None, picture(MINE), **first)

    again = studio.offered(None, picture(MINE, "crop"), **second)

    assert is_reused(studio, again, by=second.get("by", "platform")) == counts


def test_one_piece_on_two_marketplaces_is_ordinary_where_no_sellers_are_named(studio: Studio) -> None:
    studio.offered("cleared", picture(MINE))

    again = studio.offered("cleared", picture(MINE), by="boutique")

    assert not is_reused(studio, again, by="boutique")


def test_the_same_photo_twice_in_one_listing_does_not_count(studio: Studio) -> None:
    listing = studio.offered("cleared", picture(MINE))
    studio.put(listing, 2, picture(MINE, "crop"))
    studio.work()

    assert not is_reused(studio, listing)


def test_a_photo_that_was_replaced_is_recognised_no_more(studio: Studio) -> None:
    first = studio.offered("enrolled", picture(MINE))
    copied = studio.offered("cleared", picture(MINE), by="boutique")
    studio.put(first, 1, picture(MINE + 1))
    studio.work()

    later = studio.offered("expired", picture(MINE), by="expert")

    assert not is_reused(studio, copied, by="boutique")
    assert is_reused(studio, later, by="expert")  # what is in the copy now
    assert not is_reused(studio, first)


# --- desks -----------------------------------------------------------------------------------------------------------

STRANGER = Account("a" * 32)


@pytest.mark.parametrize(
    ("named", "counts"),
    [
        ({"gtin": GTIN, "serial": SERIALS["cleared"]}, False),
        ({"gtin": GTIN, "serial": SERIALS["enrolled"]}, True),
        ({}, True),
    ],
    ids=["about this piece", "about another piece", "about nobody knows which"],
)
def test_a_photo_that_a_desk_was_sent_counts_unless_it_was_about_this_piece(studio: Studio, named: Json, counts: bool) -> None:
    asked_a_desk(studio, STRANGER, picture(MINE), **named)

    listing = studio.offered("cleared", picture(MINE, "crop"))

    assert is_reused(studio, listing) == counts


def test_the_case_that_the_platform_opened_for_a_listing_without_a_name_does_not_count(studio: Studio) -> None:
    asked_a_desk(studio, Platform(studio.gallery.members["platform"].id), picture(MINE))

    mine, anothers = studio.offered(None, picture(MINE)), studio.offered(None, picture(MINE), by="boutique")

    assert (is_reused(studio, mine), is_reused(studio, anothers, by="boutique")) == (False, True)


def test_test_cases_do_not_count(studio: Studio) -> None:
    case = asked_a_desk(studio, STRANGER, picture(MINE))
    with writing(studio.gallery.engine) as connection:
        connection.execute(text("UPDATE cases SET known_outcome = 'authentic' WHERE id = :case"), {"case": case})

    assert not is_reused(studio, studio.offered("cleared", picture(MINE)))


def test_a_case_is_compared_with_cases_alone(studio: Studio) -> None:
    studio.offered("cleared", picture(MINE))
    studio.later(1)
    case_id = asked_a_desk(studio, STRANGER, picture(MINE))

    with reading(studio.gallery.engine) as connection:
        case, shot = cases.case(connection, case_id), cases.shot(connection, case_id[::-1])
    assert case is not None and shot is not None

    assert reuse.find(studio.gallery.engine, studio.vault, reuse.OfCase(case, shot)) == {"matches": []}


def test_a_case_that_is_erased_leaves_the_listing_its_photo(studio: Studio) -> None:
    case = asked_a_desk(studio, STRANGER, picture(MINE))
    listing = studio.offered("cleared", picture(MINE))
    with writing(studio.gallery.engine) as connection:
        connection.execute(text("UPDATE cases SET state = 'withdrawn'"))

    asking.erase(studio.gallery.engine, studio.vault, case, now=datetime.fromtimestamp(studio.gallery.now, UTC))

    kept = studio.photo(listing)
    assert studio.kept() == {kept.original, kept.shown}


def test_desks_photos_that_a_listing_shows_stay_when_the_listing_ends(studio: Studio) -> None:
    asked_a_desk(studio, STRANGER, picture(MINE))
    listing = studio.offered("cleared", picture(MINE))

    studio.end(listing)
    studio.work()

    assert len(studio.kept()) == 2 and studio.count("photo_prints") == 1


def test_a_copy_is_found_whichever_desk_its_listing_names(studio: Studio) -> None:
    studio.offered("enrolled", picture(MINE))
    other = studio.offer("cleared", by="boutique", authenticator="did:web:pixel.example")["id"]
    studio.put(other, 1, picture(MINE, "crop"), by="boutique")
    studio.work()

    assert is_reused(studio, other, by="boutique")
