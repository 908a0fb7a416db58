// The shop's page: the card is made here, the sale is recorded to its address, and the card is kept in this browser until the shop
// says that the buyer has it. A broken connection loses nothing: the same sale goes out again under the same Idempotency-Key.

import encodeQR from "../vendor/qr/index.js";
import { fromHex, toHex } from "./bytes.js";
import * as claims from "./claims.js";
import * as doors from "./doors.js";
import { drawn } from "./picture.js";
import { fill, on, one, page, show } from "./steps.js";

const KEPT = "claim-card "; // in this browser, each under its sale's key, until the buyer has it
let apiKey = ""; // in this page alone
let card = null; // the sale at hand

const keep = () => localStorage.setItem(KEPT + card.key, JSON.stringify(card));

function nextKept() {
  const name = Object.keys(localStorage).find((each) => each.startsWith(KEPT));
  return name === undefined ? null : JSON.parse(localStorage.getItem(name));
}

on('[data-form="sale"]', async (form, element) => {
  apiKey = form.get("key").trim();
  const [gtin, serial] = [form.get("gtin").trim(), form.get("serial").trim()];
  const { passport } = await doors.asMember(apiKey, "GET", `/v1/items?${new URLSearchParams({ gtin, serial })}`);
  const { now } = await doors.termsOf(passport.id);
  const secret = claims.newSecret();
  const sale = {
    kind: "sale",
    occurred_at: now, // by the service's clock: a till's may be wrong
    item: { id: passport.id },
    claim_key: claims.addressOf(claims.cardKey(secret)),
    payload: {},
  };
  card = { key: crypto.randomUUID(), secret: toHex(secret), sale, brand: passport.brand.name, model: passport.model, gtin, serial, isRecorded: false };
  keep(); // before it is sent: whatever happens to the connection, the card of this sale is here
  element.reset();
  await settle();
});

on('[data-form="again"]', async (form) => {
  apiKey = form.get("key").trim();
  await settle();
});

async function settle() {
  show("following");
  try {
    const told = await doors.asMember(apiKey, "POST", "/v1/events", card.sale, card.key);
    await doors.untilRecorded(card.sale.item.id, told.results[0].event_id);
  } catch (problem) {
    resume();
    throw problem;
  }
  card.isRecorded = true;
  keep();
  print();
}

function name() {
  fill({ brand: card.brand, model: card.model, gtin: card.gtin, serial: card.serial });
}

function print() {
  const secret = fromHex(card.secret);
  const link = claims.cardLink(location.origin, card.sale.item.id, secret);
  fill({ "card-text": claims.cardText(secret), site: location.host });
  name();
  one("[data-picture]").replaceChildren(drawn(encodeQR(link, "raw", { ecc: "medium" })));
  show("card");
}

on("[data-print]", () => window.print());

function forget() {
  localStorage.removeItem(KEPT + card.key);
  fill({ "card-text": "" });
  one("[data-picture]").replaceChildren();
  resume();
}
on("[data-printed]", forget);
on("[data-forget]", forget);

function resume() {
  card = nextKept();
  if (card === null) return show("sale");
  if (card.isRecorded) return print();
  name();
  return show("again");
}

resume();
page.dataset.ready = "yes";
