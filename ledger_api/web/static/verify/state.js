// An item's state and the word that commits to it (docs/protocol.md §5).

import { joined, keccak, padded, wordOf, ZERO } from "./bytes.js";
import { Hold, HOLDS, Stage } from "./numbers.js";

const NO_KEY = "0x" + "00".repeat(20);
const COMMIT_BITS = 200n;

export const UNBORN = Object.freeze({
  sequence: 0,
  stage: Stage.UNBORN,
  verdict: 0,
  holds: 0,
  head: ZERO,
  holder: ZERO,
  brand: ZERO,
  lastOccurredAt: 0,
  category: 0,
  verdictMethod: 0,
  verdictAt: 0,
  verdictExpiry: 0,
  verdictSequence: 0,
  setters: Object.freeze(Array(HOLDS).fill(ZERO)),
  verificationUntil: 0,
  stolenReleaseAt: 0,
  disputedAt: 0,
  recoveryKey: NO_KEY,
  recoveryReadyAt: 0,
});

export const isSold = (state) => state.stage === Stage.SOLD || state.stage === Stage.ENROLLED;
export const isSet = (state, hold) => ((state.holds >> hold) & 1) === 1;
export const isRecovering = (state) => state.recoveryKey !== NO_KEY;

// Set, and for a hold in verification: not over at this time.
export function counts(state, hold, time) {
  return isSet(state, hold) && (hold !== Hold.IN_VERIFICATION || time <= state.verificationUntil);
}

export function anyCounts(state, time) {
  return Object.values(Hold).some((hold) => counts(state, hold, time));
}

export function withHold(state, hold, changes) {
  return { ...state, holds: state.holds | (1 << hold), ...changes };
}

// Without a hold, its setter and its time.
export function withoutHold(state, hold) {
  const times = { [Hold.STOLEN]: "stolenReleaseAt", [Hold.DISPUTED]: "disputedAt", [Hold.IN_VERIFICATION]: "verificationUntil" };
  const left = { ...state, holds: state.holds & ~(1 << hold), setters: withSetter(state, hold, ZERO) };
  return hold in times ? { ...left, [times[hold]]: 0 } : left;
}

export function withSetter(state, hold, setter) {
  return state.setters.map((each, index) => (index === hold ? setter : each));
}

export function withoutRecovery(state) {
  return { ...state, recoveryKey: NO_KEY, recoveryReadyAt: 0 };
}

export function hasAside(state) {
  const times = [state.verificationUntil, state.stolenReleaseAt, state.disputedAt, state.recoveryReadyAt];
  return state.setters.some((setter) => setter !== ZERO) || times.some((time) => time !== 0) || state.recoveryKey !== NO_KEY;
}

export function asideHash(state) {
  if (!hasAside(state)) return ZERO;
  const times = [state.verificationUntil, state.stolenReleaseAt, state.disputedAt].map(wordOf);
  return keccak(joined(...state.setters, ...times, padded(state.recoveryKey), wordOf(state.recoveryReadyAt)));
}

export function factsOf(state) {
  const fields = [
    [state.lastOccurredAt, 48],
    [state.category, 8],
    [state.verdictMethod, 8],
    [state.verdictAt, 48],
    [state.verdictExpiry, 48],
    [state.verdictSequence, 32],
    [hasAside(state) ? 1 : 0, 8],
  ];
  let facts = 0n;
  let shift = 0n;
  for (const [value, bits] of fields) {
    facts |= BigInt(value) << shift;
    shift += BigInt(bits);
  }
  return facts;
}

// The word as the ledger stores it; zero for an unborn item.
export function wordOfState(state) {
  if (state.stage === Stage.UNBORN) return ZERO;
  const commit = BigInt(keccak(joined(state.head, state.holder, state.brand, wordOf(factsOf(state)), asideHash(state))));
  const clear = ((BigInt(state.sequence) * 256n + BigInt(state.stage)) * 256n + BigInt(state.verdict)) * 256n + BigInt(state.holds);
  return wordOf((clear << COMMIT_BITS) | BigInt.asUintN(Number(COMMIT_BITS), commit));
}
