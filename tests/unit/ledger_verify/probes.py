"""One question of every sort to put to every scene: who tries what, with which consent. The answers are the vectors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ledger_verify.codes import KIND_CODES, LONGEST_VERIFICATION, SKEW, Hold, Kind, Method, Outcome, Phase
from ledger_verify.hashing import ZERO32, Head, OrganizationId, keccak
from ledger_verify.state import Event
from ledger_verify.transition import Consented
from tests.unit.ledger_verify.world import (
    ALICE,
    BOB,
    CAROL,
    CLOSED,
    CONSENTED,
    CONSORTIUM,
    FOREBEAR,
    FORGED,
    HANDBAG,
    HEIR,
    HOUSE,
    MAISON,
    NAMES,
    NEWSHOP,
    NOVICE,
    OLD_HOUSE,
    OUTSIDER,
    PLATFORM,
    RIVAL,
    SHOP,
    STORE,
    STRANGER,
    TANNERY,
    Story,
)

ENDORSED, UNENDORSED, BADLY_ENDORSED = Consented(endorsed=True), Consented(endorsed=None), Consented(endorsed=False)
CONSENTS = {None: "", CONSENTED: " with consent", FORGED: " with a forged consent"}
Fields = Callable[[Story], dict[str, Any]]


@dataclass(frozen=True)
class Probe:
    name: str
    kind: int
    by: OrganizationId
    approval: Consented | None
    fields: Fields

    def event(self, story: Story) -> Event:
        return story.event(self.kind, **self.fields(story))


def probe(kind: int, by: OrganizationId, what: str = "", approval: Consented | None = None, **fields: Any) -> Probe:
    """Fields that lean on the story are functions of it."""
    code = Kind(kind).code if kind in KIND_CODES else f"kind {kind}"

    def told(story: Story) -> dict[str, Any]:
        return {name: value(story) if callable(value) else value for name, value in fields.items()}

    return Probe(f"{code}{what} by {NAMES[by]}{CONSENTS.get(approval, '')}", kind, by, approval, told)


def own_commitment(story: Story) -> bytes:
    return story.commitment


def births() -> Iterator[Probe]:
    for by in (TANNERY, MAISON):
        yield probe(Kind.RAW_MATERIAL, by, party=own_commitment)
    for by in (MAISON, SHOP, OLD_HOUSE, TANNERY, FOREBEAR, CONSORTIUM):
        yield probe(Kind.MANUFACTURE, by, party=own_commitment, c=HANDBAG)
    yield probe(Kind.MANUFACTURE, MAISON, " in category 63", party=own_commitment, c=63)
    yield probe(Kind.MANUFACTURE, MAISON, " in category 64", party=own_commitment, c=64)
    yield probe(Kind.MANUFACTURE, MAISON, " of another item", party=keccak(b"another"))
    yield probe(Kind.MANUFACTURE, MAISON, " with an outcome", party=own_commitment, a=1)
    seen = {"a": Outcome.AUTHENTIC, "b": Method.IN_PERSON, "c": HANDBAG, "consented": True, "party": CAROL}
    for by in (STORE, HOUSE, NOVICE, SHOP, MAISON):
        yield probe(Kind.ENROLMENT, by, " endorsed", ENDORSED, **seen)
    for approval, what in ((None, ""), (FORGED, ""), (UNENDORSED, " unendorsed"), (BADLY_ENDORSED, " badly endorsed")):
        yield probe(Kind.ENROLMENT, HOUSE, what, approval, **seen)
    yield probe(Kind.ENROLMENT, HOUSE, " as fake", ENDORSED, **seen | {"a": Outcome.NOT_AUTHENTIC})
    yield probe(Kind.ENROLMENT, HOUSE, " by photo", ENDORSED, **seen | {"b": Method.PHOTO})
    yield probe(Kind.ENROLMENT, HOUSE, " for an organization", ENDORSED, **seen | {"party": SHOP})
    yield probe(Kind.ENROLMENT, HOUSE, " without consenting", ENDORSED, **seen | {"consented": False})
    yield probe(Kind.ENROLMENT, HOUSE, " with an expiry", ENDORSED, **seen | {"time": lambda story: story.now + 1})
    yield probe(Kind.ENROLMENT, STORE, " in another category", ENDORSED, **seen | {"c": 2})


def handovers() -> Iterator[Probe]:
    for by, to in ((MAISON, SHOP), (SHOP, MAISON), (MAISON, MAISON), (SHOP, SHOP), (TANNERY, MAISON), (TANNERY, TANNERY)):
        yield probe(Kind.SHIPMENT, by, f" to {NAMES[to]}", party=to)
    for to in (STRANGER, CLOSED):
        yield probe(Kind.SHIPMENT, MAISON, f" to {NAMES[to]}", party=to)
    yield probe(Kind.SHIPMENT, MAISON, " to a key", party=ALICE)
    yield probe(Kind.SHIPMENT, HEIR, " to heir", party=HEIR)
    for by in (MAISON, SHOP, PLATFORM, NEWSHOP, TANNERY, HEIR):
        yield probe(Kind.SALE, by, party=ALICE)
    yield probe(Kind.SALE, MAISON, " to an organization", party=SHOP)
    yield probe(Kind.SALE, MAISON, " to nobody")
    for kind, by in ((Kind.RESALE, PLATFORM), (Kind.TRANSFER, OUTSIDER), (Kind.TRANSFER, SHOP)):
        for approval in CONSENTS:
            yield probe(kind, by, "", approval, party=CAROL)
    yield probe(Kind.RESALE, MAISON, "", CONSENTED, party=CAROL)
    for kind in (Kind.RESALE, Kind.TRANSFER):
        for to in (SHOP, STRANGER, CLOSED):
            yield probe(kind, PLATFORM, f" to {NAMES[to]}", CONSENTED, party=to)
        yield probe(kind, PLATFORM, " to nobody", CONSENTED)
        yield probe(kind, PLATFORM, " with the consented bit", CONSENTED, party=CAROL, consented=True)
    yield probe(Kind.RESALE, MAISON, " to closed", CONSENTED, party=CLOSED)


def opinions() -> Iterator[Probe]:
    for by in (MAISON, STORE, HOUSE, NOVICE, PLATFORM, RIVAL, HEIR, CONSORTIUM):
        yield probe(Kind.VERDICT, by, a=Outcome.AUTHENTIC, b=Method.IN_PERSON)
    for outcome in (Outcome.AUTHENTIC, Outcome.NOT_AUTHENTIC, Outcome.INCONCLUSIVE):
        for method in (Method.PHOTO, Method.CHIP, Method.IN_PERSON):
            yield probe(Kind.VERDICT, HOUSE, f" {outcome.code} by {method.code}", a=outcome, b=method)
    for a, b in ((0, 1), (4, 1), (1, 0), (1, 4)):
        yield probe(Kind.VERDICT, HOUSE, f" {a} by method {b}", a=a, b=b)
    for late in (0, 1):
        yield probe(
            Kind.VERDICT,
            HOUSE,
            f" expiring {late} s later",
            a=Outcome.AUTHENTIC,
            b=Method.CHIP,
            time=lambda story, late=late: story.now + late,
        )
    for by in (MAISON, CONSORTIUM, RIVAL, HEIR):
        yield probe(Kind.RULING, by, a=Outcome.NOT_AUTHENTIC)
    yield probe(Kind.RULING, MAISON, " without an outcome")
    yield probe(Kind.RULING, MAISON, " with a method", a=Outcome.AUTHENTIC, b=Method.PHOTO)
    yield probe(Kind.RULING, MAISON, " with an expiry", a=Outcome.INCONCLUSIVE, time=lambda story: story.now + 10)
    for by in (MAISON, SHOP, STORE, NOVICE, PLATFORM, TANNERY):
        yield probe(Kind.DISPUTE, by)
    for approval in CONSENTS:
        yield probe(Kind.DISPUTE, PLATFORM, " for the holder", approval, consented=True)
    yield probe(Kind.DISPUTE, SHOP, " for the holder", CONSENTED, consented=True)
    yield probe(Kind.DISPUTE, MAISON, " of the last event", time=lambda story: story.state.sequence)
    yield probe(Kind.DISPUTE, MAISON, " of an event to come", time=lambda story: story.state.sequence + 1)


def services() -> Iterator[Probe]:
    for by in (MAISON, SHOP, STORE, HOUSE, OUTSIDER, TANNERY):
        yield probe(Kind.SERVICE, by)
    for approval in CONSENTS:
        yield probe(Kind.SERVICE, OUTSIDER, " for the holder", approval, consented=True)
    yield probe(Kind.SERVICE, MAISON, " with a party", party=ALICE)
    for by in (MAISON, SHOP, TANNERY, OUTSIDER, HEIR):
        yield probe(Kind.RETIRE, by)
    for approval in CONSENTS:
        yield probe(Kind.RETIRE, PLATFORM, " for the holder", approval, consented=True)


def holds() -> Iterator[Probe]:
    for hold in Hold:
        until: Any = (lambda story: story.now + 3600) if hold == Hold.IN_VERIFICATION else 0
        for by in (MAISON, SHOP, TANNERY, STORE):
            yield probe(Kind.HOLD, by, f" {hold.code}", a=hold, time=until)
        yield probe(Kind.HOLD, PLATFORM, f" {hold.code} for the holder", CONSENTED, a=hold, time=until, consented=True)
        yield probe(Kind.RELEASE, PLATFORM, f" {hold.code} for the holder", CONSENTED, a=hold, consented=True)
        for by in (MAISON, SHOP, TANNERY, STORE, CONSORTIUM, HEIR):
            yield probe(Kind.RELEASE, by, f" {hold.code}", a=hold)
    for approval in (None, FORGED):
        yield probe(Kind.HOLD, PLATFORM, " stolen for the holder", approval, a=Hold.STOLEN, consented=True)
        yield probe(Kind.RELEASE, PLATFORM, " stolen for the holder", approval, a=Hold.STOLEN, consented=True)
    yield probe(Kind.RELEASE, CONSORTIUM, " stolen for the holder", CONSENTED, a=Hold.STOLEN, consented=True)
    yield probe(Kind.RELEASE, MAISON, " of no hold", a=5)
    yield probe(Kind.HOLD, MAISON, " of no sort", a=5)
    yield probe(Kind.HOLD, MAISON, " lost until", a=Hold.LOST, time=lambda story: story.now + 10)
    for by in (STORE, HOUSE, NOVICE):
        fields = {"a": Hold.IN_VERIFICATION, "consented": True}
        yield probe(Kind.HOLD, by, " in-verification for the holder", CONSENTED, time=lambda story: story.now + 3600, **fields)
    for away in (0, LONGEST_VERIFICATION, LONGEST_VERIFICATION + 1):
        moment = lambda story, away=away: story.now + away  # noqa: E731
        yield probe(Kind.HOLD, HOUSE, f" in-verification for {away} s", CONSENTED, a=Hold.IN_VERIFICATION, time=moment, consented=True)


def recoveries() -> Iterator[Probe]:
    for by in (MAISON, RIVAL, HEIR, CONSORTIUM):
        yield probe(Kind.RECOVERY, by, " request", a=Phase.REQUEST, party=BOB)
        yield probe(Kind.RECOVERY, by, " complete", a=Phase.COMPLETE, party=BOB)
    yield probe(Kind.RECOVERY, MAISON, " complete for another key", a=Phase.COMPLETE, party=CAROL)
    yield probe(Kind.RECOVERY, MAISON, " request for an organization", a=Phase.REQUEST, party=SHOP)
    yield probe(Kind.RECOVERY, MAISON, " request with the consented bit", CONSENTED, a=Phase.REQUEST, party=BOB, consented=True)
    yield probe(Kind.RECOVERY, MAISON, " of no phase", a=4, party=BOB)
    for approval in CONSENTS:
        yield probe(Kind.RECOVERY, PLATFORM, " veto", approval, a=Phase.VETO, consented=True)
    yield probe(Kind.RECOVERY, PLATFORM, " veto without the bit", a=Phase.VETO)
    yield probe(Kind.RECOVERY, PLATFORM, " veto with a party", CONSENTED, a=Phase.VETO, consented=True, party=BOB)


def corrections() -> Iterator[Probe]:
    def tip(story: Story) -> int:
        return story.state.sequence

    def opinion(story: Story) -> int:
        return story.state.verdict_sequence

    for by in (MAISON, TANNERY, HOUSE, STORE, PLATFORM):
        yield probe(Kind.CORRECTION, by, " of the first event", time=1)
        yield probe(Kind.CORRECTION, by, " of the last event", time=tip)
        yield probe(Kind.CORRECTION, by, " of the verdict to none", time=opinion)
        yield probe(Kind.CORRECTION, by, " of the verdict to inconclusive", time=opinion, a=Outcome.INCONCLUSIVE)
    yield probe(Kind.CORRECTION, MAISON, " of an event to come", time=lambda story: story.state.sequence + 1)
    yield probe(Kind.CORRECTION, MAISON, " of the first event to an outcome", time=1, a=Outcome.AUTHENTIC)
    yield probe(Kind.CORRECTION, HOUSE, " of the verdict to 4", time=opinion, a=4)


def times() -> Iterator[Probe]:
    serving = {"kind": Kind.SERVICE, "by": MAISON}
    yield probe(**serving, what=" just in the skew", occurred_at=lambda story: story.now + SKEW)
    yield probe(**serving, what=" in the future", occurred_at=lambda story: story.now + SKEW + 1)
    yield probe(**serving, what=" at the last event's time", occurred_at=lambda story: story.state.last_occurred_at)
    yield probe(**serving, what=" before the last event", occurred_at=lambda story: max(story.state.last_occurred_at - 1, 0))
    yield probe(**serving, what=" on another head", head=Head(keccak(b"another")))
    yield probe(**serving, what=" on no head", head=Head(ZERO32))
    for kind in (0, 17, 255):
        yield probe(kind, MAISON)
    for bit in (0, 8, 16, 56):
        yield probe(**serving, what=f" with bit {bit}", raw=1 << bit)


def all_probes() -> list[Probe]:
    parts = (births, handovers, opinions, services, holds, recoveries, corrections, times)
    return [one for part in parts for one in part()]
