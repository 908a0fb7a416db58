"""What to do with a listing next: one table from every reason to its step. Pure; the step that holds a listing back most decides.

What we do not know never refuses a listing: it is waited for, or somebody is asked to look at the object: a desk at its photos, or,
where the listing's hashtag leads to a partner who sees such things, the partner's store at the object itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from ledger_api.verification.codes import CODES, Decision


class Step(IntEnum):
    LIST = 1
    ASK_CONSENT = 2
    OPEN_CASE = 3
    BOOK_VERIFICATION = 4
    WAIT = 5
    REFUSE = 6

    @property
    def code(self) -> str:
        return self.name.lower().replace("_", "-")


# of a verification's reasons that do not reject; those that do refuse the listing
OF_VERIFICATION: Mapping[str, Step] = {
    "unknown-item": Step.OPEN_CASE,
    "withheld": Step.BOOK_VERIFICATION,
    "stale": Step.WAIT,
    "not-final": Step.WAIT,
    "pending": Step.WAIT,
    "on-hold:in-verification": Step.WAIT,
    "disputed": Step.WAIT,
    "recovery-pending": Step.WAIT,
    "not-sold": Step.WAIT,
    "no-verdict": Step.OPEN_CASE,
    "verdict-expired": Step.OPEN_CASE,
    "verdict-inconclusive": Step.BOOK_VERIFICATION,
    "compromised": Step.BOOK_VERIFICATION,
    "accreditation-withdrawn": Step.OPEN_CASE,
    "giver-suspended": Step.OPEN_CASE,
    "consent-missing": Step.ASK_CONSENT,
    "consent-invalid": Step.ASK_CONSENT,
    "mismatch:model": Step.OPEN_CASE,
    "mismatch:colour": Step.OPEN_CASE,
    "mismatch:category": Step.OPEN_CASE,
    "not-stated:model": Step.OPEN_CASE,
    "not-stated:colour": Step.OPEN_CASE,
    "not-stated:category": Step.OPEN_CASE,
}

OF_THE_LISTING: Mapping[str, tuple[Step, str]] = {
    "no-identifier": (Step.OPEN_CASE, "The listing names no item of the ledger. That is not a verdict."),
    "photos-in-check": (Step.WAIT, "Its photos are being looked at by machines: ask again in a moment."),
    "photos-in-review": (Step.WAIT, "A classifier flagged a photo; a reviewer will look at it."),
    "photos-refused": (Step.REFUSE, "A reviewer found prohibited goods in its photos."),
    "photos-reused": (Step.BOOK_VERIFICATION, "Its photos show what another sender's photos showed before."),
    "of-value": (Step.BOOK_VERIFICATION, "At its price the object itself is to be seen, and nobody's verdict in person stands."),
    "clone-suspected": (Step.BOOK_VERIFICATION, "Its serial seems to be on more than one object; the object itself must be seen."),
}

Review = Literal["off", "checking", "clear", "waiting", "allowed", "refused"]


@dataclass(frozen=True, slots=True)
class Known:
    """`verification`: the reasons of its answer; None when the listing names no item. `review`: of its photos; `off`: nobody looked.
    `is_of_value`: at its price somebody must have had it in hand, and nobody has.
    `has_partner`: one of its hashtags leads to stores that see this kind of thing.
    """

    verification: Sequence[str] | None
    review: Review = "off"
    are_photos_reused: bool = False
    is_clone_suspected: bool = False
    is_of_value: bool = False
    has_partner: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    code: str
    step: Step
    message: str


@dataclass(frozen=True, slots=True)
class Next:
    step: Step
    reasons: Sequence[Reason]


def next_step(known: Known) -> Next:
    """No reason at all is `list`."""
    reasons = [_as_led(reason, known) for reason in (*_of_verification(known.verification or ()), *_of_the_listing(known))]
    return Next(max((reason.step for reason in reasons), default=Step.LIST), reasons)


def _as_led(reason: Reason, known: Known) -> Reason:
    """Who gave the listing a partner's hashtag has chosen where it is looked at."""
    return replace(reason, step=Step.BOOK_VERIFICATION) if known.has_partner and reason.step == Step.OPEN_CASE else reason


def _of_verification(codes: Sequence[str]) -> Iterator[Reason]:
    for name in codes:
        code = CODES[name]
        step = Step.REFUSE if code.decision == Decision.REJECT else OF_VERIFICATION[name]
        yield Reason(name, step, f"{code.meaning} {code.remedy}")


def _of_the_listing(known: Known) -> Iterator[Reason]:
    present = {
        "no-identifier": known.verification is None,
        "photos-in-check": known.review == "checking",
        "photos-in-review": known.review == "waiting",
        "photos-refused": known.review == "refused",
        "photos-reused": known.are_photos_reused,
        "of-value": known.is_of_value,
        "clone-suspected": known.is_clone_suspected,
    }
    for name, (step, message) in OF_THE_LISTING.items():
        if present[name]:
            yield Reason(name, step, message)
