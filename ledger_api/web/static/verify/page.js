// The checking page: fetches a proof once or reads a file, runs the recipe step by step, and shows what came of it.
// All words stand in the page; this fills in values and shows what was hidden.

import { isNamed } from "./payloads.js";
import { recipe } from "./recipe.js";
import { Refused } from "./refusals.js";
import { trustOfNode } from "./trust.js";
import { withhold } from "./withholding.js";

const page = document.querySelector("[data-page=check]");
const form = page.querySelector("[data-form=check]");
const all = (selector, within = page) => [...within.querySelectorAll(selector)];
const FORMS = {
  ledger: /^0x[0-9a-f]{40}$/,
  registry: /^0x[0-9a-f]{40}$/,
  ledger_code_hash: /^0x[0-9a-f]{64}$/,
  block_hash: /^0x[0-9a-f]{64}(?:[\s,]+0x[0-9a-f]{64})*$/,
  chain_id: /^[0-9]{1,15}$/,
};
// what each step's findings are called in the page
const SLOTS = {
  1: (found) => ({ bytes: found[0], events: found[1], item: found[2] }),
  2: (headers) => ({ block: listed(headers, ({ number }) => number), block_hash: listed(headers, ({ hash }) => hash), time: listed(headers, ({ time }) => moment(time)) }),
  3: (found) => ({ code: found[1] }),
  4: (found) => ({ word: found[0] }),
  5: (found) => ({ shown: found[0], withheld: found[1], closed: found[2] }),
  6: (found) => ({ events: found[0] }),
  7: (found) => ({ sequence: found[0], head: found[1] }),
  8: (found) => ({ signed: found[0], events: found[1] }),
  9: (found) => ({ organizations: found[0] }),
  10: () => ({}),
};
let bytes = null;
let running = 0;

const listed = (headers, name) => headers.map(name).join(" ");
const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
const breath = () => new Promise((resolve) => setTimeout(resolve));

class Problem extends Error {}

// --- what the visitor knows

function typed() {
  const trust = {};
  for (const [name, shape] of Object.entries(FORMS)) {
    const field = form.elements[name];
    const value = field.value.trim().toLowerCase();
    const isWrong = value !== "" && !shape.test(value);
    if (!isWrong) field.removeAttribute("aria-invalid");
    else {
      field.setAttribute("aria-invalid", "true");
      for (const folded of all("details", form)) folded.open ||= folded.contains(field);
      field.focus();
      throw new Problem("typed");
    }
    if (value !== "") trust[name] = value;
  }
  if (trust.chain_id) trust.chain_id = Number(trust.chain_id);
  if (trust.block_hash) trust.block_hash = trust.block_hash.split(/[\s,]+/);
  return trust;
}

function asking(url) {
  return async (method, params) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const options = { method: "POST", headers: { "content-type": "application/json" }, credentials: "omit", referrerPolicy: "no-referrer", body };
    const answer = await (await fetch(url, options)).json();
    if (answer.error || answer.result === undefined) throw new Error("the node has no answer");
    return answer.result;
  };
}

// What is typed wins over what the visitor's node says.
async function trusted({ ledger, item, inclusion }, headers) {
  const known = typed();
  const node = form.elements.node.value.trim();
  if (node === "") return known;
  let told;
  try {
    told = await trustOfNode(asking(new URL(node).href), { ledger, numbers: headers.map(({ number }) => number), item: inclusion.type === "receipts" ? item : null });
  } catch {
    throw new Problem("node");
  }
  if (told.block_hash.length < headers.length && !known.block_hash) throw new Problem("block");
  return { ...told, ...known };
}

// --- showing

function show(selector, is) {
  for (const element of all(selector)) element.hidden = !is;
}

function mark(number, state) {
  const step = page.querySelector(`[data-recipe="${number}"]`);
  step.dataset.is = state;
  for (const word of all("[data-state]", step)) word.hidden = word.dataset.state !== state;
  return step;
}

function clear() {
  show("[data-verdict], [data-problem], [data-told], [data-less], [data-by-receipts], [data-found]", false);
  for (const { dataset } of all("[data-recipe]")) mark(dataset.recipe, "wait");
  page.querySelector("[data-events]").replaceChildren();
}

function tell({ number, found }) {
  const step = mark(number, "good");
  for (const [name, value] of Object.entries(SLOTS[number](found))) {
    const slot = step.querySelector(`[data-slot="${name}"]`);
    if (slot) slot.textContent = String(value);
  }
  for (const list of all("[data-found]", step)) list.hidden = false;
}

