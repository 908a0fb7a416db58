// From fields shown and digests of those withheld to the commitment that the event carries (docs/proof.md §4).

import { bytesOf, joined, sha256OfBytes, sha256OfText, utf8, hexOf } from "./bytes.js";
import { canonicalText } from "./canonical.js";
import { require } from "./refusals.js";

const PREFIX = hexOf(utf8("ledger-payload-v2"));

export function commitmentOf(payload) {
  if ("commitment" in payload) return payload.commitment;
  const shown = payload.fields.map((field) => digestOf(sealed(field)));
  const closed = payload.withheld.map(digestOf);
  for (const digests of [shown, closed]) {
    require(digests.every((each, place) => place === 0 || digests[place - 1] < each), "payload", "digests out of order");
  }
  const all = [...shown, ...closed].sort();
  require(new Set(all).size === all.length, "payload", "a digest twice");
  requireApart([...payload.fields.map(([, path]) => path), ...payload.withheld.filter(isNamed).map(([path]) => path)]);
  return commitmentOfDigests(all);
}

// A field as it is told where its value is withheld: [path, seal].
export const sealed = (field) => [field[1], sha256OfText(canonicalText(field))];

// A withheld field is told by its name and seal, or by the digest of both.
export const isNamed = (withheld) => Array.isArray(withheld);
export const digestOf = (withheld) => (isNamed(withheld) ? sha256OfText(canonicalText([withheld[0], withheld[1].slice(2)])) : withheld);

// Of digests in ascending order.
export function commitmentOfDigests(digests) {
  return sha256OfBytes(bytesOf(joined(PREFIX, ...digests)));
}

function requireApart(paths) {
  const shown = new Set(paths);
  require(shown.size === paths.length, "payload", "a path twice");
  const lengths = new Set(paths.map((path) => path.length));
  for (const path of paths) {
    for (let end = 0; end < path.length; end++) {
      const isWithin = path[end] === "/" && lengths.has(end) && shown.has(path.slice(0, end));
      require(!isWithin, "payload", "a path within another");
    }
  }
}
