// A photo of the piece on the counter is sent as soon as it is taken. What was written of the opinion meanwhile is there again on the page
// that answers; it stays in this tab. The forms do the same without us, one button later.

const page = document.querySelector('[data-page="case"]');
const decision = page.querySelector('#decision');
const KEPT = `written ${page.dataset.case}`;

const written = sessionStorage.getItem(KEPT);
sessionStorage.removeItem(KEPT);
for (const [name, value] of JSON.parse(written ?? '[]')) put(name, value);

function put(name, value) {
  for (const field of [...decision.elements].filter((one) => one.name === name)) {
    if (field.type === 'radio' || field.type === 'checkbox') field.checked ||= field.value === value;
    else field.value = value;
  }
}

for (const form of page.querySelectorAll('[data-form="photo"]')) {
  const input = form.querySelector('input[type=file]');
  form.querySelector('button').hidden = true;
  form.dataset.is = 'scripted'; // one button: what is taken is sent
  input.addEventListener('change', () => {
    if (!input.files.length) return;
    sessionStorage.setItem(KEPT, JSON.stringify([...new FormData(decision)]));
    form.querySelector('[data-sending]').hidden = false;
    form.submit();
  });
}
