"""Errors as RFC 9457 problem documents, and the same classes as OpenAPI entries, so that the two cannot disagree."""

from typing import Any

from ledger_api.errors import (
    BodyTooLarge,
    BodyTooSlow,
    BusyError,
    CallerError,
    DatabaseBusy,
    EventRefused,
    EventUnreadable,
    Forbidden,
    IdempotencyInFlight,
    InvalidBody,
    LedgerError,
    RateLimited,
    Unauthenticated,
)
from ledger_verify.transition import Reason

MEDIA_TYPE = "application/problem+json"
# what any route may answer, named once
EVERY_ROUTE: tuple[type[LedgerError], ...] = (
    CallerError,
    InvalidBody,
    BodyTooLarge,
    BodyTooSlow,
    RateLimited,
    LedgerError,
    DatabaseBusy,
)
WITH_KEY: tuple[type[LedgerError], ...] = (Unauthenticated, Forbidden)

SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). `code` is for programs and stable, `detail` for people. Other members are facts.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["urn:ledger:problem:event-refused"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["event-refused"]},
        "request_id": {"type": "string"},
        "reason": {"type": "string", "enum": [reason.code for reason in Reason], "description": "Of a refused event."},
    },
    "additionalProperties": True,
}


def refused(reason: Reason) -> type[CallerError]:
    """The problem for an event that was refused: what cannot be read is said apart from what the rules forbid."""
    return EventUnreadable if reason <= Reason.UNKNOWN_ORGANIZATION else EventRefused


def title(leaf: type[LedgerError]) -> str:
    return (leaf.__doc__ or leaf.code).strip().splitlines()[0]


def document(error: LedgerError, request_id: str) -> dict[str, Any]:
    """Facts become members of their own; none may take the name of a standard one."""
    return {
        **error.facts,
        "type": f"urn:ledger:problem:{error.code}",
        "title": title(type(error)),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "request_id": request_id,
    }


def headers(error: LedgerError) -> dict[str, str]:
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case RateLimited():
            return {"Retry-After": str(error.facts.get("retry_after", 1))}
        case BusyError() | IdempotencyInFlight():
            return {"Retry-After": "1"}
    return {}


def errors(*leaves: type[LedgerError], key: bool = True) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: the errors it names and those that every route can give (`key`: it asks for an API key)."""
    by_status: dict[int, list[type[LedgerError]]] = {}
    for leaf in dict.fromkeys((*leaves, *(WITH_KEY if key else ()), *EVERY_ROUTE)):
        by_status.setdefault(leaf.status, []).append(leaf)
    return {status: _entry(status, group) for status, group in sorted(by_status.items())}


def _entry(status: int, leaves: list[type[LedgerError]]) -> dict[str, Any]:
    examples = {
        leaf.code: {
            "summary": title(leaf),
            "value": {
                "type": f"urn:ledger:problem:{leaf.code}",
                "title": title(leaf),
                "status": status,
                "detail": title(leaf),
                "code": leaf.code,
                "request_id": "01JD8Q4E7R",
            },
        }
        for leaf in leaves
    }
    return {
        "description": " · ".join(f"`{leaf.code}`: {title(leaf)}" for leaf in leaves),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }
