"""What is withheld stays withheld: by name or by count alone, against guessing, and for ever once the item's key is gone."""

import itertools

import pytest

from ledger_verify.checking import check
from ledger_verify.codes import Kind
from ledger_verify.disclosure import withhold
from ledger_verify.hashing import ItemId, disclose, disclosure_digest, item_key, keccak, seal, sealed_digest
from ledger_verify.proof import canonical, read_canonical
from ledger_verify.refusals import Refused
from tests.unit.ledger_verify.proven import EPOCH_KEY, Json, Tale, by_state, life, shown, trust_of
from tests.unit.ledger_verify.world import HANDBAG, MAISON

COLOURS = ["noir", "blanc", "rouge", "bleu", "vert", "brun", "gris", "or"]


def test_a_field_is_withheld_by_its_name_and_counted() -> None:
    document = by_state(life())

    less = withhold(canonical(document), ["1/colour", "/certificates"])

    report = check(less, trust_of(document))
    assert report.is_anchored
    assert [event.withheld for event in report.events] == [3, 0, 0, 0, 0]
    assert b"noir" not in less and b"REACH" not in less and b"Cabas Verne 32" in less
    assert report.events[0].withheld_paths == ("/certificates/0", "/certificates/1", "/colour")
    assert "Event 1: 3 fields of its payload are withheld: /certificates/0, /certificates/1, /colour." in report.unchecked


def test_a_field_may_be_withheld_with_its_name() -> None:
    """Whoever makes less of a proof may leave the name out too: then it is counted, and the rest is named."""
    document = by_state(life())
    less = read_canonical(withhold(canonical(document), ["1/colour", "/certificates"]))
    closed = less["events"][0]["payload"]["withheld"]
    colour = next(place for place, (path, _) in enumerate(closed) if path == "/colour")
    closed[colour] = shown(sealed_digest("/colour", bytes.fromhex(closed[colour][1][2:])))

    report = check(canonical(less), trust_of(document))

    assert report.is_anchored and (report.events[0].withheld, report.events[0].withheld_paths) == (
        3,
        ("/certificates/0", "/certificates/1"),
    )
    told = "Event 1: 3 fields of its payload are withheld: /certificates/0, /certificates/1, 1 of them without a name."
    assert told in report.unchecked


def test_less_can_be_made_of_less() -> None:
    document = by_state(life(), hidden=lambda path: path == "/model")
    once, both = withhold(canonical(document), ["/colour"]), withhold(canonical(document), ["/colour", "/certificates"])

    assert withhold(once, ["/certificates"]) == both
    assert check(both, trust_of(document)).events[0].withheld == 4


def test_everything_may_be_withheld_but_not_what_is_not_there() -> None:
    document = by_state(life())

    nothing_shown = withhold(canonical(document), [f"{number}/{name}" for number, name in every_field(document)])

    assert all(not event.fields for event in check(nothing_shown).events)
    with pytest.raises(ValueError, match="no field is shown at /colours"):
        withhold(canonical(document), ["/colours"])
    with pytest.raises(Refused):
        withhold(b"{}", ["/colour"])


def every_field(document: Json) -> list[tuple[int, str]]:
    shown_fields = ((number, field[1]) for number, event in enumerate(document["events"], 1) for field in event["payload"]["fields"])
    return [(number, path.split("/")[1]) for number, path in shown_fields]


def test_a_withheld_field_cannot_be_shown_with_another_value() -> None:
    document = by_state(life())
    fields = document["events"][0]["payload"]["fields"]
    colour = next(field for field in fields if field[1] == "/colour")
    colour[2] = "rouge"
    fields.sort(key=lambda field: disclosure_digest(bytes.fromhex(field[0]), field[1], field[2]))

    with pytest.raises(Refused) as refused:
        check(canonical(document), trust_of(document))

    assert refused.value.code == "word"


def test_a_dictionary_does_not_open_a_withheld_colour() -> None:
    """Without the salt every guess is as good as none; with the item's key the first right one is found, so the search works."""
    document = by_state(life(), hidden=lambda path: path == "/colour" and "named")
    ((_, withheld),) = document["events"][0]["payload"]["withheld"]
    known_salts = [bytes.fromhex(field[0]) for event in document["events"] for field in event["payload"]["fields"]]
    guesses = [*known_salts, bytes(16), *(keccak(b"%d" % number)[:16] for number in range(2_000))]

    found = [colour for salt, colour in itertools.product(guesses, COLOURS) if shown(seal(salt, "/colour", colour)) == withheld]
    opened = [colour for colour in COLOURS if shown(seal(salt_of_colour(), "/colour", colour)) == withheld]

    assert found == []
    assert opened == ["noir"]


def salt_of_colour() -> bytes:
    """What whoever holds the blinding key derives."""
    tale = life()
    fields = by_state(tale)["events"][0]["payload"]["fields"]
    return next(bytes.fromhex(field[0]) for field in fields if field[1] == "/colour")


def test_equal_values_in_other_events_fields_and_items_never_share_a_digest() -> None:
    tales = []
    for serial in range(3):
        tale = SerialTale(serial=serial)
        tale.tell(Kind.MANUFACTURE, MAISON, {"a": "noir", "b": "noir", "c": ["noir", "noir"]}, party=tale.commitment, c=HANDBAG)
        tale.tell(Kind.SERVICE, MAISON, {"a": "noir"}).tell(Kind.SERVICE, MAISON, {"a": "noir"})
        tales.append(tale)

    digests = [
        digest for tale in tales for event in by_state(tale, hidden=lambda _: True)["events"] for digest in event["payload"]["withheld"]
    ]

    assert len(set(digests)) == len(digests) == 3 * (4 + 1 + 1)


class SerialTale(Tale):
    """Of another item for each serial number."""

    @property
    def commitment(self):  # type: ignore[no-untyped-def]  # as in Story
        return keccak(b"serial %d" % self.serial)


def test_without_the_items_key_what_was_withheld_is_gone_and_the_rest_still_verifies() -> None:
    """Erasure: another key, however near, opens nothing; the file that shows the rest needs no key at all."""
    tale = life()
    document = by_state(tale, hidden=lambda path: path == "/colour")
    withheld = document["events"][0]["payload"]["withheld"][0]
    right = item_key(EPOCH_KEY, tale.item)
    wrong = [item_key(keccak(b"another epoch"), tale.item), item_key(EPOCH_KEY, ItemId(tale.item[::-1])), bytes(32)]

    reopened = [colour for key in wrong for colour in COLOURS if digest_with(key, tale, colour) == withheld]

    assert [colour for colour in COLOURS if digest_with(right, tale, colour) == withheld] == ["noir"]
    assert reopened == []
    assert check(canonical(document), trust_of(document)).is_anchored


def digest_with(key: bytes, tale: Tale, colour: str) -> str:
    event, by, _, _ = tale.logged[0]
    (field,) = disclose({"colour": colour}, item_key=key, organization=by, kind=event.kind, occurred_at=event.occurred_at)
    return shown(disclosure_digest(field.salt, field.path, field.value))


def test_a_payload_that_is_gone_leaves_its_commitment_and_the_history_verifies() -> None:
    tale = life()
    document = by_state(tale)
    document["events"][0]["payload"] = {"commitment": shown(tale.logged[0][0].payload)}

    report = check(canonical(document), trust_of(document))

    assert report.is_anchored and report.events[0].withheld is None and report.events[3].fields
    assert report.unchecked[0] == "Event 1: of its payload only the commitment is shown."
    assert withhold(canonical(document), ["/appraiser"])
