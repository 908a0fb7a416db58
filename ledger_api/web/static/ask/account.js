// Passkeys: the browser asks its owner, the service checks the answer. Without a script, or without passkeys, a code does the same.

const page = document.querySelector("[data-next]");
const isAble = window.isSecureContext && "credentials" in navigator && "PublicKeyCredential" in window && !isNumber(location.hostname);
// a passkey belongs to a name: at an address of numbers no browser makes one
for (const part of document.querySelectorAll("[data-passkey]")) part.hidden = !isAble;

on("[data-make-passkey]", "[data-passkey-wrong]", async () => {
  const { options } = await asked("/v1/account/passkeys/options");
  const publicKey = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) } };
  publicKey.excludeCredentials = (options.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const made = await navigator.credentials.create({ publicKey });
  const { clientDataJSON, attestationObject } = made.response;
  await asked("/v1/account/passkeys", told(made, { clientDataJSON, attestationObject }));
});

on("[data-use-passkey]", "[data-sign-in-wrong]", async () => {
  const { options } = await asked("/v1/account/sessions/options");
  const found = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: [] } });
  const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
  await asked("/v1/account/sessions/passkey", told(found, { clientDataJSON, authenticatorData, signature, userHandle }));
});

function on(button, words, act) {
  const wrong = document.querySelector(words);
  document.querySelector(button)?.addEventListener("click", async ({ currentTarget }) => {
    currentTarget.disabled = true;
    if (wrong) wrong.hidden = true;
    try {
      await act();
      location.assign(page.dataset.next);
    } catch {
      if (wrong) wrong.hidden = false;
      currentTarget.disabled = false;
    }
  });
}

async function asked(path, credential) {
  const body = credential ? JSON.stringify({ credential }) : undefined;
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

function told(credential, response) {
  const written = Object.fromEntries(Object.entries(response).map(([name, value]) => [name, value ? text(value) : null]));
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: written };
}

function isNumber(host) {
  return /^[\d.]+$/.test(host) || host.startsWith("[");
}

function bytes(base64url) {
  const base64 = base64url.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const letters = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
