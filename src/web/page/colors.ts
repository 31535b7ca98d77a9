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

export type Palette = (name: ColorName) => string;

/** Of the theme as it is now. Each colour is read once: reading a style makes the browser work out all that has changed so far. */
export function palette(): Palette {
  const read = new Map<ColorName, string>();
  const style = getComputedStyle(document.documentElement);
  return (name) => {
    const value = read.get(name) ?? style.getPropertyValue(`--${name}`).trim();
    read.set(name, value);
    return value;
  };
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** The returned function ends it. */
export function onThemeChange(changed: () => void): () => void {
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
