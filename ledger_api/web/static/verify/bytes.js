// Bytes, their texts and their hashes. In proofs and states, bytes are texts: 0x and small letters; two are equal as texts.

import { sha256 } from "../vendor/noble-hashes/sha2.js";
import { keccak_256 } from "../vendor/noble-hashes/sha3.js";

export const ZERO = "0x" + "00".repeat(32);

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hexOf(bytes) {
  let text = "0x";
  for (const byte of bytes) text += PAIRS[byte];
  return text;
}

// The text has been read as hex before (forms.js), or was made here.
export function bytesOf(hex) {
  const bytes = new Uint8Array(hex.length / 2 - 1);
  for (let place = 0; place < bytes.length; place++) bytes[place] = parseInt(hex.slice(2 + 2 * place, 4 + 2 * place), 16);
  return bytes;
}

// A number as a 32-byte word.
export function wordOf(number) {
  return "0x" + BigInt(number).toString(16).padStart(64, "0");
}

// Up to 32 bytes, with zeros before them.
export function padded(hex) {
  return "0x" + hex.slice(2).padStart(64, "0");
}

export function joined(...texts) {
  return "0x" + texts.map((hex) => hex.slice(2)).join("");
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

export function keccak(hex) {
  return hexOf(keccak_256(bytesOf(hex)));
}

export function keccakOfBytes(bytes) {
  return hexOf(keccak_256(bytes));
}

export function keccakOfText(text) {
  return keccakOfBytes(utf8(text));
}

export function sha256OfText(text) {
  return hexOf(sha256(utf8(text)));
}

export function sha256OfBytes(bytes) {
  return hexOf(sha256(bytes));
}
