"""Staff at a tablet: a piece without history is photographed, a claim card is made for whoever presents it, and only then is it judged.

The card's secret stays in the page: whatever the tablet sends is read again here.
"""

from typing import Any

from ledger_verify import claims
from tests.api.desk.test_in_person import examined
from tests.api.desk.world import photo
from tests.browser.test_desk_in_chromium import Office, office, open_page  # noqa: F401 - fixtures
from tests.consortium import count

SCARF = ("front", "logo", "stitching", "label")


def test_a_piece_is_photographed_its_presenter_gets_a_card_and_it_is_judged(
    office: Office,  # noqa: F811 - the fixture
    open_page: Any,  # noqa: F811 - the fixture
) -> None:
    case = examined(office.world, category="scarf")
    page, errors = open_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data_buffer or b''!r}"))
    office.sign_in(page, "ada")
    page.goto(f"{office.url}/desk/cases/{case}")
    page.wait_for_selector('[data-page=case][data-ready=yes] [data-form="photo"][data-is="scripted"]')
    office.picture(page, "counter")

    page.fill("#note", "the owner is in a hurry")
    page.check("[data-outcome='1']")
    for name in SCARF:
        body = photo(name, spoiled="blurred") if name == "logo" else photo(name)
        page.set_input_files(f"#take-{name}", {"name": "shot.jpg", "mimeType": "image/jpeg", "buffer": body})
        page.wait_for_url(f"**/desk/cases/{case}?taken={name}")
        page.wait_for_selector("[data-ready=yes] .taking [role=status]")
    poor = page.inner_text("#shot-logo .finding")
    page.set_input_files("#take-logo", {"name": "shot.jpg", "mimeType": "image/jpeg", "buffer": photo("logo")})
    page.wait_for_url(f"**/desk/cases/{case}?taken=logo")
    good = page.inner_text(".taking [role=status]")
    kept = page.input_value("#note"), page.is_checked("[data-outcome='1']")

    page.dblclick("[data-make]")
    page.wait_for_selector("[data-made]:not([hidden]) svg")
    office.picture(page, "card")
    secret = claims.read_card(page.inner_text("[data-card]"))
    page.click("[data-handed]")
    page.wait_for_selector("#presenter .sound")

    assert "blurred" in poor.lower() and "Good." in good and kept == ("the owner is in a hurry", True)
    assert secret is not None
    assert len([one for one in sent if "presenter=" in one]) == 1, "whoever was handed one card would not be served by another"
    key = claims.claim_key(secret)
    address = "0x" + claims.address_of(key).hex()
    assert address in page.inner_text("#presenter .sound") and errors == []
    assert count(office.world.doors.engine, "cases", f"presenter LIKE '%{address}%'") == 1
    secrets = (claims.card_text(secret).replace(" ", "").lower(), secret.hex(), key.secret.hex())
    assert not [one for one in sent if any(hidden in one.lower() for hidden in secrets)]
