"""What a proof proves, what it does not, and one fault for each code of refusal (docs/proof.md)."""

from collections.abc import Callable
from typing import Any

import pytest
import rlp

from ledger_verify.checking import Trust, check
from ledger_verify.codes import Hold, Kind, Outcome
from ledger_verify.hashing import Disclosure, keccak
from ledger_verify.header import read_header
from ledger_verify.history import open_payload
from ledger_verify.proof import MOST_BYTES, Payload, canonical
from ledger_verify.refusals import REFUSALS, Refused
from tests.unit.ledger_verify.proven import (
    GTIN,
    LEDGER_CODE,
    SERIAL,
    Json,
    by_receipts,
    by_state,
    copy_of,
    life,
    short_life,
    shown,
    signer_of,
    trust_of,
)
from tests.unit.ledger_verify.scenes import SCENES, at_shop, bought_in, held
from tests.unit.ledger_verify.world import ALICE, BOB, CONSORTIUM, HOUSE, MAISON, PLATFORM, SHOP, Story

BY_ORDER: dict[str, Callable[[], Story]] = {
    "an owner's hold": lambda: held(Hold.LOST).land(Kind.RELEASE, CONSORTIUM, a=Hold.LOST),
    "an owner's theft": lambda: held(Hold.STOLEN).land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN),
    "a shop's theft": lambda: stolen_from_shop().land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN),
    "a shop's theft, after which it was sold on": lambda: sold_on_after_order(),
    "a brand's recall": lambda: at_shop().land(Kind.HOLD, MAISON, a=Hold.RECALLED).land(Kind.RELEASE, CONSORTIUM, a=Hold.RECALLED),
}
HISTORIES = {name: scene for name, scene in SCENES.items() if scene().logged} | BY_ORDER


def stolen_from_shop() -> Story:
    return bought_in().land(Kind.HOLD, SHOP, a=Hold.STOLEN)


def sold_on_after_order() -> Story:
    """Stolen from its new owner again, so that only the rules tell that the first theft was over."""
    story = stolen_from_shop().land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN).land(Kind.TRANSFER, SHOP, party=BOB)
    return story.land(Kind.HOLD, PLATFORM, a=Hold.STOLEN, consented=True)


def refusal(document: Json, trust: Trust | None = None) -> str:
    """The code with which these are refused."""
    with pytest.raises(Refused) as refused:
        check(canonical(document), trust_of(document) if trust is None else trust)
    return refused.value.code


@pytest.mark.parametrize("inclusion", [by_state, by_receipts], ids=["by state", "by receipts"])
@pytest.mark.parametrize("name", HISTORIES)
def test_every_history_that_the_rules_allow_is_proven(name: str, inclusion: Callable[[Story], Json]) -> None:
    story = HISTORIES[name]()
    document = inclusion(story)

    report = check(canonical(document), trust_of(document))

    assert report.is_anchored
    assert report.state is not None and (report.state.head, report.state.sequence) == (story.state.head, story.state.sequence)
    assert [event.hash for event in report.events] == [link.event_hash for link in story.links]


def test_a_proof_tells_the_history_and_what_it_could_not_check() -> None:
    document = by_state(life(), hidden=lambda path: path in ("/serial", "/invoice"))

    report = check(canonical(document), trust_of(document))

    told = report.as_json()
    assert [event["kind"] for event in told["events"]] == ["manufacture", "shipment", "sale", "verdict", "service"]
    assert told["events"][0]["fields"]["/colour"] == "noir" and told["events"][0]["signer"] == shown(signer_of(MAISON))
    assert [event["withheld"] for event in told["events"]] == [1, 0, 1, 0, 0] and not told["events"][0]["withheld_paths"]
    assert told["name"] == f"{GTIN} {SERIAL}"
    assert [sentence.split(":")[0] for sentence in told["unchecked"]] == ["Event 1", "Event 3", "Freshness"]
    assert [step["number"] for step in told["steps"]] == list(range(1, 11))


def test_receipts_prove_signers_and_times_and_say_that_they_prove_no_end() -> None:
    tale = life()
    document = by_receipts(tale)

    report = check(canonical(document), trust_of(document, sequence=None))

    assert [event.recorded_at for event in report.events] == [now for _, _, now, _ in tale.logged]
    assert [event.signer for event in report.events] == [signer_of(by) for _, by, _, _ in tale.logged]
    assert report.unchecked[0].startswith("Completeness: ")
    assert (report.verdict, report.is_trusted, report.is_anchored) == ("consistent, not complete", True, False)


