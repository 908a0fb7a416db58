// The owner's page: a key is opened, the item is theirs or it is not, and what they wish is said in words, signed here, and followed.

import * as claims from "./claims.js";
import * as doors from "./doors.js";
import { fingerprints, keepFresh, readFile } from "./keys.js";
import { alone, choose, fill, moment, on, one, page, renew, say, short, show, tellHidden } from "./steps.js";

const item = page.dataset.item;
const HOUR = 3600;
const DAY = 24 * HOUR;
const own = { key: null, address: null, isCard: false, request: null, terms: null }; // what this page holds, and forgets when it is closed
let waiting = null; // the deed that waits for "I agree"

// --- opening

// What the address carries behind its #: a card, or the key of a buyer who asks.
async function arrive() {
  const carried = new URLSearchParams(location.hash.slice(1));
  own.request = carried.get("to") ?? own.request;
  if (own.request) one('[name="address"]').value = own.request;
  choose({ request: Boolean(own.request) });
  fill({ request: own.request && short(own.request) });
  const card = carried.get("c");
  // a card stays neither in the address bar nor in the history
  if (card) history.replaceState(null, "", location.pathname + location.search);
  try {
    if (card) await open(keyOfCard(card), true);
    else if (own.key) await look();
    else show("open");
  } catch (problem) {
    show("open");
    throw problem;
  }
}

async function open(key, isCard) {
  Object.assign(own, { key, isCard, address: claims.addressOf(key) });
  await look();
}

async function look() {
  own.terms = await doors.termsOf(item, own.address);
  if (!own.terms.is_holder) return show("elsewhere");
  const held = new Set(own.terms.holds.filter((hold) => hold.by === "owner").map((hold) => hold.hold));
  tellHidden(own.terms);
  choose({
    card: own.isCard,
    file: !own.isCard,
    "not-lost": !held.has("lost"),
    lost: held.has("lost"),
    "not-stolen": !held.has("stolen"),
    stolen: held.has("stolen"),
    "release-begun": Boolean(own.terms.stolen_release_at),
    recovery: Boolean(own.terms.recovery_ready_at),
    unsettled: !own.terms.is_settled,
  });
  fill({
    address: own.address,
    "release-at": own.terms.stolen_release_at && moment(own.terms.stolen_release_at),
    "recovery-at": own.terms.recovery_ready_at && moment(own.terms.recovery_ready_at),
  });
  one("[data-feed]").href = `/v1/items/${item}/feed?key=${own.address}`;
  show("mine");
}

function keyOfCard(typed) {
  const secret = claims.readCard(typed);
  if (secret === null) throw new doors.Problem("not-a-card");
  return claims.cardKey(secret);
}

on('[data-form="card"]', async (form, element) => {
  await open(keyOfCard(form.get("card")), true);
  element.reset();
});
on('[data-form="file"]', async (form, element) => {
  await open(await readFile(form), false);
  element.reset();
});

// --- deeds: each is a consent, the body it goes in, and a sentence

function propose(name, action, { newHolder, detail, seconds = HOUR, body = {}, send = doors.record, then = look } = {}) {
  const terms = own.terms;
  const deadline = Math.floor(Date.parse(terms.now) / 1000) + seconds;
  const wish = claims.wish(terms, action, { holder: claims.holderOf(own.address), newHolder, detail, deadline });
  waiting = { name, wish, body, send, then };
  say("deed", name);
  fill({
    to: newHolder ? `0x${newHolder.slice(26)}` : "",
    until: moment(deadline),
    history: short(wish.head),
    "signing-item": short(item),
  });
  const { sequence, grounds, evidence } = body;
  fill({ entry: sequence, grounds, evidence: evidence?.map(short).join("\n") });
  choose({ "has-buyer": Boolean(newHolder), "has-grounds": Boolean(grounds), "no-entry": !sequence, "has-evidence": Boolean(evidence) });
  show("agree");
}

on("[data-agree]", async () => {
  const { name, wish, body, send, then } = waiting;
  const consent = doors.signed(wish, own.key);
  const door = { release: "release", hold: "hold" }[name.split("-")[0]] ?? name;
  const told = await send(item, door, { ...body, consent });
  waiting = null;
  if (told) {
    show("following");
    try {
      await doors.untilRecorded(item, told.event_id);
    } catch (problem) {
      await look().catch(() => show("mine"));
      throw problem;
    }
    await renew();
  }
  await then();
});
on("[data-cancel]", () => look());
on("[data-look]", async () => {
  await renew();
  await look();
});

const deeds = {
  fresh: () => show("fresh"),
  lost: () => propose("hold-lost", "hold", { detail: claims.details.hold("lost"), body: { hold: "lost" } }),
  stolen: () => propose("hold-stolen", "hold", { detail: claims.details.hold("stolen"), body: { hold: "stolen" } }),
  found: () => propose("release-lost", "release", { detail: claims.details.release("lost"), body: { hold: "lost" } }),
  lift: () => propose("release-stolen", "release", { detail: claims.details.release("stolen"), body: { hold: "stolen" } }),
  veto: () => propose("recovery", "recovery", { detail: claims.details.veto(), body: { phase: "veto" } }),
  handover: () => show("handover"),
  contradict: () => show("contradict"),
  retire: () => propose("retire", "retire", { detail: claims.details.retire() }),
};
on("[data-deed]", (button) => deeds[button.dataset.deed]());

on('[data-form="fresh"]', async (form) => {
  const fresh = await keepFresh(item, form);
  const then = async () => {
    Object.assign(own, { ...fresh, isCard: false }); // the card's key is forgotten here
    await look();
  };
  propose("claim", "transfer", { newHolder: claims.holderOf(fresh.address), body: { new_holder: fresh.address }, then });
});

on('[data-form="handover"]', (form) => {
  const buyer = form.get("address").trim().toLowerCase();
  if (!/^0x[0-9a-f]{40}$/.test(buyer)) throw new doors.Problem("not-an-address");
  const send = (_item, _door, { consent }) => doors.leaveOffer(item, buyer, consent);
  propose("offer", "transfer", { newHolder: claims.holderOf(buyer), seconds: Number(form.get("days")) * DAY, send, then: () => show("offered") });
});

on('[data-form="contradict"]', async (form) => {
  const sequence = Number(form.get("sequence")) || undefined;
  const evidence = await fingerprints(form.getAll("evidence").filter(({ size }) => size > 0));
  const body = { grounds: form.get("grounds"), ...(sequence ? { sequence } : {}), ...(evidence.length ? { evidence } : {}) };
  propose("dispute", "dispute", { detail: claims.details.dispute(sequence), body });
});

// --- the beginning

addEventListener("hashchange", () => alone(arrive));
await alone(arrive);
page.dataset.ready = "yes";
