"""The label that a store fixes on an item it found authentic: a serial, printed before, that a scan binds to item, verdict and store.

A serial has 55 random bits and a check letter: it cannot be guessed, and a slip of the hand is no other label. An item has one live
label at most, by a unique index. Who reads a serial learns what the ledger knows anyway, and whether this tag still counts.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError as RowExists

from ledger_api.desk.booking import life, rows
from ledger_api.desk.booking.rows import AnyRow
from ledger_api.desk.errors import ItemHasALabel, LabelMoved, NoSuchBooking, NoSuchLabel, NoVerdictToLabel
from ledger_api.desk.recording import LANDED
from ledger_api.desk.rows import cases

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0 and O, 1 and I
LENGTH = 11
MOST_AT_ONCE = 120
Trouble = Literal["damaged", "lost", "void"]
STATES = {
    "printed": "It waits in the store's drawer and says nothing of any item.",
    "live": "It is on its item.",
    "damaged": "It was found torn, opened or moved.",
    "lost": "It came off, and nobody knows where it is.",
    "void": "The store took it back: the verdict it spoke of counts no more, or another label took its place.",
}


def new_serial() -> str:
    drawn = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return drawn + check_letter(drawn)


def check_letter(drawn: str) -> str:
    """A weighted sum modulo 32: one wrong letter gives another (the weights are odd), and so do nearly all swapped neighbours."""
    total = sum((2 * place + 1) * LETTERS.index(letter) for place, letter in enumerate(drawn))
    return LETTERS[total % len(LETTERS)]


def read_serial(said: str) -> str:
    """As it is printed, however it is typed. Raises NoSuchLabel: no label can have this serial."""
    letters = "".join(said.upper().replace("-", " ").split())
    if len(letters) != LENGTH + 1 or any(letter not in LETTERS for letter in letters) or check_letter(letters[:-1]) != letters[-1]:
        raise NoSuchLabel("No label can have this serial: compare it letter by letter.")
    return letters


def spaced(serial: str) -> str:
    return "-".join(serial[start : start + 4] for start in range(0, len(serial), 4))


def print_labels(connection: Connection, store: AnyRow, *, count: int, now: datetime) -> list[str]:
    """New serials for a store's drawer."""
    made = [new_serial() for _ in range(count)]
    row = {"organization": store.organization, "store": store.id, "state": "printed", "created_at": now}
    rows.keep_labels(connection, [row | {"serial": serial} for serial in made])
    return made


def activate(connection: Connection, organization: bytes, said: str, booking_id: str, *, by: str, now: datetime) -> AnyRow:
    """The label is on the item. Harmless to repeat.

    Raises:
        NoSuchLabel, NoSuchBooking: not this partner's. LabelMoved: it was used before. NoVerdictToLabel. ItemHasALabel.
    """
    label = rows.locked_label(connection, read_serial(said))
    booking = rows.locked(connection, booking_id)
    if label is None or label.organization != organization:
        raise NoSuchLabel
    if booking is None or booking.organization != organization:
        raise NoSuchBooking(booking=booking_id)
    if label.state == "live" and label.booking == booking_id:
        return label
    if label.state != "printed":
        raise LabelMoved(state=label.state)
    case = None if booking.case is None else cases.case(connection, booking.case)
    item = None if case is None else booking.item or case.item
    told = None if case is None or case.verdict_event is None else cases.standing(connection, case.verdict_event)
    if case is None or item is None or booking.outcome != "authentic" or told is None or told.status not in LANDED:
        raise NoVerdictToLabel(booking=booking_id, state=booking.state)
    _bind(connection, label.serial, item, {"booking": booking_id, "case": case.id, "verdict_event": case.verdict_event}, by=by, now=now)
    life.note(connection, booking, by=f"staff {by}", at=now, why="labelled", facts={"label": label.serial})
    bound = rows.label(connection, label.serial)
    assert bound is not None
    return bound


def _bind(connection: Connection, serial: str, item: bytes, what: dict[str, object], *, by: str, now: datetime) -> None:
    try:
        with connection.begin_nested():
            rows.change_label(connection, serial, state="live", item=item, by=by, activated_at=now, **what)
    except RowExists:
        raise ItemHasALabel(item="0x" + item.hex()) from None


def report(connection: Connection, organization: bytes, said: str, trouble: Trouble, why: str, *, now: datetime) -> AnyRow:
    """It counts no more; another may be fixed. One that was only printed can be reported lost or void too.

    Raises:
        NoSuchLabel: not this partner's. LabelMoved: it has ended before.
    """
    label = rows.locked_label(connection, read_serial(said))
    if label is None or label.organization != organization:
        raise NoSuchLabel
    if label.state not in ("printed", "live"):
        raise LabelMoved(state=label.state)
    rows.change_label(connection, label.serial, state=trouble, ended_at=now, ended_why=why)
    ended = rows.label(connection, label.serial)
    assert ended is not None
    return ended


def find(connection: Connection, said: str) -> AnyRow:
    """Raises NoSuchLabel. One that waits in a drawer is not told of: whoever copies it off a sheet has nothing."""
    label = rows.label(connection, read_serial(said))
    if label is None or label.state == "printed" or label.item is None:
        raise NoSuchLabel
    return label


# --- the sheet ---------------------------------------------------------------------------------------------------------


def sheet(serials: Sequence[str], *, base_url: str, store: str) -> bytes:
    """A PDF of A4 pages, 24 labels each (70 × 37 mm, as they are sold): QR, serial, the store's name."""
    import io

    import segno
    from fpdf import FPDF  # the extra `desk` alone has it

    columns, lines, width, height = 3, 8, 70.0, 37.0
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_title(f"Labels, {len(serials)}")
    for place, serial in enumerate(serials):
        on_page = place % (columns * lines)
        if on_page == 0:
            pdf.add_page()
        left, top = on_page % columns * width, on_page // columns * height + 0.5
        picture = io.BytesIO()
        segno.make(f"{base_url.rstrip('/')}/labels/{serial}", error="q", micro=False).save(picture, kind="png", scale=8, border=2)
        pdf.image(picture, left + 4, top + 4, w=29)
        pdf.set_xy(left + 34, top + 8)
        pdf.set_font("Courier", "B", 10)
        pdf.multi_cell(34, 5, spaced(serial))
        pdf.set_xy(left + 34, top + 20)
        pdf.set_font("Helvetica", "", 6.5)
        pdf.multi_cell(34, 3, store[:60].encode("latin-1", "replace").decode("latin-1"))
    return bytes(pdf.output())
