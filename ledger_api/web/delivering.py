"""What an organization's page of webhooks says: endpoints, deliveries, attempts. Pure: rows in, lines in one language out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from markupsafe import Markup

from ledger_api.web.languages import Language


@dataclass(frozen=True, slots=True)
class EndpointLine:
    id: str
    url: str
    state: Markup
    is_active: bool
    said: Sequence[Markup]  # what one should know of it


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    id: int
    type: str
    subject: str
    told_at: Markup
    state: Markup
    mark: str  # a class of the stylesheet
    answer: str
    tries: Markup


@dataclass(frozen=True, slots=True)
class AttemptLine:
    at: Markup
    answer: str
    milliseconds: int
    is_good: bool


LONGEST_SUBJECT = 30
MARKS = {"delivered": "good", "waiting": "open", "given-up": "bad"}


def endpoint_line(row: Any, waiting: int, language: Language) -> EndpointLine:
    say = language.say
    said = [say("hooks.types", types=", ".join(orjson.loads(row.types)) if row.types else say("hooks.all_types"))]
    if waiting:
        said.append(say("hooks.waiting_count", count=waiting))
    if row.state == "disabled":
        said.append(say(f"hooks.why_{row.why}", at=clock(row.stopped_at, language)))
    elif row.failing_since is not None:
        said.append(say("hooks.failing_since", at=clock(row.failing_since, language)))
    return EndpointLine(row.id, row.url, say(f"hooks.is_{row.state}"), row.state == "active", said)


def delivery_line(row: Any, language: Language) -> DeliveryLine:
    say = language.say
    state = say("hooks.replayed" if row.round and row.state == "delivered" else f"hooks.{row.state.replace('-', '_')}")
    answer = answer_of(row.status, row.why) if row.tries else "–"
    told_at = clock(row.told_at, language)
    return DeliveryLine(
        row.id, row.type, shortened(row.subject), told_at, state, MARKS[row.state], answer, say("hooks.tries", count=row.tries)
    )


def attempt_line(row: Any, language: Language) -> AttemptLine:
    return AttemptLine(clock(row.at, language), answer_of(row.status, row.why), row.milliseconds, row.why is None)


def shortened(subject: str) -> str:
    """An id's beginning and end, by which people know it again in a list."""
    return subject if len(subject) <= LONGEST_SUBJECT else f"{subject[:18]}…{subject[-6:]}"


def answer_of(status: int | None, why: str | None) -> str:
    """A status is a status; where there was none, the code says why, in every language the same as in the API."""
    return str(status) if status is not None else str(why)


def clock(at: datetime, language: Language) -> Markup:
    """Date and time of day, UTC."""
    here = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    instant = here.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{} {}</time>').format(instant, language.date(here), here.strftime("%H:%M:%S"))


def body_of(text: str) -> str:
    """What was sent, laid out for reading."""
    return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
