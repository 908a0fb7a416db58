"""Statistics counted again from a real chain's logs alone equal what the service answers, to the unit: after a correction, an appeal that
was lost, a ruling, a key that turned out to be compromised, and a block that fell out of the chain.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from ledger_api.app import create_service_app
from ledger_api.audit.recounting import NoSuchBlockYet, recount
from ledger_api.cli import app as cli
from ledger_api.statistics.telling import question_of
from ledger_api.statistics.verdicts import GROUPINGS
from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Role
from tests.chain.proof_world import ProofWorld, later, manufacture, proof_world
from tests.doors import InProcess

SERIALS = [f"B{number}" for number in range(16)]


class Judged:
    """Sixteen bags and watches of MAISON's: LENS has judged ten from photos, PIXEL six in person."""

    def __init__(self, world: ProofWorld, client: httpx.Client) -> None:
        self.world, self.client = world, client
        self.maison = world.admit("maison", Role.BRAND)
        self.lens, self.pixel = (world.admit(name, Role.AUTHENTICATOR, accredited_by=self.maison) for name in ("lens", "pixel"))
        world.record(self.maison, *(manufacture(world, one) | {"category": "watch" if one > "B7" else "handbag"} for one in SERIALS))
        for number, serial in enumerate(SERIALS):
            self.says(serial, "not-authentic" if number % 3 == 0 else "authentic", in_person=number >= 10)
        world.settle()

    def says(self, serial: str, outcome: str, *, in_person: bool = False) -> None:
        method, who = ("in-person", self.pixel) if in_person else ("photo", self.lens)
        self.world.accept(who, later(self.world, "verdict", serial, 1, {"appraiser": "APR-1"}, outcome=outcome, method=method))

    def records(self, who: OrganizationId, kind: str, serial: str, **fields: Any) -> None:
        self.world.record(who, later(self.world, kind, serial, 2, {"reason" if kind == "correction" else "grounds": "as found"}, **fields))

    def ask(self, **query: str) -> Any:
        answer = self.client.get("/v1/statistics/verdicts", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def counted_twice(self) -> dict[str, int]:
        """What is not zero of the total; every answer the same by both roads."""
        here = self.ask()
        again = recount(self.world.node, self.world.deployment, to_block=here["blocks"]["to_block"])
        for grouping in GROUPINGS:
            assert again.tell(question_of(group_by=grouping)) == self.ask(group_by=grouping)
        narrow = {"category": "watch", "authenticator": "did:web:pixel.example", "group_by": "method"}
        assert again.tell(question_of(**narrow)) == self.ask(**narrow)  # type: ignore[arg-type]  # names of the question's
        return {name: count for name, count in here["total"].items() if count and name != "fake_rate"}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    folder = tmp_path_factory.mktemp("statistics")
    with (
        proof_world(folder, f"sqlite:///{folder / 'ledger.db'}") as world,
        httpx.Client(transport=InProcess(create_service_app(world.service)), base_url="http://ledger.example") as client,
    ):
        yield Judged(world, client)


def test_everything_that_moves_the_numbers_moves_them_on_both_roads(judged: Judged) -> None:
    first = judged.counted_twice()

    judged.records(judged.lens, "correction", "B0", sequence=2, outcome="authentic")
    corrected = judged.counted_twice()
    judged.records(judged.lens, "dispute", "B3", sequence=2)
    judged.records(judged.lens, "correction", "B3", sequence=2, outcome="authentic")
    on_appeal = judged.counted_twice()
    judged.records(judged.pixel, "dispute", "B1")
    judged.records(judged.maison, "ruling", "B1", outcome="not-authentic")
    ruled = judged.counted_twice()

    assert first == {"verdicts": 16, "authentic": 10, "not_authentic": 6}
    assert corrected == first | {"authentic": 11, "not_authentic": 5, "corrected": 1}
    assert on_appeal == corrected | {"authentic": 12, "not_authentic": 4, "appealed": 1, "overturned": 1}
    assert ruled == on_appeal | {"authentic": 11, "not_authentic": 5, "appealed": 2, "overturned": 2}


def test_a_block_that_falls_out_takes_its_verdict_along_and_brings_it_again(judged: Judged) -> None:
    world, before = judged.world, judged.counted_twice()
    world.record(judged.maison, manufacture(world, "C1"))
    judged.says("C1", "not-authentic")
    world.carry()
    there = judged.counted_twice()

    world.node.call("anvil_reorg", 1, [])
    world.follow()
    fallen = judged.counted_twice()
    world.settle()

    assert there == before | {"verdicts": 17, "not_authentic": before["not_authentic"] + 1}
    assert fallen == before
    assert judged.counted_twice() == there


def test_a_compromised_key_is_found_in_the_registrys_logs(judged: Judged) -> None:
    before = judged.counted_twice()
    signer = judged.world.service.keyring.signer(judged.pixel).address

    judged.world.service.registrar().mark_compromised(judged.pixel, signer, 1)
    judged.world.settle()

    after = judged.counted_twice()
    assert (after["verdicts"], after["void"]) == (before["verdicts"] - 6, 6)


def test_the_command_prints_the_same_from_the_chain_and_from_the_database(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_RPC_URL", judged.world.url)
    monkeypatch.setenv("LEDGER_DATABASE_URL", judged.world.settings.database_url)
    home, here = ["--home", str(judged.world.settings.home)], judged.ask(group_by="category")
    place = judged.world.settings.home / "deployments" / "31337.json"
    runner = CliRunner()

    by_database = runner.invoke(cli, ["statistics", "--group-by", "category", "--json", *home])
    monkeypatch.setenv("LEDGER_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    alone = ["--from-chain", "--rpc", judged.world.url, "--to-block", str(here["blocks"]["to_block"]), "--deployment", str(place)]
    by_chain = runner.invoke(cli, ["statistics", *alone, "--group-by", "category", "--json", "--home", "/tmp/no-such-home"])
    in_words = runner.invoke(cli, ["statistics", *alone, "--group-by", "category"])

    assert json.loads(by_database.stdout) == json.loads(by_chain.stdout) == here
    assert in_words.exit_code == 0 and "handbag" in in_words.output and here["blocks"]["block_hash"][:10] in in_words.output


def test_what_cannot_be_counted_is_refused(judged: Judged, tmp_path: Path) -> None:
    with pytest.raises(NoSuchBlockYet):
        recount(judged.world.node, judged.world.deployment, to_block=10**6)
    with pytest.raises(NoSuchBlockYet):
        recount(judged.world.node, judged.world.deployment, to_block=0)
    runner = CliRunner()

    elsewhere = runner.invoke(cli, ["statistics", "--from-chain", "--rpc", judged.world.url, "--home", str(tmp_path / "nothing")])
    wrong = runner.invoke(cli, ["statistics", "--group-by", "colour"])

    assert (elsewhere.exit_code, wrong.exit_code) == (1, 1)
    assert "not-deployed" in elsewhere.output and "group_by is one of" in wrong.output
