// A key file opens with its passphrase, with no other, and in other people's tools (tests/unit/web/test_browser_modules.py).

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, newKey } from "../../ledger_api/web/static/own/claims.js";
import { NotAKeyFile, openKey, ROUNDS, sealKey, WrongPassphrase } from "../../ledger_api/web/static/own/keyfile.js";

const quick = { rounds: 1000 };

test("a key comes back with its passphrase alone", async () => {
  const key = newKey();
  const file = await sealKey(key, "correct horse", quick);
  assert.deepEqual(await openKey(file, "correct horse"), key);
  assert.equal("0x" + file.address, addressOf(key));
  await assert.rejects(openKey(file, "correct house"), WrongPassphrase);
});

test("what was changed in a file is noticed", async () => {
  const file = await sealKey(newKey(), "correct horse", quick);
  const digit = file.crypto.ciphertext[0] === "0" ? "1" : "0";
  file.crypto.ciphertext = digit + file.crypto.ciphertext.slice(1);
  await assert.rejects(openKey(file, "correct horse"), WrongPassphrase);
});

test("what is no key file is said to be none", async () => {
  for (const file of [null, {}, { version: 1 }, { version: 3, crypto: { kdf: "scrypt" } }]) await assert.rejects(openKey(file, "x"), NotAKeyFile);
});

test("guessing a passphrase costs as much as is recommended", () => {
  assert.ok(ROUNDS >= 600_000);
});
