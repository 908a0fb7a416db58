// A party's page: the owner agrees to the hold and to the resale with their key, or the buyer makes a key. Keys stay in this page.

import * as claims from "../own/claims.js";
import { invitation, Problem } from "../own/doors.js";
import { keepFresh, readFile } from "../own/keys.js";
import { choose, fill, moment, on, one, page, renew, say, short, show } from "../own/steps.js";

const { token, item } = page.dataset;
let key = null;
let paper = null; // what "I agree" signs

// The paper's message as the struct that is hashed here: what was read is what is signed.
function wishOf({ typed_data: { domain, message }, detail }) {
  return {
    chain_id: domain.chainId,
    ledger: domain.verifyingContract.toLowerCase(),
    item: message.item,
    head: message.head,
    action: message.action,
    oldHolder: message.oldHolder,
    newHolder: message.newHolder,
    detail: BigInt(detail),
    carrier: message.carrier,
    store: message.store,
    deadline: message.deadline,
  };
}

// Throws Problem: `consent-to-another-item`, `consent-not-the-holder`, `consent-to-another-deed`.
function check({ paper: name, typed_data: { message } }) {
  if (message.item !== item) throw new Problem("consent-to-another-item");
  if (message.oldHolder !== claims.holderOf(claims.addressOf(key))) throw new Problem("consent-not-the-holder");
  const { hold, resale, transfer } = claims.ACTIONS;
  const isBound = name === "hold" ? message.action === hold : [resale, transfer].includes(message.action) && message.store !== claims.NOBODY;
  if (!isBound) throw new Problem("consent-to-another-deed");
}

async function next() {
  try {
    paper = await invitation("GET", token, "/papers");
  } catch (problem) {
    if (problem instanceof Problem && problem.code === "nothing-to-sign") return show("signed");
    throw problem;
  }
  check(paper);
  const { message } = paper.typed_data;
  say("paper", paper.paper);
  choose({ "has-buyer": paper.paper === "resale" });
  fill({ to: short("0x" + message.newHolder.slice(26)), until: moment(paper.until) });
  show("agree");
}

on('[data-form="card"]', async (form) => {
  const secret = claims.readCard(form.get("card"));
  if (secret === null) throw new Problem("not-a-card");
  key = claims.cardKey(secret);
  await next();
});

on('[data-form="file"]', async (form) => {
  key = await readFile(form);
  await next();
});

on("[data-agree]", async () => {
  await invitation("POST", token, "/papers", { paper: paper.paper, signature: claims.agree(wishOf(paper), key) });
  await renew(".hero"); // the headline said what was to be signed
  await next();
});

on('[data-form="fresh"]', async (form) => {
  const made = await keepFresh(item || "0x00000000", form);
  one("#address").value = made.address;
});

if (one('[data-step="open"]')) show("open");
if (one('[data-step="fresh"]')) one('[data-step="fresh"]').hidden = false;
page.dataset.ready = "yes";
