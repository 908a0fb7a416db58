// Step 6 of the recipe: the events one after the other, each judged though nobody says who was entitled (docs/proof.md §3).

import { joined, keccak } from "./bytes.js";
import { apply } from "./effects.js";
import { Hold, isKey, isOrganization, Kind, readDetail } from "./numbers.js";
import { Refused, require } from "./refusals.js";
import { judge } from "./rules.js";
import { isSet, UNBORN } from "./state.js";
import { eventHash, nextHead } from "./typed.js";

const LATEST = 2 ** 47; // later than every time that an event can name
const MOST_LINKS = 100_000;
const MOST_ORDERS = 8;
const FOLD_TIME = 1;
// everybody is entitled: the code that is trusted has seen to it
const ENTITLED = {
  rulingPeriod: 0,
  isConsortium: true,
  hasRole: () => true,
  speaksFor: () => true,
  isAccredited: () => true,
  standing: () => ({ admitted: true, suspended: false }),
  consent: "good",
  endorsement: "good",
  needsEndorsement: () => true,
};

// What each event came to: its struct and hash, the state after it. `times`: the block times, null by state.
export function follow(proof, commitments, times) {
  const lines = { item: proof.item, events: proof.events, commitments, times };
  const followed = [];
  let state = UNBORN;
  let links = 0;
  proof.events.forEach((shown, place) => {
    if (shown.kind === Kind.CORRECTION) links += Math.max(0, state.sequence - readDetail(shown.detail).time + 1);
    require(links <= MOST_LINKS, "history", "corrections walk over too many events");
    const step = take(state, lines, place, shown.by_order);
    if (step.reason) throw new Refused("history", `event ${place + 1} would have been refused for reason ${step.reason}`);
    followed.push(step);
    state = step.state;
  });
  requireOrders(lines, followed);
  return followed;
}

// One event upon a state: {reason} alone where the rules refuse it.
function take(state, lines, place, byOrder) {
  const shown = lines.events[place];
  const event = {
    item: lines.item,
    kind: shown.kind,
    head: state.head,
    occurredAt: shown.occurred_at,
    party: shown.party,
    detail: shown.detail,
    fields: readDetail(shown.detail),
    payload: lines.commitments[place],
  };
  const time = lines.times ? lines.times[place] : latestFor(event);
  if ((shown.enrolled !== null) !== (event.kind === Kind.ENROLMENT)) return { reason: "names that only an enrolment has" };
  if (shown.enrolled && lines.item !== keccak(joined(shown.enrolled.brand, shown.enrolled.serial_commitment))) return { reason: "authority" };
  const { organization } = shown;
  const ordered = byOrder || (!lines.times && isOrderOfKeysHold(state, event));
  const corrected = event.kind === Kind.CORRECTION ? lines.events[event.fields.time - 1]?.organization : null;
  const { reason } = judge(state, event, { ...ENTITLED, organization, time, byOrder: ordered, enrolled: shown.enrolled, corrected });
  if (reason) return { reason };
  const hash = eventHash(event);
  const head = nextHead(state.head, hash, organization);
  const made = { organization, time: lines.times ? time : FOLD_TIME, recoveryPeriod: 0, brand: shown.enrolled?.brand, head, byOrder: ordered };
  return { reason: 0, event, hash, before: state, state: apply(state, event, made) };
}

function latestFor(event) {
  const isVerification = event.kind === Kind.HOLD && event.fields.a === Hold.IN_VERIFICATION;
  return isVerification ? Math.max(event.fields.time - 1, 0) : LATEST;
}

// A release that the holder did not sign, of a hold that a key had set, can only have been ordered.
function isOrderOfKeysHold(state, event) {
  const { a: hold, consented } = event.fields;
  return event.kind === Kind.RELEASE && !consented && isSet(state, hold) && isKey(state.setters[hold]);
}

// `by_order` is true nowhere but where it matters.
function requireOrders(lines, followed) {
  const ordered = lines.events.flatMap((shown, place) => (shown.by_order ? [place] : []));
  for (const place of ordered) require(lines.events[place].kind === Kind.RELEASE, "history", `event ${place + 1} is no release`);
  if (lines.times) return;
  require(ordered.length <= MOST_ORDERS, "history", "more orders than a proof may have");
  for (const place of ordered) {
    const { event, before } = followed[place];
    const isStolen = event.fields.a === Hold.STOLEN && isSet(before, Hold.STOLEN);
    const isFit = isStolen && isOrganization(before.setters[Hold.STOLEN]) && before.stolenReleaseAt === 0;
    require(isFit && endsElsewhere(lines, followed, place), "history", `nothing hangs on the order of event ${place + 1}`);
  }
}

// Is the same history with this one flag false refused, or does it end in another state?
function endsElsewhere(lines, followed, place) {
  let state = followed[place].before;
  for (let at = place; at < lines.events.length; at++) {
    const step = take(state, lines, at, at !== place && lines.events[at].by_order);
    if (step.reason) return true;
    state = step.state;
    if (isSame(state, followed[at].state)) return false;
  }
  return true;
}

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// The state's three block times as the witness has them.
export function withTimes(state, witness) {
  const named = { disputedAt: witness.disputed_at, recoveryReadyAt: witness.recovery_ready_at, stolenReleaseAt: witness.stolen_release_at };
  for (const [name, time] of Object.entries(named)) {
    require((time === 0) === (state[name] === 0), "witness", `${name} ${time}, the fold's ${state[name]}`);
  }
  return { ...state, ...named };
}
