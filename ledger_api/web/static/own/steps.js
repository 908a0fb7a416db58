// What the pages share: one step is shown at a time, places in the server's sentences are filled, problems are said in words.
// No text for people is made here; it stands in the page, in the visitor's language.

import { Problem } from "./doors.js";

export const page = document.querySelector("[data-page]");
const all = (selector) => [...page.querySelectorAll(selector)];
export const one = (selector) => page.querySelector(selector);

const DOUBLE_CLICK_MILLISECONDS = 500;
let settled = 0;

export function show(step) {
  clearProblem();
  // the second half of a double click was not meant for what has just come under the pointer
  clearTimeout(settled);
  page.dataset.settling = "";
  settled = setTimeout(() => delete page.dataset.settling, DOUBLE_CLICK_MILLISECONDS);
  for (const section of all("[data-step]")) section.hidden = section.dataset.step !== step;
  const heading = one(`[data-step="${step}"] h2`);
  if (heading) {
    heading.tabIndex = -1;
    heading.focus();
  }
}

// Fills `[data-fill=name]` with text, never with markup.
export function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    for (const place of all(`[data-fill="${name}"]`)) place.textContent = value ?? "";
  }
}

// Shows the parts marked `data-if=name` for the names that are true, hides them for those that are not.
export function choose(names) {
  for (const [name, is] of Object.entries(names)) {
    for (const part of all(`[data-if="${name}"]`)) part.hidden = !is;
  }
}

// One of several sentences under `data-say=group`.
export function say(group, name) {
  for (const sentence of all(`[data-say="${group}"] > [data-name]`)) sentence.hidden = sentence.dataset.name !== name;
}

export function clearProblem() {
  one("[data-problem]").hidden = true;
}

function tell(problem) {
  const code = problem instanceof Problem ? problem.code : "unexpected";
  const sentences = all("[data-problems] > [data-code]");
  const sentence = sentences.find((known) => known.dataset.code === code) ?? sentences.find((known) => known.dataset.code === "unexpected");
  const place = one("[data-problem]");
  place.querySelector("p").textContent = sentence.textContent;
  place.dataset.code = code;
  place.hidden = false;
  place.focus();
  if (!(problem instanceof Problem)) console.error(problem);
}

// Runs `work` when the form is sent or the button pressed.
export function on(selector, work) {
  for (const element of all(selector)) {
    element.addEventListener(element.tagName === "FORM" ? "submit" : "click", (event) => {
      event.preventDefault();
      const told = element.tagName === "FORM" ? new FormData(element) : element;
      alone(() => work(told, element));
    });
  }
}

let before = Promise.resolve(); // what was begun earlier

// One thing after the other; while it runs nothing else can be pressed, and what it stumbles over is said in words.
export function alone(work) {
  before = before.then(async () => {
    const buttons = all("button:not(:disabled)");
    for (const button of buttons) button.disabled = true;
    try {
      clearProblem();
      await work();
    } catch (problem) {
      tell(problem);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  });
  return before;
}

export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// What a part of this page says now (of the item: a theft, a dispute, an opinion), in the visitor's language: asked for anew.
export async function renew(part = "[data-notices]") {
  const answer = await fetch(location.pathname + location.search, { cache: "no-store", credentials: "omit" }).catch(() => null);
  if (!answer?.ok) return; // what stands there stays until the next time
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  one(part).replaceChildren(...fresh.querySelector(part).children);
}

// Of a piece that its brand hides the server says nothing; what the chain tells of every piece stands in the consent terms.
export function tellHidden({ holds, verdict, recovery_ready_at: ready }) {
  const standing = new Map(holds.map(({ hold, since, until }) => [hold, { since, until }]));
  if (verdict === "not-authentic") standing.set(verdict, {});
  if (ready) standing.set("recovery", { until: ready });
  for (const section of all("[data-standing]")) {
    const name = section.dataset.standing;
    const { since, until } = standing.get(name) ?? {};
    section.hidden = !standing.has(name);
    choose({ [`since-${name}`]: Boolean(since), [`until-${name}`]: Boolean(until) });
    fill({ [`since-${name}`]: since && moment(since), [`until-${name}`]: until && moment(until) });
  }
  choose({ "nothing-standing": standing.size === 0 });
}

export const short = (hex) => `${hex.slice(0, 8)}…${hex.slice(-6)}`;

// A moment in the visitor's words; in UTC, as every time on these pages.
export function moment(value) {
  const { lang } = document.documentElement;
  const date = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  const parts = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC", timeZoneName: "short" };
  return date.toLocaleString(lang === "en" ? "en-GB" : lang, parts);
}
