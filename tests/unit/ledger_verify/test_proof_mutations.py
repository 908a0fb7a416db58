"""No byte of a proof is idle: whatever is changed, removed, doubled or moved, the verifier refuses.

Every byte of two small proofs is changed, by a bit and to another digit or letter of its own kind, which keeps the text canonical
so that the change reaches what is behind it. Then every member and every element is removed, doubled, moved and replaced.
"""

import json
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ledger_verify.checking import Trust, check
from ledger_verify.proof import canonical
from ledger_verify.refusals import Refused
from tests.unit.ledger_verify.proven import Json, by_receipts, by_state, copy_of, cut_short, life, short_life, trust_of

SEED = 20_251_122
CLASSES = (string.digits + "abcdef", string.ascii_lowercase, string.ascii_uppercase)
MAKERS = {
    "by state": lambda: by_state(short_life(), others=[b"\x11" * 32], hidden=lambda path: path == "/model" and "named"),
    "by receipts": lambda: by_receipts(short_life()),
}


def accepted(encoded: bytes, trust: Trust) -> bool:
    """Anything but a refusal of the verifier's own is an error of the test run."""
    try:
        return check(encoded, trust).is_anchored
    except Refused:
        return False


def other_of_its_kind(byte: int, draw: random.Random) -> int:
    """Another digit for a digit, another letter for a letter; for the rest anything."""
    kind = next((one for one in CLASSES if chr(byte) in one), None)
    choices = [ord(one) for one in kind] if kind is not None else list(range(256))
    return draw.choice([one for one in choices if one != byte])


