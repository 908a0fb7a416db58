"""The rules on the tip: each prepared event against the state that the item's last accepted event leaves.

The same transition function as the contract's, on this database's view of the registry and of the present time. What it accepts may
still be refused on chain (the registry changes, somebody else records first); what it refuses is refused there too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ledger_api.domain.authority import Snapshot
from ledger_api.domain.events import Consent, Endorsement, Enrolment
from ledger_api.domain.network import Network
from ledger_api.domain.signatures import signer_of
from ledger_api.domain.terms import consent_of
from ledger_api.intake.preparing import Names, Prepared
from ledger_verify.hashing import (
    EventHash,
    Head,
    OrganizationId,
    consent_digest,
    endorsement_digest,
    event_hash,
    next_head,
)
from ledger_verify.transition import (
    UNBORN,
    Consented,
    Event,
    Kind,
    Link,
    Method,
    Opening,
    Outcome,
    Reason,
    Stage,
    State,
    apply,
    by_order,
    judge,
    state_from_bytes,
    unpack_detail,
)

NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Accepted:
    prepared: Prepared
    event: Event
    event_hash: EventHash
    state: State  # after it; block times in its Aside are a guess until it is recorded


@dataclass(slots=True)
class Bench:
    """What one list is judged with: the states of its items, moving on as events are accepted, and the registry."""

    organization: OrganizationId
    network: Network
    registry: Snapshot
    now: int
    stored: Mapping[bytes, bytes]  # tips of the items, and of the lots that the list names
    names: Names
    authors: Callable[[bytes], list[tuple[bytes, bytes]]]  # (event hash, organization) of an item's events
    all_or_nothing: bool = False
    states: dict[bytes, State] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    freed: set[bytes] = field(default_factory=set)  # items that never were: another takes their name
    starts: dict[bytes, Head] = field(default_factory=dict)  # the head at which the group finds each item

    def state_of(self, item: bytes) -> State:
        known = self.states.get(item)
        if known is None:
            stored = self.stored.get(item)
            known = self.states[item] = state_from_bytes(stored) if stored is not None else UNBORN
        return known

    def judge(self, prepared: Prepared, *, head: Head | None = None) -> Accepted | Reason:
        """`head`: what the organization signed already; else the event follows the tip.

        An accepted event moves the item on for those after it.
        """
        state = self.state_of(prepared.item)
        event = Event(
            item=prepared.item,
            kind=prepared.kind,
            head=state.head if head is None else head,
            occurred_at=prepared.body.occurred_at,
            party=prepared.party,
            detail=prepared.detail,
            payload=prepared.payload,
        )
        self.starts.setdefault(prepared.item, event.head)
        opening = self._opening(prepared, state)
        reason = judge(
            state,
            event,
            self.organization,
            self.now,
            self.registry.at(self.now),
            self.network.terms,
            self._consented(prepared, event, state),
            opening,
        )
        reasons = [one for one in (reason, *self._service_reasons(prepared)) if one is not None]
        return min(reasons) if reasons else self._apply(prepared, event, state, opening)

    def _apply(self, prepared: Prepared, event: Event, state: State, opening: Opening | None) -> Accepted:
        hashed = event_hash(event)
        after = apply(
            state,
            event,
            self.organization,
            self.now,
            self.network.terms,
            brand=None if opening is None else opening.brand,
            by_order=by_order(state, event, self.organization, self.registry.at(self.now)),
            hashed=hashed,
        )
        accepted = Accepted(prepared, event, hashed, after)
        self.states[prepared.item] = after
        self.accepted.append(accepted)
        return accepted

    def _service_reasons(self, prepared: Prepared) -> Iterator[Reason]:
        """What the contract cannot know: names of lots, and a serial that another item carries."""
        if prepared.lots and self.missing_lots(prepared):
            yield Reason.UNKNOWN_LOT
        pair = prepared.serial_pair()
        namesake = None if pair is None else self.names.serials.get(pair)
        if namesake is not None and namesake.item != prepared.item:
            if self._is_born(namesake.item):
                yield Reason.ALREADY_RECORDED
            else:
                self.freed.add(namesake.item)

    def missing_lots(self, prepared: Prepared) -> list[str]:
        """Names of lots that are neither accepted nor recorded."""
        return [name for supplier, name in prepared.lots if not self._is_born(self.names.lots.get((supplier, name)))]

    def _is_born(self, lot: bytes | None) -> bool:
        return lot is not None and self.state_of(lot).stage != Stage.UNBORN

    # --- what travels beside an event

    def _opening(self, prepared: Prepared, state: State) -> Opening | None:
        if prepared.kind == Kind.ENROLMENT and prepared.birth is not None:
            return Opening(brand=prepared.birth.brand, serial_commitment=prepared.birth.commitment)
        if prepared.kind == Kind.CORRECTION and state.stage != Stage.UNBORN:
            return self._history(prepared, unpack_detail(prepared.detail).time)
        return None

    def _history(self, prepared: Prepared, sequence: int) -> Opening:
        """From the corrected event to the tip: stored ones, and those that this list has accepted already."""
        fresh = [(one.event_hash, self.organization) for one in self.accepted if one.prepared.item == prepared.item]
        links = [Link(EventHash(digest), OrganizationId(author)) for digest, author in (*self.authors(prepared.item), *fresh)]
        prior = Head(NOBODY)
        for link in links[: sequence - 1]:
            prior = next_head(prior, link.event_hash, link.organization)
        return Opening(prior_head=prior, history=tuple(links[sequence - 1 :]))

    def _consented(self, prepared: Prepared, event: Event, state: State) -> Consented | None:
        consent = consent_of(prepared.body)
        if consent is None:
            return None
        if isinstance(prepared.body, Enrolment):
            valid = self._is_signed(consent, event, old=NOBODY, head=Head(NOBODY), key=event.party) and consent.store is None
            return Consented(valid, self._is_endorsed(prepared.body.endorsement, event, prepared))
        head = event.head if consent.store is None else self.starts[event.item]
        valid = self._is_booked(consent, event) and self._is_signed(consent, event, old=state.holder, head=head, key=state.holder)
        return Consented(valid)

    def _is_signed(self, consent: Consent, event: Event, *, old: bytes, head: Head, key: bytes) -> bool:
        digest = consent_digest(
            self.network.domain_separator,
            action=event.kind,
            item=event.item,
            head=head,
            old_holder=old,
            new_holder=event.party,
            detail=event.detail,
            carrier=consent.carrier or NOBODY,
            store=consent.store or NOBODY,
            deadline=consent.deadline,
        )
        signer = signer_of(digest, consent.signature)
        is_carried = consent.carrier in (None, self.organization)
        return is_carried and consent.deadline >= self.now and signer is not None and key == signer.rjust(32, b"\0")

    def _is_booked(self, consent: Consent, event: Event) -> bool:
        """A booked consent is good only in its store's own group, behind that store's *authentic, in person*."""
        if consent.store is None:
            return True
        seen = any(
            one.event.item == event.item
            and one.event.kind == Kind.VERDICT
            and unpack_detail(one.event.detail)[:2] == (Outcome.AUTHENTIC, Method.IN_PERSON)
            for one in self.accepted
        )
        return self.all_or_nothing and consent.store == self.organization and seen

    def _is_endorsed(self, endorsement: Endorsement | None, event: Event, prepared: Prepared) -> bool | None:
        """By an active key of the brand or its successor, not suspended. A wallet's word needs the chain: not by this door."""
        if endorsement is None or prepared.birth is None:
            return None
        brand = prepared.birth.brand
        speakers = {brand, self.registry.successors.get(brand, brand)}
        authority = self.registry.at(self.now)
        entitled = any(
            self.registry.is_signer(speaker, endorsement.endorser) and not authority.standing(OrganizationId(speaker)).suspended
            for speaker in speakers
        )
        digest = endorsement_digest(self.network.domain_separator, brand=brand, event_hash=event_hash(event), deadline=endorsement.deadline)
        return entitled and endorsement.deadline >= self.now and signer_of(digest, endorsement.signature) == endorsement.endorser
