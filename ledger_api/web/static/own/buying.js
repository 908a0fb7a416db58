// The buyer's page: a fresh key, a request to show to the owner, and whether the owner's consent is for exactly what this page shows.
// The key's address stands behind the # of the page's own address, so that the page can be looked at again; the key is in its file alone.

import encodeQR from "../vendor/qr/index.js";
import * as claims from "./claims.js";
import * as doors from "./doors.js";
import { keepFresh } from "./keys.js";
import { drawn } from "./picture.js";
import { choose, fill, moment, on, one, page, say, short, show, tellHidden } from "./steps.js";

const item = page.dataset.item;
const POLL_MILLISECONDS = 2000;
const buying = { address: null, offer: null, terms: await doors.termsOf(item), isTaking: false };
// what the server put on this page; a withheld item shows nothing, and is bound to what it is now
const seen = page.dataset.head || buying.terms.head;

// --- a request

on('[data-form="fresh"]', async (form) => {
  const fresh = await keepFresh(item, form);
  fresh.key.fill(0); // the file has it; this page needs the address alone
  history.replaceState(null, "", `${location.pathname}${location.search}#key=${fresh.address}`);
  request(fresh.address);
});

function request(address) {
  buying.address = address;
  const link = `${location.origin}/own/${item}#to=${address}`;
  fill({ address, link });
  one("[data-picture]").replaceChildren(drawn(encodeQR(link, "raw", { ecc: "medium" })));
  show("request");
  watch(); // for as long as the page is open
}

// --- the owner's consent

async function watch() {
  while (!one('[data-step="request"]').hidden || buying.isTaking) {
    const offer = await doors.offerTo(item, buying.address).catch(() => null);
    if (offer && !buying.isTaking) await answer(offer);
    await doors.pause(POLL_MILLISECONDS);
  }
}

async function answer(offer) {
  if (offer.standing === "taken") return arrived();
  const isWhatWasSeen = offer.head === seen;
  buying.offer = offer;
  say("offer", isWhatWasSeen || offer.standing === "withdrawn" ? offer.standing : "changed");
  fill({ until: offer.standing === "open" ? moment(offer.deadline) : "" });
  choose({ take: offer.standing === "open" && isWhatWasSeen, again: !isWhatWasSeen });
}

// Theirs once it is on the chain, and no earlier.
async function arrived() {
  const terms = await doors.termsOf(item, buying.address);
  if (terms.is_holder) show(terms.is_settled ? "yours" : "following");
  if (!terms.is_settled) await doors.pause(POLL_MILLISECONDS).then(arrived);
}

on("[data-again]", () => location.reload());

on("[data-take]", async () => {
  const { offer, terms } = buying;
  const newHolder = claims.holderOf(buying.address);
  const wish = claims.wish({ ...terms, head: seen }, "transfer", { holder: offer.old_holder, newHolder, deadline: offer.deadline_seconds });
  buying.isTaking = true;
  try {
    const told = await doors.record(item, "transfer", { new_holder: buying.address, consent: doors.shown(wish, offer.signature) });
    show("following");
    await doors.untilRecorded(item, told.event_id);
    show("yours");
  } catch (problem) {
    show("request");
    throw problem;
  } finally {
    buying.isTaking = false;
  }
});

// --- the beginning

tellHidden(buying.terms);
fill({ history: short(seen) });
choose({ "with-organization": buying.terms.holder !== "key" });
const kept = new URLSearchParams(location.hash.slice(1)).get("key");
if (/^0x[0-9a-f]{40}$/.test(kept ?? "")) request(kept);
else show("fresh");
page.dataset.ready = "yes";
