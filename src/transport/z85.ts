/** Z85, the text form of keys in ZeroMQ: five characters for four bytes. https://rfc.zeromq.org/spec/32/ */
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/** `bytes`: a multiple of four. */
export function encodeZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += 4) {
    const word = view.getUint32(at);
    for (let power = 85 ** 4; power >= 1; power /= 85) text += ALPHABET[Math.floor(word / power) % 85];
  }
  return text;
}

/** Null for what is not Z85. */
export function decodeZ85(text: string): Uint8Array | null {
  if (text.length % 5 !== 0) return null;
  const bytes = new Uint8Array((text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at += 5) {
    let word = 0;
    for (let index = at; index < at + 5; index++) {
      const digit = ALPHABET.indexOf(text[index]!);
      if (digit < 0) return null;
      word = word * 85 + digit;
    }
    if (word >= 2 ** 32) return null;
    view.setUint32((at / 5) * 4, word);
  }
  return bytes;
}