def changed_bytes(encoded: bytes, draw: random.Random) -> Iterator[tuple[int, bytes]]:
    for place, byte in enumerate(encoded):
        for other in (byte ^ 1 << draw.randrange(8), other_of_its_kind(byte, draw)):
            yield place, encoded[:place] + bytes([other]) + encoded[place + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("form", MAKERS)
def test_no_changed_byte_is_accepted(form: str) -> None:
    document = MAKERS[form]()
    encoded, trust = canonical(document), trust_of(document)
    assert accepted(encoded, trust)

    tried = 0
    for place, mutation in changed_bytes(encoded, random.Random(SEED)):
        tried += 1
        assert not accepted(mutation, trust), f"seed {SEED}: byte {place} changed, {encoded[place - 20 : place + 20]!r}"

    assert tried == 2 * len(encoded) >= 10_000


@pytest.mark.parametrize("form", MAKERS)
def test_no_cut_or_lengthened_file_is_accepted(form: str) -> None:
    document = MAKERS[form]()
    encoded, trust = canonical(document), trust_of(document)

    places = range(0, len(encoded), 7)

    assert not any(accepted(encoded[:place], trust) for place in places)
    assert not any(accepted(encoded[:place] + encoded[place + 1 :], trust) for place in places)
    assert not any(accepted(encoded[:place] + b" " + encoded[place:], trust) for place in [*places, len(encoded)])


# --- members and elements

Path = tuple[str | int, ...]


def places_of(value: object, path: Path = ()) -> Iterator[Path]:
    """Every member and element, however deep."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places_of(child, (*path, key))


def at(document: Json, path: Path) -> object:
    found: object = document
    for key in path:
        found = found[key]  # type: ignore[index]  # a path of the document's own
    return found


def put(document: Json, path: Path, value: object) -> Json:
    changed = copy_of(document)
    at(changed, path[:-1])[path[-1]] = value  # type: ignore[index]
    return changed


def removed(document: Json, path: Path) -> Json:
    changed = copy_of(document)
    del at(changed, path[:-1])[path[-1]]  # type: ignore[attr-defined]
    return changed


def structural(document: Json) -> Iterator[tuple[str, Path, Json]]:
    for path in places_of(document):
        yield "removed", path, removed(document, path)
        holder, value = at(document, path[:-1]), at(document, path)
        for name, replacement in (("null", None), ("empty", ""), ("zero", 0), ("true", True), ("list", []), ("object", {})):
            if value != replacement or type(value) is not type(replacement):
                yield name, path, put(document, path, replacement)
        if isinstance(holder, dict):
            changed = put(document, path, value)
            at(changed, path[:-1])[f"{path[-1]} "] = value  # type: ignore[index]
            yield "doubled", path, changed
        if isinstance(holder, list):
            yield "doubled", path, put(document, path[:-1], [*holder[: path[-1]], value, *holder[path[-1] :]])  # type: ignore[misc]
            yield from moved(document, path, holder)


def moved(document: Json, path: Path, holder: list[object]) -> Iterator[tuple[str, Path, Json]]:
    place = int(path[-1])
    for other in range(place + 1, len(holder)):
        if holder[other] != holder[place]:
            swapped = [*holder]
            swapped[place], swapped[other] = holder[other], holder[place]
            yield "moved", path, put(document, path[:-1], swapped)


def says_less(what: str, path: Path) -> bool:
    """What the format lets be left out: whose key signed, and the name. The report says so, in the two tests at the end."""
    return what == "null" and path[-1] in ("signer", "name")


@pytest.mark.parametrize("form", MAKERS)
def test_no_removed_doubled_moved_or_replaced_element_is_accepted(form: str) -> None:
    document = MAKERS[form]()
    trust = trust_of(document)

    done: Counter[str] = Counter()
    for what, path, mutation in structural(document):
        done[what] += 1
        assert says_less(what, path) or not accepted(canonical(mutation), trust), f"{what}: {path}"

    assert min(done[what] for what in ("removed", "doubled", "moved", "null")) > 10


@pytest.mark.parametrize("make", [by_state, by_receipts], ids=["by state", "by receipts"])
def test_no_event_of_a_longer_life_can_be_dropped_doubled_or_moved(make: Callable[..., Json]) -> None:
    document = make(life())
    trust = trust_of(document)

    done = 0
    for place in range(len(document["events"])):
        for mutation in (
            removed(document, ("events", place)),
            *(one for _, _, one in moved(document, ("events", place), document["events"])),
        ):
            done += 1
            assert not accepted(canonical(mutation), trust)

    assert done == 5 + 10


def test_the_end_of_a_history_by_receipts_cannot_be_cut_off_with_its_logs_and_blocks() -> None:
    """No byte that is left contradicts it; so it is never complete for whoever does not know how many events there are."""
    document = by_receipts(life())
    trust = trust_of(document)

    for kept in range(1, 5):
        shorter = canonical(cut_short(document, kept))
        told = [check(shorter, replace(trust, sequence=known)) for known in (None, 5)]

        assert [(report.is_anchored, report.verdict) for report in told] == [(False, "consistent, not complete")] * 2
        assert all(report.unchecked[0].startswith("Completeness: ") for report in told)
    assert check(canonical(document), trust).is_complete


def test_events_of_two_lives_cannot_be_mixed() -> None:
    """The same item id, told otherwise."""
    one, other = by_state(life()), by_state(short_life())
    trust = trust_of(one)

    for place in range(2):
        assert not accepted(canonical(put(one, ("events", place), other["events"][place])), trust)
    assert not accepted(canonical(one | {"inclusion": other["inclusion"]}), trust)


def test_a_name_may_be_left_out_and_is_then_not_told() -> None:
    document = by_state(short_life()) | {"name": None}

    report = check(canonical(document), trust_of(document))

    assert report.is_anchored and report.name is None


def test_a_signer_may_be_left_out_and_is_then_said_to_be_unknown() -> None:
    document = put(by_state(short_life()), ("events", 0, "signer"), None)

    report = check(canonical(document), trust_of(document))

    assert report.events[0].signer is None and report.events[1].signer is not None
    assert report.unchecked[0] == "Event 1: which key signed for the organization is not shown."


def test_a_signer_cannot_be_hidden_while_its_standing_is_shown() -> None:
    document = put(by_state(short_life()), ("events", 0, "signer"), None)
    document = put(document, ("events", 1, "signer"), None)

    with pytest.raises(Refused) as refused:
        check(json.dumps(document, separators=(",", ":"), sort_keys=True).encode(), trust_of(document))

    assert refused.value.code == "unused-node"
