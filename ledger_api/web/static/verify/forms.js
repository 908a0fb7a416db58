// The members of a proof and their forms (docs/proof.md §2). Refuses with unknown-format or malformed; makes nothing of them.

import { require } from "./refusals.js";

const FORMAT = "ledger-proof-v2";
const MOST_EVENTS = 10_000;

// looks for what must not be there: a pattern that repeats over megabytes would exhaust the browser's stack
const isBytes = (value) => typeof value === "string" && value.length % 2 === 0 && value.startsWith("0x") && !/[^0-9a-f]/.test(value.slice(2));
const isHex = (length) => (value) => isBytes(value) && value.length === 2 + 2 * length;
const isNumber = (below) => (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < below;
const isBool = (value) => typeof value === "boolean";
const isText = (value) => typeof value === "string";
const isNull = (value) => value === null;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const either = (...forms) => (value) => forms.some((form) => form(value));
const listOf = (form) => (value) => Array.isArray(value) && value.every(form);

const HASH = isHex(32);
const ADDRESS = isHex(20);
const TIME = isNumber(2 ** 48);
const COUNT = isNumber(2 ** 53);

// An object with exactly these members, each of its form.
function object(forms) {
  const names = Object.keys(forms);
  return (value) =>
    isObject(value) &&
    Object.keys(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name) && forms[name](value[name]));
}

// RFC 6901: nothing, or tokens that each begin with a stroke; a tilde is ~0 or ~1.
const isPointer = (value) => isText(value) && (value === "" || value.startsWith("/")) && !/~(?![01])/.test(value);
const isEmpty = (value) => (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);
const isLeaf = (value) => value === null || ["string", "number", "boolean"].includes(typeof value) || isEmpty(value);

function isField(value) {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [salt, path, leaf] = value;
  return isText(salt) && /^[0-9a-f]{32}$/.test(salt) && isPointer(path) && isLeaf(leaf);
}

function isSealed(value) {
  return HASH(value) || (Array.isArray(value) && value.length === 2 && isPointer(value[0]) && HASH(value[1]));
}

const OPENED = object({ fields: listOf(isField), withheld: listOf(isSealed) });
const PAYLOAD = either(object({ commitment: HASH }), (value) => OPENED(value) && value.fields.length + value.withheld.length > 0);

const SIGNER_FORM = object({
  address: ADDRESS,
  deadline: TIME,
  all_or_nothing: isBool,
  others: listOf(HASH),
  position: COUNT,
  signature: isHex(65),
});
const SIGNER = (value) => SIGNER_FORM(value) && value.position <= value.others.length;

const EVENT = object({
  organization: HASH,
  kind: isNumber(256),
  occurred_at: TIME,
  party: HASH,
  detail: isHex(8),
  payload: PAYLOAD,
  enrolled: either(isNull, object({ brand: HASH, serial_commitment: HASH })),
  by_order: isBool,
  signer: either(isNull, SIGNER),
});

const NAME = either(isNull, object({ gtin: isText, serial: isText, salt: HASH }), object({ lot: isText, salt: HASH }));
const WITNESS = object({ disputed_at: TIME, recovery_ready_at: TIME, stolen_release_at: TIME });
const COMMON = { format: isText, chain_id: COUNT, ledger: ADDRESS, ledger_code_hash: HASH, item: HASH, name: NAME };

const isType = (type) => (value) => value === type;
const place = (value) => Array.isArray(value) && value.length === 3 && COUNT(value[0]) && value.slice(1).every(isNumber(2 ** 32));
const BLOCK = object({ header: isBytes, nodes: listOf(isBytes) });
const FORMS = {
  state: {
    ...COMMON,
    registry: ADDRESS,
    registry_code_hash: HASH,
    events: listOf(EVENT),
    witness: WITNESS,
    inclusion: object({ type: isType("state"), header: isBytes, nodes: listOf(isBytes) }),
  },
  receipts: {
    ...COMMON,
    registry: isNull,
    registry_code_hash: isNull,
    events: listOf(EVENT),
    witness: isNull,
    inclusion: object({ type: isType("receipts"), blocks: listOf(BLOCK), logs: listOf(place) }),
  },
};

// The value, once every member of it has its form.
export function readForms(value) {
  require(isObject(value), "malformed", "not an object");
  require(value.format === FORMAT, "unknown-format", String(value.format));
  const forms = isObject(value.inclusion) && isText(value.inclusion.type) && Object.hasOwn(FORMS, value.inclusion.type);
  require(forms, "malformed", "inclusion");
  const expected = FORMS[value.inclusion.type];
  for (const [name, form] of Object.entries(expected)) {
    require(Object.hasOwn(value, name) && form(value[name]), "malformed", name);
  }
  require(Object.keys(value).length === Object.keys(expected).length, "malformed", "a member that the format does not know");
  require(value.events.length >= 1 && value.events.length <= MOST_EVENTS, "malformed", `${value.events.length} events`);
  if (value.inclusion.type === "receipts") {
    const { blocks, logs } = value.inclusion;
    require(logs.length === value.events.length, "malformed", "as many logs as events");
    require(logs.every(([block]) => block < blocks.length), "malformed", "a log of no block");
  }
  return value;
}
