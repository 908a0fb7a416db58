// A photo is sent as soon as it is taken, and answered at once: good, or what to do better. The form beside it does the same without us.

const page = document.querySelector('[data-page="shots"]');
const form = document.querySelector('[data-form="photo"]');
const input = form.querySelector("input[type=file]");
const [answer, sending] = ["[data-answer]", "[data-sending]"].map((part) => document.querySelector(part));
const words = document.querySelector("template[data-words]").content;
const GOOD_MILLISECONDS = 900; // so that the word can be read before the next detail comes

form.querySelector("button").hidden = true;
form.dataset.is = "scripted"; // one button: what is taken is sent
input.addEventListener("change", async () => {
  const [photo] = input.files;
  if (!photo) return;
  sending.hidden = false;
  input.disabled = true;
  const told = await send(photo).catch(() => ({ code: "unreachable" }));
  sending.hidden = true;
  input.disabled = told.state === "good"; // the page goes on, and would take the next photo for this detail
  input.value = "";
  show(told);
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) input.disabled = false; // back from the next detail
});

async function send(photo) {
  const answered = await fetch(`/v1/cases/${page.dataset.case}/shots/${page.dataset.shot}`, { method: "PUT", body: photo });
  return answered.json();
}

function show(told) {
  answer.replaceChildren();
  const label = form.querySelector("label");
  label.textContent = label.dataset.again;
  if (!told.photo) return answer.append(word(told.code) ?? word("unreachable"));
  picture(`/v1/cases/${page.dataset.case}/photos/${told.photo}`);
  if (told.state === "good") {
    answer.append(document.querySelector("template[data-good]").content.cloneNode(true));
    const next = new URL(page.dataset.next, location.href);
    next.searchParams.set("good", page.dataset.shot);
    return setTimeout(() => location.assign(next), GOOD_MILLISECONDS);
  }
  const poor = document.querySelector("template[data-poor]").content.cloneNode(true);
  poor.querySelector("ul").append(...told.defects.map(word).filter(Boolean));
  poor.querySelector("[data-enough]").hidden = told.attempt < 3;
  answer.append(poor);
  answer.scrollIntoView({ block: "nearest" });
}

function word(code) {
  return words.querySelector(`[data-code="${code}"]`)?.cloneNode(true);
}

function picture(address) {
  const shown = document.querySelector("[data-photo]") ?? document.createElement("img");
  shown.dataset.photo = "";
  shown.alt = "";
  shown.src = address;
  document.querySelector(".shoot .drawing")?.replaceWith(shown);
}
