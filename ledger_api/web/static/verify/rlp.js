// Strict RLP (docs/proof.md §3, step 2): one encoding for each value. A list becomes an array, a byte string bytes.

export class Broken extends Error {}

const DEEPEST = 16;

export function decode(bytes) {
  const { value, end } = readAt(bytes, 0, bytes.length, 0);
  if (end !== bytes.length) throw new Broken("something follows");
  return value;
}

// What a node of a trie may be, with the encoding itself of short ones.
function readAt(bytes, at, end, depth) {
  if (at >= end) throw new Broken("cut short");
  const prefix = bytes[at];
  if (prefix < 0x80) return { value: bytes.subarray(at, at + 1), end: at + 1 };
  const isList = prefix >= 0xc0;
  const { start, stop } = extent(bytes, at, end, isList ? 0xc0 : 0x80);
  if (!isList) {
    if (stop - start === 1 && bytes[start] < 0x80) throw new Broken("a byte with a prefix that it does not need");
    return { value: bytes.subarray(start, stop), end: stop };
  }
  if (depth >= DEEPEST) throw new Broken("nested too deep");
  const items = [];
  for (let place = start; place < stop; ) {
    const item = readAt(bytes, place, stop, depth + 1);
    items.push(item.value);
    place = item.end;
  }
  return { value: items, end: stop };
}

// Where the content of a string or list lies.
function extent(bytes, at, end, base) {
  let length = bytes[at] - base;
  let start = at + 1;
  if (length > 55) {
    const many = length - 55;
    if (start + many > end || bytes[start] === 0) throw new Broken("a length that is not as short as can be");
    length = 0;
    for (let place = 0; place < many; place++) length = length * 256 + bytes[start + place];
    if (length <= 55) throw new Broken("a length that is not as short as can be");
    start += many;
  }
  if (start + length > end) throw new Broken("cut short");
  return { start, stop: start + length };
}

// A number without leading zeros, of at most so many bytes.
export function numberOf(bytes, most) {
  if (!(bytes instanceof Uint8Array) || bytes.length > most || bytes[0] === 0) throw new Broken("no number");
  let number = 0n;
  for (const byte of bytes) number = number * 256n + BigInt(byte);
  return number;
}

// The encoding of a number, as the keys of a receipts trie are.
export function encodeNumber(number) {
  if (number === 0) return Uint8Array.of(0x80);
  if (number < 0x80) return Uint8Array.of(number);
  const bytes = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.from([0x80 + bytes.length, ...bytes]);
}
