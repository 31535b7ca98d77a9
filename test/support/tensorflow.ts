import type { Engine, EngineOptions } from "../../src/engine/engine.js";
import { ensureTensorflow } from "../../src/engine/install.js";
import { openEngine } from "../../src/engine/open.js";
import { cacheDirectory } from "../../src/paths.js";

/** The folder of TensorFlow's libraries: as a run would find it, installed into the user's cache when it is nowhere. */
export async function tensorflowDir(): Promise<string> {
  const { dir } = await ensureTensorflow({
    gpu: false,
    cacheDir: cacheDirectory(),
    onProgress: ({ what, received }) => {
      if (received === 0) process.stderr.write(`${what}\n`);
    },
  });
  return dir;
}

export async function openTestEngine(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({ libraryDir: await tensorflowDir(), threads: 1, device: "cpu", precision: "fp32", ...options });
}
