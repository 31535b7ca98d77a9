/**
 * `npm run bench [-- NAME …]`: tables of figures; without a name, all. Ratios come from alternating runs. PyTorch is
 * measured when CNN_DIST_BENCH_PYTHON names a Python that has it, TensorFlow's pipeline when CNN_DIST_BENCH_TENSORFLOW_PYTHON
 * does. Nothing else should run meanwhile.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PLACEMENT_DEFAULTS } from "../src/config/placement.js";
import type { Recipe } from "../src/config/recipe.js";
import { type RecipeOverrides, resolveRecipe } from "../src/config/resolve.js";
import { ensureTensorflow } from "../src/engine/install.js";
import type { RunEvent } from "../src/events.js";
import { cacheDirectory } from "../src/paths.js";
import { earlyEnvironment } from "../src/run/fork-worker.js";
import { startRun } from "../src/run/run.js";
import { alternate, median, printTable, ratio } from "./table.js";

const execute = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ROUNDS = 3;
/** Other tenants of a machine disturb single steps most. */
const STEP_ROUNDS = 5;
const ms = (values: readonly number[]) => `${median(values).toFixed(1)} ms`;

process.env.CNN_DIST_TENSORFLOW ??= (await ensureTensorflow({ gpu: false, cacheDir: cacheDirectory() })).dir;

/** A script of this folder in a process of its own, in the environment that a worker's has; the number that it prints. */
async function figure(script: string, ...words: readonly (string | number)[]): Promise<number> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await execute(process.execPath, [path, ...words.map(String)], {
    env: { ...earlyEnvironment(process.env), TF_CPP_MIN_LOG_LEVEL: "3" },
  });
  return Number(stdout);
}

const step = (model: string, batch: number, mode: string, threads: number) =>
  figure("step.js", model, batch, mode, threads);

const python = process.env.CNN_DIST_BENCH_PYTHON;
async function torch(model: string, batch: number, threads: number): Promise<number> {
  const { stdout } = await execute(python!, [
    join(ROOT, "bench", "peer_step.py"),
    model,
    String(batch),
    String(threads),
  ]);
  return Number(stdout);
}

async function captured(): Promise<void> {
  const rows = [["model, batch", "captured", "op by op", "op by op / captured"]];
  for (const [model, batch] of [
    ["vgg13", 128],
    ["lenet5", 128],
  ] as const) {
    const times = await alternate(ROUNDS, {
      captured: () => step(model, batch, "captured", 2),
      eager: () => step(model, batch, "eager", 2),
    });
    rows.push([`${model}, ${batch}`, ms(times.captured), ms(times.eager), ratio(times.eager, times.captured)]);
  }
  printTable("A captured step against the same step op by op (2 threads)", rows);
}

async function pytorch(): Promise<void> {
  if (!python) return void process.stdout.write("\nPyTorch: not measured; CNN_DIST_BENCH_PYTHON names no Python\n");
  const rows = [["model, batch, threads", "cnn-dist", "PyTorch, channels_last", "PyTorch / cnn-dist"]];
  for (const [model, batch, threads] of [
    ["vgg13", 128, 2],
    ["lenet5", 128, 2],
    ["lenet5", 32, 1], // a shard of its recipe, as a worker computes it
    ["resnet18", 64, 2],
    ["alexnet-fashion", 64, 2],
  ] as const) {
    const times = await alternate(STEP_ROUNDS, {
      ours: () => step(model, batch, "captured", threads),
      torch: () => torch(model, batch, threads),
    });
    rows.push([`${model}, ${batch}, ${threads}`, ms(times.ours), ms(times.torch), ratio(times.torch, times.ours)]);
  }
  printTable("A step (forward, backward, gradients on the host) against PyTorch", rows);
}

async function data(): Promise<void> {
  const modes = ["repeated", "loaded", "augmented"] as const;
  const rows = [["batch", "the same batch repeated", "Fashion-MNIST", "share of the speed", "with crops and flips"]];
  for (const batch of [32, 128]) {
    const measure = (mode: (typeof modes)[number]) => () => figure("data.js", mode, batch, 1);
    const times = await alternate(ROUNDS, {
      repeated: measure("repeated"),
      loaded: measure("loaded"),
      augmented: measure("augmented"),
    });
    const { repeated, loaded, augmented } = times;
    rows.push([String(batch), ms(repeated), ms(loaded), ratio(repeated, loaded), ms(augmented)]);
  }
  printTable("LeNet-5 steps (1 thread) on Fashion-MNIST against the same batch repeated", rows);
}

