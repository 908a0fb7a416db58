"""The reviewers' pages: what was flagged with its photos, allow or refuse by a form, and how each label fared; nothing of another desk."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from ledger_api.store.engine import writing
from tests.api.desk.test_desk_pages import get, post, sitting
from tests.api.desk.world import DeskWorld
from tests.consortium import count

RULING = {"ruling": "refused", "labels": ["weapon"], "others": "snake, ", "grounds": "A knife <b>beside</b> it."}


@pytest.fixture
def review(world: DeskWorld) -> str:
    return world.flagged(world.opened(), weapon=0.93)


def test_what_is_flagged_is_seen_refused_by_a_form_and_counted_in_the_table(world: DeskWorld, review: str) -> None:
    ada = sitting(world)
    queue = get(world, "/desk/reviews", ada).text
    shown = get(world, f"/desk/reviews/{review}", ada).text
    photos = re.findall(r'<img src="([^"]+)"', shown)
    picture = get(world, photos[0], ada)

    ruled = post(world, f"/desk/reviews/{review}/ruling", RULING, cookie=ada)

    after = get(world, ruled.headers["location"], ada).text
    assert f'href="/desk/reviews/{review}"' in queue and "weapon" in queue and 'aria-current="page">Reviews' in queue
    assert "weapon</bdi> · 93 %" in shown and len(photos) == 8 and picture.content.startswith(b"\xff\xd8\xff")
    assert ruled.headers["location"] == "/desk/reviews?done=refused" and review not in after
    row = re.search(r'<th scope="row"><bdi>weapon</bdi></th>(.*?)</tr>', after)
    assert row is not None and re.findall(r">([^<]+)</td>", row[1]) == ["1", "1", "1", "100 %", "100 %"]
    assert count(world.doors.engine, "reviews", "state = 'refused' AND labels = '[\"snake\",\"weapon\"]'") == 1


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [({"ruling": ""}, "ruling"), ({"ruling": "perhaps"}, "ruling"), ({"grounds": " "}, "grounds"), ({"others": "x" * 65}, "labels")],
)
def test_an_incomplete_ruling_comes_back_with_what_was_written(world: DeskWorld, review: str, changed: dict[str, Any], wrong: str) -> None:
    ada = sitting(world)

    answer = post(world, f"/desk/reviews/{review}/ruling", RULING | changed, cookie=ada)

    assert answer.status_code == 422 and f'href="#{wrong}"' in answer.text and f'id="{wrong}"' in answer.text
    assert wrong == "grounds" or "A knife &lt;b&gt;" in answer.text
    assert count(world.doors.engine, "reviews", "state = 'waiting'") == 1


def test_who_is_slower_is_told_so_and_the_first_ruling_stands(world: DeskWorld, review: str) -> None:
    ada, bo = sitting(world, "ada"), sitting(world, "bo")
    post(world, f"/desk/reviews/{review}/ruling", RULING, cookie=ada)

    late = post(world, f"/desk/reviews/{review}/ruling", RULING | {"ruling": "allowed"}, cookie=bo)

    assert late.status_code == 409 and "Somebody else has decided" in late.text
    assert get(world, f"/desk/reviews/{review}", bo).headers["location"] == "/desk/reviews"
    assert count(world.doors.engine, "reviews", "state = 'refused'") == 1


def test_a_page_that_was_opened_before_something_else_was_flagged_rules_on_nothing(world: DeskWorld, review: str) -> None:
    ada = sitting(world)
    found = re.search(r'name="revision" value="([0-9a-f]{16})"', get(world, f"/desk/reviews/{review}", ada).text)
    assert found is not None
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE reviews SET flags = '[]'"))

    late = post(world, f"/desk/reviews/{review}/ruling", RULING | {"revision": found[1]}, cookie=ada)

    assert late.status_code == 409 and "something else by now" in late.text
    assert count(world.doors.engine, "reviews", "state = 'waiting'") == 1


def test_another_desks_review_is_on_no_page_and_ruled_on_by_none(world: DeskWorld, review: str) -> None:
    ada = sitting(world)
    with writing(world.doors.engine) as connection:
        connection.execute(text("UPDATE reviews SET organization = :other"), {"other": b"\x02" * 32})

    path = f"/desk/reviews/{review}"
    answers = [get(world, path, ada), get(world, f"{path}/photos/0", ada), post(world, f"{path}/ruling", RULING, cookie=ada)]

    assert {answer.status_code for answer in answers} == {404} and review not in get(world, "/desk/reviews", ada).text
    assert count(world.doors.engine, "reviews", "state = 'waiting'") == 1


def test_whoever_leads_the_desk_sees_what_waits_and_leaves_the_ruling_to_appraisers(world: DeskWorld, review: str) -> None:
    lead, path = sitting(world, "EXPERT"), f"/desk/reviews/{review}"
    queue, shown = get(world, "/desk/reviews", lead).text, get(world, path, lead).text
    photo = get(world, f"{path}/photos/0", lead)
    told = [world.doors.get("EXPERT", f"/v1{path}").json()["id"], world.doors.get("EXPERT", "/v1/desk/reviews").json()["reviews"][0]["id"]]

    by_page = post(world, f"{path}/ruling", RULING, cookie=lead)
    by_key = world.doors.post("EXPERT", f"/v1{path}/ruling", {"ruling": "allowed", "grounds": "a toy"})

    assert f'href="{path}"' in queue and "weapon" in shown and photo.status_code == 200 and told == [review, review]
    assert "Your appraisers rule on it" in shown and "<textarea" not in shown
    assert (by_page.status_code, by_key.status_code) == (403, 403) and count(world.doors.engine, "reviews", "state = 'waiting'") == 1


def test_reviews_are_on_pages_of_this_site_alone(world: DeskWorld, review: str) -> None:
    foreign = post(world, f"/desk/reviews/{review}/ruling", RULING, cookie=sitting(world), **{"Sec-Fetch-Site": "cross-site"})

    assert get(world, "/desk/reviews").headers["location"] == "/desk"
    assert foreign.status_code == 403 and count(world.doors.engine, "reviews", "state = 'waiting'") == 1
