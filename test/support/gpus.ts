/** A machine with GPUs, as far as nvidia-smi says. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryDirectory } from "./temporary.js";

/** Until the test ends, this process finds an nvidia-smi that tells of eight GPUs, all of them visible. */
export function seeEightGpus(context: TestContext): void {
  const { PATH, CUDA_VISIBLE_DEVICES } = process.env;
  context.after(() => {
    process.env.PATH = PATH;
    if (CUDA_VISIBLE_DEVICES === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
    else process.env.CUDA_VISIBLE_DEVICES = CUDA_VISIBLE_DEVICES;
  });
  const dir = temporaryDirectory(context);
  const cards = Array.from({ length: 8 }, (_, index) => `${index}, GPU-${index}, Fake, 80000, 0, 0, 30, 50`);
  writeFileSync(join(dir, "nvidia-smi"), `#!/bin/sh\ncat <<'END'\n${cards.join("\n")}\nEND\n`);
  chmodSync(join(dir, "nvidia-smi"), 0o755);
  process.env.PATH = `${dir}:${PATH}`;
  delete process.env.CUDA_VISIBLE_DEVICES;
}
