// What an accepted event does to its item (docs/protocol.md §8, column effect, and §9).

import { Hold, Kind, Method, Outcome, Phase, Stage, STOLEN_RELEASE } from "./numbers.js";
import { setterOf } from "./rules.js";
import { isSet, withHold, withoutHold, withoutRecovery, withSetter } from "./state.js";

// `made` has the organization, block time, recovery period, brand of an enrolment, the next head, and whether it is by order.
export function apply(state, event, made) {
  const after = EFFECTS[event.kind](state, event, made);
  return { ...after, sequence: state.sequence + 1, head: made.head, lastOccurredAt: event.occurredAt };
}

// Does a new opinion replace the effective one?
export function replaces(effective, opinion) {
  const isExpired = effective.expiry !== 0 && effective.expiry <= opinion.occurredAt;
  if (effective.outcome === Outcome.NONE) return true;
  if (isExpired && effective.outcome !== Outcome.NOT_AUTHENTIC) return true;
  if (opinion.method === Method.RULING) return true;
  if (effective.outcome !== Outcome.NOT_AUTHENTIC) return opinion.method >= effective.method;
  return opinion.method > effective.method && opinion.outcome !== Outcome.INCONCLUSIVE;
}

function withVerdict(state, event, outcome, method) {
  const { time: verdictExpiry } = event.fields;
  const at = { verdictAt: event.occurredAt, verdictExpiry, verdictSequence: state.sequence + 1 };
  return { ...state, verdict: outcome, verdictMethod: method, ...at };
}

function born(stage) {
  return (state, event, { organization }) => ({ ...state, stage, holder: organization, brand: organization, category: event.fields.c });
}

function manufacture(state, event, made) {
  if (state.stage === Stage.ENROLLED) return { ...state, stage: Stage.SOLD, category: event.fields.c };
  return born(Stage.UNSOLD)(state, event, made);
}

function verdict(state, event) {
  const { a: outcome, b: method } = event.fields;
  const effective = { outcome: state.verdict, method: state.verdictMethod, expiry: state.verdictExpiry };
  return replaces(effective, { outcome, method, occurredAt: event.occurredAt }) ? withVerdict(state, event, outcome, method) : state;
}

function enrolment(state, event, { brand }) {
  const opened = withVerdict(state, event, Outcome.AUTHENTIC, Method.IN_PERSON);
  return { ...opened, stage: Stage.ENROLLED, holder: event.party, brand, category: event.fields.c };
}

function dispute(state, event, { organization, time }) {
  const setters = withSetter(state, Hold.DISPUTED, setterOf(state, event, organization));
  return withHold(state, Hold.DISPUTED, { setters, disputedAt: time });
}

function hold(state, event, { organization, time }) {
  const { a: index, time: until } = event.fields;
  const changes = { setters: withSetter(state, index, setterOf(state, event, organization)) };
  if (index === Hold.STOLEN) changes.stolenReleaseAt = 0;
  if (index === Hold.IN_VERIFICATION) changes.verificationUntil = until;
  if (index === Hold.DISPUTED && !isSet(state, index)) changes.disputedAt = time;
  return withHold(state, index, changes);
}

function release(state, event, { time, byOrder }) {
  const { a: index } = event.fields;
  const announces = index === Hold.STOLEN && !byOrder && state.stolenReleaseAt === 0;
  return announces ? { ...state, stolenReleaseAt: time + STOLEN_RELEASE } : withoutHold(state, index);
}

function recovery(state, event, { time, recoveryPeriod }) {
  if (event.fields.a === Phase.REQUEST) return { ...state, recoveryKey: "0x" + event.party.slice(26), recoveryReadyAt: time + recoveryPeriod };
  const left = withoutRecovery(state);
  return event.fields.a === Phase.COMPLETE ? { ...left, holder: event.party } : left;
}

function correction(state, event) {
  const { a: outcome, time: corrected } = event.fields;
  if (corrected !== state.verdictSequence) return state;
  if (outcome !== Outcome.NONE) return { ...state, verdict: outcome };
  return { ...state, verdict: 0, verdictMethod: 0, verdictAt: 0, verdictExpiry: 0, verdictSequence: 0 };
}

const handedOn = (state, event) => ({ ...withoutRecovery(state), holder: event.party });

const EFFECTS = {
  [Kind.RAW_MATERIAL]: born(Stage.LOT),
  [Kind.MANUFACTURE]: manufacture,
  [Kind.SHIPMENT]: (state, event) => ({ ...state, holder: event.party }),
  [Kind.SALE]: (state, event) => ({ ...state, stage: Stage.SOLD, holder: event.party }),
  [Kind.RESALE]: handedOn,
  [Kind.TRANSFER]: handedOn,
  [Kind.VERDICT]: verdict,
  [Kind.ENROLMENT]: enrolment,
  [Kind.DISPUTE]: dispute,
  [Kind.RULING]: (state, event) => withVerdict(withoutHold(state, Hold.DISPUTED), event, event.fields.a, Method.RULING),
  [Kind.SERVICE]: (state) => state,
  [Kind.HOLD]: hold,
  [Kind.RELEASE]: release,
  [Kind.RECOVERY]: recovery,
  [Kind.CORRECTION]: correction,
  [Kind.RETIRE]: (state) => ({ ...state, stage: Stage.RETIRED }),
};
