"""The soak in its short form: real processes, much breaks at once, nothing is lost or doubled. `make soak` is the long one."""

import pytest

from tests.faults.soaking.running import Outcome, Plan, soak

LEAST_EVENTS, LEAST_FAULTS, LEAST_KINDS = 500, 60, 20
SHORT = Plan(seconds=28, seed=11, per_second=60, pace=0.22, measuring_share=0, least_faults=LEAST_FAULTS, least_kinds=LEAST_KINDS)
LONG = Plan(seconds=180, seed=12, least_faults=LEAST_FAULTS, least_kinds=LEAST_KINDS)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, is_long: bool) -> Outcome:
    return soak(LONG if is_long else SHORT, tmp_path_factory.mktemp("soak"))


def test_nothing_is_lost_doubled_or_invented_while_everything_breaks(outcome: Outcome) -> None:
    assert outcome.problems == []
    assert (outcome.lost, outcome.duplicated, outcome.invented) == (0, 0, 0)
    assert outcome.audit == "clean"


def test_faults_of_twenty_kinds_took_effect(outcome: Outcome) -> None:
    assert outcome.events >= LEAST_EVENTS
    assert outcome.faults >= LEAST_FAULTS, outcome.faults_by_kind
    assert len(outcome.faults_by_kind) >= LEAST_KINDS, outcome.faults_by_kind
