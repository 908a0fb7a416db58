// A fresh key for somebody: made here, sealed with a passphrase, and in the owner's hands as a file before it is used for anything.

import { toHex } from "./bytes.js";
import { addressOf, newKey } from "./claims.js";
import { Problem } from "./doors.js";
import { NotAKeyFile, openKey, sealKey, WrongPassphrase } from "./keyfile.js";
import { download } from "./steps.js";

const SHORTEST = 10;
const LARGEST = 20_000; // bytes of a key file
const MOST_FILES = 64; // as evidence

// Throws Problem: `passphrase-short`, `passphrases-differ`.
export async function keepFresh(item, form) {
  const passphrase = form.get("passphrase");
  if (passphrase.length < SHORTEST) throw new Problem("passphrase-short");
  if (passphrase !== form.get("again")) throw new Problem("passphrases-differ");
  const key = newKey();
  const file = await sealKey(key, passphrase, { item });
  download(`key-${item.slice(2, 10)}.json`, JSON.stringify(file, null, 1));
  return { key, address: addressOf(key) };
}

// SHA-256 of files that stay where they are. Throws Problem: `too-many-files`.
export async function fingerprints(files) {
  if (files.length > MOST_FILES) throw new Problem("too-many-files");
  return Promise.all(files.map(async (file) => toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())))));
}

// Throws Problem: `not-a-key-file`, `wrong-passphrase`.
export async function readFile(form) {
  const file = form.get("file");
  try {
    if (!file || file.size > LARGEST) throw new NotAKeyFile();
    return await openKey(JSON.parse(await file.text()), form.get("passphrase"));
  } catch (error) {
    if (error instanceof WrongPassphrase) throw new Problem("wrong-passphrase");
    throw new Problem("not-a-key-file");
  }
}
