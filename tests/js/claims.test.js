// The owner's page and ledger_verify/claims.py answer alike: both to tests/vectors/claims.json.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { toHex, fromHex } from "../../ledger_api/web/static/own/bytes.js";
import * as claims from "../../ledger_api/web/static/own/claims.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/claims.json", import.meta.url)));
const terms = { chain_id: vectors.chainId, ledger: vectors.ledger, item: vectors.item, head: vectors.head };

test("a card gives the key and the address of the vectors", () => {
  const { secret, text, key, address } = vectors.cards;
  secret.forEach((plain, row) => {
    const bytes = fromHex(plain);
    assert.equal(claims.cardText(bytes), text[row]);
    assert.equal(toHex(claims.readCard(text[row])), plain);
    assert.equal(toHex(claims.cardKey(bytes)), key[row]);
    assert.equal(claims.addressOf(claims.cardKey(bytes)), address[row]);
  });
  assert.ok(secret.length >= 8);
});

test("a card is read however it is typed", () => {
  const secret = fromHex(vectors.cards.secret[0]);
  const typed = vectors.cards.text[0];
  for (const form of [typed.toLowerCase(), typed.replaceAll(" ", "-"), typed.replaceAll("O", "0").replaceAll("I", "1").replaceAll("B", "8")]) {
    assert.deepEqual(claims.readCard(form), secret);
  }
  assert.deepEqual(claims.readCard(claims.cardLink("https://ledger.example", vectors.item, secret)), secret);
});

test("what is no card is refused", () => {
  for (const typed of ["", "AAAA", vectors.cards.text[0] + " AAAA", "é".repeat(32), "A".repeat(31) + "="]) {
    assert.equal(claims.readCard(typed), null);
  }
});

test("every wish has the digest and the signature of the vectors", () => {
  const { action, newHolder, detail, deadline, digest, signature } = vectors.wishes;
  const key = claims.cardKey(fromHex(vectors.cards.secret[0]));
  const holder = claims.holderOf(vectors.cards.address[0]);
  action.forEach((name, row) => {
    const wish = claims.wish(terms, name, { holder, newHolder: newHolder[row], detail: BigInt(detail[row]), deadline: deadline[row] });
    assert.equal(toHex(claims.wishDigest(wish)), digest[row]);
    assert.equal(claims.agree(wish, key), signature[row]);
  });
  assert.ok(action.length >= 9);
});

test("details are those that the vectors were made with", () => {
  const made = [0n, 0n, claims.details.hold("lost"), claims.details.hold("stolen"), claims.details.release("stolen"),
    claims.details.dispute(), claims.details.dispute(4), claims.details.veto(), claims.details.retire()];
  assert.deepEqual(made.map(String), vectors.wishes.detail);
});

test("a fresh key is another every time and has an address", () => {
  const one = claims.newKey();
  const other = claims.newKey();
  assert.notDeepEqual(one, other);
  assert.match(claims.addressOf(one), /^0x[0-9a-f]{40}$/);
});
