/** Checkpoints whose files are cut short or have a bit turned: loaded as before, or refused by the name of a file. */
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { loadCheckpoint } from "../../src/checkpoint/load.js";
import { parseSafetensors } from "../../src/checkpoint/safetensors.js";
import { CheckpointStore } from "../../src/checkpoint/store.js";
import { CnnDistError } from "../../src/errors.js";
import { deriveKey, uniforms } from "../../src/random.js";
import { LAYOUTS, snapshotAt, textOf } from "./contents.js";

const BLOCK_BYTES = 4096;

export interface Damage {
  problems: string[];
  truncations: number;
  flips: number;
  /** Of all, those that were loaded as before: white space of the manifest is the one thing that no hash holds. */
  loaded: number;
}

/** `cuts`: random places of each large file, beside its blocks and tensors. `dir` is empty. */
export async function damageFiles(
  dir: string,
  { sizes, cuts, flips, seed }: { sizes: readonly (keyof typeof LAYOUTS)[]; cuts: number; flips: number; seed: number },
): Promise<Damage> {
  const found: Damage = { problems: [], truncations: 0, flips: 0, loaded: 0 };
  for (const size of sizes) {
    const { path } = await new CheckpointStore(dir, 9).save(snapshotAt(size === "small" ? 1 : 2, true, LAYOUTS[size]));
    const expected = textOf(await loadCheckpoint(path));
    const files = readdirSync(path).map((name) => ({ name, bytes: readFileSync(join(path, name)) }));
    const attempt = async (what: string) => {
      const outcome = await outcomeOf(path, expected);
      if (outcome === "loaded") found.loaded++;
      else if (outcome !== "refused") found.problems.push(`${size}, ${what}: ${outcome}`);
    };
    for (const { name, bytes } of files) {
      for (const length of lengthsOf(name, bytes, size === "small" ? null : { cuts, seed })) {
        writeFileSync(join(path, name), bytes.subarray(0, length));
        found.truncations++;
        await attempt(`${name} cut after ${length} of ${bytes.byteLength} bytes`);
      }
      writeFileSync(join(path, name), bytes);
    }
    const total = files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    for (let number = 0; number < flips / sizes.length; number++) {
      const [where = 0, which = 0] = uniforms(deriveKey(seed, size, number), 2);
      // Half of them where most of a checkpoint's bytes are not: in any file alike.
      const { name, bytes } =
        number % 2 === 0 ? files[number % files.length]! : atByte(files, Math.floor(where * total));
      const at = Math.floor(where * bytes.byteLength);
      const bit = Math.floor(which * 8);
      put(join(path, name), at, bytes[at]! ^ (1 << bit));
      found.flips++;
      await attempt(`bit ${bit} of byte ${at} of ${name}`);
      put(join(path, name), at, bytes[at]!);
    }
    if ((await outcomeOf(path, expected)) !== "loaded") throw new Error("the trials left the checkpoint damaged");
  }
  return found;
}

/** Every length of a small file; of a large one each block's and tensor's ends, what is beside them, and random places. */
function lengthsOf(name: string, bytes: Buffer, large: { cuts: number; seed: number } | null): number[] {
  if (large === null || bytes.byteLength <= 2 * BLOCK_BYTES) return Array.from(bytes.keys());
  const blocks = Array.from({ length: Math.ceil(bytes.byteLength / BLOCK_BYTES) }, (_, block) => block * BLOCK_BYTES);
  const tensors = parseSafetensors(name, bytes).map((tensor) => tensor.bytes.byteOffset - bytes.byteOffset);
  const drawn = Array.from(uniforms(deriveKey(large.seed, name), large.cuts), (u) => Math.floor(u * bytes.byteLength));
  const near = [...blocks, ...tensors, 8].flatMap((end) => [end - 1, end, end + 1]);
  return [...new Set([...near, ...drawn, bytes.byteLength - 1])].filter((at) => at >= 0 && at < bytes.byteLength);
}

function atByte<T extends { bytes: Buffer }>(files: readonly T[], at: number): T {
  let end = 0;
  return files.find(({ bytes }) => {
    end += bytes.byteLength;
    return at < end;
  })!;
}

function put(path: string, at: number, value: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Uint8Array.of(value), 0, 1, at);
  closeSync(file);
}

/** What is wrong, if it is neither. */
async function outcomeOf(path: string, expected: string): Promise<string> {
  try {
    return textOf(await loadCheckpoint(path)) === expected ? "loaded" : "other contents were loaded";
  } catch (error) {
    const byName =
      error instanceof CnnDistError &&
      /\b(weights|optimizer|ema|residuals)\.safetensors|(state|manifest)\.json/.test(error.message);
    return byName ? "refused" : `not refused by name: ${String(error)}`;
  }
}
