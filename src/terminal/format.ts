/** Numbers and times as people read them. Pure. */

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
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** 0.4 s, 12 s, 3:05, 2:03:05 */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

export function rate(value: number): string {
  return `${value >= 100 ? count(value) : value.toPrecision(3)} images/s`;
}

export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** Cuts a line to a terminal's width. */
export function fit(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

/** Breaks a text at its spaces, at `width` where it can; a word that is longer keeps whole, so that it can be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
