// The rules of docs/protocol.md §8: why the ledger would not take an event. An event that deserves several reasons gets the lowest number.
//
// `facts` are what the state does not say: `organization` that signs, block `time`, `rulingPeriod`; what the registry answers
// (`isConsortium`, `hasRole(role)`, `speaksFor(brand)`, `isAccredited(brand, role, category)`, `standing(organization)`);
// `consent` and `endorsement` ("none", "good", "bad"), `needsEndorsement(brand)`; `enrolled` with the brand of an enrolment;
// `corrected`, the organization of the event that a correction names; `byOrder` for a release whose log is known, else undefined.

import {
  Hold, isKey, isOrganization, Kind, Method, Outcome, Phase, Reason, Role, SKEW, Stage,
} from "./numbers.js";
import { anyCounts, counts, isRecovering, isSet, isSold } from "./state.js";
import { isWellFormed } from "./wellformed.js";

const BIRTHS = [Kind.RAW_MATERIAL, Kind.MANUFACTURE, Kind.ENROLMENT];
const OF_LOTS = [...BIRTHS, Kind.SHIPMENT, Kind.SERVICE, Kind.HOLD, Kind.RELEASE, Kind.DISPUTE, Kind.CORRECTION, Kind.RETIRE];
const AFTER_RETIREMENT = [Kind.VERDICT, Kind.RULING, Kind.CORRECTION, Kind.DISPUTE];

// {reason, byOrder}: reason 0 is recorded.
export function judge(state, event, facts) {
  const byOrder = event.kind === Kind.RELEASE && isByOrder(state, event, facts);
  const reasons = [...everyEvent(state, event, facts)];
  // what a row asks of an item is asked only of one that the event may speak of
  if (reasons.length === 0 || Math.min(...reasons) > Reason.RETIRED) {
    reasons.push(...ROWS[event.kind](state, event, facts, byOrder), ...consentOf(state, event, facts));
  }
  return { reason: reasons.length ? Math.min(...reasons) : 0, byOrder };
}

function everyEvent(state, event, facts) {
  const reasons = [];
  const { kind } = event;
  const isUnborn = state.stage === Stage.UNBORN;
  if (!isWellFormed(state, event, facts.organization, facts.time)) return [Reason.MALFORMED];
  if (event.occurredAt > facts.time + SKEW) reasons.push(Reason.IN_THE_FUTURE);
  const standing = [Kind.SHIPMENT, Kind.RESALE, Kind.TRANSFER].includes(kind) && isOrganization(event.party) ? facts.standing(event.party) : null;
  if (standing && !standing.admitted) reasons.push(Reason.UNKNOWN_ORGANIZATION);
  if (isUnborn && !BIRTHS.includes(kind)) reasons.push(Reason.UNKNOWN_ITEM);
  if (state.stage === Stage.LOT && !OF_LOTS.includes(kind)) reasons.push(Reason.UNKNOWN_ITEM);
  const mayJoin = kind === Kind.MANUFACTURE && state.stage === Stage.ENROLLED;
  if (!isUnborn && BIRTHS.includes(kind) && !mayJoin) reasons.push(Reason.ALREADY_RECORDED);
  if (state.stage === Stage.RETIRED && !AFTER_RETIREMENT.includes(kind)) reasons.push(Reason.RETIRED);
  if (standing && standing.suspended) reasons.push(Reason.SUSPENDED);
  if (event.occurredAt < state.lastOccurredAt) reasons.push(Reason.TOO_EARLY);
  if (event.head !== state.head) reasons.push(Reason.SUPERSEDED);
  return reasons;
}

// The holder's consent, of the rows that ask for it and of every event that says it has it.
function consentOf(state, event, facts) {
  const asks = [Kind.RESALE, Kind.TRANSFER].includes(event.kind);
  if (event.kind === Kind.ENROLMENT || !(asks || event.fields.consented)) return [];
  if (isOrganization(state.holder)) return state.holder === facts.organization ? [] : [Reason.NOT_THE_HOLDER];
  return isKey(state.holder) ? approval(facts.consent) : [];
}

function approval(consent) {
  if (consent === "good") return [];
  return [consent === "none" ? Reason.CONSENT_MISSING : Reason.CONSENT_INVALID];
}

function isByOrder(state, event, facts) {
  if (facts.byOrder !== undefined) return facts.byOrder;
  return facts.isConsortium && isSet(state, event.fields.a) && !isEntitled(state, event, facts);
}

