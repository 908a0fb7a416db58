// Inclusion by receipts, the fallback (docs/proof.md §7): every event is exactly a log of the ledger in a block of the file.

import { hexOf, joined, keccakOfText, padded, wordOf } from "./bytes.js";
import { reading } from "./blocks.js";
import { Kind } from "./numbers.js";
import { require } from "./refusals.js";
import { Broken, decode, encodeNumber, numberOf } from "./rlp.js";
import { find, isRising, Nodes } from "./trie.js";

const RECORDED = keccakOfText("Recorded(bytes32,bytes32,bytes32,address,uint8,uint48,bytes32,uint64,bytes32)");
const ENROLLED = keccakOfText("Enrolled(bytes32,bytes32,bytes32)");
const RELEASED_BY_ORDER = keccakOfText("ReleasedByOrder(bytes32,uint8)");
const SIGNER_AT = 2 + 2 * 64; // in the text of a Recorded log's bytes: after event hash and organization
const WORD = 64;

// The order of blocks and logs; every block has an event.
export function requireOrder(inclusion, headers) {
  const { blocks, logs } = inclusion;
  require(headers.every((header, place) => place === 0 || headers[place - 1].number < header.number), "receipt", "blocks out of order");
  require(logs.every((log, place) => place === 0 || compare(logs[place - 1], log) < 0), "receipt", "logs out of order");
  const named = new Set(logs.map(([block]) => block));
  require(named.size === blocks.length, "receipt", "a block without an event");
  for (const { nodes } of blocks) require(isRising(nodes), "unused-node", "nodes out of order");
}

function compare(one, other) {
  const place = one.findIndex((number, index) => number !== other[index]);
  return place < 0 ? 0 : one[place] - other[place];
}

// The signer that each event's log names.
export function requireLogged(proof, followed, headers) {
  const { blocks, logs } = proof.inclusion;
  const tries = blocks.map(({ nodes }) => new Nodes(nodes));
  const receipts = new Map();
  const signers = followed.map((step, place) => {
    const [block, transaction, index] = logs[place];
    const name = `${block}/${transaction}`;
    if (!receipts.has(name)) receipts.set(name, readReceipt(tries[block], headers[block].receiptsRoot, transaction));
    const lines = receipts.get(name);
    require(index < lines.length, "receipt", `event ${place + 1}: no such log`);
    return requireLog(proof, step, place, { log: lines[index], before: lines[index - 1] });
  });
  require(tries.every((nodes) => nodes.unneeded === 0), "unused-node", "a node that nothing needs");
  return signers;
}

function readReceipt(nodes, root, transaction) {
  return reading("receipt", `transaction ${transaction}`, () => {
    const value = find(nodes, root, encodeNumber(transaction));
    require(value !== null && value.length > 0, "receipt", `no transaction ${transaction}`);
    const items = decode(value[0] < 0x80 ? value.subarray(1) : value);
    require(Array.isArray(items) && items.length === 4 && Array.isArray(items[3]), "receipt", "not a receipt's list");
    require(numberOf(items[0], 1) === 1n, "receipt", "a transaction that failed");
    return items[3].map(readLog);
  });
}

function readLog(log) {
  const isLog = Array.isArray(log) && log.length === 3 && Array.isArray(log[1]);
  if (!isLog || ![log[0], ...log[1], log[2]].every((item) => item instanceof Uint8Array)) throw new Broken("not a log's list");
  return { address: hexOf(log[0]), topics: log[1].map(hexOf), bytes: hexOf(log[2]) };
}

function requireLog(proof, { event, hash }, place, { log, before }) {
  const shown = proof.events[place];
  require(shown.signer === null, "receipt", `event ${place + 1}: a signer beside the one that its log names`);
  const says = (line, topic, bytes) =>
    line !== undefined && line.address === proof.ledger && line.topics.join() === [topic, proof.item].join() && line.bytes === bytes;
  const signer = "0x" + log.bytes.slice(SIGNER_AT + 24, SIGNER_AT + WORD);
  const rest = [wordOf(event.kind), wordOf(event.occurredAt), event.party, padded(event.detail), event.payload];
  const isAddress = signer.length === 42;
  const recorded = isAddress && joined(hash, shown.organization, padded(signer), ...rest);
  require(isAddress && says(log, RECORDED, recorded), "receipt", `event ${place + 1} is not what its log says`);
  if (shown.enrolled) {
    const names = joined(shown.enrolled.brand, shown.enrolled.serial_commitment);
    require(says(before, ENROLLED, names), "receipt", `event ${place + 1}: its names are not logged`);
  }
  if (event.kind === Kind.RELEASE) {
    const isOrdered = says(before, RELEASED_BY_ORDER, wordOf(event.fields.a));
    require(isOrdered === shown.by_order, "receipt", `event ${place + 1}: by order or not, the log says otherwise`);
  }
  return signer;
}
