// Keys and zoom for whoever judges. The pages work without: every key presses what is on the page, every photo is a link to itself.

const MOST = 12;
const STEP = 1.5;
const PAN = 80;

// --- a photo that can be looked into

function lens(pane) {
  const image = pane.querySelector('img');
  const at = { scale: 1, x: 0, y: 0 };

  const show = () => {
    const reach = (size) => Math.max(0, (size * (at.scale - 1)) / 2);
    at.x = Math.min(reach(image.clientWidth), Math.max(-reach(image.clientWidth), at.x));
    at.y = Math.min(reach(image.clientHeight), Math.max(-reach(image.clientHeight), at.y));
    image.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.scale})`;
    pane.dataset.zoom = at.scale > 1 ? 'in' : 'fit';
  };
  // the point under (x, y), counted from the middle, stays where it is
  const to = (scale, x = 0, y = 0) => {
    const next = Math.min(MOST, Math.max(1, scale));
    at.x = x - ((x - at.x) * next) / at.scale;
    at.y = y - ((y - at.y) * next) / at.scale;
    at.scale = next;
    show();
  };
  const whole = () => image.naturalWidth / image.clientWidth; // one pixel of the photo is one of the screen
  const from = (event) => {
    const box = pane.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  };
  const self = {
    in: () => to(at.scale * STEP),
    out: () => to(at.scale / STEP),
    fit: () => to(1),
    full: (x, y) => to(at.scale > 1 ? 1 : Math.max(2, whole()), x, y),
    pan: (x, y) => { at.x += x; at.y += y; show(); },
    isIn: () => at.scale > 1,
  };

  let last = null;
  let moved = 0;
  pane.addEventListener('pointerdown', (event) => { last = [event.clientX, event.clientY]; moved = 0; });
  pane.addEventListener('pointermove', (event) => {
    if (!last || !self.isIn() || !event.buttons) return;
    moved += Math.abs(event.clientX - last[0]) + Math.abs(event.clientY - last[1]);
    self.pan(event.clientX - last[0], event.clientY - last[1]);
    last = [event.clientX, event.clientY];
  });
  pane.addEventListener('click', (event) => {
    event.preventDefault();
    if (moved < 6) self.full(...(event.detail ? from(event) : []));
  });
  pane.addEventListener('dragstart', (event) => event.preventDefault());
  pane.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !self.isIn()) return; // the page scrolls as ever until somebody looks in
    event.preventDefault();
    to(at.scale * (event.deltaY < 0 ? 1.2 : 1 / 1.2), ...from(event));
  }, { passive: false });
  return self;
}

// --- a case

function judge(page) {
  const shots = [...page.querySelectorAll('[data-shot]')];
  const lenses = shots.map((shot) => { const pane = shot.querySelector('[data-pane]'); return pane && lens(pane); });
  const decision = page.querySelector('#decision');
  let here = 0;

  const go = (index) => {
    if (!shots.length) return;
    here = Math.min(shots.length - 1, Math.max(0, index));
    shots.forEach((shot, number) => shot.toggleAttribute('data-here', number === here));
    shots[here].focus({ preventScroll: true });
    shots[here].scrollIntoView({ block: 'start', behavior: 'instant' });
  };
  const to = (query) => { const field = page.querySelector(query); if (field) { field.focus(); field.scrollIntoView({ block: 'center', behavior: 'instant' }); } };
  const press = (what) => page.querySelector(`[data-do="${what}"]`)?.click();
  const ask = () => {
    const box = page.querySelector('#ask');
    if (!box) return;
    box.open = true;
    if (shots[here]) box.querySelector('#shot').value = shots[here].dataset.shot;
    to('#words');
  };
  const pan = (x, y) => (event) => {
    const glass = lenses[here];
    if (!glass?.isIn()) return false;
    event.preventDefault();
    glass.pan(x, y);
    return true;
  };
  const keys = {
    j: () => go(here + 1), k: () => go(here - 1),
    '+': () => lenses[here]?.in(), '=': () => lenses[here]?.in(), '-': () => lenses[here]?.out(), 0: () => lenses[here]?.fit(),
    z: () => lenses[here]?.full(),
    ArrowLeft: (event) => pan(PAN, 0)(event) || go(here - 1), ArrowRight: (event) => pan(-PAN, 0)(event) || go(here + 1),
    ArrowUp: pan(0, PAN), ArrowDown: pan(0, -PAN),
    r: () => to('#reasons input'), c: () => to('#confidence'), n: () => to('#note'), a: ask, p: () => press('keep'),
    g: () => shots[here] && to(`#grounds-${shots[here].dataset.shot}, #grounds`),
    '?': () => { const list = page.querySelector('.keys'); list.open = !list.open; list.scrollIntoView({ block: 'center', behavior: 'instant' }); },
  };
  for (const number of [1, 2, 3]) keys[number] = () => { const choice = page.querySelector(`[data-outcome="${number}"]`); if (choice) choice.checked = true; to(`[data-outcome="${number}"]`); };
  shots.forEach((shot, index) => shot.addEventListener('focusin', () => { here = index; shots.forEach((one) => one.toggleAttribute('data-here', one === shot)); }));
  page.querySelector('#errors')?.focus();
  if (shots[0]) shots[0].toggleAttribute('data-here', true);
  return { keys, submit: () => decision?.requestSubmit() };
}

// --- the queue

function queue(page) {
  const rows = [...page.querySelectorAll('[data-row]')];
  const go = (step) => rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(document.activeElement) + step))]?.focus();
  return { keys: { c: () => page.querySelector('[data-next]')?.click(), j: () => go(1), k: () => go(-1) }, submit: () => {} };
}

const page = document.querySelector('[data-page]');
const { keys, submit } = page.dataset.page === 'case' ? judge(page) : queue(page);
const isWriting = (node) => node.matches('textarea, select, input:not([type="radio"]):not([type="checkbox"])');

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') { document.activeElement.blur(); return; }
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  if (event.key.startsWith('Arrow') && event.target.matches('input')) return; // they choose among radio buttons
  const act = keys[event.key];
  if (!act) return;
  if (!event.key.startsWith('Arrow')) event.preventDefault(); // or the letter would be written into the field it leads to
  act(event);
});
page.dataset.ready = 'yes';
