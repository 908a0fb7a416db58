"""Labels: a sheet whose codes can be scanned, one live label for each item, and nothing to be said of what was not found authentic."""

import io
from typing import Any

import zxingcpp
from httpx import Response
from pypdf import PdfReader

from ledger_api.desk.booking.labels import spaced
from tests.api.booking.test_closing import settled
from tests.api.booking.world import BookingWorld


def sheet(world: BookingWorld, count: int) -> Response:
    answer = world.doors.ask("POST", None, "/v1/desk/labels", token=world.staff, json={"store": world.store, "count": count})
    assert answer.status_code == 201, answer.text
    return answer


def printed(world: BookingWorld, count: int) -> list[str]:
    sheet(world, count)
    found = world.doors.ask("GET", None, f"/v1/desk/labels?store={world.store}", token=world.staff).json()
    return [label["serial"] for label in found["labels"] if label["state"] == "printed"]


def activate(world: BookingWorld, serial: str, booking: str) -> Any:
    body = {"serial": serial, "booking": booking}
    return world.doors.ask("POST", None, "/v1/desk/labels/activate", token=world.staff, json=body).json()


def report(world: BookingWorld, serial: str, trouble: str) -> Any:
    body = {"serial": serial, "trouble": trouble, "why": "the seal was cut"}
    return world.doors.ask("POST", None, "/v1/desk/labels/report", token=world.staff, json=body).json()


def test_a_sheet_has_every_serial_once_as_text_and_as_a_code_that_scans(world: BookingWorld) -> None:
    pages = PdfReader(io.BytesIO(sheet(world, 25).content)).pages

    drawer = world.doors.ask("GET", None, f"/v1/desk/labels?store={world.store}", token=world.staff).json()["labels"]
    serials = sorted(label["serial"].replace("-", "") for label in drawer)
    words = "".join(page.extract_text() for page in pages).replace("\n", " ")
    scanned = [code.text for page in pages for image in page.images for code in zxingcpp.read_barcodes(image.image.convert("L"))]

    assert [len(page.images) for page in pages] == [24, 1]
    assert sorted(scanned) == [f"{world.doors.context.settings.base_url}/labels/{serial}" for serial in serials]
    assert all(words.count(spaced(serial)) == 1 for serial in serials) and words.count("Milano") == 25


def test_an_item_has_one_live_label(world: BookingWorld) -> None:
    booking = settled(world, "authentic")
    first, second, third = printed(world, 3)

    fixed, again, refused = (activate(world, serial, booking) for serial in (first, first, second))
    unknown = world.doors.get(None, f"/v1/labels/{second}")
    report(world, first, "damaged")
    replaced = activate(world, second, booking)

    assert fixed["state"] == again["state"] == replaced["state"] == "live"
    assert refused["code"] == "item-has-a-label" and unknown.status_code == 404
    assert world.doors.get(None, f"/v1/labels/{first}").json()["state"] == "damaged"
    assert activate(world, first, booking)["code"] == "label-moved" and third


def test_a_label_speaks_of_an_authentic_verdict_that_stands_and_of_nothing_else(world: BookingWorld) -> None:
    booking = settled(world, "not-authentic")
    serial = printed(world, 1)[0]

    refused, mistyped = activate(world, serial, booking), activate(world, serial[:-1] + ("2" if serial[-1] != "2" else "3"), booking)

    assert (refused["code"], mistyped["code"]) == ("no-verdict-to-label", "no-such-label")
