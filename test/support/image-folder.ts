import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { integers } from "../../src/random.js";
import { pngOf } from "./png.js";

/** Writes files by their path below `dir`. */
export function writeTree(dir: string, files: Readonly<Record<string, string | Buffer>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return dir;
}

/** A noisy image whose channel `label` (of three) is brighter, so that it can be learned; `name` decides the noise. */
export function noisyPng(label: number, name: number, height: number, width: number): Buffer {
  const noise = integers([label, name], height * width * 3);
  const pixels = Uint8Array.from(noise, (word, at) => (word >>> 25) + (at % 3 === label ? 128 : 0));
  return pngOf(pixels, height, width, 3);
}
