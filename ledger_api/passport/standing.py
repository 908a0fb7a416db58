"""Whether those who gave an opinion still may: what the registry says of them now, laid beside what they recorded then. Pure.

An opinion given under an accreditation stays when the accreditation goes; the reader learns why its author could not give it today.
What a clock alone brings about, an accreditation that ran out, is never written into a passport: the passport says until when it
runs, and `standing_at` reads that at the reader's time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeVar

Json = dict[str, Any]
Reason = Literal["compromised", "suspended", "accreditation-withdrawn", "accreditation-expired", "signer-retired"]
_Key = TypeVar("_Key")
Moments = Mapping[bytes, int]  # unix seconds by organization


class Grant(NamedTuple):
    """An accreditation as authenticator: for which categories, until when (0: no end), given at which block's time."""

    scope: int
    until: int
    given_at: int


@dataclass(frozen=True, slots=True)
class Givers:
    """The registry as far as opinions lean on it. Times are those of the blocks that said so; 0 where nobody remembers."""

    consortium: bytes = b""
    suspended: Moments = field(default_factory=dict)
    without_role: Moments = field(default_factory=dict)  # members that are no authenticators, since when
    retired: Mapping[tuple[bytes, bytes], int] = field(default_factory=dict)  # (organization, signer)
    compromised: Mapping[tuple[bytes, bytes], int] = field(default_factory=dict)  # the same: since when, not when it was reported
    grants: Mapping[tuple[bytes, bytes], Sequence[Grant]] = field(default_factory=dict)  # (grantor, organization), first to last
    successors: Mapping[bytes, bytes] = field(default_factory=dict)


class Given(NamedTuple):
    """An opinion: who gave it with which key, on whose item, of which category."""

    organization: bytes
    signer: bytes
    brand: bytes
    category: int
    is_void: bool


class Standing(NamedTuple):
    """Why its author could not give the opinion today, and since when (unix seconds); `until`: when its accreditation ends."""

    reason: Reason | None
    since: int
    until: int


STANDS = Standing(None, 0, 0)


def standing_of(given: Given, givers: Givers) -> Standing:
    """What the chain alone says. The gravest reason is told; a key that was merely retired is the least of them."""
    withdrawn, until = _accredited(given, givers)
    organization = given.organization
    if given.is_void:
        return Standing("compromised", givers.compromised.get((organization, given.signer), 0), until)
    if organization in givers.suspended:
        return Standing("suspended", givers.suspended[organization], until)
    if withdrawn is not None:
        return Standing("accreditation-withdrawn", withdrawn, 0)
    if (organization, given.signer) in givers.retired:
        return Standing("signer-retired", givers.retired[organization, given.signer], until)
    return Standing(None, 0, until)


def standing_at(standing: Json | None, now: datetime) -> Json | None:
    """What a passport's `standing` means at this time: its reason, or that the accreditation ran out; None when its author stands."""
    if standing is None:
        return None
    until = standing["until"]
    if standing["reason"] in (None, "signer-retired") and until is not None and datetime.fromisoformat(until) <= now.astimezone(UTC):
        return {"reason": "accreditation-expired", "since": until, "until": until}
    return None if standing["reason"] is None else standing


def differing(before: Givers, after: Givers) -> set[bytes]:
    """Organizations whose opinions may stand differently."""
    found = _changed(before.suspended, after.suspended) | _changed(before.without_role, after.without_role)
    found |= {organization for organization, _signer in _changed(before.retired, after.retired)}
    found |= {organization for _grantor, organization in _changed(before.grants, after.grants)}
    for brand in _changed(before.successors, after.successors):
        found |= {successor for names in (before, after) if (successor := names.successors.get(brand)) is not None}
    return found


def _accredited(given: Given, givers: Givers) -> tuple[int | None, int]:
    """(since when it is withdrawn or None, the end of the accreditation or 0). A brand's own word needs none."""
    organization, brand = given.organization, given.brand
    if organization in (brand, givers.consortium, givers.successors.get(brand)):
        return None, 0
    histories = [givers.grants[key] for grantor in (brand, givers.consortium) if (key := (grantor, organization)) in givers.grants]
    in_force = [history[-1] for history in histories if _covers(history[-1], given.category)]
    if in_force and organization not in givers.without_role:
        ends = [grant.until for grant in in_force]
        return None, 0 if 0 in ends else max(ends)
    since = [moment for history in histories for moment in _withdrawals(history, given.category)]
    if in_force:
        since.append(givers.without_role[organization])
    return max(since, default=None), 0


def _withdrawals(history: Sequence[Grant], category: int) -> Iterator[int]:
    """When a grant that covered the category was followed by one that does not."""
    for before, after in pairwise(history):
        if _covers(before, category) and not _covers(after, category):
            yield after.given_at


def _covers(grant: Grant, category: int) -> bool:
    return bool(grant.scope >> category & 1)


def _changed(before: Mapping[_Key, object], after: Mapping[_Key, object]) -> set[_Key]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
