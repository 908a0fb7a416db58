// A key at rest: an encrypted keystore, version 3 (PBKDF2-HMAC-SHA-256, AES-128-CTR, keccak MAC), which wallets and our own tools open too.

import { keccak_256 } from "../vendor/noble-hashes/sha3.js";
import { fromHex, join, toHex } from "./bytes.js";
import { addressOf } from "./claims.js";

export const ROUNDS = 600_000;
const bare = (bytes) => toHex(bytes).slice(2);
const random = (length) => crypto.getRandomValues(new Uint8Array(length));

export class WrongPassphrase extends Error {}
export class NotAKeyFile extends Error {}

export async function sealKey(key, passphrase, { item, rounds = ROUNDS } = {}) {
  const [salt, iv] = [random(32), random(16)];
  const derived = await derive(passphrase, salt, rounds);
  const ciphertext = await mask(derived, iv, key);
  return {
    version: 3,
    id: crypto.randomUUID(),
    address: addressOf(key).slice(2),
    crypto: {
      cipher: "aes-128-ctr",
      cipherparams: { iv: bare(iv) },
      ciphertext: bare(ciphertext),
      kdf: "pbkdf2",
      kdfparams: { c: rounds, dklen: 32, prf: "hmac-sha256", salt: bare(salt) },
      mac: bare(keccak_256(join(derived.slice(16), ciphertext))),
    },
    ...(item ? { item } : {}),
  };
}

// Throws NotAKeyFile, WrongPassphrase.
export async function openKey(file, passphrase) {
  const { kdf, kdfparams, cipher, cipherparams, ciphertext, mac } = file?.crypto ?? {};
  if (file?.version !== 3 || kdf !== "pbkdf2" || kdfparams?.prf !== "hmac-sha256" || cipher !== "aes-128-ctr") throw new NotAKeyFile();
  const derived = await derive(passphrase, fromHex("0x" + kdfparams.salt), kdfparams.c);
  const sealed = fromHex("0x" + ciphertext);
  if (bare(keccak_256(join(derived.slice(16), sealed))) !== mac) throw new WrongPassphrase();
  return mask(derived, fromHex("0x" + cipherparams.iv), sealed);
}

async function derive(passphrase, salt, iterations) {
  const material = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, material, 256));
}

// Counter mode: to encrypt and to decrypt is the same.
async function mask(derived, counter, bytes) {
  const key = await crypto.subtle.importKey("raw", derived.slice(0, 16), "AES-CTR", false, ["encrypt"]);
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, key, bytes));
}
