// Headers of blocks, and what state tries hold (docs/proof.md §3 steps 2 to 4, §6).

import { bytesOf, hexOf, joined, keccak, keccakOfBytes, padded, wordOf } from "./bytes.js";
import { Refused, require } from "./refusals.js";
import { Broken, decode, numberOf } from "./rlp.js";
import { find } from "./trie.js";

const ITEMS = { fewest: 15, most: 40 };
const PLACE = { parent: 0, stateRoot: 3, receiptsRoot: 5, number: 8, time: 11 };
const SLOT = { words: 2, organizations: 4, signers: 6 };

// Runs a reading; what is broken in it refuses the proof with this code.
export function reading(code, what, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Broken) throw new Refused(code, `${what}: ${error.message}`);
    throw error;
  }
}

function hash32(bytes) {
  if (!(bytes instanceof Uint8Array) || bytes.length !== 32) throw new Broken("no hash");
  return hexOf(bytes);
}

export function readHeader(hex) {
  return reading("header", "the header", () => {
    const bytes = bytesOf(hex);
    const items = decode(bytes);
    require(Array.isArray(items) && items.length >= ITEMS.fewest && items.length <= ITEMS.most, "header", "not a header's list");
    hash32(items[PLACE.parent]);
    return {
      hash: keccakOfBytes(bytes),
      stateRoot: hash32(items[PLACE.stateRoot]),
      receiptsRoot: hash32(items[PLACE.receiptsRoot]),
      number: numberOf(items[PLACE.number], 8),
      time: Number(numberOf(items[PLACE.time], 6)),
    };
  });
}

export function readAccount(nodes, stateRoot, address) {
  return reading("account", address, () => {
    const value = find(nodes, stateRoot, bytesOf(keccak(address)));
    require(value !== null, "account", `${address} has no account`);
    const items = decode(value);
    require(Array.isArray(items) && items.length === 4, "account", "not an account's list");
    numberOf(items[0], 8);
    numberOf(items[1], 32);
    return { storageRoot: hash32(items[2]), codeHash: hash32(items[3]) };
  });
}

// The word in a slot, zero where there is none. Throws Broken.
export function readWord(nodes, storageRoot, slot) {
  const value = find(nodes, storageRoot, bytesOf(keccak(slot)));
  return value === null ? wordOf(0) : wordOf(numberOf(decode(value), 32));
}

export const itemSlot = (item) => keccak(joined(item, wordOf(SLOT.words)));
export const organizationSlot = (organization) => keccak(joined(organization, wordOf(SLOT.organizations)));
export const signerSlot = (organization, address) =>
  keccak(joined(padded(address), keccak(joined(organization, wordOf(SLOT.signers)))));

export function readOrganization(word) {
  const bits = BigInt(word);
  return { isAdmitted: ((bits >> 160n) & 1n) === 1n, isSuspended: ((bits >> 161n) & 1n) === 1n, roles: Number((bits >> 168n) & 255n) };
}

export function readSigner(word) {
  const bits = BigInt(word);
  return { isActive: (bits & 1n) === 1n, compromisedSince: Number((bits >> 8n) & (2n ** 48n - 1n)) };
}
