// Reading a file: it has to be the one canonical JSON text (RFC 8785) of its value (docs/proof.md §2).

import { Refused, require } from "./refusals.js";

export const LARGEST_FILE = 8 * 1024 * 1024;
export const DEEPEST = 32;

export function readCanonical(bytes) {
  require(bytes.length <= LARGEST_FILE, "too-large", `${bytes.length} bytes`);
  let text, value;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new Refused("not-canonical", "no JSON text in UTF-8");
  }
  // parsing forgets blanks, doubled members, escapes and the ways to write a number; writing makes one of them
  require(canonicalText(value) === text, "not-canonical", "not the canonical text of its value");
  return value;
}

// The same as JSON.stringify but for the order of members, which RFC 8785 has by UTF-16 code units, as sort() has it.
export function canonicalText(value, depth = 0) {
  switch (typeof value) {
    case "string":
      require(value.isWellFormed(), "not-canonical", "a lone surrogate");
      return JSON.stringify(value);
    case "number":
      require(Number.isFinite(value), "not-canonical", "a number that is not finite");
      require(Number.isSafeInteger(value) || !/^-?[0-9]+$/.test(String(value)), "not-canonical", "a whole number beyond 2^53 - 1");
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
  }
  if (value === null) return "null";
  require(depth < DEEPEST, "not-canonical", `nested more than ${DEEPEST} deep`);
  if (Array.isArray(value)) return `[${value.map((each) => canonicalText(each, depth + 1)).join(",")}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${canonicalText(name, depth + 1)}:${canonicalText(value[name], depth + 1)}`).join(",")}}`;
}
