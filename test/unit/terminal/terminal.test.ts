import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { written } from "../../../src/config/recipe.js";
import type { DoneEvent, PlanEvent, RunEvent, StepEvent } from "../../../src/events.js";
import { bytes, percent, plural } from "../../../src/format.js";
import { duration, fit, wrap } from "../../../src/terminal/format.js";
import { LiveRegion } from "../../../src/terminal/live-region.js";
import { planLines } from "../../../src/terminal/plan.js";
import {
  advance,
  liveLines,
  NO_PROGRESS,
  progressLine,
  sentence,
  summaryLines,
} from "../../../src/terminal/progress.js";
import { createReporter } from "../../../src/terminal/reporter.js";
import { testRecipe } from "../../support/recipe.js";

const PLAN: PlanEvent = {
  event: "plan",
  model: "vgg13",
  parameters: 9_416_010,
  input: [32, 32, 3],
  classes: 10,
  dataset: { name: "cifar10", sha256: "0".repeat(64), train: 50_000, test: 10_000, source: "/data/cifar10" },
  batch_size: 100,
  shards: 4,
  steps: 1000,
  epochs: 2,
  steps_per_epoch: 500,
  recipe: written(testRecipe({ optimizer: "adamw", lr: 0.001, weightDecay: 0.01, epochs: 2 })),
  recipe_sha256: "a".repeat(64),
  workers: 5,
  devices: ["cpu", "cpu", "cpu", "cpu", "cpu"],
  threads: 1,
  run_dir: "/runs/one",
  metrics_url: "http://127.0.0.1:9000/metrics",
  resumed_from: "/runs/one/checkpoints/step-00000400",
  start_step: 400,
  predicted_memory_bytes: 1_200_000_000,
  prediction: null,
  init_weights: null,
  warnings: ["mind the gap"],
};
const STEP: StepEvent = {
  event: "step",
  step: 500,
  epoch: 0,
  loss: 1.23456,
  accuracy: 0.5,
  lr: 0.001,
  gradient_norm: 1,
  samples: 100,
  duration_seconds: 0.5,
  samples_per_second: 200,
  phases: {
    wait_seconds: 0,
    input_seconds: 0,
    compute_seconds: 0.4,
    write_seconds: 0,
    reduce_seconds: 0,
    update_seconds: 0,
    commit_seconds: 0,
  },
  ranks: {},
  coordinator: { reduce_seconds: 0, update_seconds: 0 },
  tail_seconds: null,
  checkpoint_wait_seconds: 0,
  exchange_bytes: { in: 1, out: 1, shared: 1 },
  worker_seconds: { "0": 0.4 },
  tensors: 1,
  tensor_bytes: 1,
};
const DONE: DoneEvent = {
  event: "stopped",
  step: 500,
  epoch: 1,
  loss: 1.2,
  accuracy: 0.8,
  best_accuracy: 0.9,
  recipe_sha256: "a".repeat(64),
  weights_sha256: "b".repeat(64),
  ema_sha256: null,
  samples_per_second: 200,
  duration_seconds: 61,
  checkpoint: "/runs/one/checkpoints/step-00000500",
  run_dir: "/runs/one",
  bottleneck: null,
  resume_command: "cnn-dist resume /runs/one",
};
const worker = (rank: number, state: "working" | "lost", detail = ""): RunEvent => ({
  event: "worker",
  rank,
  incarnation: 0,
  state,
  pid: 1,
  device: "cpu",
  detail,
});

test("numbers are written as people read them", () => {
  assert.deepEqual([0.44, 12, 185, 7385].map(duration), ["0.4 s", "12 s", "3:05", "2:03:05"]);
  assert.deepEqual([1_500, 2_500_000, 25_000_000, 1_200_000_000].map(bytes), ["2 kB", "2.5 MB", "25 MB", "1.2 GB"]);
  assert.equal(bytes(999), "999 B");
  assert.deepEqual(
    [0, 1, 2, 1234].map((steps) => plural(steps, "step")),
    ["0 steps", "1 step", "2 steps", "1,234 steps"],
  );
  assert.equal(plural(1, "loss", "losses"), "1 loss");
  assert.equal(percent(0.12345), "12.35%");
  assert.equal(fit("abcdef", 4), "abc…");
});

