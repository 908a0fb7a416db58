"""What can go wrong when the ledger is asked. Every problem has the stable `code` of its RFC 9457 document.

LedgerProblem
  Refused       asked wrongly, or the rules forbid it      4xx: asking again changes nothing
  Busy          try again later                            429 and 503; `retry_after` seconds where it was said
  Unreachable   no answer came                             whether it was heard is not known: every call may be repeated
"""

from typing import Any


class LedgerProblem(Exception):
    def __init__(self, code: str, status: int, detail: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.status, self.detail, self.facts = code, status, detail, facts or {}


class Refused(LedgerProblem):
    """4xx. Of a refused event `reason` is the ledger's own."""

    @property
    def reason(self) -> str | None:
        return self.facts.get("reason")


class Busy(LedgerProblem):
    """429 or 503, still so after every try."""

    @property
    def retry_after(self) -> float | None:
        said = self.facts.get("retry_after")
        return None if said is None else float(said)


class Unreachable(LedgerProblem):
    """The connection failed or ended too early."""

    def __init__(self, detail: str) -> None:
        super().__init__("unreachable", 0, detail)


_STANDARD = frozenset({"type", "title", "status", "detail", "code", "request_id"})


def problem_of(status: int, document: dict[str, Any]) -> LedgerProblem:
    """From a problem document; an answer that is none (a proxy's page) gets the code `unexpected`."""
    code, detail = str(document.get("code", "unexpected")), str(document.get("detail", f"HTTP status {status}"))
    kind = Busy if status in (429, 503) else Refused if 400 <= status < 500 else LedgerProblem
    return kind(code, status, detail, {name: value for name, value in document.items() if name not in _STANDARD})
