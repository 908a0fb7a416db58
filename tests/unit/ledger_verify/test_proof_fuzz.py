"""The verifier answers or refuses: whatever it is given, no other error leaves it, and nothing that was not made honestly is anchored."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_verify.checking import check
from ledger_verify.disclosure import withhold
from ledger_verify.hashing import keccak
from ledger_verify.proof import canonical
from ledger_verify.refusals import Refused
from ledger_verify.trie import BrokenProof, Nodes, decode_rlp
from tests.unit.ledger_verify.proven import by_receipts, by_state, copy_of, life, short_life, trust_of
from tests.unit.ledger_verify.test_proof_mutations import at, places_of

PROOFS = [by_state(short_life()), by_state(life()), by_receipts(life())]
PLACES = [list(places_of(proof)) for proof in PROOFS]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=40).map(lambda raw: "0x" + raw.hex()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
patient = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answer(encoded: bytes, proof: int) -> bool:
    try:
        return check(encoded, trust_of(PROOFS[proof])).is_anchored
    except Refused:
        return False


@patient
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_worse(encoded: bytes) -> None:
    assert not answer(encoded, 0)


@patient
@given(JSON)
def test_any_json_is_refused_and_nothing_worse(value: Any) -> None:
    assert not answer(json.dumps(value).encode(), 0)


@patient
@given(st.data())
def test_a_proof_with_anything_anywhere_is_refused_or_says_less(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, len(PROOFS) - 1))
    path = data.draw(st.sampled_from(PLACES[which]))
    changed = copy_of(PROOFS[which])
    value = data.draw(JSON)
    at(changed, path[:-1])[path[-1]] = value  # type: ignore[index]
    try:
        encoded = canonical(changed)
    except ValueError:
        return  # not even a text

    is_same = changed == PROOFS[which]
    says_less = path[-1] in ("signer", "name") and value is None

    assert is_same or says_less or not answer(encoded, which)


@patient
@given(st.data())
def test_hostile_evidence_is_refused_and_nothing_worse(data: st.DataObject) -> None:
    """Header, nodes and signature replaced by bytes that begin like the real ones."""
    which = data.draw(st.sampled_from([0, 1]))
    changed = copy_of(PROOFS[which])
    inclusion = changed["inclusion"]
    node = data.draw(st.integers(0, len(inclusion["nodes"]) - 1))
    kept = data.draw(st.integers(1, 40))
    hostile = inclusion["nodes"][node][: 2 + 2 * kept] + data.draw(st.binary(max_size=60)).hex()
    is_header = data.draw(st.booleans())
    if is_header:
        inclusion["header"] = hostile
    else:
        inclusion["nodes"] = sorted({*inclusion["nodes"][:node], *inclusion["nodes"][node + 1 :], hostile})
    changed["events"][0]["signer"]["signature"] = "0x" + data.draw(st.binary(min_size=65, max_size=65)).hex()

    assert not answer(canonical(changed), which)


@patient
@given(st.binary(max_size=80))
def test_any_bytes_are_rlp_or_a_broken_proof(encoded: bytes) -> None:
    try:
        decode_rlp(encoded)
    except BrokenProof:
        return


@patient
@given(st.lists(st.binary(max_size=60), max_size=5), st.binary(min_size=32, max_size=32))
def test_any_nodes_answer_or_are_a_broken_proof(nodes: list[bytes], key: bytes) -> None:
    for node in nodes:
        try:
            Nodes(nodes).find(keccak(node), key)
        except BrokenProof:
            continue


@patient
@given(st.sets(st.sampled_from(["/model", "/colour", "1/weight", "/certificates", "3/country", "/description"])))
def test_any_choice_of_withheld_fields_is_a_proof_that_says_how_many(paths: set[str]) -> None:
    encoded = canonical(PROOFS[1])

    report = check(withhold(encoded, paths), trust_of(PROOFS[1]))

    hidden = sum(2 if path == "/certificates" else 1 for path in paths)
    assert report.is_anchored
    assert sum(event.withheld or 0 for event in report.events) == hidden