test("wrapping loses nothing, and no line of several words is too long", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
      fc.integer({ min: 1, max: 30 }),
      (words, width) => {
        const lines = wrap(words.join(" "), width);
        assert.equal(lines.join(" "), words.join(" "));
        for (const line of lines) assert.ok(line.length <= width || !line.includes(" "));
      },
    ),
  );
});

test("the plan says everything that is in force", () => {
  const text = planLines(PLAN)
    .map((pair) => pair.join(" "))
    .join("\n");
  for (const part of [
    "vgg13 · 9,416,010 parameters · 32x32x3 to 10 classes",
    "50,000 training and 10,000 test images",
    "2 epochs of 500 steps · batch 100 in 4 shards · adamw, lr 0.001, weight decay 0.01 · seed 7",
    "5 on cpu, 1 thread each, about 1.2 GB each · 1 of them as a spare: there are only 4 shards",
    "/runs/one",
    "http://127.0.0.1:9000/metrics",
    "a".repeat(64),
    "after step 400",
  ])
    assert.ok(text.includes(part), `${part} is missing in:\n${text}`);
});

test("the bar knows how far, how fast and how long", () => {
  const progress = [PLAN, worker(1, "working"), worker(0, "working"), STEP].reduce(advance, NO_PROGRESS);
  assert.equal(
    progressLine(progress),
    "  50% · step 500/1,000 · ETA 4:10 · loss 1.2346 · accuracy 0.500 · 200 images/s",
  );
  assert.deepEqual(liveLines(progress, 50), [
    "  rank 0  cpu  working  400 ms a step",
    "  rank 1  cpu  working",
    "  █████░░░░░ 50% · step 500/1,000 · ETA 4:10",
    "  loss 1.2346 · accuracy 0.500 · 200 images/s",
  ]);
  assert.match(progressLine([PLAN].reduce(advance, NO_PROGRESS)), /40% · step 400\/1,000 · waiting for the workers/);
  for (const width of [20, 50, 79]) for (const each of liveLines(progress, width)) assert.ok(each.length <= width);
});

test("losses and warnings get a sentence, everyday events none", () => {
  assert.match(sentence(worker(2, "lost", "no sign of life")) ?? "", /rank 2 is lost: no sign of life/);
  assert.equal(sentence({ event: "log", level: "warn", message: "low memory" }), "low memory");
  assert.equal(sentence(worker(2, "working")), null);
  assert.equal(sentence(STEP), null);
});

test("the closing summary has accuracy, checkpoint and the way on", () => {
  const text = summaryLines(DONE).join("\n");
  assert.match(text, /^stopped after step 500, 1:01, 200 images\/s\n/);
  assert.match(text, /accuracy {4}0\.8000 on the test set \(best 0\.9000\)/);
  assert.match(text, /resume {6}cnn-dist resume \/runs\/one$/);
  assert.match(summaryLines({ ...DONE, checkpoint: null }).join("\n"), /none: nothing was trained yet/);
});

