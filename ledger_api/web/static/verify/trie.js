// Merkle-Patricia tries (docs/proof.md §6): what stands under a key, as the nodes of a proof show it.

import { bytesOf, hexOf, keccakOfBytes } from "./bytes.js";
import { Broken, decode } from "./rlp.js";

const EMPTY_ROOT = keccakOfBytes(Uint8Array.of(0x80));

// The nodes of a file, found by their hash, and which of them were needed.
export class Nodes {
  #found = new Map();
  #needed = new Set();

  constructor(nodes) {
    for (const hex of nodes) {
      const bytes = bytesOf(hex);
      this.#found.set(keccakOfBytes(bytes), bytes);
    }
  }

  node(hash) {
    const bytes = this.#found.get(hash);
    if (!bytes) throw new Broken(`no node ${hash}`);
    this.#needed.add(hash);
    return decode(bytes);
  }

  get unneeded() {
    return this.#found.size - this.#needed.size;
  }
}

// Do the texts rise by their bytes? (Small hexadecimal letters rise as their bytes do.)
export function isRising(nodes) {
  return nodes.every((node, place) => place === 0 || nodes[place - 1] < node);
}

// The bytes under a key; null: nothing is there. Throws Broken.
export function find(nodes, root, key) {
  if (root === EMPTY_ROOT) return null;
  const path = nibblesOf(key);
  let node = nodes.node(root);
  let at = 0;
  for (;;) {
    if (!Array.isArray(node)) throw new Broken("a node that is no list");
    let child;
    if (node.length === 17) {
      if (at === path.length) return valueOf(node[16]);
      child = node[path[at]];
      at += 1;
    } else if (node.length === 2) {
      const { isLeaf, part } = hexPrefix(node[0]);
      const rest = path.slice(at, at + part.length);
      const fits = rest.length === part.length && rest.every((nibble, place) => nibble === part[place]);
      if (isLeaf) return fits && at + part.length === path.length ? wholeOf(node[1]) : null;
      if (!fits || part.length === 0) return null;
      child = node[1];
      at += part.length;
    } else {
      throw new Broken(`a node of ${node.length} items`);
    }
    if (!Array.isArray(child) && child.length === 0) return null;
    node = Array.isArray(child) ? child : nodes.node(hashOf(child));
  }
}

function nibblesOf(bytes) {
  return Array.from(bytes).flatMap((byte) => [byte >> 4, byte & 15]);
}

function hexPrefix(bytes) {
  if (Array.isArray(bytes) || bytes.length === 0) throw new Broken("a path that is none");
  const [flag, ...nibbles] = nibblesOf(bytes);
  if (flag > 3) throw new Broken("a path of no known sort");
  if (flag % 2 === 1) return { isLeaf: flag >= 2, part: nibbles };
  if (nibbles[0] !== 0) throw new Broken("an even path without its zero");
  return { isLeaf: flag >= 2, part: nibbles.slice(1) };
}

function wholeOf(item) {
  if (Array.isArray(item)) throw new Broken("a value that is a list");
  return item;
}

function valueOf(item) {
  return wholeOf(item).length === 0 ? null : item;
}

function hashOf(child) {
  if (child.length !== 32) throw new Broken("a child that is no hash");
  return hexOf(child);
}