@pytest.mark.parametrize("untold", ["chain_id", "ledger", "ledger_code_hash", "block_hashes"])
def test_without_each_of_the_four_trusted_facts_a_proof_is_only_consistent(untold: str) -> None:
    document = by_state(short_life())

    report = check(canonical(document), trust_of(document, **{untold: None}))

    assert not report.is_anchored
    assert report.unchecked[0].startswith("Anchoring")


def test_a_registry_that_nobody_vouches_for_is_said_to_be_unchecked() -> None:
    document = by_state(short_life())

    report = check(canonical(document), trust_of(document, registry=None, registry_code_hash=None))

    assert report.is_anchored
    assert report.unchecked[-1].startswith("The registry")


@pytest.mark.parametrize(
    ("fact", "value", "code"),
    [
        ("chain_id", 1, "other-chain"),
        ("ledger", bytes(20), "other-ledger"),
        ("ledger_code_hash", bytes(32), "other-code"),
        ("block_hashes", frozenset({bytes(32)}), "other-block"),
        ("registry", bytes(20), "other-registry"),
        ("registry_code_hash", bytes(32), "other-registry"),
    ],
)
def test_a_proof_of_anything_else_than_what_is_trusted_is_refused(fact: str, value: object, code: str) -> None:
    document = by_state(short_life())

    assert refusal(document, trust_of(document, **{fact: value})) == code


def test_a_history_that_no_ledger_with_these_rules_records_is_refused_even_unanchored() -> None:
    """A chain of the forger's own, with code that lets anything pass: a theft is sold on."""
    story = stolen_from_shop()
    event = story.event(Kind.TRANSFER, party=BOB)
    story.logged.append((event, SHOP, story.now, False))
    story.state = story.apply_event(event, SHOP)

    assert refusal(by_state(story), Trust()) == "history"


def test_a_perfect_file_of_another_chain_is_consistent_and_no_more() -> None:
    """A chain of the forger's own that keeps the rules: only the trusted facts tell it from the real one."""
    forged = by_state(short_life())
    real = by_state(life())

    assert not check(canonical(forged)).is_anchored
    assert refusal(forged, trust_of(real)) == "other-block"
    assert refusal(forged, trust_of(forged, ledger_code_hash=keccak(b"the real code"))) == "other-code"


def test_permissive_code_at_the_real_address_is_told_by_its_hash() -> None:
    document = by_state(short_life()) | {"ledger_code_hash": shown(LEDGER_CODE)}
    document["ledger_code_hash"] = shown(keccak(b"permissive code"))

    assert refusal(document) == "code"


# --- one fault for each code


def faulty(change: Callable[[Json], Any], make: Callable[[], Json] = lambda: by_state(short_life())) -> Json:
    document = copy_of(make())
    change(document)
    return document


def swap_first_nodes(document: Json) -> None:
    nodes = document["inclusion"]["nodes"]
    nodes[0], nodes[1] = nodes[1], nodes[0]


def remove_root(document: Json) -> None:
    root = read_header(bytes.fromhex(document["inclusion"]["header"][2:])).state_root
    nodes = document["inclusion"]["nodes"]
    nodes.remove(next(node for node in nodes if keccak(bytes.fromhex(node[2:])) == root))


def add_node(document: Json) -> None:
    document["inclusion"]["nodes"] = sorted([*document["inclusion"]["nodes"], shown(b"\xc0")])


def show_within(document: Json) -> None:
    """Shows a path and one within it."""
    fields = document["events"][0]["payload"]["fields"]
    fields[0][1], fields[1][1] = "/a", "/a/b"


def blame_another(document: Json) -> None:
    document["events"][0]["signer"]["address"] = shown(signer_of(HOUSE))


