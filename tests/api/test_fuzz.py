"""Hostile input at every described door: whatever comes, the answer is one that the description lists, and never a fault of ours."""

import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ledger_api.app import create_app
from ledger_api.desk.vault import DiskVault
from tests.doors import opened_doors

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the packages that schemathesis brings
    import schemathesis

EXAMPLES = 20
# the chain has not been read in this test, and these say so
HONESTLY_NOT_READY = {"/readyz", "/v1/verifications", "/v1/verifications/bulk", "/v1/listings"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_input_meets_an_answer_that_is_not_described(tmp_path: Path) -> None:
    unexpected: list[tuple[str, str, int, str]] = []
    photos = DiskVault(tmp_path / "photos", b"\x07" * 32)
    with opened_doors(f"sqlite:///{tmp_path / 'ledger.db'}", photos=photos) as doors:
        token = doors.token("CONSORTIUM")
        schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(doors.context))
        operations = [found.ok() for found in schema.get_all_operations()]
        asked = 0
        for operation in operations:

            @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
            @given(case=operation.as_strategy())
            def knock(case: schemathesis.Case) -> None:
                nonlocal asked
                answer = case.call(headers={"Authorization": f"Bearer {token}"})
                asked += 1
                described = str(answer.status_code) in case.operation.definition.raw["responses"]
                if not described or (answer.status_code >= 500 and case.operation.path not in HONESTLY_NOT_READY):
                    unexpected.append((case.operation.method, case.operation.path, answer.status_code, str(case.body)[:300]))

            knock()

    assert unexpected == []
    assert asked >= 5 * len(operations)
