import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PLACEMENT_DEFAULTS } from "../../src/config/placement.js";
import { resolveRecipe } from "../../src/config/resolve.js";
import type { HeartbeatEvent, RunEvent } from "../../src/events.js";
import { startRun } from "../../src/run/run.js";
import type { Sitting } from "../sitting.js";
import { printTable } from "../table.js";

const STEPS = 3000;
const FROM = 200;
const MIB = 2 ** 20;

/** The coordinator is this process. */
export async function memory(_: Sitting): Promise<void> {
  const coordinator = { first: 0, last: 0 };
  const first: HeartbeatEvent[] = [];
  const last: HeartbeatEvent[] = [];
  let now = 0;
  await train((event) => {
    if (event.event === "step") {
      now = event.step;
      if (now === FROM) coordinator.first = process.memoryUsage.rss();
      if (now === STEPS - 10) coordinator.last = process.memoryUsage.rss();
    }
    if (event.event === "heartbeat" && now >= FROM) {
      first[event.rank] ??= event;
      last[event.rank] = event;
    }
  });
  const growth = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  printTable(`${STEPS.toLocaleString("en-US")} LeNet-5 steps, two workers of 1 thread: growth after step ${FROM}`, [
    ["", "resident memory", "TensorFlow's handles"],
    ["coordinator", growth(coordinator.last - coordinator.first), ""],
    ...first.map((begun, rank) => [
      `worker ${rank}`,
      growth(last[rank]!.rss_bytes - begun.rss_bytes),
      `${begun.tensors} to ${last[rank]!.tensors}`,
    ]),
  ]);
}

async function train(observe: (event: RunEvent) => void): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  const datasetOptions = { height: 28, width: 28, channels: 1, classes: 10, train: 4096, test: 8 };
  const overrides = { dataset: "synthetic", datasetOptions, steps: STEPS, epochs: null, batchSize: 128, threads: 1 };
  const placement = { device: "cpu", metrics: false, evaluateEveryEpochs: 0, runDir: join(scratch, "run") } as const;
  try {
    const recipe = resolveRecipe({ model: "lenet5", overrides, workers: 2 });
    await startRun({ recipe, placement: { ...PLACEMENT_DEFAULTS, ...placement, workers: 2 }, observe }).result;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
