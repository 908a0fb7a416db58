// The brand's desk for a lost card: request a new key for its owner, wait in public, complete. The API key stays in this page.

import * as doors from "./doors.js";
import { choose, fill, moment, on, page, renew, show, tellHidden } from "./steps.js";

const item = page.dataset.item;

async function see() {
  const terms = await doors.termsOf(item);
  const isPending = Boolean(terms.recovery_ready_at);
  tellHidden(terms);
  choose({ pending: isPending, "none-pending": !isPending });
  fill({ "recovery-at": isPending ? moment(terms.recovery_ready_at) : "" });
  show("recovery");
}

on('[data-form="recovery"]', async (form, element) => {
  const phase = element.querySelector("[name=phase]:checked").value;
  const address = form.get("address").trim().toLowerCase();
  if (!/^0x[0-9a-f]{40}$/.test(address)) throw new doors.Problem("not-an-address");
  const grounds = form.get("grounds").trim();
  const { now } = await doors.termsOf(item);
  const event = { kind: "recovery", phase, occurred_at: now, item: { id: item }, new_key: address, payload: grounds ? { grounds } : {} };
  const told = await doors.asMember(form.get("key").trim(), "POST", "/v1/events", event, crypto.randomUUID());
  show("following");
  try {
    await doors.untilRecorded(item, told.results[0].event_id);
  } finally {
    await Promise.all([see(), renew()]);
  }
});

await see();
page.dataset.ready = "yes";
