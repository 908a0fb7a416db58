// A version of a proof that shows less: the twin of ledger_verify/disclosure.py. Whoever has a proof can make one.

import { canonicalText, readCanonical } from "./canonical.js";
import { digestOf, sealed } from "./payloads.js";

// `isKept(number, path)`: whether this field of this event (counted from 1) is still to be shown. The bytes of the other file.
export function withhold(bytes, isKept) {
  const proof = readCanonical(bytes);
  proof.events.forEach(({ payload }, place) => {
    if (!payload.fields) return;
    const closed = payload.fields.filter(([, path]) => !isKept(place + 1, path));
    payload.fields = payload.fields.filter((field) => !closed.includes(field));
    const digests = new Map([...payload.withheld, ...closed.map(sealed)].map((withheld) => [digestOf(withheld), withheld]));
    payload.withheld = [...digests.keys()].sort().map((digest) => digests.get(digest));
  });
  return new TextEncoder().encode(canonicalText(proof));
}
