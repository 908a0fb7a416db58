"""GS1 Digital Link: how a link is written, which form is answered, what a linkset says."""

import pytest

from ledger_api.domain.identifiers import digital_link
from ledger_api.interop.digital_link import Form, asked_form, description, item_link, link_header, linkset

GTIN = "09506000134352"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("serial", ["A3513268", "H7208047/7", "Z5924522%x", "a?b", "x+y", "1.2_3", '"!&'])
def test_a_written_link_reads_back_as_the_same_item(serial: str) -> None:
    assert digital_link(item_link("https://id.example/", GTIN, serial)) == (GTIN, serial)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (BROWSER, Form.PAGE),
        ("*/*", Form.PASSPORT),
        (None, Form.PASSPORT),
        ("application/json", Form.PASSPORT),
        ("application/ld+json", Form.PASSPORT),
        ("application/linkset+json", Form.LINKSET),
        ("application/json;q=0.5, text/html;q=0.4", Form.PASSPORT),
        ("text/html;q=0, */*", Form.PASSPORT),
        ("text/*", Form.PAGE),
        ("application/*", Form.PASSPORT),
        ("image/png", Form.PASSPORT),
        ("text/html;q=nonsense, application/json", Form.PASSPORT),
    ],
)
def test_a_browser_gets_the_page_and_a_machine_the_form_it_names(accept: str | None, form: Form) -> None:
    assert asked_form(accept, None) is form


@pytest.mark.parametrize(
    ("link_type", "form"),
    [
        ("linkset", Form.LINKSET),
        ("all", Form.LINKSET),
        ("gs1:pip", Form.PAGE),
        ("gs1:defaultLink", Form.PAGE),
        ("https://ref.gs1.org/voc/traceability", Form.PASSPORT),
        ("gs1:recallStatus", None),
    ],
)
def test_the_link_type_decides_before_the_accept_header(link_type: str, form: Form | None) -> None:
    assert asked_form(BROWSER, link_type) is form


def test_a_linkset_names_the_page_in_every_language_and_the_passport() -> None:
    links = linkset("https://id.example", GTIN, "A/1", languages=("en", "zh-Hant"), title="Sac Lune")["linkset"][0]

    anchor = "https://id.example/01/09506000134352/21/A%2F1"
    assert links["anchor"] == anchor
    assert links["https://ref.gs1.org/voc/defaultLink"][0] == {
        "href": anchor,
        "title": "Sac Lune",
        "type": "text/html",
        "hreflang": ["en", "zh-Hant"],
    }
    assert links["https://ref.gs1.org/voc/traceability"][0]["href"] == f"{anchor}?linkType=gs1:traceability"


def test_the_link_header_leads_to_the_linkset() -> None:
    assert '?linkType=linkset>; rel="linkset"' in link_header("https://id.example", GTIN, "A1")


def test_the_resolver_describes_itself() -> None:
    assert description("https://id.example")["supportedPrimaryKeys"] == ["01"]
