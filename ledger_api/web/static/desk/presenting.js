// A claim card for whoever presents a piece without history: made in this page, handed over, and only then does its key sign. The key is
// sent nowhere, and forgotten with the page. Without us the presenter's own key signs, and the signature is typed in.

import encodeQR from '../vendor/qr/index.js';
import * as claims from '../own/claims.js';
import { drawn } from '../own/picture.js';

const section = document.querySelector('#presenter');
const part = (name) => section.querySelector(`[data-${name}]`);
let made = null; // {key, form}: what was made and not yet handed over

// What this key would sign, as the page of that key says it.
async function formFor(address) {
  const asked = new URL(section.dataset.address, location.href);
  asked.searchParams.set('presenter', address);
  const answered = await fetch(asked);
  const fresh = new DOMParser().parseFromString(await answered.text(), 'text/html');
  return fresh.querySelector('[data-signing]');
}

function wishOf(typed, detail) {
  const { domain, message } = typed;
  return { ...message, chain_id: domain.chainId, ledger: domain.verifyingContract.toLowerCase(), detail: BigInt(detail) };
}

part('make').addEventListener('click', async () => {
  part('make').disabled = true; // one card: a second one would sign for whoever was handed the first
  const secret = claims.newSecret();
  const key = claims.cardKey(secret);
  const form = await formFor(claims.addressOf(key)).catch(() => null);
  if (!form) return location.reload();
  const typed = form.querySelector('[data-typed]');
  made = { key, form, wish: wishOf(JSON.parse(typed.textContent), typed.dataset.detail) };
  part('card').textContent = claims.cardText(secret);
  part('picture').replaceChildren(drawn(encodeQR(claims.cardLink(location.origin, made.wish.item, secret), 'raw', { ecc: 'medium' })));
  part('made').hidden = false;
  part('handed').focus();
});

part('print').addEventListener('click', () => window.print());

part('handed').addEventListener('click', () => {
  part('handed').disabled = true;
  made.form.querySelector('[name=signature]').value = claims.agree(made.wish, made.key);
  made.form.hidden = true;
  section.append(document.adoptNode(made.form));
  made.form.submit();
});

part('scripted').hidden = false;
