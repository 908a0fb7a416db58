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
  if (!answer.ok) throw new Problem(told.code === "event-refused" || told.code === "event-unreadable" ? told.reason : told.code, told);
  return told;
}

const items = (item, rest = "") => `/v1/items/${item}${rest}`;

export const termsOf = (item, address) => ask("GET", items(item, `/consent-terms${address ? `?key=${address}` : ""}`));
export const passportOf = async (item) => (await ask("GET", items(item))).passport;
export const offerTo = (item, buyer) => ask("GET", items(item, `/offers/${buyer}`));
export const follow = (address) => ask("GET", address);

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

// Members' doors, with the API key that was typed into the page and stays there.
export const asMember = (apiKey, method, path, body, idempotencyKey) =>
  ask(method, path, body, { Authorization: `Bearer ${apiKey}`, ...(idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {}) });

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Until an event is recorded. Throws Problem with the reason of its refusal.
export async function untilRecorded(address) {
  for (;;) {
    const standing = await follow(address);
    if (standing.status === "refused") throw new Problem(standing.reason);
    if (standing.status !== "accepted") return standing;
    await pause(400);
  }
}