function tellEvents(report) {
  const template = page.querySelector("template[data-event]");
  const lines = report.proof.events.map((event, place) => {
    const line = template.content.cloneNode(true);
    all(`[data-kind="${event.kind}"]`, line).forEach((name) => (name.hidden = false));
    line.querySelector("[data-when]").textContent = moment(event.occurred_at);
    line.querySelector("[data-by]").textContent = event.organization;
    const { fields = [], withheld = [], commitment } = event.payload;
    line.querySelector("[data-fields]").append(...fields.map((field) => fieldLine(place + 1, field)));
    line.querySelector("[data-many]").textContent = String(withheld.length);
    line.querySelector("[data-withheld]").hidden = withheld.length === 0;
    line.querySelector("[data-names]").textContent = withheld.filter(isNamed).map(([path]) => path).sort().join(" ");
    line.querySelector("[data-closed]").hidden = commitment === undefined;
    if (fields.length === 0) line.querySelector("[data-fields]").remove();
    return line;
  });
  page.querySelector("[data-events]").append(...lines);
  show("[data-told]", true);
  show("[data-less]", page.querySelector("[data-shows]") !== null);
  page.querySelector("[data-withhold]").disabled = true;
  show("[data-by-receipts]", report.proof.inclusion.type === "receipts");
}

// With a box: what is not ticked is not in the copy that shows less.
function fieldLine(number, [, path, value]) {
  const line = document.createElement("div");
  const name = line.appendChild(document.createElement("dt")).appendChild(document.createElement("label"));
  const said = line.appendChild(document.createElement("dd"));
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
  box.dataset.shows = `${number}${path}`;
  name.append(box, ` ${path}`);
  said.textContent = typeof value === "string" ? value : JSON.stringify(value);
  return line;
}

function refuse(refused, reached) {
  mark(reached, "bad");
  for (let number = reached + 1; number <= 10; number++) mark(number, "grey");
  page.querySelector("[data-refusal]").textContent = refused.code;
  page.querySelector("[data-reason]").textContent = refused.found;
  show('[data-verdict="refused"]', true);
}

// --- running

async function run(mine) {
  clear();
  let trust = {};
  let reached = 1;
  const steps = recipe(bytes, () => trust);
  try {
    typed();
    for (let step = steps.next(); ; step = steps.next()) {
      if (mine !== running) return;
      if (step.done) return finish(step.value);
      // by receipts some steps fall away
      for (; reached < step.value.number; reached++) mark(reached, "grey");
      tell(step.value);
      reached = step.value.number + 1;
      if (step.value.number === 2) trust = await trusted(JSON.parse(new TextDecoder().decode(bytes)), step.value.found);
      await breath();
    }
  } catch (error) {
    if (mine !== running) return;
    if (error instanceof Refused) refuse(error, Math.min(reached, 10));
    else if (error instanceof Problem) show(`[data-problem="${error.message}"]`, true);
    else throw error;
  }
}

function finish(report) {
  if (report.verdict === "consistent, not anchored") mark(10, "grey");
  show(`[data-verdict="${report.verdict}"]`, true);
  tellEvents(report);
  page.dataset.done = report.verdict;
}

async function chosen() {
  const [file] = form.elements.file.files;
  if (file) return new Uint8Array(await file.arrayBuffer());
  return bytes === null && page.dataset.item ? fetched(page.dataset.item) : bytes;
}

async function fetched(item) {
  const asked = fetch(`/v1/items/${item}/proof`, { headers: { accept: "application/json" } });
  const body = await asked.then((answer) => (answer.ok ? answer.arrayBuffer() : null)).catch(() => null);
  if (body === null) throw new Problem("proof");
  return new Uint8Array(body);
}

// What was begun last is what is shown: a proof that comes late takes no place of a file that was chosen meanwhile.
async function start() {
  const mine = ++running;
  try {
    const proof = await chosen();
    if (mine !== running) return;
    bytes = proof;
    if (bytes === null) form.elements.file.focus();
    else await run(mine);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (mine !== running) return;
    clear();
    show(`[data-problem="${error.message}"]`, true);
  }
}

const unticked = () => new Set(all("[data-shows]:not(:checked)").map(({ dataset }) => dataset.shows));
page.addEventListener("change", () => (page.querySelector("[data-withhold]").disabled = unticked().size === 0));
page.querySelector("[data-withhold]").addEventListener("click", () => {
  const closed = unticked();
  const copy = withhold(bytes, (number, path) => !closed.has(`${number}${path}`));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([copy], { type: "application/json" })), download: "proof-less.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
page.addEventListener("dragover", (event) => event.preventDefault());
page.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length > 0) {
    form.elements.file.files = event.dataTransfer.files;
    start();
  }
});
form.elements.file.addEventListener("change", start);
if (page.dataset.item) start();
