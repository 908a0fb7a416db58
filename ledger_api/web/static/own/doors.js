// The service's doors as an owner's page uses them. Signatures and addresses go out; a key, a card or a passphrase never does.

import { agree } from "./claims.js";

export class Problem extends Error {
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

// Throws Problem: `unreachable`, or the code of the answer (a refused event: the reason's).
async function ask(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body && JSON.stringify(body),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
  } catch {
    throw new Problem("unreachable");
  }
  const told = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(codeOf(answer.status, told), told);
  return told;
}

function codeOf(status, told) {
  if (status === 503) return "busy"; // for whichever cause
  return told.code === "event-refused" || told.code === "event-unreadable" ? told.reason : told.code;
}

const items = (item, rest = "") => `/v1/items/${item}${rest}`;

export const termsOf = (item, address) => ask("GET", items(item, `/consent-terms${address ? `?key=${address}` : ""}`));
export const offerTo = (item, buyer) => ask("GET", items(item, `/offers/${buyer}`));

// The signed struct as the doors take it (docs/ownership.md).
export function signed(wish, key) {
  return shown(wish, agree(wish, key));
}

export function shown(wish, signature) {
  const { chain_id, ledger, item, head, action, oldHolder, newHolder, detail, deadline } = wish;
  return { chain_id, ledger, item, head, action, old_holder: oldHolder, new_holder: newHolder, detail: String(detail), deadline, signature };
}

export const record = (item, deed, body) => ask("POST", items(item, `/${deed}`), body);
export const leaveOffer = (item, buyer, consent) => ask("PUT", items(item, `/offers/${buyer}`), { consent });

// A party's doors of a booked verification: the link is the permission.
export const invitation = (method, token, rest, body) => ask(method, `/v1/invitations/${token}${rest}`, body);

// Members' doors, with the API key that was typed into the page and stays there.
export const asMember = (apiKey, method, path, body, idempotencyKey) =>
  ask(method, path, body, { Authorization: `Bearer ${apiKey}`, ...(idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {}) });

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const PASSING = new Set(["unreachable", "busy", "rate-limited"]);

// Until an event of the item is recorded, asking ever less often; what passes is waited for. Throws Problem with the reason of its refusal.
export async function untilRecorded(item, eventId) {
  for (let wait = 300; ; wait = Math.min(wait * 1.3, 4000)) {
    try {
      const event = await ask("GET", items(item, `/events/${eventId}`));
      if (event.status === "refused") throw new Problem(event.reason);
      if (event.status !== "accepted") return;
    } catch (problem) {
      if (!PASSING.has(problem.code)) throw problem;
    }
    await pause(wait);
  }
}
