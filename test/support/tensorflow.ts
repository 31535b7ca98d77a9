import type { Engine, EngineOptions } from "../../src/engine/engine.js";
import { openEngine } from "../../src/engine/open.js";

/** The folder of TensorFlow's libraries for tests. */
export async function tensorflowDir(): Promise<string> {
  const dir = process.env.CNN_DIST_TENSORFLOW;
  if (!dir) throw new Error("set CNN_DIST_TENSORFLOW");
  return dir;
}

export async function openTestEngine(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({ libraryDir: await tensorflowDir(), threads: 1, device: "cpu", precision: "fp32", ...options });
}
