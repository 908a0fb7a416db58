// Rule 1 of docs/protocol.md §8: is an event shaped as its kind demands? (The table of §4, then what hangs on the item.)

import { joined, keccak } from "./bytes.js";
import { Hold, isKey, isNobody, isOrganization, Kind, LAST_CATEGORY, LONGEST_VERIFICATION, Phase, Stage } from "./numbers.js";
import { isSold } from "./state.js";

const anything = () => true;
const noFields = { a: 0, b: 0, c: 0, time: 0 };
const FREE = [false, true];

const isOutcome = (a) => a >= 1 && a <= 3;
const isHold = (a) => a < Object.keys(Hold).length;
const isCategory = (c) => c <= LAST_CATEGORY;
// an expiry is 0 or later than the event
const isExpiry = (time, event) => time === 0 || time > event.occurredAt;

// kind → the form of the party, of each field of the detail that the kind names, and whether it may or must be consented
const TABLE = {
  [Kind.RAW_MATERIAL]: { party: anything },
  [Kind.MANUFACTURE]: { party: anything, c: isCategory },
  [Kind.SHIPMENT]: { party: isOrganization },
  [Kind.SALE]: { party: isKey },
  [Kind.RESALE]: { party: (party) => !isNobody(party) },
  [Kind.TRANSFER]: { party: (party) => !isNobody(party) },
  [Kind.VERDICT]: { a: isOutcome, b: isOutcome, time: isExpiry },
  [Kind.ENROLMENT]: { party: isKey, a: (a) => a === 1, b: (b) => b === 3, c: isCategory, time: isExpiry, consented: [true] },
  [Kind.DISPUTE]: { time: anything, consented: FREE },
  [Kind.RULING]: { a: isOutcome, time: isExpiry },
  [Kind.SERVICE]: { consented: FREE },
  [Kind.HOLD]: { a: isHold, time: (time, event) => (event.fields.a === Hold.IN_VERIFICATION ? time > 0 : time === 0), consented: FREE },
  [Kind.RELEASE]: { a: isHold, consented: FREE },
  [Kind.CORRECTION]: { a: (a) => a <= 3, time: (time) => time >= 1 },
  [Kind.RETIRE]: { consented: FREE },
};
const RECOVERY = {
  [Phase.REQUEST]: { party: isKey, a: anything },
  [Phase.VETO]: { a: anything, consented: [true] },
  [Phase.COMPLETE]: { party: isKey, a: anything },
};

function fitsTable(event) {
  const row = event.kind === Kind.RECOVERY ? RECOVERY[event.fields.a] : TABLE[event.kind];
  if (!row) return false;
  const party = row.party ?? isNobody;
  const consented = row.consented ?? [false];
  const fits = Object.keys(noFields).every((name) => (row[name] ? row[name](event.fields[name], event) : event.fields[name] === 0));
  return fits && party(event.party) && consented.includes(event.fields.consented);
}

export function isWellFormed(state, event, organization, time) {
  if (!fitsTable(event)) return false;
  const { fields } = event;
  if (fields.consented && isOrganization(state.holder) && state.holder !== organization) return false;
  switch (event.kind) {
    case Kind.RAW_MATERIAL:
      return event.item === keccak(joined(organization, event.party));
    case Kind.MANUFACTURE:
      return event.item === keccak(joined(state.stage === Stage.ENROLLED ? state.brand : organization, event.party));
    case Kind.DISPUTE:
      return fields.time <= state.sequence;
    case Kind.CORRECTION:
      return fields.time <= state.sequence && (fields.a === 0 || fields.time === state.verdictSequence);
    case Kind.HOLD:
      return fields.a !== Hold.IN_VERIFICATION || isVerification(state, fields.time, time);
    case Kind.RECOVERY:
      return !(isSold(state) && isOrganization(state.holder));
  }
  return true;
}

function isVerification(state, until, time) {
  const isEarly = state.stage === Stage.LOT || state.stage === Stage.UNSOLD;
  return !isEarly && time < until && until <= time + LONGEST_VERIFICATION;
}
