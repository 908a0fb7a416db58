"""The GS1 Digital Link resolver: the same address for a browser and for a machine."""

from collections.abc import Iterator

import pytest
from httpx import Client

from ledger_api.auth import Scope
from tests.gallery import GTIN, Gallery, visiting

VOCABULARY = "https://ref.gs1.org/voc/"


@pytest.fixture
def machine(gallery: Gallery) -> Iterator[Client]:
    with visiting(gallery) as client:
        yield client


def test_a_machine_gets_the_passport_with_its_block(machine: Client, gallery: Gallery) -> None:
    answer = machine.get(gallery.path("stolen"), headers={"Accept": "application/json"})
    again = machine.get(gallery.path("stolen"), headers={"If-None-Match": answer.headers["etag"]})

    assert answer.json()["passport"]["id"] == "0x" + gallery.items["stolen"].hex()
    assert answer.json()["status"] == "final"
    assert again.status_code == 304


def test_a_serial_with_a_slash_or_a_percent_sign_is_found_when_it_is_escaped(machine: Client, gallery: Gallery) -> None:
    slash, percent = (machine.get(gallery.path(piece)) for piece in ("stolen", "fake"))

    assert "%2F" in gallery.path("stolen") and "%25" in gallery.path("fake")
    assert (slash.status_code, percent.status_code) == (200, 200)


def test_a_shorter_gtin_is_the_same_item(machine: Client, gallery: Gallery) -> None:
    short = machine.get(gallery.path("lune").replace(GTIN, GTIN.lstrip("0")))

    assert short.json()["passport"]["model"] == "Sac Lune"


@pytest.mark.parametrize(
    ("accept", "query"), [("application/linkset+json", ""), ("*/*", "?linkType=linkset"), ("text/html", "?linkType=all")]
)
def test_the_linkset_is_given_to_whoever_asks_for_it(machine: Client, gallery: Gallery, accept: str, query: str) -> None:
    answer = machine.get(gallery.path("lune") + query, headers={"Accept": accept})

    links = answer.json()["linkset"][0]
    assert answer.headers["content-type"] == "application/linkset+json"
    assert links["itemDescription"] == "Sac Lune, Maison Aurélle"
    assert links["anchor"].endswith(gallery.path("lune"))
    assert {f"{VOCABULARY}pip", f"{VOCABULARY}defaultLink", f"{VOCABULARY}traceability"} < links.keys()


def test_every_link_of_the_linkset_leads_somewhere(machine: Client, gallery: Gallery) -> None:
    links = machine.get(f"{gallery.path('stolen')}?linkType=linkset").json()["linkset"][0]

    for name in ("pip", "defaultLink", "traceability"):
        link = links[VOCABULARY + name][0]
        found = machine.get(link["href"], headers={"Accept": link["type"]})
        assert found.status_code == 200 and found.headers["content-type"].startswith(link["type"])


def test_a_link_type_decides_before_the_accept_header(machine: Client, gallery: Gallery) -> None:
    page = machine.get(f"{gallery.path('lune')}?linkType=gs1:pip", headers={"Accept": "application/json"})
    passport = machine.get(f"{gallery.path('lune')}?linkType=gs1:traceability", headers={"Accept": "text/html"})
    missing = machine.get(f"{gallery.path('lune')}?linkType=gs1:recallStatus", headers={"Accept": "text/html"})

    assert page.headers["content-type"].startswith("text/html")
    assert passport.headers["content-type"] == "application/json"
    assert (missing.status_code, missing.json()["code"]) == (404, "no-such-link")


def test_answers_say_where_the_linkset_is_and_may_be_read_by_other_sites(machine: Client, gallery: Gallery) -> None:
    answer = machine.get(gallery.path("lune"))

    assert 'rel="linkset"' in answer.headers["link"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Accept" in answer.headers["vary"]


def test_head_answers_like_get_without_a_body(machine: Client, gallery: Gallery) -> None:
    answer = machine.head(gallery.path("lune"))

    assert answer.status_code == 200 and "linkset" in answer.headers["link"]


@pytest.mark.parametrize("accept", ["application/json", "application/linkset+json"])
def test_unknown_withheld_and_folded_are_told_apart_as_the_brand_wants(machine: Client, gallery: Gallery, accept: str) -> None:
    headers = {"Accept": accept}
    answers = [machine.get(path, headers=headers) for path in (f"/01/{GTIN}/21/NOBODY", gallery.path("withheld"), gallery.path("folded"))]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "unknown-item"),
        (403, "withheld"),
        (404, "unknown-item"),
    ]


def test_a_brand_sees_its_own_withheld_item(gallery: Gallery) -> None:
    with visiting(gallery, gallery.key("secret", Scope.READ)) as brand:
        answer = brand.get(gallery.path("withheld"))

    assert answer.json()["passport"]["model"] == "Lune"


@pytest.mark.parametrize("path", ["/01/09506000134353/21/A1", "/01/x/21/A1", f"/01/{GTIN}/21/a%20b", f"/01/{GTIN}/21/{'A' * 21}"])
def test_wrong_numbers_are_a_problem_for_a_machine(machine: Client, path: str) -> None:
    answer = machine.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_the_resolver_describes_itself_at_its_well_known_place(machine: Client) -> None:
    answer = machine.get("/.well-known/gs1resolver").json()

    assert answer["resolverRoot"] == "http://127.0.0.1:8080"
    assert answer["supportedPrimaryKeys"] == ["01"]