function isEntitled(state, event, facts) {
  const setter = state.setters[event.fields.a];
  return isKey(setter) ? event.fields.consented : facts.speaksFor(setter);
}

const unless = (holds, reason) => (holds ? [] : [reason]);
const isHolder = (state, facts) => state.holder === facts.organization;
const whileSold = (state) => unless(!isSold(state), Reason.ALREADY_SOLD);
const whileUnsold = (state) => unless(isSold(state), Reason.NOT_SOLD);
const freeAndGenuine = (state, facts) => [
  ...unless(!anyCounts(state, facts.time), Reason.ON_HOLD),
  ...unless(state.verdict !== Outcome.NOT_AUTHENTIC, Reason.NOT_AUTHENTIC),
];

// In a role and accredited in it for the item.
function inRole(role, state, facts) {
  if (!facts.hasRole(role)) return [Reason.ROLE_MISSING];
  return unless(facts.isAccredited(state.brand, role, state.category), Reason.NOT_ACCREDITED);
}

const opinion = (state, facts) => (facts.speaksFor(state.brand) ? [] : inRole(Role.AUTHENTICATOR, state, facts));

function manufacture(state, event, facts) {
  if (state.stage === Stage.ENROLLED) return unless(facts.speaksFor(state.brand), Reason.ALREADY_RECORDED);
  return unless(facts.hasRole(Role.BRAND), Reason.ROLE_MISSING);
}

function shipment(state, event, facts) {
  const takesBack = state.stage === Stage.UNSOLD && facts.speaksFor(state.brand) && event.party === facts.organization;
  return [...whileSold(state), ...freeAndGenuine(state, facts), ...unless(isHolder(state, facts) || takesBack, Reason.NOT_THE_HOLDER)];
}

function sale(state, event, facts) {
  const authority = facts.speaksFor(state.brand) ? [] : inRole(Role.RETAILER, state, facts);
  return [...authority, ...whileSold(state), ...freeAndGenuine(state, facts), ...unless(isHolder(state, facts), Reason.NOT_THE_HOLDER)];
}

function resale(state, event, facts) {
  const isAllowed = facts.hasRole(Role.PLATFORM) || facts.hasRole(Role.RETAILER);
  return [...unless(isAllowed, Reason.ROLE_MISSING), ...transfer(state, event, facts)];
}

function transfer(state, event, facts) {
  return [...whileUnsold(state), ...freeAndGenuine(state, facts)];
}

function enrolment(state, event, facts) {
  const { brand } = facts.enrolled;
  const authority = inRole(Role.AUTHENTICATOR, { brand, category: event.fields.c }, facts);
  return [...authority, ...approval(facts.consent), ...(facts.needsEndorsement(brand) ? approval(facts.endorsement) : [])];
}

function dispute(state, event, facts) {
  const isFree = event.fields.consented || isHolder(state, facts) || facts.speaksFor(state.brand);
  const other = () => (state.stage === Stage.LOT ? [Reason.ROLE_MISSING] : inRole(Role.AUTHENTICATOR, state, facts));
  return [...(isFree ? [] : other()), ...unless(!isSet(state, Hold.DISPUTED), Reason.ON_HOLD)];
}

function ruling(state, event, facts) {
  const speaks = facts.speaksFor(state.brand);
  const waits = !speaks && facts.time < state.disputedAt + facts.rulingPeriod;
  return [
    ...unless(speaks || facts.isConsortium, Reason.ROLE_MISSING),
    ...unless(isSet(state, Hold.DISPUTED), Reason.NOT_DISPUTED),
    ...unless(!waits, Reason.TOO_EARLY),
  ];
}

function service(state, event, facts) {
  const roles = [Role.RETAILER, Role.AUTHENTICATOR];
  const isServant = roles.some((role) => facts.hasRole(role) && facts.isAccredited(state.brand, role, state.category));
  return unless(event.fields.consented || facts.speaksFor(state.brand) || isHolder(state, facts) || isServant, Reason.CONSENT_MISSING);
}

export function setterOf(state, event, organization) {
  const { a: hold } = event.fields;
  if (event.kind === Kind.DISPUTE) {
    if (event.fields.consented || state.holder === organization) return state.holder;
    return state.stage === Stage.LOT ? state.brand : organization;
  }
  if (hold === Hold.IN_VERIFICATION) return organization;
  if (isSold(state) && (hold === Hold.LOST || hold === Hold.STOLEN)) return state.holder;
  return state.holder === organization ? state.holder : state.brand;
}

