"""What a classifier is sure of fills the case: for the appraiser, for the asker, on both of their pages, and as a machine's word."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.photos import Pixels, draw, jpeg
from ledger_api.desk.tagging import Tagger
from tests.api.desk.test_desk_pages import get, sitting
from tests.api.desk.world import DeskWorld, Person
from tests.consortium import DIDS
from tests.unit.desk.test_tagging import model

LABELS = ("category:scarf", "colour:dark-red", "material:silk")  # the model says the first of red photos, then of blue, of green
TINTS = {"front": 0, "logo": 2, "stitching": 1, "label": 0}
ALL = {"category": "scarf", "colour": "dark-red", "material": "silk"}


@pytest.fixture
def tagged(world: DeskWorld, tmp_path: Path) -> DeskWorld:
    machines = replace(world.worker.machines, tagger=Tagger(model(tmp_path / "model", LABELS)))
    world.worker = replace(world.worker, machines=machines)
    return world


def tinted(name: str) -> bytes:
    pixels: Pixels = draw(3_000 + len(name), category="scarf", shot=name, size=(840, 630)) // 3
    pixels[..., TINTS[name]] = 230
    return jpeg(pixels)


def asked(world: DeskWorld) -> tuple[Person, str]:
    """A scarf that somebody with an account asks about; they know nothing but the brand."""
    person = world.person()
    body = {"authenticator": DIDS["EXPERT"], "brand": DIDS["MAISON"], "category": "scarf"}
    case = str(person.ask("POST", "/v1/cases", json=body).json()["id"])
    for name in TINTS:
        for _ in range(3):
            if person.ask("PUT", f"/v1/cases/{case}/shots/{name}", content=tinted(name)).json()["state"] == "good":
                break
    assert person.look(case)["tags"] == {}  # nobody has looked yet
    assert person.ask("POST", f"/v1/cases/{case}/submit").status_code == 200
    world.work()
    return person, case


def test_category_colour_and_material_fill_the_case_for_whoever_asks_and_whoever_judges(tagged: DeskWorld) -> None:
    person, case = asked(tagged)

    judged = tagged.claimed("ada", case)
    pages = get(tagged, f"/desk/cases/{case}", sitting(tagged)).text, person.ask("GET", f"/evaluate/{case}").text

    assert judged["tags"] == person.look(case)["tags"] == ALL
    for page in pages:
        assert "Category, as a machine sees it" in page and "<dd>dark red</dd>" in page and "<dd>silk</dd>" in page


def test_tags_leave_with_the_photos(tagged: DeskWorld) -> None:
    person, case = asked(tagged)
    person.ask("POST", f"/v1/cases/{case}/withdraw")

    person.ask("POST", f"/v1/cases/{case}/erase")

    assert person.look(case)["tags"] == {}
