// Typed data (EIP-712), heads, names and who signed (docs/protocol.md §2 and §4).

import { secp256k1 } from "../vendor/noble-curves/secp256k1.js";
import { bytesOf, hexOf, joined, keccak, keccakOfBytes, keccakOfText, padded, utf8, wordOf } from "./bytes.js";

const EVENT = "Event(bytes32 item,uint8 kind,bytes32 head,uint48 occurredAt,bytes32 party,uint64 detail,bytes32 payload)";
const BATCH = "Batch(bytes32 organization,address signer,uint48 deadline,bool allOrNothing,Event[] events)";
const EVENT_TYPE = keccakOfText(EVENT);
const BATCH_TYPE = keccakOfText(BATCH + EVENT);
const DOMAIN_TYPE = keccakOfText("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
const NAME = keccakOfText("ProvenanceLedger");
const VERSION = keccakOfText("1");
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

export function eventHash(event) {
  const { item, kind, head, occurredAt, party, detail, payload } = event;
  return keccak(joined(EVENT_TYPE, item, wordOf(kind), head, wordOf(occurredAt), party, padded(detail), payload));
}

export function nextHead(head, hash, organization) {
  return keccak(joined(head, hash, organization));
}

export function domainSeparator(chainId, ledger) {
  return keccak(joined(DOMAIN_TYPE, NAME, VERSION, wordOf(chainId), padded(ledger)));
}

export function batchHash({ organization, signer, deadline, allOrNothing, hashes }) {
  const flag = wordOf(allOrNothing ? 1 : 0);
  return keccak(joined(BATCH_TYPE, organization, padded(signer), wordOf(deadline), flag, keccak(joined("0x", ...hashes))));
}

export function signedDigest(separator, structHash) {
  return keccak(joined("0x1901", separator, structHash));
}

// The address that made a signature of 65 bytes, r ‖ s ‖ v with v 27 or 28 and a low s; null: nobody's.
export function signerOf(digest, signature) {
  const bytes = bytesOf(signature);
  const v = bytes[64];
  if (bytes.length !== 65 || (v !== 27 && v !== 28) || BigInt(hexOf(bytes.subarray(32, 64))) > HALF_ORDER) return null;
  const recovered = Uint8Array.from([v - 27, ...bytes.subarray(0, 64)]);
  try {
    const key = secp256k1.recoverPublicKey(recovered, bytesOf(digest), { prehash: false });
    const point = secp256k1.Point.fromBytes(key).toBytes(false);
    return "0x" + keccakOfBytes(point.subarray(1)).slice(26);
  } catch {
    return null; // r or s is none of the curve's numbers
  }
}

// What a serial or lot is committed to by; null: names that cannot be.
export function commitmentOfName(name) {
  if ("lot" in name) {
    const lot = utf8(name.lot);
    return lot.length < 2 ** 16 ? keccak(joined(hexOf([lot.length >> 8, lot.length & 255]), hexOf(lot), name.salt)) : null;
  }
  const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);
  if (name.gtin.length !== 14 || name.serial.length > 255 || !isAscii(name.gtin + name.serial)) return null;
  return keccak(joined(hexOf(utf8(name.gtin)), hexOf([name.serial.length]), hexOf(utf8(name.serial)), name.salt));
}