function hold(state, event, facts) {
  const { a: index } = event.fields;
  const isAnothers = counts(state, index, facts.time) && state.setters[index] !== setterOf(state, event, facts.organization);
  return [...mayHold(state, event, facts), ...unless(!isAnothers, Reason.ON_HOLD)];
}

function mayHold(state, event, facts) {
  const { a: index, consented } = event.fields;
  if (!isSold(state)) return unless(isHolder(state, facts) || facts.speaksFor(state.brand), Reason.ROLE_MISSING);
  switch (index) {
    case Hold.RECALLED:
    case Hold.DISPUTED:
      return unless(facts.speaksFor(state.brand), Reason.ROLE_MISSING);
    case Hold.LOST:
    case Hold.STOLEN:
      return unless(consented || isHolder(state, facts), Reason.CONSENT_MISSING);
  }
  const missing = isKey(state.holder) ? Reason.CONSENT_MISSING : Reason.NOT_THE_HOLDER;
  return [...inRole(Role.AUTHENTICATOR, state, facts), ...unless(consented || isHolder(state, facts), missing)];
}

function release(state, event, facts, byOrder) {
  const { a: index } = event.fields;
  if (!isSet(state, index)) return [Reason.NOT_ON_HOLD];
  if (byOrder) return [];
  const missing = isKey(state.setters[index]) ? Reason.CONSENT_MISSING : Reason.ROLE_MISSING;
  const waits = index === Hold.STOLEN && state.stolenReleaseAt !== 0 && facts.time < state.stolenReleaseAt;
  return [...unless(isEntitled(state, event, facts), missing), ...unless(!waits, Reason.WAITING_PERIOD)];
}

function recovery(state, event, facts) {
  const reasons = whileUnsold(state);
  if (event.fields.a === Phase.VETO) return [...reasons, ...unless(isRecovering(state), Reason.TOO_EARLY)];
  const isHolders = (index) => counts(state, index, facts.time) && state.setters[index] === state.holder;
  const isBarred = isSet(state, Hold.LOST) || isSet(state, Hold.STOLEN) || Object.values(Hold).some(isHolders);
  reasons.push(...unless(facts.speaksFor(state.brand), Reason.ROLE_MISSING), ...unless(!isBarred, Reason.ON_HOLD));
  if (event.fields.a === Phase.REQUEST) return [...reasons, ...unless(!isRecovering(state), Reason.WAITING_PERIOD)];
  const waits = isRecovering(state) && facts.time < state.recoveryReadyAt;
  const isForKey = isRecovering(state) && event.party.endsWith(state.recoveryKey.slice(2));
  return [...reasons, ...unless(!waits, Reason.WAITING_PERIOD), ...unless(isForKey, Reason.TOO_EARLY)];
}

function correction(state, event, facts) {
  const own = unless(facts.corrected === facts.organization, Reason.ROLE_MISSING);
  if (event.fields.a === Outcome.NONE) return own;
  if (state.verdictMethod === Method.RULING) return [...own, ...unless(facts.speaksFor(state.brand), Reason.ROLE_MISSING)];
  return [...own, ...opinion(state, facts)];
}

function retire(state, event, facts) {
  if (state.stage === Stage.LOT) return unless(isHolder(state, facts), Reason.NOT_THE_HOLDER);
  if (isSold(state)) return unless(event.fields.consented || isHolder(state, facts), Reason.CONSENT_MISSING);
  return unless(facts.speaksFor(state.brand), Reason.ROLE_MISSING);
}

const ROWS = {
  [Kind.RAW_MATERIAL]: (state, event, facts) => unless(facts.hasRole(Role.SUPPLIER), Reason.ROLE_MISSING),
  [Kind.MANUFACTURE]: manufacture,
  [Kind.SHIPMENT]: shipment,
  [Kind.SALE]: sale,
  [Kind.RESALE]: resale,
  [Kind.TRANSFER]: transfer,
  [Kind.VERDICT]: (state, event, facts) => opinion(state, facts),
  [Kind.ENROLMENT]: enrolment,
  [Kind.DISPUTE]: dispute,
  [Kind.RULING]: ruling,
  [Kind.SERVICE]: service,
  [Kind.HOLD]: hold,
  [Kind.RELEASE]: release,
  [Kind.RECOVERY]: recovery,
  [Kind.CORRECTION]: correction,
  [Kind.RETIRE]: retire,
};
