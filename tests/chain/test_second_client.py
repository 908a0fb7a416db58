"""The main job on a Hardhat node: nothing leans on one client's habits."""

import json
from pathlib import Path

import pytest
from rich.progress import Progress

from ledger_api import operating, running
from ledger_api.service import deploy_once
from ledger_api.settings import Settings
from tests import servers

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "maison"

pytestmark = pytest.mark.chain


def test_the_main_job_runs_on_a_hardhat_node(tmp_path: Path) -> None:
    with servers.hardhat_node() as url:
        settings = Settings(home=tmp_path / "home", rpc_url=url)
        deploy_once(settings, url)
        with running.working(settings) as service:
            report, is_settled = operating.import_folder(service, SAMPLE, Progress(disable=True))
            facts = operating.status_of(service)

    assert is_settled
    assert report.as_json() == json.loads((SAMPLE / "expected.json").read_text())["files"]
    assert facts["recorded_events"] == sum(one.recorded for one in report.files.values())
