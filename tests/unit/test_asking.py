"""When the client asks again, and what it makes of an answer. No network: httpx's own transport for tests answers."""

import asyncio
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from ledger_client import AsyncLedger, Busy, Ledger, Refused, Unreachable, asking, calls

ROOT = Path(__file__).resolve().parents[2]
URL = "http://ledger.example"
PASSED = {"id": "s", "status": "recorded", "created_at": "2026-01-01T00:00:00Z", "events": [], "next": None}
WAITING = PASSED | {"status": "accepted"}
Answers = list[httpx.Response | Exception]


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What would have been waited."""
    waited: list[float] = []
    monkeypatch.setattr(asking.time, "sleep", waited.append)
    yield waited


def telling(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    left, heard = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return httpx.MockTransport(answer), heard


def problem(status: int, code: str, **facts: object) -> httpx.Response:
    return httpx.Response(
        status, json={"type": "t", "title": "T", "status": status, "detail": "D.", "code": code, "request_id": "r", **facts}
    )


def test_a_lost_connection_and_a_busy_service_are_asked_again(without_pauses: list[float]) -> None:
    transport, heard = telling(httpx.ConnectError("gone"), problem(503, "database-busy"), httpx.Response(200, json=PASSED))

    with Ledger(URL, key="lk_secret", transport=transport) as ledger:
        answer = ledger.ask(calls.submission("s"))

    assert (answer.status, len(heard), len(without_pauses)) == ("recorded", 3, 2)
    assert {request.headers["authorization"] for request in heard} == {"Bearer lk_secret"}


def test_what_would_be_done_twice_is_not_sent_again() -> None:
    transport, heard = telling(httpx.ReadTimeout("slow"), httpx.Response(201, content=b"%PDF"))

    with pytest.raises(Unreachable):
        Ledger(URL, transport=transport).ask(calls.print_labels("s", 1))

    assert len(heard) == 1


def test_a_list_sent_again_has_the_same_idempotency_key() -> None:
    told = {"submission": None, "accepted": 0, "duplicates": 0, "refused": 0, "results": []}
    transport, heard = telling(httpx.ReadTimeout("slow"), httpx.Response(202, json=told))

    Ledger(URL, transport=transport).ask(calls.record([]))

    first, second = (request.headers["idempotency-key"] for request in heard)
    assert first == second


def test_a_refusal_is_told_at_once_with_its_code_and_facts() -> None:
    transport, heard = telling(problem(422, "event-refused", reason="on-hold", field="serial"))

    with pytest.raises(Refused) as caught:
        Ledger(URL, transport=transport).ask(calls.item("0x"))

    assert (caught.value.code, caught.value.status, caught.value.reason, len(heard)) == ("event-refused", 422, "on-hold", 1)
    assert caught.value.facts == {"reason": "on-hold", "field": "serial"}


def test_whoever_stays_busy_is_told_so_after_every_try() -> None:
    transport, heard = telling(*(problem(429, "rate-limited", retry_after=7) for _ in range(3)))

    with pytest.raises(Busy) as caught:
        Ledger(URL, tries=3, transport=transport).ask(calls.item("0x"))

    assert (caught.value.retry_after, len(heard)) == (7.0, 3)


def test_a_service_that_never_answers_is_unreachable() -> None:
    transport, _ = telling(httpx.ConnectError("a"), httpx.ConnectError("b"))

    with pytest.raises(Unreachable):
        Ledger(URL, tries=2, transport=transport).ask(calls.item("0x"))


def test_a_page_of_a_proxy_is_no_problem_document() -> None:
    transport, _ = telling(httpx.Response(404, text="<html>nobody here"), httpx.Response(404, text="[1]"))

    for _ in range(2):
        with pytest.raises(Refused) as caught:
            Ledger(URL, transport=transport).ask(calls.item("0x"))
        assert caught.value.code == "unexpected"


@pytest.mark.parametrize(
    ("attempt", "headers", "pause"),
    [
        (1, {}, 0.25),
        (2, {}, 0.5),
        (3, {"Retry-After": "2"}, 2.0),
        (20, {}, 60.0),
        (4, {"Retry-After": "9999"}, 60.0),
        (4, {"Retry-After": "soon"}, 2.0),
    ],
)
def test_pauses_double_and_keep_to_what_the_service_said(attempt: int, headers: dict[str, str], pause: float) -> None:
    assert asking.pause_after(httpx.Response(503, headers=headers), attempt, tries=99, chance=0) == pause


def test_following_ends_with_the_state_that_was_waited_for_or_in_time(without_pauses: list[float]) -> None:
    transport, _ = telling(httpx.Response(200, json=WAITING), httpx.Response(200, json=PASSED), httpx.Response(200, json=WAITING))
    ledger = Ledger(URL, transport=transport)

    assert ledger.follow("s").status == "recorded"
    with pytest.raises(TimeoutError):
        ledger.follow("s", patience=0)


def test_the_other_way_to_ask_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None: ...

    monkeypatch.setattr(asking.asyncio, "sleep", at_once)
    transport, heard = telling(
        httpx.ConnectError("gone"), httpx.Response(200, json=WAITING), httpx.Response(200, json=PASSED), problem(404, "not-found")
    )

    async def story() -> str:
        async with AsyncLedger(URL, key="lk_mine", transport=transport) as ledger:
            seen = await ledger.follow("s")
            with pytest.raises(Refused):
                await ledger.ask(calls.case("x"), headers={"Authorization": "Bearer lk_theirs"})
            return seen.status

    assert asyncio.run(story()) == "recorded"
    assert [request.headers["authorization"] for request in heard] == ["Bearer lk_mine"] * 3 + ["Bearer lk_theirs"]


def test_the_key_is_in_no_repr() -> None:
    assert "lk_secret" not in repr(Ledger(URL, key="lk_secret")) + repr(vars(Ledger(URL, key="lk_secret")))


def test_names_in_paths_are_quoted() -> None:
    assert calls.send_shot("a/b", "../front", b"").path == "/v1/cases/a%2Fb/shots/..%2Ffront"


def test_the_client_installs_alone_and_needs_nothing_but_what_it_declares(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT / "ledger_client", source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, str(source)], check=True, capture_output=True)
    declared = tomllib.loads((source / "pyproject.toml").read_text())["project"]["dependencies"]
    for top in {top for name in needed(declared) for top in tops(name)}:
        (target / top.name).symlink_to(top)
    alone = "import ledger_client; from ledger_client import answers, asking, calls, events, problems; print(ledger_client.__file__)"

    # without the folder of everything that is installed here
    ran = subprocess.run([sys.executable, "-S", "-c", alone], cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.decode().startswith(str(target))
    assert (target / "ledger_client" / "py.typed").exists()


def needed(requirements: Iterable[str]) -> set[str]:
    """The packages that these requirements ask for, and those that they ask for, without extras."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        wanted = Requirement(waiting.pop())
        if wanted.name not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            found.add(wanted.name)
            waiting += distribution(wanted.name).requires or ()
    return found


def tops(name: str) -> set[Path]:
    """What a package puts into the folder of packages."""
    installed = distribution(name)
    firsts = {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}
    return {Path(str(installed.locate_file(first))) for first in firsts}