FAULTS: dict[str, tuple[str, Callable[[], Json]]] = {
    "another format": ("unknown-format", lambda: by_state(short_life()) | {"format": "ledger-proof-v1"}),
    "an unknown member": ("malformed", lambda: by_state(short_life()) | {"remark": ""}),
    "no events": ("malformed", lambda: by_state(short_life()) | {"events": []}),
    "a header cut short": ("header", lambda: faulty(lambda d: d["inclusion"].update(header=d["inclusion"]["header"][:-2]))),
    "a header of 14 fields": ("header", lambda: faulty(lambda d: d["inclusion"].update(header=shown(bytes(rlp.encode([bytes(32)] * 14)))))),
    "nodes out of order": ("unused-node", lambda: faulty(swap_first_nodes)),
    "a node that nothing needs": ("unused-node", lambda: faulty(add_node)),
    "a node missing": ("account", lambda: faulty(remove_root)),
    "a ledger that is no account": ("account", lambda: faulty(lambda d: d.update(ledger=shown(bytes(20))))),
    "other code": ("code", lambda: faulty(lambda d: d.update(ledger_code_hash=shown(bytes(32))))),
    "a registry with other code": ("code", lambda: faulty(lambda d: d.update(registry_code_hash=shown(bytes(32))))),
    "a path that is no pointer": ("malformed", lambda: faulty(lambda d: d["events"][0]["payload"]["fields"][0].__setitem__(1, "colour"))),
    "a path with a lone tilde": ("malformed", lambda: faulty(lambda d: d["events"][0]["payload"]["fields"][0].__setitem__(1, "/a~2"))),
    "a path within another": ("payload", lambda: faulty(show_within)),
    "a name that is no pointer": ("malformed", lambda: faulty(lambda d: withheld(d).append(["model", shown(bytes(32))]))),
    "a name without a seal": ("malformed", lambda: faulty(lambda d: withheld(d).append(["/model"]))),
    "a withheld field under another name": ("word", lambda: faulty(lambda d: rename(d, "/shade"), hiding)),
    "a withheld field under the name of one that is shown": ("payload", lambda: faulty(lambda d: rename(d, "/model"), hiding)),
    "another organization": ("history", lambda: faulty(lambda d: d["events"][0].update(organization=shown(HOUSE)))),
    "a kind that is none": ("history", lambda: faulty(lambda d: d["events"][1].update(kind=17))),
    "names that only an enrolment has": (
        "history",
        lambda: faulty(lambda d: d["events"][1].update(enrolled={"brand": shown(MAISON), "serial_commitment": shown(bytes(32))})),
    ),
    "a shipment by order": ("history", lambda: faulty(lambda d: d["events"][1].update(by_order=True))),
    "a time that nothing left": ("witness", lambda: faulty(lambda d: d["witness"].update(disputed_at=1))),
    "another word stored": ("word", lambda: by_state(short_life(), stored=5)),
    "nothing stored": ("word", lambda: by_state(short_life(), stored=0)),
    "the last event left out": ("word", lambda: faulty(lambda d: d["events"].pop())),
    "another signer": ("signature", lambda: faulty(blame_another)),
    "an organization nobody admitted": ("registry", lambda: by_state(short_life(), admitted=False)),
    "another serial": ("name", lambda: faulty(lambda d: d["name"].update(serial="S-2"))),
    "a serial too long": ("name", lambda: faulty(lambda d: d["name"].update(serial="S" * 300))),
    "a serial that is no ASCII": ("name", lambda: faulty(lambda d: d["name"].update(serial="é"))),
    "a lot's name": ("name", lambda: faulty(lambda d: d.update(name={"lot": "L-1", "salt": d["name"]["salt"]}))),
    "a log of another transaction": ("receipt", lambda: faulty(lambda d: d["inclusion"]["logs"][0].__setitem__(1, 0), receipts)),
    "a log that is not there": ("receipt", lambda: faulty(lambda d: d["inclusion"]["logs"][0].__setitem__(2, 9), receipts)),
    "events in another order than their logs": ("receipt", lambda: faulty(lambda d: d["inclusion"]["logs"].reverse(), receipts)),
    "a block without an event": ("receipt", lambda: faulty(lambda d: d["inclusion"]["logs"].__setitem__(1, [0, 1, 1]), receipts)),
    "receipts with a node too many": (
        "unused-node",
        lambda: faulty(lambda d: d["inclusion"]["blocks"][0]["nodes"].append("0xff"), receipts),
    ),
    "a log that is no event's": ("receipt", lambda: faulty(lambda d: d["inclusion"]["logs"][0].__setitem__(2, 0), enrolled_receipts)),
    "an enrolment under another commitment": (
        "history",
        lambda: faulty(lambda d: d["events"][0]["enrolled"].update(serial_commitment=shown(bytes(32))), enrolled_receipts),
    ),
    "an order that no log tells of": (
        "receipt",
        lambda: faulty(lambda d: d["events"][-1].update(by_order=False), lambda: by_receipts(BY_ORDER["a brand's recall"]())),
    ),
    "another organization in the log": ("receipt", lambda: mixed_receipts()),
    "a signer shown beside the log": ("receipt", lambda: signed_receipts()),
    "another ledger's log": ("receipt", lambda: receipts() | {"ledger": shown(bytes(20))}),
}


def hiding() -> Json:
    return by_state(life(), hidden=lambda path: path == "/colour" and "named")


def withheld(document: Json) -> list[Any]:
    listed: list[Any] = document["events"][0]["payload"]["withheld"]
    return listed


def rename(document: Json, path: str) -> None:
    withheld(document)[0] = [path, withheld(document)[0][1]]


def receipts() -> Json:
    return by_receipts(short_life())