/** What a terminal of that width shows after these bytes; understands only what LiveRegion writes. */
class Screen {
  readonly rows: string[] = [""];
  readonly #width: number;
  constructor(width: number) {
    this.#width = width;
  }
  write(text: string): void {
    for (const [token] of text.replaceAll("\u001b", "^").matchAll(/\^\[\d*[AJ]|\n|[^^\n]/g)) {
      const up = /^\^\[(\d+)A$/.exec(token)?.[1];
      if (up !== undefined)
        this.rows.splice(Math.max(0, this.rows.length - 1 - Number(up)), Number.POSITIVE_INFINITY, "");
      else if (token === "\n") this.rows.push("");
      else if (token.length === 1) {
        if (this.rows.at(-1)!.length === this.#width) this.rows.push("");
        this.rows[this.rows.length - 1] += token;
      }
    }
  }
}

test("the live region is drawn over in place, under the lines that stay", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000 });
  const screen = new Screen(40);
  const stream = Object.assign(new PassThrough(), { columns: 40, rows: 4, isTTY: true });
  const show = () => {
    // A read gives all that was written until Node 25, one piece from Node 26 on.
    for (let piece = stream.read() as Buffer | null; piece; piece = stream.read() as Buffer | null)
      screen.write(piece.toString());
  };
  const region = new LiveRegion(stream);
  region.draw(() => ["one", "two"]);
  region.draw(() => ["one", "three"]);
  context.mock.timers.tick(0);
  show();
  assert.deepEqual(screen.rows, ["one", "three", ""]);
  region.draw(() => ["four"]);
  context.mock.timers.tick(99);
  show();
  assert.deepEqual(screen.rows, ["one", "three", ""], "not oftener than every 100 ms");
  context.mock.timers.tick(1);
  show();
  assert.deepEqual(screen.rows, ["four", ""]);
  region.above("stays");
  show();
  assert.deepEqual(screen.rows, ["stays", "four", ""]);
  region.draw(() => ["1", "2", "3", "4", "5"]);
  context.mock.timers.tick(100);
  show();
  assert.deepEqual(screen.rows, ["stays", "3", "4", "5", ""], "no more than the terminal is high");
  region.clear();
  show();
  assert.deepEqual(screen.rows, ["stays", ""]);
});

for (const mode of ["plain", "json", "quiet"] as const)
  test(`what goes where: ${mode}`, () => {
    const text = { stdout: "", stderr: "" };
    const stream = (name: "stdout" | "stderr") =>
      Object.assign(new PassThrough(), { isTTY: false }).on("data", (chunk: Buffer) => {
        text[name] += chunk.toString();
      });
    const reporter = createReporter({
      io: { stdout: stream("stdout"), stderr: stream("stderr"), env: {} },
      json: mode === "json",
      quiet: mode === "quiet",
      version: "1.2.3",
    });
    reporter.greet("vgg13");
    for (const event of [PLAN, worker(0, "working"), STEP, worker(0, "lost", "killed"), DONE]) reporter.event(event);
    reporter.close();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      assert.match(text.stderr, /warning +mind the gap/);
      assert.match(text.stderr, /rank 0 is lost: killed/);
      assert.equal(/^cnn-dist 1\.2\.3 · vgg13\n/.test(text.stderr), mode === "plain");
      if (mode === "json")
        assert.deepEqual(
          text.stdout
            .trim()
            .split("\n")
            .map((line) => (JSON.parse(line) as RunEvent).event),
          ["plan", "worker", "step", "worker", "stopped"],
        );
      else assert.equal(text.stdout, `${summaryLines(DONE).join("\n")}\n`);
    });
  });

test("the plan names normalisation, and the augmentation step by step", () => {
  const recipe = {
    ...PLAN.recipe,
    normalization: "channel",
    augmentation: [{ step: "padAndCrop", padding: 4 }, { step: "horizontalFlip" }],
  };
  const lines = new Map(planLines({ ...PLAN, recipe } as typeof PLAN));
  assert.equal(lines.get("augment"), "padAndCrop, horizontalFlip");
  assert.match(lines.get("training")!, /, normalised by channel · seed 7$/);
  assert.equal(new Map(planLines(PLAN)).get("augment"), undefined);
});

