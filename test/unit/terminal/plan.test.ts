import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlanEvent } from "../../../src/events.js";
import { planLines } from "../../../src/terminal/plan.js";
import { PLAN } from "../../support/run-events.js";

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
    link_bytes_per_second: null,
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
  const nodes = { count: 3, endpoint: "n0:5555" };
  const several = planLines({ ...PLAN, nodes, prediction: { ...prediction, link_bytes_per_second: 1.25e9 } });
  assert.match(
    new Map(several).get("predicted")!,
    /to exchange 38 MB through shared memory and with 2 other nodes, at an assumed 10 Gbit\/s/,
  );
});
