/** Times, rates and lines as a terminal shows them. Pure. */
import { count } from "../format.js";

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

/** A line that begins with a label of `indent` characters: what goes on keeps to its column. */
export function wrapLabelled(line: string, indent: number, width: number): string[] {
  if (line.length <= width) return [line];
  const [first = "", ...rest] = wrap(line.slice(indent), width - indent);
  return [line.slice(0, indent) + first, ...rest.map((each) => " ".repeat(indent) + each)];
}

/** Before so many milliseconds nothing is said of how long it will take. */
const ENOUGH_MS = 2000;

/** At the pace since it began; null where that is not known yet. */
export function secondsLeft(
  begun: { ms: number; received: number },
  received: number,
  total: number | null,
  nowMs: number,
): number | null {
  const pace = (received - begun.received) / (nowMs - begun.ms);
  if (total === null || nowMs - begun.ms < ENOUGH_MS || pace <= 0 || received >= total) return null;
  return (total - received) / pace / 1000;
}
