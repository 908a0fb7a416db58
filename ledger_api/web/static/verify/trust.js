// Step 10: the facts that the visitor knows from elsewhere, each against the file's; and asking a node of theirs for some of them.

import { itemSlot } from "./blocks.js";
import { keccak, keccakOfText } from "./bytes.js";
import { require } from "./refusals.js";

const REGISTRY = keccakOfText("REGISTRY()").slice(0, 10);

// `trust`: chain_id, ledger, ledger_code_hash, block_hash (a text or a list), registry, registry_code_hash, and for a proof by receipts
// sequence, how many events the item has; null or absent: not known.
// True where all that a proof rests on was known.
export function compareTrust(proof, headers, trust) {
  const known = (name) => trust[name] !== null && trust[name] !== undefined;
  const compare = (name, code) => known(name) && require(trust[name] === proof[name], code, `${name} is ${proof[name]}, not ${trust[name]}`);
  compare("chain_id", "other-chain");
  compare("ledger", "other-ledger");
  compare("ledger_code_hash", "other-code");
  if (proof.registry !== null) {
    compare("registry", "other-registry");
    compare("registry_code_hash", "other-registry");
  }
  if (known("block_hash")) {
    const trusted = [trust.block_hash].flat();
    for (const { hash } of headers) require(trusted.includes(hash), "other-block", `block ${hash} is not among the trusted`);
  }
  return ["chain_id", "ledger", "ledger_code_hash", "block_hash"].every(known);
}

// What a node says of the file's chain: `ask(method, params)` gives a result of its JSON-RPC. It cannot say which ledger is meant,
// and of a block that it does not know it says nothing: `block_hash` is then shorter than `numbers`. `item`: how many events has it
// now, in the newest block? At the file's own last one a history whose end was cut off would look whole.
export async function trustOfNode(ask, { ledger, numbers, item = null }) {
  const chain_id = Number(BigInt(await ask("eth_chainId", [])));
  const blocks = [];
  for (const number of numbers) blocks.push(await ask("eth_getBlockByNumber", [quantity(number), false]));
  const block_hash = blocks.filter((block) => block !== null).map(({ hash }) => hash.toLowerCase());
  if (block_hash.length < numbers.length) return { chain_id, block_hash };
  const last = quantity(numbers.at(-1));
  const code = await ask("eth_getCode", [ledger, last]);
  const answer = code === "0x" ? null : await ask("eth_call", [{ to: ledger, data: REGISTRY }, last]).catch(() => null);
  const registry = answer && answer.length === 66 ? "0x" + answer.slice(26).toLowerCase() : null;
  const word = item && (await ask("eth_getStorageAt", [ledger, itemSlot(item), "latest"]));
  const sequence = word && Number(BigInt(word) >> 224n);
  return { chain_id, block_hash, ledger_code_hash: keccak(code.toLowerCase()), registry, sequence };
}

const quantity = (number) => "0x" + BigInt(number).toString(16);
