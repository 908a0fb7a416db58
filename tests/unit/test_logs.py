"""One JSON object a line, whoever speaks; and nothing in it that must not be."""

import json
import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from ledger_api import logs


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """The configuration is the process's: the next test finds it as it was."""
    root, ours = logging.getLogger(), logging.getLogger("ledger_api")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def lines(told: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in told.splitlines()]


def test_our_rooms_and_libraries_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("work")

    structlog.get_logger("a room").info("transaction sent", nonce=7)
    logging.getLogger("ledger_api.intake").info("events received", extra={"accepted": 2})
    logging.getLogger("uvicorn.error").warning("something of %s", "the server")

    said = lines(capsys.readouterr().err)
    assert [(one["event"], one["process"]) for one in said] == [
        ("transaction sent", "work"),
        ("events received", "work"),
        ("something of the server", "work"),
    ]
    assert (said[0]["nonce"], said[1]["accepted"]) == (7, 2)
    assert all({"at", "level"} <= one.keys() for one in said)


def test_a_line_of_a_request_has_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("serve")
    token = logs.REQUEST_ID.set("abc")

    logging.getLogger(logs.ACCESS).info("request", extra={"route": "/v1/items/{item}"})
    logs.REQUEST_ID.reset(token)
    logging.getLogger(logs.ACCESS).info("request")

    first, second = lines(capsys.readouterr().err)
    assert (first["request_id"], first["route"]) == ("abc", "/v1/items/{item}")
    assert "request_id" not in second


def test_a_traceback_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("index")

    try:
        raise ValueError("of a test")
    except ValueError:
        structlog.get_logger("a room").exception("indexing failed")
        logging.getLogger("ledger_api").exception("indexing failed")

    said = lines(capsys.readouterr().err)
    assert [("ValueError: of a test" in str(one["exception"]), one["level"]) for one in said] == [(True, "error")] * 2


def test_what_libraries_say_below_a_warning_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("serve")

    logging.getLogger("uvicorn.access").info("GET /01/00012345678905/21/SERIAL")
    logging.getLogger("alembic").info("Will assume transactional DDL.")

    assert capsys.readouterr().err == ""


def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("work")

    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr("sys.stderr", full)
        structlog.get_logger("a room").info("transaction landed", nonce=7)
        logging.getLogger(logs.ACCESS).info("request")
        with pytest.raises(OSError, match="No space left"):
            full.flush()
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # so that what it still holds can go
