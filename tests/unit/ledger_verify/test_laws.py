"""The laws of DESIGN §3 that a pure function can keep, over histories nobody wrote by hand."""

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger_verify.codes import Kind, Outcome
from ledger_verify.hashing import is_key
from ledger_verify.judging import counting_holds
from ledger_verify.transition import Consented, apply, fold, state_from_bytes, state_to_bytes, word
from tests.unit.ledger_verify.probes import Probe, all_probes
from tests.unit.ledger_verify.test_transition import logs_of
from tests.unit.ledger_verify.world import MAISON, OLD_HOUSE, TANNERY, TERMS, Story

PROBES = all_probes()
BY_KIND = [[probe for probe in PROBES if probe.kind == kind] for kind in Kind]
WAITS = [0, 0, 0, 86400, 31 * 86400]
CONSENTING = Consented(endorsed=True)
accepted: Counter[int] = Counter()


class ItemLife(RuleBasedStateMachine):
    """Whatever is asked, in whatever order: accepted events are applied, refused ones change nothing."""

    @initialize(maker=st.sampled_from([MAISON, MAISON, OLD_HOUSE, TANNERY]))
    def begin(self, maker: bytes) -> None:
        self.story = Story(maker)  # type: ignore[arg-type]  # one of the world's organizations

    @rule(sort=st.sampled_from(BY_KIND), pick=st.integers(0, 1000), willing=st.booleans(), wait=st.sampled_from(WAITS))
    def ask(self, sort: list[Probe], pick: int, willing: bool, wait: int) -> None:
        self.story.wait(wait)
        probe = sort[pick % len(sort)]
        self.put(probe, CONSENTING if willing else probe.approval)

    @rule()
    def ask_for_the_first_that_is_accepted(self) -> None:
        """Otherwise most histories would be short: most questions are refused."""
        fresh = sorted(PROBES, key=lambda probe: accepted[probe.kind])
        for probe in fresh:
            if self.put(probe, probe.approval):
                return

    def put(self, probe: Probe, approval: Consented | None) -> bool:
        story = self.story
        event, before = probe.event(story), story.state
        if story.judge_event(event, probe.by, approval) is not None:
            return False
        held, is_order = counting_holds(before, story.now), story.is_by_order(event, probe.by)
        after = apply(before, event, probe.by, story.now, TERMS, brand=story.maker, by_order=is_order)

        story.land(probe.kind, probe.by, approval=approval, **probe.fields(story))

        accepted[probe.kind] += 1
        assert story.state == after
        assert after.sequence == before.sequence + 1 and after.head != before.head
        if before.sequence and after.holder != before.holder:
            assert before.verdict != Outcome.NOT_AUTHENTIC or probe.kind == Kind.RECOVERY
            assert not held or probe.kind == Kind.RECOVERY
            assert not is_key(before.holder) or (approval and approval.valid) or probe.kind == Kind.RECOVERY
        return True

    @invariant()
    def folding_the_logs_gives_the_word(self) -> None:
        assert word(fold(logs_of(self.story), TERMS)) == word(self.story.state)

    @invariant()
    def a_stored_state_comes_back(self) -> None:
        assert state_from_bytes(state_to_bytes(self.story.state)) == self.story.state

    @invariant()
    def a_signed_event_lands_once(self) -> None:
        story = self.story
        if story.logged:
            event, by, _, _ = story.logged[-1]
            assert story.judge_event(event, by, CONSENTING) is not None


def test_the_laws_hold_over_random_histories_of_every_kind() -> None:
    """Derandomized, so that the count of kinds at the end is the same on every machine."""
    accepted.clear()

    quiet = list(HealthCheck)
    chosen = settings(max_examples=100, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=quiet)
    run_state_machine_as_test(ItemLife, settings=chosen)

    assert {Kind(kind) for kind in accepted} == set(Kind), accepted
