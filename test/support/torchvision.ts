/** The state dicts of test/fixtures/make_torchvision.py: weights by formula, so that nobody has to keep them. */
import { sizeOf } from "../../src/parameters/layout.js";

export interface StateDictFixture {
  shapes: Readonly<Record<string, number[]>>;
  /** Of one image of 224x224, `imageBytes`. */
  logits: number[];
  /** Of the same image, normalised by ImageNet's statistics and then taken through GoogLeNet's transform_input. */
  transformed?: number[];
}

export function stateDict({
  shapes,
}: StateDictFixture): { name: string; shape: readonly number[]; data: Float32Array }[] {
  return Object.entries(shapes).map(([name, shape]) => ({ name, shape, data: values(name, shape) }));
}

export function imageBytes(): Uint8Array {
  return Uint8Array.from({ length: 224 * 224 * 3 }, (_, index) => (index * 7919) % 256);
}

function values(name: string, shape: readonly number[]): Float32Array {
  const data = new Float32Array(sizeOf(shape));
  const spread = shape.length > 1 ? Math.sqrt(6 / sizeOf(shape.slice(1))) : null;
  const positive = name.endsWith("running_var") || name.endsWith(".weight");
  const seed = fnv1a(name);
  for (let index = 0; index < data.length; index++) {
    const u = (mixed((index + seed) | 0) >>> 8) / 2 ** 24;
    data[index] = spread !== null ? (2 * u - 1) * spread : positive ? 0.5 + u : 0.2 * (u - 0.5);
  }
  return data;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** MurmurHash3's finalizer. */
function mixed(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
