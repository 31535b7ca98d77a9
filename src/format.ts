/** Numbers as people read them, everywhere: in messages, tables and on the terminal. */

export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** In decimal units, as pip, disks and network rates are given: 1 MB is 1,000,000 bytes. */
export function bytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 0 : 1)} MB`;
  return value >= 1e3 ? `${Math.ceil(value / 1e3)} kB` : `${Math.round(value)} B`;
}

/** 0.12345 as 12.35%. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

/** 1 step, 2 steps, 1,234 steps; `many` for words that do not take an s. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${Number.isInteger(value) ? count(value) : value} ${value === 1 ? one : many}`;
}

/** A text from elsewhere, for one line of a terminal: what would move the cursor, colour or turn what is written is a sign. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}
