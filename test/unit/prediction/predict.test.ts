import assert from "node:assert/strict";
import { test } from "node:test";
import { COPY_SECONDS } from "../../../src/prediction/costs.js";
import { computeForEfficiency, computeSeconds, predictStep, type Situation } from "../../../src/prediction/predict.js";

const MB = 1e6;

/** VGG13 on two cores: 38 MB, 64 images a shard. */
function situation(changes: Partial<Situation> = {}): Situation {
  return {
    parameterBytes: 38.3 * MB,
    buckets: 8,
    shards: 2,
    workers: 2,
    others: null,
    exchange: "shared-memory",
    remote: false,
    optimizer: "momentum",
    cores: 2,
    coresPerWorker: 1,
    copySeconds: COPY_SECONDS,
    ...changes,
  };
}

/** Two rates and a time a layer, fitted to one thread's steps of four networks; as measured, in seconds. */
test("computing lies within 10% of measured steps", () => {
  const cases = [
    { multiplyAdds: 228.4e6, outputBytes: 1.128e6, layers: 30, images: 64, measured: 0.8 },
    { multiplyAdds: 520.7e6, outputBytes: 7.352e6, layers: 70, images: 32, measured: 0.972 },
    { multiplyAdds: 0.4165e6, outputBytes: 0.0381e6, layers: 10, images: 32, measured: 0.0027 },
    { multiplyAdds: 0.4165e6, outputBytes: 0.0381e6, layers: 10, images: 128, measured: 0.0091 },
  ];
  for (const { measured, ...network } of cases) {
    const ratio = computeSeconds({ ...network, threads: 1 }) / measured;
    assert.ok(ratio > 0.9 && ratio < 1.1, `${JSON.stringify(network)}: ${ratio} of what was measured`);
  }
});

test("more threads divide computing, but not what each layer costs", () => {
  const network = { multiplyAdds: 64e6, outputBytes: 0, layers: 0, images: 100, threads: 1 };
  assert.ok(Math.abs(computeSeconds(network) - 0.3) < 1e-9);
  assert.ok(Math.abs(computeSeconds({ ...network, threads: 2 }) - 0.15) < 1e-9);
  const layers = { ...network, multiplyAdds: 0, layers: 10 };
  assert.equal(computeSeconds({ ...layers, threads: 2 }), computeSeconds(layers));
});

test("a step is never shorter than its computing, and efficiency never above 1", () => {
  for (const exchange of ["shared-memory", "frames"] as const)
    for (const workers of [1, 2, 3, 8, 64])
      for (const shards of [1, 2, 4, 64])
        for (const compute of [1e-4, 0.01, 1]) {
          const given = situation({ exchange, workers, shards, cores: 64 });
          const { stepSeconds, exchangeSeconds, efficiency } = predictStep(given, compute);
          const rounds = Math.ceil(shards / Math.min(workers, shards));
          assert.ok(stepSeconds >= rounds * compute);
          assert.ok(exchangeSeconds >= 0);
          assert.ok(efficiency > 0 && efficiency <= 1);
        }
});

test("shards that do not divide among the workers leave some idle", () => {
  const even = predictStep(situation({ shards: 4, cores: 64 }), 1).efficiency;
  const uneven = predictStep(situation({ shards: 3, cores: 64 }), 1).efficiency;
  assert.ok(even > 0.95);
  assert.ok(Math.abs(uneven - 0.75 * even) < 0.02);
});

test("workers beyond the cores share them", () => {
  const own = predictStep(situation({ workers: 4, shards: 4, cores: 8 }), 1);
  const shared = predictStep(situation({ workers: 4, shards: 4, cores: 2 }), 1);
  assert.ok(own.stepSeconds < 1.1);
  assert.ok(shared.stepSeconds > 2 && shared.stepSeconds < 2.1);
});

test("on a GPU computing takes none of the machine's cores", () => {
  const { stepSeconds } = predictStep(situation({ workers: 4, shards: 4, cores: 2, coresPerWorker: 0 }), 1);
  assert.ok(stepSeconds < 1.1);
});

test("frames cost more than shared memory, a slow machine more than a fast one, adam more than sgd", () => {
  const cost = (changes: Partial<Situation>) => predictStep(situation(changes), 0).exchangeSeconds;
  assert.ok(cost({ exchange: "frames" }) > 2 * cost({}));
  assert.ok(cost({ copySeconds: 2 * COPY_SECONDS }) > 1.5 * cost({}));
  assert.ok(cost({ optimizer: "adam" }) > cost({ optimizer: "sgd" }));
});

test("between hosts the wire is what the backward pass can hide, and no more", () => {
  const remote = situation({ exchange: "frames", remote: true, workers: 8, shards: 8 });
  const long = predictStep(remote, 10);
  assert.ok(long.efficiency > 0.95, "ten seconds hide it");
  // Eight gradients of 38 MB at 1.25 GB/s take a quarter of a second.
  assert.ok(predictStep(remote, 0.1).stepSeconds > 0.245 + 0.1 / 3);
});

test("other nodes take their shards, and a gradient and the weights of each cross the network", () => {
  const four = situation({ shards: 8, others: { nodes: 3, sums: 3, socketThreads: 4 }, cores: 64 });
  const wire = (3 * 38.3 * MB) / 1.25e9;
  const long = predictStep(four, 1);
  assert.ok(long.stepSeconds > 1 && long.stepSeconds < 1.3, "each of eight workers has one of eight shards");
  assert.ok(predictStep(four, 0).stepSeconds > wire);
  const uneven = predictStep({ ...four, others: { nodes: 3, sums: 6, socketThreads: 4 } }, 0);
  assert.ok(uneven.stepSeconds > predictStep(four, 0).stepSeconds + wire / 2, "two sums of a node cross for one");
});

test("the computing that is enough for an efficiency gives just that", () => {
  const given = situation({ cores: 16, workers: 8, shards: 8 });
  const enough = computeForEfficiency(given, 0.9)!;
  assert.ok(Math.abs(predictStep(given, enough).efficiency - 0.9) < 1e-3);
  assert.equal(computeForEfficiency(situation({ shards: 3 }), 0.9), null, "one worker of two idles half of the time");
});
