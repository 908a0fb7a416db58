"""What a process says while it runs: one JSON object a line, on standard error, whoever says it (our rooms, the server, a library).

Every line has `at`, `level`, `process` and `event`, a short phrase that does not change; the rest are facts. Lines of a request
have its `request_id`, lines about events their `submissions` and `requests`, so that one grep follows an event from the call to
the receipt. A line that cannot be written (the disk is full, whoever read us has gone) fails nothing. No key, passphrase, serial
or payload is ever a fact, and a request is told by its route's template.
"""

import io
import logging
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

ACCESS = "ledger_api.access"
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


def configure(process: str, *, level: int = logging.INFO) -> None:
    """For the whole process, once, before it says anything."""
    say: list[Any] = [
        structlog.stdlib.ExtraAdder(),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _with(process),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*say[1:], structlog.processors.JSONRenderer(serializer=_line)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(cast(TextIO, _STANDARD_ERROR)),
    )
    handler = _ToStandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=say,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer(serializer=_line)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [other for other in root.handlers if not isinstance(other, _ToStandardError)] + [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ledger_api").setLevel(level)


class _StandardError(io.TextIOBase):
    """What is standard error now, not when logging was configured. Saying something never raises."""

    def write(self, said: str) -> int:
        with suppress(OSError):
            sys.stderr.write(said)
        return len(said)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


_STANDARD_ERROR = _StandardError()


class _ToStandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _STANDARD_ERROR.write(self.format(record) + "\n")


def _with(process: str) -> Any:
    def add(_logger: WrappedLogger, _method: str, said: EventDict) -> EventDict:
        said["process"] = process
        request_id = REQUEST_ID.get()
        if request_id:
            said.setdefault("request_id", request_id)
        return said

    return add


def _line(said: Any, **_options: Any) -> str:
    return orjson.dumps(said, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
