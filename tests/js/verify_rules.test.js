// The verifier in the browser answers to the same vectors as the contracts: words, hashes, opinions, and a thousand transitions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { hexOf, keccak, utf8, ZERO } from "../../ledger_api/web/static/verify/bytes.js";
import { canonicalText } from "../../ledger_api/web/static/verify/canonical.js";
import { apply, replaces } from "../../ledger_api/web/static/verify/effects.js";
import { isNobody, readDetail } from "../../ledger_api/web/static/verify/numbers.js";
import { commitmentOf, commitmentOfDigests, sealed } from "../../ledger_api/web/static/verify/payloads.js";
import { judge } from "../../ledger_api/web/static/verify/rules.js";
import { asideHash, factsOf, UNBORN, wordOfState } from "../../ledger_api/web/static/verify/state.js";
import { batchHash, domainSeparator, eventHash, nextHead, signedDigest } from "../../ledger_api/web/static/verify/typed.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url)));
const wordsOf = (encoded) => encoded.slice(2).match(/.{64}/g).map((word) => "0x" + word);
const number = (word) => Number(BigInt(word));
const address = (word) => "0x" + word.slice(26);

// The structs of tests/vectors/README.md, from their words.
function readEvent([item, kind, head, occurredAt, party, detail, payload]) {
  const eight = "0x" + detail.slice(-16);
  return { item, kind: number(kind), head, occurredAt: number(occurredAt), party, detail: eight, fields: readDetail(eight), payload };
}

function readState(clear, [head, holder, brand, facts], aside) {
  const bits = (shift, width) => Number((BigInt(facts) >> BigInt(shift)) & (2n ** BigInt(width) - 1n));
  return {
    ...UNBORN, ...clear, head, holder, brand,
    lastOccurredAt: bits(0, 48), category: bits(48, 8), verdictMethod: bits(56, 8), verdictAt: bits(64, 48),
    verdictExpiry: bits(112, 48), verdictSequence: bits(160, 32),
    setters: aside.slice(0, 5), verificationUntil: number(aside[5]), stolenReleaseAt: number(aside[6]), disputedAt: number(aside[7]),
    recoveryKey: address(aside[8]), recoveryReadyAt: number(aside[9]),
  };
}

function readCase(encoded) {
  const words = wordsOf(encoded).slice(1);
  const [organization, blockTime, consent, endorsement, brand, serialCommitment, , , reason, wordAfter, byOrder] = words.slice(22, 33);
  const bytes = Buffer.from(words[0].slice(2), "hex");
  const clear = { sequence: bytes.readUInt32BE(0), stage: bytes[4], verdict: bytes[5], holds: bytes[6] };
  const state = readState(clear, words.slice(1, 5), words.slice(5, 15));
  const history = words.slice(number(words[29]) / 32 + 1);
  const given = { organization, time: number(blockTime), consent: number(consent), endorsement: number(endorsement), brand, serialCommitment };
  const answer = { reason: number(reason), wordAfter, byOrder: number(byOrder) === 1 };
  return { word: words[0], state, event: readEvent(words.slice(15, 22)), ...given, corrected: history[1] ?? null, answer };
}

// What the registry of the vectors' world says of an organization.
function factsOfCase({ world, period }, given) {
  const { organization } = given;
  const row = (id) => world.organizations.id.indexOf(id);
  const isMember = (id) => row(id) >= 0 && world.organizations.admitted[row(id)];
  const roles = row(organization) < 0 ? 0 : world.organizations.roles[row(organization)];
  const successor = (brand) => world.successors.successor[world.successors.brand.indexOf(brand)];
  const isConsortium = organization === world.consortium;
  const { accreditations } = world;
  const words = ["none", "good", "bad"];
  return {
    organization,
    isConsortium,
    time: given.time,
    rulingPeriod: period,
    hasRole: (role) => (roles & role) !== 0,
    speaksFor: (brand) =>
      brand === organization || successor(brand) === organization || (isConsortium && !isMember(brand) && !successor(brand)),
    isAccredited: (brand, role, category) =>
      accreditations.organization.some(
        (id, at) =>
          id === organization && accreditations.role[at] === role && [brand, world.consortium].includes(accreditations.brand[at]) &&
          ((BigInt(accreditations.scope[at]) >> BigInt(category)) & 1n) === 1n,
      ),
    standing: (id) => ({ admitted: isMember(id), suspended: row(id) >= 0 && world.organizations.suspended[row(id)] }),
    consent: words[given.consent],
    endorsement: words[given.endorsement],
    needsEndorsement: (brand) => isMember(brand) && brand !== organization,
    enrolled: { brand: given.brand },
    corrected: given.corrected,
  };
}

