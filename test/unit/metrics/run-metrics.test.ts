import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { written } from "../../../src/config/recipe.js";
import type { DoneEvent, PlanEvent, StepEvent, WorkerEvent } from "../../../src/events.js";
import { createRunMetrics, type RunMetrics } from "../../../src/metrics/run-metrics.js";
import { ROOT } from "../../support/fixtures.js";
import { testRecipe } from "../../support/recipe.js";

const STEP: StepEvent = {
  event: "step",
  step: 1,
  epoch: 0,
  loss: 2.25,
  accuracy: 0.125,
  lr: 0.05,
  gradient_norm: 1.5,
  samples: 64,
  duration_seconds: 0.25,
  samples_per_second: 256,
  phases: {
    wait_seconds: 0.005,
    input_seconds: 0.005,
    compute_seconds: 0.2,
    write_seconds: 0.01,
    reduce_seconds: 0.01,
    update_seconds: 0.02,
    commit_seconds: 0,
  },
  ranks: {
    0: {
      shards: 2,
      wait_seconds: 0.005,
      input_seconds: 0.005,
      compute_seconds: 0.2,
      write_seconds: 0.01,
      idle_seconds: 0.04,
    },
    1: {
      shards: 2,
      wait_seconds: 0.005,
      input_seconds: 0.01,
      compute_seconds: 0.15,
      write_seconds: 0.01,
      idle_seconds: 0.085,
    },
  },
  coordinator: { reduce_seconds: 0.02, update_seconds: 0.04 },
  tail_seconds: 0.03,
  checkpoint_wait_seconds: 0,
  exchange_bytes: { in: 1000, out: 2000, shared: 3000 },
  worker_seconds: { 0: 0.2, 1: 0.15 },
  tensors: 20,
  tensor_bytes: 800,
};
const PLAN: PlanEvent = {
  event: "plan",
  model: "lenet5",
  parameters: 61706,
  input: [28, 28, 1],
  classes: 10,
  dataset: { name: "synthetic", sha256: "d".repeat(64), train: 150, test: 60, source: "drawn" },
  batch_size: 64,
  shards: 4,
  steps: 3,
  epochs: 1,
  steps_per_epoch: 3,
  recipe: written(testRecipe()),
  recipe_sha256: "a".repeat(64),
  workers: 2,
  devices: ["cpu", "cpu"],
  threads: 1,
  run_dir: "/runs/a",
  metrics_url: null,
  page_url: null,
  resumed_from: null,
  start_step: 0,
  predicted_memory_bytes: 0,
  prediction: null,
  init_weights: null,
  warnings: [],
};
const DONE: DoneEvent = {
  event: "done",
  step: 3,
  epoch: 1,
  loss: 0.5,
  accuracy: 0.875,
  best_accuracy: 0.875,
  recipe_sha256: "a".repeat(64),
  weights_sha256: "b".repeat(64),
  ema_sha256: null,
  samples_per_second: 256,
  duration_seconds: 1,
  checkpoint: null,
  run_dir: "/runs/a",
  bottleneck: null,
  held_back: null,
  resume_command: null,
};
const worker = (event: Partial<WorkerEvent>): WorkerEvent => ({
  event: "worker",
  rank: 0,
  incarnation: 0,
  state: "ready",
  pid: 1,
  device: "cpu",
  ...event,
});
const heartbeat = (rank: number) =>
  ({ event: "heartbeat", rank, timestamp: 1000 + rank, tensors: 10, tensor_bytes: 400, rss_bytes: 1 }) as const;

