// Bytes and their texts. Hex has 0x and small letters, as everywhere on the ledger.

export function toHex(bytes) {
  let text = "0x";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

export function fromHex(text) {
  if (!/^0x([0-9a-f]{2})*$/i.test(text)) throw new RangeError("not hexadecimal");
  const bytes = new Uint8Array(text.length / 2 - 1);
  for (let place = 0; place < bytes.length; place++) bytes[place] = parseInt(text.slice(2 + 2 * place, 4 + 2 * place), 16);
  return bytes;
}

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

// An unsigned number as the 32 bytes of an ABI word.
export function word(number) {
  return fromHex("0x" + BigInt(number).toString(16).padStart(64, "0"));
}

// Up to 32 bytes, zeros before them.
export function padded(bytes) {
  return join(new Uint8Array(32 - bytes.length), bytes);
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// RFC 4648 §6 without padding; the length is a multiple of five bytes.
export function toBase32(bytes) {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return bits.replace(/.{5}/g, (five) => LETTERS[parseInt(five, 2)]);
}

// null: not base32.
export function fromBase32(text) {
  let bits = "";
  for (const letter of text) {
    const value = LETTERS.indexOf(letter);
    if (value < 0) return null;
    bits += value.toString(2).padStart(5, "0");
  }
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (eight) => parseInt(eight, 2));
}
