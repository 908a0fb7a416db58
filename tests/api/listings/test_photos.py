"""Photos of a listing on a real database: put, looked at, flagged, ruled on, replaced, forgotten; the answer and the badge follow."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from ledger_api.desk import policy
from ledger_api.desk.checks import Machines
from ledger_api.desk.errors import PhotosAway
from ledger_api.desk.vault import DiskVault
from ledger_api.listings import photos
from ledger_api.listings.photos import MOST_PHOTOS
from ledger_api.store.engine import writing
from tests.api.listings.studio import CONTEXT, EXPERT, Json, Studio, codes, picture, tinted
from tests.doors import InProcess
from tests.gallery import gallery_app


def is_alive(studio: Studio, listing: str) -> bool:
    return bool(studio.client.get(f"/v1/listings/{listing}/badge.json").json()["alive"])


# --- looked at -------------------------------------------------------------------------------------------------------


def test_a_photo_is_waited_for_and_a_clear_one_holds_nothing_back(studio: Studio) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    before = is_alive(studio, listing)

    put = studio.put(listing, 3, tinted(1, green=False))
    meanwhile = is_alive(studio, listing)
    studio.work()

    now = studio.look(listing)
    assert put.status_code == 201
    assert (put.json()["next"], put.json()["review"], codes(put.json())) == ("wait", "checking", ["photos-in-check"])
    assert [(one["number"], one["state"], one["screened"]) for one in put.json()["photos"]] == [(3, "waiting", None)]
    assert (now["next"], now["review"], codes(now)) == ("list", "clear", [])
    assert [(one["state"], one["screened"], one["reused"]) for one in now["photos"]] == [("done", "clear", False)]
    assert (before, meanwhile, is_alive(studio, listing)) == (True, False, True)
    assert now["authenticator"] == "0x" + studio.gallery.members["expert"].id.hex()


def test_without_a_classifier_screening_says_that_it_is_off(studio: Studio) -> None:
    studio.checker = replace(studio.checker, machines=replace(studio.checker.machines, tagger=None))

    listing = studio.offered("cleared", tinted(1, green=True))

    now = studio.look(listing)
    assert (now["next"], now["review"], now["photos"][0]["screened"]) == ("list", "off", "off")
    assert studio.reviews() == []


@pytest.mark.parametrize(("ruling", "step", "reason"), [("refused", "refuse", ["photos-refused"]), ("allowed", "list", [])])
def test_a_flagged_photo_waits_for_the_desks_reviewer_whose_ruling_the_answer_follows(
    studio: Studio, ruling: str, step: str, reason: list[str]
) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    for number, green in ((1, False), (2, True)):
        studio.put(listing, number, tinted(number, green=green))
    studio.work()
    waiting, (review,) = studio.look(listing), studio.reviews()
    shown = [studio.desk("GET", f"/{review['id']}/photos/{number}") for number in range(review["photos"])]

    studio.rule(review["id"], ruling)

    now = studio.look(listing)
    assert (waiting["next"], waiting["review"], codes(waiting)) == ("wait", "waiting", ["photos-in-review"])
    assert (review["kind"], review["subject"], review["photos"]) == ("listing", listing, 2)
    assert [(flag["photo"], flag["label"]) for flag in review["flags"]] == [(1, "weapon")]
    assert all(one.content.startswith(b"\xff\xd8\xff") for one in shown)
    assert (now["next"], now["review"], codes(now)) == (step, ruling, reason)
    assert is_alive(studio, listing) == (ruling == "allowed")
    told = [(one["reference"], one["review"], one["reused"]) for one in studio.notices()]
    assert told == [(now["reference"], "waiting", False), (now["reference"], ruling, False)]


def test_the_reviewers_page_shows_the_photos_and_rules(studio: Studio) -> None:
    listing = studio.offered("cleared", tinted(1, green=True))
    (review,) = studio.reviews()
    signed = studio.client.post("/desk/sign-in", data={"key": studio.reviewers["expert"]}, headers={"Sec-Fetch-Site": "same-origin"})
    cookie = {"Cookie": f"desk={signed.cookies['desk']}", "Sec-Fetch-Site": "same-origin"}
    studio.client.cookies.clear()

    page = studio.client.get(f"/desk/reviews/{review['id']}", headers=cookie).text
    ruling = {"ruling": "refused", "labels": ["weapon"], "grounds": "A knife."}
    ruled = studio.client.post(f"/desk/reviews/{review['id']}/ruling", data=ruling, headers=cookie)

    assert listing in page and f"/desk/reviews/{review['id']}/photos/0" in page and "weapon" in page
    assert ruled.status_code == 303 and studio.look(listing)["next"] == "refuse"
    assert studio.notices()[-1]["review"] == "refused"


def test_another_desk_sees_none_of_it(studio: Studio) -> None:
    studio.offered("cleared", tinted(1, green=True))
    (review,) = studio.reviews()

    answers = [studio.desk("GET", f"/{review['id']}{path}", by="pixel") for path in ("", "/photos/0")]

    assert studio.reviews(by="pixel") == []
    assert {answer.json()["code"] for answer in answers} == {"no-such-review"}


def test_what_was_allowed_is_not_asked_again_and_what_is_new_is(studio: Studio) -> None:
    listing = studio.offered("cleared", tinted(1, green=True))
    studio.rule(studio.reviews()[0]["id"], "allowed")

    studio.put(listing, 2, tinted(1, green=True))
    studio.work()
    same = (studio.look(listing)["review"], len(studio.reviews()))
    studio.put(listing, 1, tinted(2, green=True))
    studio.work()

    assert same == ("allowed", 0)
    assert (studio.look(listing)["review"], len(studio.reviews())) == ("waiting", 1)


def test_nobody_allows_what_was_flagged_after_they_looked(studio: Studio) -> None:
    listing = studio.offered("cleared", tinted(1, green=True))
    (seen,) = studio.reviews()
    studio.put(listing, 2, tinted(2, green=True))
    studio.work()
    (now,) = studio.reviews()

    rulings = [
        studio.desk("POST", f"/{one['id']}/ruling", json={"ruling": "allowed", "grounds": "A toy.", "revision": one["revision"]})
        for one in (seen, now)
    ]

    assert seen["id"] == now["id"] and seen["revision"] != now["revision"]
    assert [(answer.status_code, answer.json().get("code")) for answer in rulings] == [(409, "review-changed"), (200, None)]
    assert studio.look(listing)["review"] == "allowed"


def test_a_refusal_stands_whatever_is_sent_after_it(studio: Studio) -> None:
    listing = studio.offered("cleared", tinted(1, green=True))
    studio.rule(studio.reviews()[0]["id"], "refused")

    studio.put(listing, 1, tinted(2, green=False))
    studio.put(listing, 2, tinted(3, green=True))
    studio.work()

    assert (studio.look(listing)["next"], studio.reviews()) == ("refuse", [])


@dataclass(frozen=True, slots=True)
class Stumbling:
    """A classifier that falls over every photo."""

    asked: list[int] = field(default_factory=list)
    version: str = "tags-0"

    def tags(self, photo: bytes) -> Sequence[Any]:
        self.asked.append(len(photo))
        raise RuntimeError("not a photo that I know")


def test_a_photo_that_no_machine_can_look_at_is_told_as_failed_and_may_be_sent_again(studio: Studio) -> None:
    stumbling = Stumbling()
    machines = Machines(studio.vault, studio.gallery.engine, stumbling)  # type: ignore[arg-type]  # a double of the classifier
    checker, studio.checker = studio.checker, replace(studio.checker, machines=machines)
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    studio.put(listing, 1, tinted(1, green=False))

    for _ in range(4):
        studio.work()
        studio.later(121)
    failed, studio.checker = studio.look(listing), checker
    studio.put(listing, 1, tinted(1, green=False))
    studio.work()

    assert (len(stumbling.asked), failed["photos"][0]["state"], failed["review"]) == (3, "failed", "off")
    assert studio.look(listing)["review"] == "clear"


def test_a_photo_that_is_not_what_was_kept_fails_alone(studio: Studio) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    for number in (1, 2):
        studio.put(listing, number, tinted(number, green=False))
    studio.vault._path(studio.photo(listing, 1).shown).write_bytes(b"PLV1 and nothing that opens")

    studio.work()

    assert [one["state"] for one in studio.look(listing)["photos"]] == ["failed", "done"]


# --- replaced and forgotten ------------------------------------------------------------------------------------------


def test_a_photo_in_anothers_place_leaves_nothing_of_the_other(studio: Studio) -> None:
    listing = studio.offered("cleared", tinted(1, green=True))
    was, review = studio.photo(listing), studio.reviews()[0]["id"]

    studio.put(listing, 1, tinted(2, green=False))
    meanwhile = studio.look(listing)["review"]
    studio.work()

    assert (meanwhile, studio.look(listing)["review"], studio.reviews()) == ("checking", "clear", [])
    assert studio.desk("GET", f"/{review}").json()["code"] == "no-such-review"
    assert not {was.original, was.shown} & studio.kept() and len(studio.kept()) == 2
    assert (studio.count("photo_prints"), studio.count("listing_photos")) == (1, 1)


def test_a_review_shows_what_the_listing_shows_now(studio: Studio) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    for number, green in ((1, True), (2, True)):
        studio.put(listing, number, tinted(number, green=green))
    studio.work()

    studio.put(listing, 2, tinted(5, green=False))
    gone = studio.ask("DELETE", f"/v1/listings/{listing}/photos/2")

    (review,) = studio.reviews()
    assert (review["photos"], len(review["flags"]), gone.json()["review"]) == (1, 1, "waiting")
    assert studio.ask("DELETE", f"/v1/listings/{listing}/photos/1").json()["review"] == "off"
    assert studio.ask("DELETE", f"/v1/listings/{listing}/photos/1").json()["code"] == "no-such-photo"
    assert studio.reviews() == []


@pytest.mark.parametrize("deed", ["close", "withdraw"])
def test_the_end_of_a_listing_forgets_its_photos_and_their_marks(studio: Studio, deed: str) -> None:
    listing = studio.offered("cleared", tinted(1, green=True))
    studio.put(listing, 2, picture(4))

    ended = [studio.end(listing, deed) for _ in range(2)]
    studio.work()

    assert [one["photos"] for one in ended] == [[], []]
    assert (studio.kept(), studio.reviews()) == (set(), [])
    assert [studio.count(table) for table in ("listing_photos", "photo_prints", "photo_marks", "reviews")] == [0, 0, 0, 0]


def test_the_same_file_in_another_listing_stays_where_the_first_is_forgotten(studio: Studio) -> None:
    first, second = (studio.offered("cleared", picture(4)) for _ in range(2))
    kept = studio.photo(second)

    studio.end(first)
    studio.work()

    assert {kept.original, kept.shown} == studio.kept()
    assert studio.vault.get(kept.shown).startswith(b"\xff\xd8\xff")


@dataclass
class Away(DiskVault):
    """Storage that lets nothing go."""

    def __init__(self, inner: DiskVault) -> None:
        self._folder, self._seal = inner._folder, inner._seal

    def delete(self, name: str) -> None:
        raise PhotosAway(cause="test")


def test_a_listing_ends_although_the_storage_is_away_and_its_photos_go_later(studio: Studio) -> None:
    listing = studio.offered("cleared", picture(4))

    ended = studio.end(listing)
    with pytest.raises(PhotosAway):
        photos.sweep(studio.gallery.engine, Away(studio.vault))
    meanwhile = (studio.count("photo_prints"), len(studio.kept()))
    studio.work()

    assert (ended["state"], meanwhile) == ("withdrawn", (0, 2))
    assert (studio.kept(), studio.count("listing_photos")) == (set(), 0)


# --- the door --------------------------------------------------------------------------------------------------------


def test_the_same_photo_again_is_the_same_photo(studio: Studio) -> None:
    listing = studio.offered("cleared", tinted(4, green=False))
    was = studio.photo(listing)

    again = studio.put(listing, 1, tinted(4, green=False))

    assert (again.status_code, again.json()["review"], studio.photo(listing).id) == (201, "clear", was.id)


def test_photos_at_the_same_moment_leave_one_in_each_place(studio: Studio) -> None:
    listing, token = studio.offer("cleared", authenticator=EXPERT)["id"], studio.token("platform")
    bodies = [tinted(seed, green=False) for seed in range(3)]

    with httpx.Client(
        transport=InProcess(gallery_app(studio.gallery, photos=studio.vault, **CONTEXT)), base_url="http://ledger.example"
    ) as client:

        def put(number: int) -> int:
            path = f"/v1/listings/{listing}/photos/{number % 2 + 1}"
            return client.put(path, content=bodies[number % 3], headers={"Authorization": f"Bearer {token}"}).status_code

        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(put, range(6)))
    studio.work()

    assert answers == [201] * 6
    assert [one["number"] for one in studio.look(listing)["photos"]] == [1, 2]
    assert (studio.count("photo_prints"), studio.count("listing_photos")) == (2, 2)


@pytest.mark.parametrize("number", [0, MOST_PHOTOS + 1, -1, "x"])
def test_a_listing_has_so_many_places_and_no_more(studio: Studio, number: int | str) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]

    answer = studio.put(listing, number, picture(4))

    assert (answer.status_code, answer.json()["code"], studio.kept()) == (422, "invalid-body", set())
    assert "number" in str(answer.json()["fields"])


def test_whoever_may_not_put_a_photo_leaves_nothing(studio: Studio) -> None:
    mine, undecided = studio.offer("cleared", authenticator=EXPERT)["id"], studio.offer("cleared")["id"]
    over = studio.offer("cleared", authenticator=EXPERT)["id"]
    studio.end(over, "close")

    answers = [
        studio.put(mine, 1, picture(4), by="boutique"),
        studio.put("0" * 32, 1, picture(4)),
        studio.put(over, 1, picture(4)),
        studio.put(undecided, 1, picture(4)),
        studio.client.put(f"/v1/listings/{mine}/photos/1", content=picture(4)),
    ]

    said = ["no-such-listing", "no-such-listing", "listing-over", "listing-names-no-desk", "unauthenticated"]
    assert [answer.json()["code"] for answer in answers] == said
    assert (studio.kept(), studio.count("listing_photos")) == (set(), 0)


def test_the_desk_may_be_named_later_and_not_another_one_after_it(studio: Studio) -> None:
    body = studio.body("cleared")
    first = studio.post(body).json()

    named, again = studio.post(body | {"authenticator": EXPERT}).json(), studio.post(body).json()
    other, nobody = (studio.post(body | {"authenticator": f"did:web:{name}.example"}).json() for name in ("pixel", "boutique"))

    expert = "0x" + studio.gallery.members["expert"].id.hex()
    assert [one["authenticator"] for one in (first, named, again)] == [None, expert, expert]
    assert (other["code"], nobody["code"]) == ("listing-reference-taken", "not-an-authenticator")


def test_a_platform_without_a_desk_of_ours_sends_no_photos(studio: Studio) -> None:
    listing: Json = studio.offer("cleared", authenticator=EXPERT)
    with httpx.Client(transport=InProcess(gallery_app(studio.gallery)), base_url="http://ledger.example") as client:
        headers = {"Authorization": f"Bearer {studio.token('platform')}"}
        answer = client.put(f"/v1/listings/{listing['id']}/photos/1", content=picture(4), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (503, "desk-closed")


def test_two_loops_look_at_each_photo_once(studio: Studio) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    for number in range(1, 5):
        studio.put(listing, number, tinted(number, green=False))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda checker: [checker.turn() for _ in range(5)], (studio.checker, replace(studio.checker))))

    assert studio.count("listing_photos", "tries = 1 AND state = 'done'") == 4


def test_a_photo_that_was_replaced_while_a_machine_looked_gets_no_findings(studio: Studio) -> None:
    listing = studio.offer("cleared", authenticator=EXPERT)["id"]
    studio.put(listing, 1, tinted(1, green=True))
    was = studio.photo(listing)
    looked = studio.checker._look(was)
    studio.put(listing, 1, tinted(2, green=False))

    with writing(studio.gallery.engine) as connection:
        studio.checker._settle(connection, was, looked)
        left = connection.execute(text("SELECT findings FROM listing_photos WHERE number IS NULL")).scalar_one()

    assert (left, studio.reviews()) == ("{}", [])


def test_the_desk_that_a_listing_names_says_what_is_dear(studio: Studio) -> None:
    own = policy.default().model_copy(update={"in_person_from": {"EUR": 900}})
    with writing(studio.gallery.engine) as connection:
        policy.keep(connection, studio.gallery.members["expert"].id, own, now=datetime.fromtimestamp(studio.gallery.now, UTC))

    price = {"price": {"amount": "900", "currency": "EUR"}}
    usual, theirs = studio.offer("sold", offer=price), studio.offer("sold", offer=price, authenticator="did:web:expert.example")

    assert (usual["next"], theirs["next"], codes(theirs)) == ("open-case", "book-verification", ["no-verdict", "of-value"])