async function decode(): Promise<void> {
  const tensorflow = process.env.CNN_DIST_BENCH_TENSORFLOW_PYTHON;
  if (!tensorflow)
    return void process.stdout.write(
      "\nDecoding: not measured; CNN_DIST_BENCH_TENSORFLOW_PYTHON names no Python with TensorFlow\n",
    );
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  const peer = (...words: readonly string[]) => execute(tensorflow, [join(ROOT, "bench", "peer_decode.py"), ...words]);
  try {
    await peer("make", scratch, "2560");
    const rates = await alternate(ROUNDS, {
      ours: () => figure("decode.js", scratch, 3),
      peer: async () => Number((await peer("measure", scratch, "3")).stdout),
    });
    printTable("256x256 JPEGs decoded, images a second, all cores", [
      ["cnn-dist", "TensorFlow's Python pipeline", "cnn-dist / TensorFlow"],
      [median(rates.ours).toFixed(0), median(rates.peer).toFixed(0), ratio(rates.ours, rates.peer)],
    ]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function trace(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await step("vgg13", 128, "trace", 2));
  printTable("Tracing VGG13, batch 128, both passes", [["median", ms(times)]]);
}

async function train(
  overrides: RecipeOverrides,
  model: string,
  workers: number,
  observe: (event: RunEvent) => void,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  try {
    const recipe = resolveRecipe({ model, overrides: { dataset: "synthetic", ...overrides }, workers });
    const run = startRun({
      recipe,
      placement: {
        ...PLACEMENT_DEFAULTS,
        workers,
        device: "cpu",
        metrics: false,
        evaluateEveryEpochs: 0,
        runDir: join(scratch, "run"),
      },
      observe,
    });
    await run.result;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Images a second of the median step; 64 images a shard, a shard a worker. */
async function speed(workers: number, optimizer: Recipe["optimizer"]): Promise<number> {
  const seconds: number[] = [];
  const data = { height: 32, width: 32, channels: 3, classes: 100, train: 4096, test: 8 };
  await train(
    { batchSize: 64 * workers, shards: workers, steps: 14, epochs: null, threads: 1, optimizer, datasetOptions: data },
    "vgg13",
    workers,
    (event) => {
      if (event.event === "step" && event.step > 4) seconds.push(event.duration_seconds);
    },
  );
  return (64 * workers) / median(seconds);
}

async function scaling(): Promise<void> {
  const rows = [["optimizer", "one worker", "two workers", "ratio"]];
  for (const optimizer of ["momentum", "adam"] as const) {
    const rates = await alternate(ROUNDS, { one: () => speed(1, optimizer), two: () => speed(2, optimizer) });
    rows.push([
      optimizer,
      `${median(rates.one).toFixed(1)} images/s`,
      `${median(rates.two).toFixed(1)} images/s`,
      ratio(rates.two, rates.one),
    ]);
  }
  printTable("VGG13, 64 images a shard, workers of one thread", rows);
}

async function memory(): Promise<void> {
  const MIB = 2 ** 20;
  const at = {
    worker: new Map<number, { rss: number; tensors: number }>(),
    first: new Map<number, { rss: number; tensors: number }>(),
    coordinator: [0, 0],
  };
  let stepNow = 0;
  await train(
    {
      steps: 3000,
      epochs: null,
      batchSize: 128,
      datasetOptions: { height: 28, width: 28, channels: 1, classes: 10, train: 4096, test: 8 },
    },
    "lenet5",
    2,
    (event) => {
      if (event.event === "step") {
        stepNow = event.step;
        if (event.step === 200) at.coordinator[0] = process.memoryUsage.rss();
        if (event.step === 2990) at.coordinator[1] = process.memoryUsage.rss();
      }
      if (event.event === "heartbeat" && stepNow >= 200) {
        const seen = { rss: event.rss_bytes, tensors: event.tensors };
        if (!at.first.has(event.rank)) at.first.set(event.rank, seen);
        at.worker.set(event.rank, seen);
      }
    },
  );
  const growth = (rank: number) => (at.worker.get(rank)!.rss - at.first.get(rank)!.rss) / MIB;
  printTable("3,000 LeNet-5 steps, two workers: growth after step 200", [
    ["", "resident memory", "TensorFlow handles"],
    ["coordinator (this process)", `${((at.coordinator[1]! - at.coordinator[0]!) / MIB).toFixed(1)} MiB`, ""],
    ...[0, 1].map((rank) => [
      `worker ${rank}`,
      `${growth(rank).toFixed(1)} MiB`,
      `${at.first.get(rank)!.tensors} to ${at.worker.get(rank)!.tensors}`,
    ]),
  ]);
}

async function help(): Promise<void> {
  const times: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < 11; round++) {
    for (const [list, args] of [
      [times, [join(ROOT, "bin", "cnn-dist.js"), "--help"]],
      [bare, ["-e", "0"]],
    ] as const) {
      const start = performance.now();
      await execute(process.execPath, args);
      list.push(performance.now() - start);
    }
  }
  printTable("cnn-dist --help", [
    ["median", ms(times)],
    ["node by itself", ms(bare)],
  ]);
}

const BENCHES = { captured, pytorch, trace, data, decode, scaling, memory, help };
const words = process.argv.slice(2);
for (const [name, bench] of Object.entries(BENCHES)) if (words.length === 0 || words.includes(name)) await bench();
