// The recipe of docs/proof.md §3, from the bytes of a proof to what it proves; every hash is made again, nothing is believed.
//
// `recipe` yields {number, found} as each step is done, so that a page can show it, and returns the report; `check` runs it through.
// Both throw Refused for a proof that proves nothing.

import { itemSlot, organizationSlot, readAccount, readHeader, readOrganization, readSigner, readWord, reading, signerSlot } from "./blocks.js";
import { readCanonical } from "./canonical.js";
import { readForms } from "./forms.js";
import { follow, withTimes } from "./history.js";
import { commitmentOf } from "./payloads.js";
import { requireLogged, requireOrder } from "./receipts.js";
import { require } from "./refusals.js";
import { wordOfState } from "./state.js";
import { isRising, Nodes } from "./trie.js";
import { compareTrust } from "./trust.js";
import { batchHash, commitmentOfName, domainSeparator, signedDigest, signerOf } from "./typed.js";

export function check(bytes, trust = {}) {
  const steps = recipe(bytes, () => trust);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

// `trusted` is asked for the trusted facts when step 10 begins: by then the proof and its blocks are known.
export function* recipe(bytes, trusted) {
  const proof = readForms(readCanonical(bytes));
  yield { number: 1, found: [bytes.length, proof.events.length, proof.item] };
  const isByState = proof.inclusion.type === "state";
  const report = yield* isByState ? byState(proof) : byReceipts(proof);
  requireName(proof);
  const trust = trusted(proof, report.headers);
  const isTrusted = compareTrust(proof, report.headers, trust);
  yield { number: 10, found: [] };
  // by receipts only a number from elsewhere says that nothing came after the last event
  const isComplete = isByState || trust.sequence === proof.events.length;
  const verdict = isTrusted ? (isComplete ? "anchored" : "consistent, not complete") : "consistent, not anchored";
  return { ...report, proof, verdict };
}

function* byState(proof) {
  const { inclusion } = proof;
  const header = readHeader(inclusion.header);
  yield { number: 2, found: [header] };
  require(isRising(inclusion.nodes), "unused-node", "nodes out of order");
  const nodes = new Nodes(inclusion.nodes);
  const ledger = readAccount(nodes, header.stateRoot, proof.ledger);
  const registry = readAccount(nodes, header.stateRoot, proof.registry);
  require(ledger.codeHash === proof.ledger_code_hash, "code", `the ledger's code is ${ledger.codeHash}`);
  require(registry.codeHash === proof.registry_code_hash, "code", `the registry's code is ${registry.codeHash}`);
  yield { number: 3, found: [proof.ledger, ledger.codeHash] };
  const word = reading("storage", "the item's word", () => readWord(nodes, ledger.storageRoot, itemSlot(proof.item)));
  yield { number: 4, found: [word] };
  const followed = yield* fold(proof, null);
  const state = withTimes(followed.at(-1).state, proof.witness);
  require(wordOfState(state) === word, "word", `the events fold to ${wordOfState(state)}`);
  yield { number: 7, found: [state.sequence, state.head] };
  const signed = requireSigners(proof, followed);
  yield { number: 8, found: [signed, proof.events.length] };
  const standings = readRegistry(proof, nodes, registry.storageRoot);
  require(nodes.unneeded === 0, "unused-node", "a node that nothing needs");
  yield { number: 9, found: [standings.size] };
  return { headers: [header], followed, state, word, standings, signers: proof.events.map(({ signer }) => signer?.address ?? null) };
}

function* byReceipts(proof) {
  const { inclusion } = proof;
  const headers = inclusion.blocks.map(({ header }) => readHeader(header));
  yield { number: 2, found: headers };
  const times = inclusion.logs.map(([block]) => headers[block].time);
  const followed = yield* fold(proof, times);
  requireOrder(inclusion, headers);
  const signers = requireLogged(proof, followed, headers);
  yield { number: 7, found: [followed.at(-1).state.sequence, followed.at(-1).state.head] };
  yield { number: 8, found: [signers.length, signers.length] };
  return { headers, followed, state: followed.at(-1).state, word: null, standings: new Map(), signers };
}

function* fold(proof, times) {
  const commitments = proof.events.map(({ payload }) => commitmentOf(payload));
  yield { number: 5, found: countFields(proof) };
  const followed = follow(proof, commitments, times);
  yield { number: 6, found: [followed.length] };
  return followed;
}

// How many fields are shown, how many withheld, of how many events nothing is at hand.
function countFields(proof) {
  const lengths = (name) => proof.events.reduce((sum, { payload }) => sum + (payload[name]?.length ?? 0), 0);
  return [lengths("fields"), lengths("withheld"), proof.events.filter(({ payload }) => "commitment" in payload).length];
}

function requireSigners(proof, followed) {
  const separator = domainSeparator(proof.chain_id, proof.ledger);
  let signed = 0;
  proof.events.forEach(({ organization, signer }, place) => {
    if (!signer) return;
    const { address, deadline, all_or_nothing: allOrNothing, others, position } = signer;
    const hashes = [...others.slice(0, position), followed[place].hash, ...others.slice(position)];
    const digest = signedDigest(separator, batchHash({ organization, signer: address, deadline, allOrNothing, hashes }));
    require(signerOf(digest, signer.signature) === address, "signature", `event ${place + 1} was not signed by ${address}`);
    signed += 1;
  });
  return signed;
}

// organization → its standing and the keys shown of it.
function readRegistry(proof, nodes, storageRoot) {
  const standings = new Map();
  const word = (slot) => reading("registry", "a word", () => readWord(nodes, storageRoot, slot));
  for (const { organization, signer } of proof.events) {
    if (!standings.has(organization)) {
      const standing = readOrganization(word(organizationSlot(organization)));
      require(standing.isAdmitted, "registry", `${organization} is not admitted`);
      standings.set(organization, { ...standing, keys: new Map() });
    }
    const { keys } = standings.get(organization);
    if (signer && !keys.has(signer.address)) keys.set(signer.address, readSigner(word(signerSlot(organization, signer.address))));
  }
  return standings;
}

function requireName(proof) {
  if (proof.name === null) return;
  const [birth] = proof.events;
  const commitment = birth.enrolled ? birth.enrolled.serial_commitment : birth.party;
  const isLot = birth.kind === 1;
  require("lot" in proof.name === isLot && commitmentOfName(proof.name) === commitment, "name", "the name is another's");
}
