// The buyer's page: a fresh key, a request to show to the owner, and whether the owner's consent is for exactly what this page showed.

import encodeQR from "../vendor/qr/index.js";
import * as claims from "./claims.js";
import * as doors from "./doors.js";
import { keepFresh } from "./keys.js";
import { drawn } from "./picture.js";
import { choose, fill, moment, on, one, page, say, short, show } from "./steps.js";

const item = page.dataset.item;
const POLL_MILLISECONDS = 1500;
const buying = { address: null, seen: null, offer: null, terms: null };

async function see() {
  buying.terms = await doors.termsOf(item);
  buying.seen = buying.terms.head;
  fill({ history: short(buying.seen) });
  choose({ "with-owner": buying.terms.holder === "key", "with-organization": buying.terms.holder !== "key" });
}

on('[data-form="fresh"]', async (form) => {
  const fresh = await keepFresh(item, form);
  fresh.key.fill(0); // the file has it; this page needs the address alone
  buying.address = fresh.address;
  const link = `${location.origin}/own/${item}#to=${fresh.address}`;
  fill({ address: fresh.address, link });
  one("[data-link]").href = link;
  one("[data-picture]").replaceChildren(drawn(encodeQR(link, "raw", { ecc: "medium" })));
  show("request");
  await watch();
});

async function watch() {
  for (;;) {
    const offer = await doors.offerTo(item, buying.address).catch(() => null);
    if (offer && (await answer(offer))) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

// True: nothing more is to be watched.
async function answer(offer) {
  const isWhatWasSeen = offer.head === buying.seen;
  say("offer", offer.standing === "open" && !isWhatWasSeen ? "changed" : offer.standing === "none" && !isWhatWasSeen ? "changed" : offer.standing);
  buying.offer = offer;
  fill({ until: offer.deadline && moment(offer.deadline), history: short(buying.seen), "history-now": short(offer.head) });
  choose({ take: offer.standing === "open" && isWhatWasSeen, again: !isWhatWasSeen && offer.standing !== "taken" });
  if (offer.standing !== "taken") return false;
  show("yours");
  return true;
}

on("[data-again]", async () => {
  await see();
  location.reload();
});

on("[data-take]", async () => {
  const { offer, terms } = buying;
  const newHolder = claims.holderOf(buying.address);
  const wish = claims.wish({ ...terms, head: offer.offered_head }, "transfer", { holder: offer.old_holder, newHolder, deadline: offer.deadline_seconds });
  const told = await doors.record(item, "transfer", { new_holder: buying.address, consent: doors.shown(wish, offer.signature) });
  show("following");
  await doors.untilRecorded(told.follow);
  show("yours");
});

await see();
show("fresh");
page.dataset.ready = "yes";
