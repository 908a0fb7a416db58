"""From JSON values to event bodies, one by one: what cannot be read is named and never spoils its neighbours."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from ledger_api.domain.events import EVENT, AnyEvent
from ledger_api.domain.terms import reserved
from ledger_verify.transition import Reason

MAX_DEPTH = 12
MAX_LEAVES = 400
MAX_TEXT = 20_000  # characters of all the strings and names of one payload
LARGEST_INTEGER = 2**53 - 1  # RFC 8785 §3.2.2.3: what every JSON reader holds exactly

_REASONS = {reason.code: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event is not accepted: the reason's code, the field it is about, and the facts behind it."""

    reason: Reason
    message: str
    field: str | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


def parse_event(value: object) -> AnyEvent | Refusal:
    """A typed body, or the first reason in the protocol's order that speaks against it."""
    try:
        body = EVENT.validate_python(value)
    except ValidationError as error:
        return _refusal(error)
    taken = next((name for name in reserved(body) if name in body.payload), None)
    if taken is not None:
        return Refusal(Reason.MALFORMED, "This name is the event's own; say it beside the payload.", f"payload.{taken}")
    return _unbounded(body.payload) or body


def _refusal(error: ValidationError) -> Refusal:
    first = min(error.errors(include_url=False, include_context=False, include_input=False), key=lambda one: _reason(one["type"]))
    reason = _reason(first["type"])
    # the tags of our unions (the kind, the shape of an item reference) are no part of the caller's path
    path = ".".join(str(step) for before, step in pairwise(first["loc"]) if before != "item")
    return Refusal(reason, first["msg"], path or "kind")


def _reason(error_type: str) -> Reason:
    return _REASONS.get(error_type, Reason.MALFORMED)


def _unbounded(payload: Mapping[str, Any]) -> Refusal | None:
    """Payloads are kept for ever and committed leaf by leaf: deep, wide or inexact ones are refused."""
    waiting: list[tuple[Any, int]] = [(payload, 1)]
    leaves = text = 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            text += sum(map(len, value))
            waiting.extend((member, depth + 1) for member in value.values())
        elif isinstance(value, list):
            waiting.extend((member, depth + 1) for member in value)
        elif isinstance(value, str):
            text += len(value)
        elif isinstance(value, int | float) and abs(value) > LARGEST_INTEGER:  # a float so large is a whole number too
            return Refusal(Reason.MALFORMED, "Write integers beyond 2^53 as text.", "payload")
        leaves += 1
        if depth > MAX_DEPTH or leaves > MAX_LEAVES or text > MAX_TEXT:
            return Refusal(
                Reason.MALFORMED, f"A payload has at most {MAX_LEAVES} values, {MAX_DEPTH} levels and {MAX_TEXT} characters.", "payload"
            )
    return None