def enrolled_receipts() -> Json:
    return by_receipts(SCENES["enrolled"]())


def mixed_receipts() -> Json:
    """Events of one life, logs of another."""
    return receipts() | {"inclusion": by_receipts(at_shop())["inclusion"]}


def signed_receipts() -> Json:
    document = receipts()
    for event, told in zip(document["events"], by_state(short_life())["events"], strict=True):
        event["signer"] = told["signer"]
    return document


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_refused_with_its_code(fault: str) -> None:
    code, make = FAULTS[fault]

    assert refusal(make()) == code


def test_every_code_of_refusal_is_given_for_something() -> None:
    elsewhere = {"too-large", "not-canonical", "storage", "other-chain", "other-ledger", "other-code", "other-block", "other-registry"}

    assert {code for code, _ in FAULTS.values()} | elsewhere == set(REFUSALS)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"nothing", b"\xff", b"[NaN]", b'{"a":1,"a":1}', b'{"b":1,"a":1}', b"{ }", b"1.0", b"9007199254740993",
        b'"\\ud800"', b"[" * 100_000, b'"\\"[' + b"[" * 40, b"-0", b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_what_is_not_the_canonical_text_is_refused(text: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check(text)

    assert refused.value.code == "not-canonical"


def test_a_file_too_large_is_not_even_read() -> None:
    with pytest.raises(Refused) as refused:
        check(b" " * (MOST_BYTES + 1))

    assert refused.value.code == "too-large"


def test_a_storage_that_is_not_shown_is_refused() -> None:
    document = by_state(life())
    small = sorted(document["inclusion"]["nodes"], key=len)
    codes = set()
    for node in small:
        broken = copy_of(document)
        broken["inclusion"]["nodes"].remove(node)
        codes.add(refusal(broken))

    assert codes == {"account", "storage", "registry"}


def test_a_field_without_canonical_form_is_refused() -> None:
    with pytest.raises(Refused, match="payload"):
        open_payload(Payload(None, (Disclosure(bytes(16), "/a", float("nan")),)))


def test_a_log_that_is_none_of_the_ledgers_is_no_event() -> None:
    document = receipts() | {"ledger": shown(bytes(20))}

    assert refusal(document, Trust()) == "receipt"


# --- by order


def test_an_order_is_shown_only_where_the_word_depends_on_it() -> None:
    """Stolen, released by order, stolen again: whether it was by order leaves no trace."""
    traceless = stolen_from_shop().land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN).land(Kind.HOLD, SHOP, a=Hold.STOLEN)
    document = by_state(traceless)
    claimed = copy_of(document)
    claimed["events"][-2]["by_order"] = True

    assert not document["events"][-2]["by_order"] and check(canonical(document)).word is not None
    assert refusal(claimed) == "history"


def test_an_order_that_the_word_depends_on_cannot_be_hidden() -> None:
    document = copy_of(by_state(BY_ORDER["a shop's theft"]()))
    document["events"][-1]["by_order"] = False

    assert refusal(document) == "witness"


def test_too_many_orders_are_refused_before_they_are_tried() -> None:
    story = at_shop()
    for _ in range(9):
        story.land(Kind.HOLD, SHOP, a=Hold.LOST).land(Kind.RELEASE, SHOP, a=Hold.LOST)
    document = by_state(story)
    for event in document["events"]:
        event["by_order"] = event["kind"] == Kind.RELEASE

    with pytest.raises(Refused, match="more than 8 releases"):
        check(canonical(document))


def test_corrections_without_end_are_refused() -> None:
    story = at_shop()
    for _ in range(460):
        story.land(Kind.SERVICE, SHOP)
    document = by_state(story, signers=False)
    correction = {"kind": int(Kind.CORRECTION), "detail": f"0x{1 << 16:016x}"}
    document["events"] += [document["events"][-1] | correction for _ in range(220)]

    with pytest.raises(Refused, match="reach back"):
        check(canonical(document))


def test_a_verdict_that_was_corrected_is_proven_by_the_walk_to_it() -> None:
    story = at_shop().land(Kind.SALE, SHOP, party=ALICE).land(Kind.VERDICT, HOUSE, a=Outcome.NOT_AUTHENTIC, b=1)
    story.land(Kind.SERVICE, PLATFORM, consented=True)
    story.land(Kind.CORRECTION, HOUSE, a=Outcome.AUTHENTIC, time=4)
    document = by_state(story)
    stolen = copy_of(document)
    stolen["events"][-1]["organization"] = shown(MAISON)

    assert check(canonical(document)).as_json()["state"]["verdict"] == "authentic"
    assert refusal(stolen) == "history"
