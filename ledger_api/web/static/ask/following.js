// The page of a case tells what has changed since, as it changes: the server says that something did, and the page is read again.

const page = document.querySelector('[data-page="case"]');
let heard = null;
let looks = 0;

const stream = new EventSource(`/v1/cases/${page.dataset.case}/stream`);
stream.addEventListener("moved", async (message) => {
  const isNews = heard !== null && heard !== message.lastEventId;
  const isOther = JSON.parse(message.data).state !== page.dataset.state;
  heard = message.lastEventId;
  if (isNews || isOther) await refresh();
});

async function refresh() {
  const mine = ++looks;
  const told = await read().catch(() => null); // what stands there stays until the stream is back, and says so
  if (told === null || mine !== looks) return; // a later look is on its way
  const fresh = new DOMParser().parseFromString(told, "text/html").querySelector("[data-page]");
  const grounds = document.querySelector("#grounds")?.value ?? "";
  if (fresh?.dataset.page !== "case") return location.reload(); // another photo is wanted
  page.replaceChildren(...fresh.childNodes);
  page.dataset.state = fresh.dataset.state;
  const field = document.querySelector("#grounds");
  if (field) field.value = grounds;
}

async function read() {
  const answered = await fetch(location.href);
  return answered.ok && !answered.redirected ? answered.text() : null;
}
