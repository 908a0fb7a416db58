// The verifier in the browser answers to the same proofs as every other: tests/vectors/proofs, whole and altered.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { check } from "../../ledger_api/web/static/verify/recipe.js";
import { CODES, Refused } from "../../ledger_api/web/static/verify/refusals.js";

const folder = new URL("../vectors/proofs/", import.meta.url);
const read = (name) => readFileSync(new URL(name, folder));
const { trust, cases } = JSON.parse(read("index.json"));

function altered(name, edit) {
  const bytes = read(name);
  if (!edit) return bytes;
  return Buffer.concat([bytes.subarray(0, edit.at), Buffer.from(edit.insert, "hex"), bytes.subarray(edit.at + edit.remove)]);
}

// What the verifier says of a case, in the words of the index.
function answer({ file, edit, trusted }) {
  try {
    const { verdict, followed, word } = check(altered(file, edit), trusted ? trust[file] : {});
    return { verdict, events: followed.length, head: followed.at(-1).state.head, word };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    assert.ok(CODES.includes(error.code), error.code);
    return { refused: error.code };
  }
}

test("every proof of the vectors is answered as the index says", () => {
  const wrong = [];
  for (const one of cases) {
    const said = answer(one);
    const isRight = Object.entries(one.expect).every(([name, value]) => (name === "refused" && value === null ? "refused" in said : said[name] === value));
    if (!isRight) wrong.push(`${one.name}: ${JSON.stringify(said)} instead of ${JSON.stringify(one.expect)}`);
  }

  assert.deepEqual(wrong, []);
  assert.ok(cases.length > 500);
});