test("the plan says what each device of a worker holds, and what crosses between them", () => {
  const device = { parameters: 100, multiply_adds: 2_000, activation_bytes: 3_000 };
  const crossings = [
    { layer: "conv3", forward_bytes: 4_000, backward_bytes: 5_000 },
    { layer: "loss", forward_bytes: 1_000, backward_bytes: 1_000 },
  ];
  const towersOf = (devices: (typeof device)[]) => new Map(planLines({ ...PLAN, towers: { devices, crossings } }));
  const alike = towersOf([device, device]);
  const crossing = "5 kB cross forward, 6 kB backward";
  assert.equal(
    alike.get("towers"),
    `each device: 100 parameters, 2,000 multiply-adds, activations of 3 kB an image · ${crossing}`,
  );
  assert.match(alike.get("workers")!, /on 2 devices each: .* a device/);
  assert.match(towersOf([device, { ...device, parameters: 90 }]).get("towers")!, /device 0: 100 .* · device 1: 90 /);
  assert.equal(new Map(planLines(PLAN)).get("towers"), undefined);
});

test("the plan says what training begins from, and what keeps its seeded values", () => {
  const reason = "the file's is [84,10], the network's [84,3]";
  const kept = ["a", "b", "c", "d", "e", "f"].map((name) => ({ name, reason }));
  const line = (changes: object) =>
    planLines({
      ...PLAN,
      init_weights: {
        path: "/w.safetensors",
        sha256: "",
        names: "torchvision",
        total: 10,
        loaded: 4,
        kept,
        ...changes,
      },
    }).find(([label]) => label === "start")?.[1];
  assert.equal(line({ names: "cnn-dist", loaded: 10, kept: [] }), "10 of 10 tensors from /w.safetensors");
  assert.match(
    line({})!,
    /^4 of 10 tensors from \/w.safetensors \(torchvision's names\) · seeded as without the file: a \(the file's.*d \(.*\) and 2 more$/,
  );
});

test("the plan names the network's options, those included that its weights brought", () => {
  const recipe = { ...PLAN.recipe, modelOptions: { transformInput: true, auxiliaryPool: "adaptive" } };
  const lines = new Map(planLines({ ...PLAN, model: "googlenet-bn", recipe } as typeof PLAN));
  assert.match(lines.get("model")!, /^googlenet-bn \(transformInput=true, auxiliaryPool=adaptive\) · /);
  assert.doesNotMatch(new Map(planLines(PLAN)).get("model")!, /\(/);
});

test("the plan says how large a step of several batches is", () => {
  const recipe = { ...PLAN.recipe, batchSize: 64, accumulate: 2 };
  const lines = new Map(planLines({ ...PLAN, batch_size: 128, shards: 4, recipe } as typeof PLAN));
  assert.match(lines.get("training")!, / · 64 images x 2 = 128 a step in 4 shards · /);
});

test("the plan of a dry run says what a step will take", () => {
  const prediction = {
    exchange: "shared-memory",
    exchanged_bytes: 38_000_000,
    compute_seconds: 0.771,
    step_seconds: 0.8,
    exchange_seconds: 0.029,
    efficiency: 0.96,
    enough_compute_seconds: 0.2,
  } as const;
  const predicted = (facts: PlanEvent["prediction"], workers = 2) =>
    new Map(planLines({ ...PLAN, workers, prediction: facts })).get("predicted");
  assert.equal(predicted(null), undefined);
  assert.equal(
    predicted(prediction),
    "a step takes about 800 ms: computing 771 ms, at an assumed rate, and 29 ms beside it to exchange 38 MB through shared memory · efficiency 96%: 2 workers as fast as 1.9 that exchange nothing",
  );
  const unknown = {
    ...prediction,
    exchange: "frames",
    compute_seconds: null,
    step_seconds: null,
    efficiency: null,
  } as const;
  assert.equal(
    predicted(unknown),
    "the exchange of 38 MB in frames takes up to 29 ms a step; how long computing takes is not known here · an efficiency of 90% needs at least 200 ms of computing a shard",
  );
  assert.match(predicted({ ...unknown, enough_compute_seconds: null })!, /is not known here$/);
});
