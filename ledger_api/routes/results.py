"""What an acceptance answers, event by event. By hand and not through a model, because there may be a hundred thousand."""

from typing import Any

from ledger_api.intake import EventResult, Submission
from ledger_api.routes.schemas import ParkedOut, hex_of


def summed(submission: Submission) -> dict[str, Any]:
    return {**summary(submission.id, submission.results), "results": [shape(result) for result in submission.results]}


def summary(submission: str | None, results: list[EventResult]) -> dict[str, Any]:
    statuses = [result.status for result in results]
    return {
        "submission": submission,
        "accepted": statuses.count("accepted"),
        "duplicates": statuses.count("duplicate"),
        "refused": statuses.count("refused"),
    }


def shape(result: EventResult) -> dict[str, Any]:
    """As `EventResultOut`, which documents it."""
    return {
        "index": result.index,
        "status": result.status,
        "event_id": hex_of(result.event_id),
        "item": hex_of(result.item),
        "submission": result.submission,
        "reason": None if result.reason is None else result.reason.code,
        "field": result.at,
        "message": result.message,
        "facts": result.facts,
    }


def parked_of(row: Any) -> ParkedOut | None:
    """From a row with `letter`, `letter_error` and `letter_failures`; None for an event that is on its way."""
    if row.letter is None:
        return None
    code, _, message = (row.letter_error or "").partition(": ")
    behind = None if row.letter == row.event_id else hex_of(row.letter)
    return ParkedOut(code=code, message=message, failures=row.letter_failures or 0, behind=behind)
