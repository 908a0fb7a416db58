// The shop's page: the card is made here, the sale is recorded to its address, and the card is kept in this browser until the shop
// says that the buyer has it. A broken connection loses nothing: the same sale goes out again under the same Idempotency-Key.

import encodeQR from "../vendor/qr/index.js";
import { fromHex, toHex } from "./bytes.js";
import * as claims from "./claims.js";
import * as doors from "./doors.js";
import { drawn } from "./picture.js";
import { choose, fill, on, one, page, short, show } from "./steps.js";

const KEPT = "claim-card"; // in this browser, until it is printed
let apiKey = ""; // in this page alone

const kept = () => JSON.parse(localStorage.getItem(KEPT) ?? "null");
const keep = (card) => localStorage.setItem(KEPT, JSON.stringify(card));

async function itemOf(gtin, serial) {
  const query = new URLSearchParams({ gtin, serial });
  const found = await doors.asMember(apiKey, "GET", `/v1/items?${query}`);
  return found.passport;
}

on('[data-form="sale"]', async (form) => {
  apiKey = form.get("key").trim();
  const [gtin, serial] = [form.get("gtin").trim(), form.get("serial").trim()];
  const passport = await itemOf(gtin, serial);
  const secret = claims.newSecret();
  const sale = {
    kind: "sale",
    occurred_at: new Date().toISOString().replace(/\.\d+Z/, "Z"),
    item: { id: passport.id },
    claim_key: claims.addressOf(claims.cardKey(secret)),
    payload: {},
  };
  // before it is sent: whatever happens to the connection, the card of this sale is here
  keep({ secret: toHex(secret), item: passport.id, model: passport.model, brand: passport.brand.name, key: crypto.randomUUID(), sale, isRecorded: false });
  await settle();
});

on('[data-form="again"]', async (form) => {
  apiKey = form.get("key").trim();
  await settle();
});

async function settle() {
  const card = kept();
  show("following");
  try {
    const told = await doors.asMember(apiKey, "POST", "/v1/events", card.sale, card.key);
    await recorded(told.results[0].event_id);
  } catch (problem) {
    resume();
    throw problem;
  }
  keep({ ...card, isRecorded: true });
  print();
}

async function recorded(eventId) {
  for (;;) {
    const event = await doors.asMember(apiKey, "GET", `/v1/events/${eventId}`);
    if (event.status === "refused") throw new doors.Problem(event.reason);
    if (event.status !== "accepted") return;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

function print() {
  const card = kept();
  const secret = fromHex(card.secret);
  const link = claims.cardLink(location.origin, card.item, secret);
  fill({ model: card.model, brand: card.brand, "card-text": claims.cardText(secret), "card-item": short(card.item) });
  one("[data-picture]").replaceChildren(drawn(encodeQR(link, "raw", { ecc: "medium" })));
  show("card");
}

on("[data-print]", () => window.print());
on("[data-printed]", () => {
  localStorage.removeItem(KEPT);
  fill({ "card-text": "" });
  one("[data-picture]").replaceChildren();
  show("sale");
});
on("[data-forget]", () => {
  localStorage.removeItem(KEPT);
  show("sale");
});

function resume() {
  const card = kept();
  if (card === null) return show("sale");
  fill({ model: card.model, brand: card.brand, "card-item": short(card.item) });
  choose({ recorded: card.isRecorded });
  if (card.isRecorded) return print();
  return show("again");
}

resume();
page.dataset.ready = "yes";
