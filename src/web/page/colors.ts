/** Colours of the style sheet, for what is painted: they follow light and dark. */

/** After Okabe and Ito (2008), whose colours are told apart with any kind of colour vision; darker where a line would be too faint. */
export type ColorName =
  | "text"
  | "dim"
  | "grid"
  | "raw"
  | "line"
  | "test"
  | "best"
  | "wait"
  | "input"
  | "forward"
  | "compute"
  | "write"
  | "reduce"
  | "update"
  | "commit"
  | "idle"
  | `run${number}`;

export function color(name: ColorName): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** The returned function ends it. */
export function onThemeChange(changed: () => void): () => void {
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
