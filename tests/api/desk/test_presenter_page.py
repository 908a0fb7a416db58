"""Whoever presents an item without history signs at the counter's page: what their key signs is shown there, and its signature is kept."""

import html
import json
import re

from tests.api.desk.test_desk_pages import get, post, sitting
from tests.api.desk.test_in_person import PRESENTER, consent_over, examined, photos_are_only_asked_for, settled
from tests.api.desk.world import DeskWorld
from tests.consortium import count


def shown_to(world: DeskWorld, case: str, ada: str, key: str = PRESENTER) -> dict[str, str]:
    """The fields of the form in which the signature is to be typed, and what is to be signed."""
    answer = get(world, f"/desk/cases/{case}?presenter={key}", ada)
    assert answer.status_code == 200, answer.text
    form = answer.text.partition("data-signing>")[2].partition("</form>")[0]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    typed = re.search(r"<pre data-typed[^>]*>(.*?)</pre>", form, re.DOTALL)
    assert typed is not None
    return fields | {"typed": html.unescape(typed[1])}


def test_the_presenters_own_key_signs_by_forms_alone_and_the_item_is_born_in_its_hand(world: DeskWorld) -> None:
    photos_are_only_asked_for(world)
    case, ada = examined(world), sitting(world)
    asked = shown_to(world, case, ada)
    signature = consent_over(json.loads(asked.pop("typed")), "presenter")

    kept = post(world, f"/desk/cases/{case}/presenter", asked | {"signature": signature}, cookie=ada)
    after = get(world, kept.headers["location"], ada).text
    world.decide("ada", case, "authentic")
    settled(world)

    assert f"Signed by <code>{PRESENTER}</code>" in after and count(world.doors.engine, "records", "kind = 8") == 1


def test_what_is_no_signature_of_that_key_is_refused_on_the_page(world: DeskWorld) -> None:
    case, ada = examined(world), sitting(world)
    asked = shown_to(world, case, ada)
    forged = consent_over(json.loads(asked.pop("typed")), "somebody else")

    answers = [post(world, f"/desk/cases/{case}/presenter", asked | {"signature": one}, cookie=ada) for one in (forged, "0x12", "")]
    no_key = get(world, f"/desk/cases/{case}?presenter=0x12", ada)

    assert {answer.status_code for answer in (*answers, no_key)} == {422} and "This is no key’s address" in answers[0].text
    assert count(world.doors.engine, "cases", "presenter IS NOT NULL") == 0


def test_an_item_that_the_ledger_knows_has_nobody_to_present_it(world: DeskWorld) -> None:
    case, ada = world.queued(), sitting(world)
    post(world, "/desk/claim", {"case": case}, cookie=ada)

    assert 'id="presenter"' not in get(world, f"/desk/cases/{case}", ada).text