/** The sample of that name and labels, as it stands in the exposition; undefined when it is not there. */
async function value(metrics: RunMetrics, sample: string): Promise<number | undefined> {
  const line = (await metrics.registry.metrics()).split("\n").find((each) => each.startsWith(`cnn_dist_${sample} `));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

test("steps: gauges hold the last, counters and histograms add up", async () => {
  const metrics = createRunMetrics();
  metrics.observe(STEP);
  metrics.observe({ ...STEP, step: 2, loss: 2, samples: 22, duration_seconds: 3 });
  for (const [sample, expected] of [
    ["train_loss", 2],
    ["train_accuracy_ratio", 0.125],
    ["learning_rate", 0.05],
    ["gradient_norm", 1.5],
    ["steps_total", 2],
    ["samples_total", 86],
    ["step_duration_seconds_count", 2],
    ["step_duration_seconds_sum", 3.25],
    ['step_duration_seconds_bucket{le="0.25"}', 1],
    ['step_duration_seconds_bucket{le="5"}', 2],
    ['step_phase_duration_seconds_sum{phase="compute"}', 0.4],
    ['exchange_bytes_total{direction="in",transport="zeromq"}', 2000],
    ['exchange_bytes_total{direction="out",transport="zeromq"}', 4000],
    ['exchange_bytes_total{direction="in",transport="shared-memory"}', 6000],
    ['worker_step_duration_seconds{rank="1"}', 0.15],
    ['worker_phase_seconds_total{rank="1",phase="compute"}', 0.3],
    ['worker_phase_seconds_total{rank="0",phase="idle"}', 0.08],
    ["step_tail_duration_seconds_count", 2],
  ] as const)
    assert.equal(await value(metrics, sample), expected, sample);
});

test("evaluations, checkpoints and refused messages", async () => {
  const metrics = createRunMetrics();
  const before = Date.now() / 1000;
  metrics.observe({
    event: "eval",
    epoch: 0,
    step: 3,
    loss: 0.5,
    accuracy: 0.875,
    samples: 60,
    duration_seconds: 1,
    weights: "raw",
    best: true,
  });
  const failed = { step: 2, message: "no space is left", code: "disk-full", failures: 1, allowed: 10 };
  metrics.observe({ event: "checkpoint-failed", ...failed });
  assert.equal(await value(metrics, "checkpoint_failures_total"), 1);
  metrics.observe({ event: "checkpoint", step: 3, path: "/runs/a", size_bytes: 4096, duration_seconds: 0.2 });
  metrics.observe({ event: "rejected", reason: "schema", count: 1 });
  metrics.observe({ event: "rejected", reason: "schema", count: 1 });
  assert.equal(await value(metrics, "eval_loss"), 0.5);
  assert.equal(await value(metrics, "eval_accuracy_ratio"), 0.875);
  assert.equal(await value(metrics, "checkpoint_last_step"), 3);
  assert.equal(await value(metrics, "checkpoint_size_bytes"), 4096);
  assert.equal(await value(metrics, 'checkpoint_duration_seconds_bucket{le="0.25"}'), 1);
  assert.ok((await value(metrics, "checkpoint_last_success_timestamp_seconds"))! >= before);
  assert.equal(await value(metrics, 'wire_rejected_total{reason="schema"}'), 2);
});

test("a lost worker is counted, and what it told of itself goes with it", async () => {
  const metrics = createRunMetrics();
  for (const rank of [0, 1]) {
    metrics.observe(worker({ rank }));
    metrics.observe(heartbeat(rank));
  }
  metrics.observe(STEP);
  assert.equal(await value(metrics, 'workers{state="ready"}'), 2);
  assert.equal(await value(metrics, "tensors"), 20);
  metrics.observe(worker({ rank: 1, state: "lost", reason: "silence", detection_seconds: 10.5, reassigned: 2 }));
  for (const [sample, expected] of [
    ['workers{state="ready"}', 1],
    ['workers{state="lost"}', 1],
    ['failures_detected_total{reason="silence"}', 1],
    ['failures_detected_total{reason="exit"}', 0],
    ["failure_detection_seconds_sum", 10.5],
    ["shards_reassigned_total", 2],
    ["tensors", 10],
    ["tensor_memory_bytes", 400],
    ['worker_last_heartbeat_timestamp_seconds{rank="0"}', 1000],
    ['worker_last_heartbeat_timestamp_seconds{rank="1"}', undefined],
    ['worker_step_duration_seconds{rank="0"}', 0.2],
    ['worker_step_duration_seconds{rank="1"}', undefined],
  ] as const)
    assert.equal(await value(metrics, sample), expected, sample);
});

test("the end of an incarnation, told late, does not hide its successor", async () => {
  const metrics = createRunMetrics();
  metrics.observe(worker({ incarnation: 1, state: "starting" }));
  metrics.observe(worker({ incarnation: 0, state: "lost", reason: "exit" }));
  assert.equal(await value(metrics, 'workers{state="starting"}'), 1);
  assert.equal(await value(metrics, 'workers{state="lost"}'), 0);
  assert.equal(await value(metrics, 'failures_detected_total{reason="exit"}'), 1);
  assert.equal(await value(metrics, "failure_detection_seconds_count"), 0);
});

test("ready while a worker can take part in the next step, between the run's start and its end", () => {
  const metrics = createRunMetrics();
  assert.equal(metrics.notReady(), "the run has not started");
  metrics.observe(PLAN);
  assert.equal(metrics.notReady(), "no worker has joined yet");
  for (const state of ["starting", "joining", "tracing"] as const) {
    metrics.observe(worker({ state }));
    assert.equal(metrics.notReady(), "no worker is ready");
  }
  for (const state of ["ready", "working", "spare"] as const) {
    metrics.observe(worker({ state }));
    assert.equal(metrics.notReady(), null);
  }
  metrics.observe(worker({ rank: 1, state: "lost", reason: "exit" }));
  assert.equal(metrics.notReady(), null);
  metrics.observe(worker({ rank: 0, state: "lost", reason: "exit" }));
  assert.equal(metrics.notReady(), "no worker is ready");
  metrics.observe(worker({ rank: 0, incarnation: 1 }));
  assert.equal(metrics.notReady(), null);
  metrics.observe(DONE);
  assert.equal(metrics.notReady(), "the run has ended");
});

test("docs/metrics.md tells every metric with its type and meaning", async () => {
  const docs = readFileSync(join(ROOT, "docs", "metrics.md"), "utf8").split("\n");
  for (const { name, help, type } of await createRunMetrics().registry.getMetricsAsJSON()) {
    const line = docs.find((each) => each.startsWith(`| \`${name}\``) || each.startsWith(`| \`${name}{`));
    assert.ok(line?.endsWith(` | ${type} | ${help} |`), `${name}: ${line}`);
  }
});

test("what holds a run back is of one phase at a time, and ends with the run", async () => {
  const { registry, observe } = createRunMetrics();
  const held = async () => (await registry.metrics()).match(/^cnn_dist_held_back_ratio\{phase="[\w-]+"\} (?!0$).*$/gm);
  assert.equal(await held(), null);
  const told = { event: "held-back", rank: null, part: null, text: "" } as const;
  observe({ ...told, phase: "input", share: 0.5 });
  observe({ ...told, phase: "workers", share: 1 });
  assert.deepEqual(await held(), ['cnn_dist_held_back_ratio{phase="workers"} 1']);
  observe({ ...told, phase: null, share: 0 });
  assert.equal(await held(), null);
  observe({ ...told, phase: "workers", share: 1 });
  observe(DONE);
  assert.equal(await held(), null);
});