test("a thousand transitions are judged and done as the contracts do them", () => {
  const { world, cases } = read("transitions");
  const wrong = [];
  cases.encoded.forEach((encoded, at) => {
    const given = readCase(encoded);
    assert.equal(wordOfState(given.state), given.word, cases.name[at]);
    const { reason, byOrder } = judge(given.state, given.event, factsOfCase({ world, period: world.rulingPeriod }, given));
    let word = given.word;
    if (reason === 0) {
      const head = nextHead(given.state.head, eventHash(given.event), given.organization);
      const made = { organization: given.organization, time: given.time, recoveryPeriod: world.recoveryPeriod, brand: given.brand, head, byOrder };
      word = wordOfState(apply(given.state, given.event, made));
    }
    const isRight = reason === given.answer.reason && word === given.answer.wordAfter && (reason !== 0 || byOrder === given.answer.byOrder);
    if (!isRight) wrong.push(`${cases.name[at]}: ${reason} instead of ${given.answer.reason}`);
  });

  assert.deepEqual(wrong, []);
  assert.ok(cases.name.length > 1000);
});

test("every word and what it commits to is that of the vectors", () => {
  const words = read("words");
  words.encoded.forEach((encoded, at) => {
    const parts = wordsOf(encoded);
    const [sequence, stage, verdict, holds] = parts.slice(0, 4).map(number);
    const state = readState({ sequence, stage, verdict, holds }, parts.slice(4, 8), parts.slice(8, 18));

    assert.equal(String(factsOf(state)), String(words.facts[at]), words.name[at]);
    assert.equal(asideHash(state), words.asideHash[at], words.name[at]);
    assert.equal(wordOfState(state), words.word[at], words.name[at]);
  });
  assert.ok(words.name.length >= 50);
});

test("events, heads, batches and their digests have the hashes of the vectors", () => {
  const { domain, events, batches } = read("hashes");
  const separator = domainSeparator(domain.chainId, domain.contract);
  assert.equal(separator, domain.separator);
  events.encoded.forEach((encoded, at) => {
    const event = readEvent(wordsOf(encoded));
    assert.equal(eventHash(event), events.hash[at]);
    assert.equal(nextHead(event.head, events.hash[at], events.organization[at]), events.nextHead[at]);
  });
  batches.encoded.forEach((encoded, at) => {
    const [, organization, signer, deadline, together, , many, ...rest] = wordsOf(encoded);
    const hashes = Array.from({ length: number(many) }, (_, place) => eventHash(readEvent(rest.slice(7 * place, 7 * place + 7))));
    const struct = { organization, signer: address(signer), deadline: number(deadline), allOrNothing: number(together) === 1, hashes };
    assert.equal(batchHash(struct), batches.hash[at]);
    assert.equal(signedDigest(separator, batchHash(struct)), batches.digest[at]);
  });
  assert.ok(events.hash.length >= 18 && batches.hash.length >= 3);
});

test("fields shown, fields withheld and both together make the commitment of the vectors", () => {
  const { payloads } = read("hashes");
  payloads.commitment.forEach((commitment, at) => {
    const fields = payloads.disclosures[at].map(([salt, path, value]) => [salt.slice(2), path, JSON.parse(value)]);
    const order = [...payloads.digests[at]].sort();
    const digestOf = (field) => order.find((digest) => commitmentOf({ fields: [field], withheld: [] }) === commitmentOfDigests([digest]));
    const sorted = fields.map((field) => [digestOf(field), field]).sort(([one], [other]) => (one < other ? -1 : 1));
    for (let shown = 0; shown <= sorted.length; shown++) {
      const payload = { fields: sorted.slice(0, shown).map(([, field]) => field), withheld: sorted.slice(shown).map(([digest]) => digest) };
      assert.equal(commitmentOf(payload), commitment);
      assert.equal(commitmentOf({ ...payload, withheld: sorted.slice(shown).map(([, field]) => sealed(field)) }), commitment);
    }
  });
  assert.ok(payloads.commitment.length >= 6);
});

test("every opinion replaces the effective one exactly as the vectors say", () => {
  const pairs = read("precedence");
  pairs.outcome.forEach((outcome, at) => {
    const effective = { outcome: pairs.effective[at], method: pairs.effectiveMethod[at], expiry: pairs.expired[at] ? 10 : 0 };
    assert.equal(replaces(effective, { outcome, method: pairs.method[at], occurredAt: 20 }), pairs.replaces[at], `row ${at}`);
  });
  assert.equal(pairs.outcome.length, 300);
});

test("the canonical text is that of RFC 8785", () => {
  const value = { "€": 1, "\r": 2, "1": 4.5, "\u{1f600}": [1e-7, 1e21, -0.5, true, null], "ö": {} };

  assert.equal(canonicalText(value), '{"\\r":2,"1":4.5,"ö":{},"€":1,"😀":[1e-7,1e+21,-0.5,true,null]}');
  assert.equal(keccak(hexOf(utf8(""))), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  assert.ok(isNobody(ZERO));
});
