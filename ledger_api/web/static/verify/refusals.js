// Why a proof proves nothing: a stable code (docs/proof.md §8) and what was found.

export const CODES = [
  "too-large", "not-canonical", "unknown-format", "malformed", "header", "account", "code", "storage", "payload", "history", "witness",
  "word", "signature", "registry", "unused-node", "receipt", "name", "other-chain", "other-ledger", "other-code", "other-registry", "other-block",
];

export class Refused extends Error {
  constructor(code, found) {
    super(`${code}: ${found}`);
    this.code = code;
    this.found = found;
  }
}

export function require(holds, code, found) {
  if (!holds) throw new Refused(code, found);
}
