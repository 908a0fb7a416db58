// One answer a line: reads {"proof": base64, "trust": {…}} lines, writes what the verifier in the browser says of each.

import { createInterface } from "node:readline";

import { check } from "../../ledger_api/web/static/verify/recipe.js";
import { Refused } from "../../ledger_api/web/static/verify/refusals.js";

function answer({ proof, trust }) {
  try {
    const { verdict, followed, word, signers } = check(Buffer.from(proof, "base64"), trust);
    return { verdict, events: followed.length, head: followed.at(-1).state.head, word, signers };
  } catch (error) {
    return error instanceof Refused ? { refused: error.code } : { broken: String(error.stack) };
  }
}

for await (const line of createInterface({ input: process.stdin })) process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
