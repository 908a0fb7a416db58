"""The verifier that runs in a visitor's browser and the one of the command line are two readings of docs/proof.md: they never disagree.

The vectors are answered by tests/js/verify_*.test.js; here both are shown the same altered proofs, and must say the same of each.
And no byte is idle for either: what tests/unit/ledger_verify/test_proof_mutations.py shows of the command line is shown of the browser.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from ledger_verify.proof import canonical
from tests.unit.ledger_verify.proven import Json, by_receipts, by_state, copy_of, cut_short, life, trust_of
from tests.unit.ledger_verify.test_proof_mutations import MAKERS, changed_bytes, says_less, structural
from tests.unit.ledger_verify.test_proof_mutations import SEED as BYTES_SEED
from tests.unit.web.mutants import mutant
from tests.unit.web.verifiers import as_typed, browser, command_line

SEED, MUTANTS = 20_260_711, 2_500
# codes of every depth that the alterations have to reach
DEEP = {"account", "storage", "payload", "history", "witness", "word", "signature", "registry", "unused-node", "receipt"}


def test_both_verifiers_say_the_same_of_thousands_of_altered_proofs() -> None:
    said: Counter[str] = Counter()
    with browser() as page:
        for number in range(MUTANTS):
            name, encoded, trust = mutant(Random(f"{SEED}/{number}"))
            ours = command_line(encoded, trust)

            assert page.answer(encoded, trust) == ours, f"seed {SEED}/{number}: {name}"

            said[ours.get("refused", "accepted")] += 1

    assert said.total() == MUTANTS
    # alterations that say less are accepted; the others are refused for reasons of every depth
    assert set(said) >= DEEP and said["history"] > 500 and said["word"] > 100, said


def test_both_verifiers_miss_the_end_of_a_history_by_receipts() -> None:
    document = by_receipts(life())
    whole = as_typed(trust_of(document))

    with browser() as page:
        for kept in range(1, 5):
            shorter = canonical(cut_short(document, kept))
            for trust in (whole, whole | {"sequence": None}):
                told = page.answer(shorter, trust)
                assert told == command_line(shorter, trust)
                assert (told["verdict"], told["events"]) == ("consistent, not complete", kept)
        assert page.answer(canonical(document), whole)["verdict"] == "anchored"


@pytest.mark.parametrize("make", [by_state, by_receipts], ids=["by state", "by receipts"])
def test_both_verifiers_say_the_same_of_a_life_of_fifty_events(make: Callable[..., Json]) -> None:
    document = make(life(50))
    trust, encoded = as_typed(trust_of(document)), canonical(document)
    dropped = canonical(document | {"events": document["events"][:30] + document["events"][31:]})

    with browser() as page:
        answers = page.answer(encoded, trust), page.answer(dropped, trust)

    assert answers == (command_line(encoded, trust), command_line(dropped, trust))
    assert (answers[0]["verdict"], answers[0]["events"]) == ("anchored", 50)
    assert "refused" in answers[1]


# --- no byte is idle


@pytest.mark.slow
@pytest.mark.parametrize("form", MAKERS)
def test_no_changed_byte_is_accepted_in_the_browser(form: str) -> None:
    document = MAKERS[form]()
    encoded, trust = canonical(document), as_typed(trust_of(document))

    tried = 0
    with browser() as page:
        assert page.answer(encoded, trust)["verdict"] == "anchored"
        for place, mutation in changed_bytes(encoded, Random(BYTES_SEED)):
            tried += 1
            assert "refused" in page.answer(mutation, trust), f"seed {BYTES_SEED}: byte {place} changed"

    assert tried == 2 * len(encoded) >= 10_000


@pytest.mark.parametrize("form", MAKERS)
def test_no_removed_doubled_moved_or_replaced_element_is_accepted_in_the_browser(form: str) -> None:
    document = MAKERS[form]()
    trust = as_typed(trust_of(document))

    done: Counter[str] = Counter()
    with browser() as page:
        assert page.answer(canonical(copy_of(document)), trust)["verdict"] == "anchored"
        for what, path, mutation in structural(document):
            done[what] += 1
            assert says_less(what, path) or "refused" in page.answer(canonical(mutation), trust), f"{what}: {path}"

    assert min(done[what] for what in ("removed", "doubled", "moved", "null")) > 10
