// Claim cards, keys and consents: the twin of ledger_verify/claims.py, answering to tests/vectors/claims.json.
// Keys are made and used in this page; nothing here asks the network.

import { secp256k1 } from "../vendor/noble-curves/secp256k1.js";
import { keccak_256 } from "../vendor/noble-hashes/sha3.js";
import { fromBase32, fromHex, join, padded, toBase32, toHex, word } from "./bytes.js";

export const SECRET_BYTES = 20;
export const NOBODY = "0x" + "00".repeat(32);
export const ACTIONS = { resale: 5, transfer: 6, dispute: 9, hold: 12, release: 13, recovery: 14, retire: 16 };
export const HOLDS = { lost: 0, stolen: 1 };
const VETO = 2;
const CONSENTED = 1n << 63n;
const CARD_LETTERS = (SECRET_BYTES * 8) / 5;
const text = (letters) => new TextEncoder().encode(letters);
const hashOf = (letters) => keccak_256(text(letters));
const CONSENT = hashOf(
  "Consent(uint8 action,bytes32 item,bytes32 head,bytes32 oldHolder,bytes32 newHolder,uint64 detail,bytes32 carrier,bytes32 store,uint48 deadline)",
);
const DOMAIN = hashOf("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

// --- cards

export function newSecret() {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

// As it is printed: 32 letters and digits in groups of four.
export function cardText(secret) {
  return toBase32(secret).match(/.{4}/g).join(" ");
}

export function cardLink(origin, item, secret) {
  return `${origin}/own/${item}#c=${toBase32(secret)}`;
}

// The secret that was typed in (blanks, hyphens and small letters are forgiven) or that a card's address carries; null: no card.
export function readCard(typed) {
  const letters = typed.split("#c=").pop().toUpperCase().replace(/[\s-]/g, "").replace(/0/g, "O").replace(/1/g, "I").replace(/8/g, "B");
  return letters.length === CARD_LETTERS ? fromBase32(letters) : null;
}

// --- keys: 32 bytes

export function cardKey(secret) {
  let key = keccak_256(join(text("ledger-claim-v1"), secret));
  while (!secp256k1.utils.isValidSecretKey(key)) key = keccak_256(key);
  return key;
}

export function newKey() {
  return secp256k1.utils.randomSecretKey();
}

// The 20 bytes, as 0x and hex, by which the ledger knows a key.
export function addressOf(key) {
  const point = secp256k1.getPublicKey(key, false);
  return toHex(keccak_256(point.slice(1)).slice(12));
}

export function holderOf(address) {
  return toHex(padded(fromHex(address)));
}

// --- consents

// What a holder agrees to, on exactly the history that ends in `head`; members left out are nobody and nothing.
// `terms` is what the item's page was told: {chain_id, ledger, item, head}.
export function wish(terms, action, { holder, newHolder = NOBODY, detail = 0n, deadline }) {
  return { ...terms, action: ACTIONS[action], oldHolder: holder, newHolder, detail, carrier: NOBODY, store: NOBODY, deadline };
}

export const details = {
  hold: (hold) => CONSENTED | BigInt(HOLDS[hold]),
  release: (hold) => CONSENTED | BigInt(HOLDS[hold]),
  dispute: (sequence = 0) => CONSENTED | (BigInt(sequence) << 16n),
  veto: () => CONSENTED | BigInt(VETO),
  retire: () => CONSENTED,
};

export function wishDigest(wish) {
  const struct = join(
    CONSENT,
    word(wish.action),
    fromHex(wish.item),
    fromHex(wish.head),
    fromHex(wish.oldHolder),
    fromHex(wish.newHolder),
    word(wish.detail),
    fromHex(wish.carrier),
    fromHex(wish.store),
    word(wish.deadline),
  );
  const domain = join(DOMAIN, hashOf("ProvenanceLedger"), hashOf("1"), word(wish.chain_id), padded(fromHex(wish.ledger)));
  return keccak_256(join(text("\x19\x01"), keccak_256(domain), keccak_256(struct)));
}

// The holder's signature: r, s (low) and v 27 or 28, as 0x and hex.
export function agree(wish, key) {
  const signature = secp256k1.sign(wishDigest(wish), key, { prehash: false, lowS: true, format: "recovered" });
  return toHex(join(signature.slice(1), Uint8Array.of(27 + signature[0])));
}
