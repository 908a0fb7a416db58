"""The README's table of tested clients is the one its command writes."""

from pathlib import Path

from scripts.test_clients import BEGIN, CLIENTS, COLUMNS, END, GETH, read_outcomes, shown, table

README = Path(__file__).resolve().parents[2] / "README.md"
VERDICTS = {"passed", "failed", "not run"}
JUNIT = """<testsuites><testsuite>
<testcase name="test_main_job[Anvil]"><properties><property name="version" value="anvil/v1.7.1"/></properties></testcase>
<testcase name="test_fee_bump[Anvil]"><failure message="x">stuck</failure></testcase>
<testcase name="test_audit[Anvil]"><error message="x">no</error></testcase>
<testcase name="test_proof[Anvil]"><properties><property name="proof" value="yes"/></properties></testcase>
<testcase name="test_main_job[go-ethereum]"><skipped message="not run"/></testcase>
</testsuite></testsuites>"""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_the_table_has_its_markers_its_columns_and_its_clients() -> None:
    readme = README.read_text()

    lines = [cells(line) for line in readme.split(BEGIN)[1].split(END)[0].splitlines()]

    assert (readme.count(BEGIN), readme.count(END)) == (1, 1)
    assert lines[0] == list(COLUMNS)
    assert [line[0] for line in lines[2:]] == list(CLIENTS)
    assert {verdict for line in lines[2:] for verdict in line[2:5]} <= VERDICTS
    assert {line[5] for line in lines[2:]} <= {"yes", "no", *VERDICTS}


def test_what_was_not_run_or_failed_is_said_so() -> None:
    rows = [cells(line) for line in table(read_outcomes(JUNIT), "2026-01-02").splitlines()[2:]]

    assert rows == [
        ["Anvil", "anvil/v1.7.1", "passed", "failed", "failed", "yes", "2026-01-02"],
        ["Hardhat", "", "not run", "not run", "not run", "not run", "2026-01-02"],
        ["go-ethereum", "", "not run", "not run", "not run", "not run", "2026-01-02"],
    ]


def test_only_what_lies_between_the_markers_changes() -> None:
    before = f"above\n{BEGIN}old\n{END}below\n"

    assert shown(before, "new\n") == f"above\n{BEGIN}new\n{END}below\n"


def test_the_release_of_go_ethereum_is_pinned() -> None:
    assert GETH.rpartition("@v")[2].count(".") == 2
