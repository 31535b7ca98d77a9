import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { type Gpu, listGpus } from "../../../src/engine/gpus.js";
import { addGpuMetrics } from "../../../src/metrics/gpus.js";

const LINES = [
  "0, GPU-aaaa-1, NVIDIA A100-SXM4-40GB, 40960, 20480, 97, 61, 312.00",
  "1, GPU-bbbb-2, NVIDIA T4, 15360, 0, 0, 40, [N/A]",
].join("\n");
const samplesOf = async (registry: Registry) =>
  (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("all values of a GPU are of the same scrape, the first included; what it does not tell is left out", async () => {
  const registry = new Registry();
  const refresh = addGpuMetrics(registry, () => listGpus({}, async () => LINES));
  await refresh();
  const first = 'gpu="0",name="NVIDIA A100-SXM4-40GB"';
  const second = 'gpu="1",name="NVIDIA T4"';
  assert.deepEqual(await samplesOf(registry), [
    `cnn_dist_gpu_utilization_ratio{${first}} 0.97`,
    `cnn_dist_gpu_utilization_ratio{${second}} 0`,
    `cnn_dist_gpu_memory_used_bytes{${first}} ${20480 * 2 ** 20}`,
    `cnn_dist_gpu_memory_used_bytes{${second}} 0`,
    `cnn_dist_gpu_memory_total_bytes{${first}} ${40960 * 2 ** 20}`,
    `cnn_dist_gpu_memory_total_bytes{${second}} ${15360 * 2 ** 20}`,
    `cnn_dist_gpu_temperature_celsius{${first}} 61`,
    `cnn_dist_gpu_temperature_celsius{${second}} 40`,
    `cnn_dist_gpu_power_watts{${first}} 312`,
  ]);
});

test("GPUs that fail or do not answer are left out, and old values with them", async () => {
  const registry = new Registry();
  const gpus = await listGpus({}, async () => LINES);
  const answers: (() => Promise<readonly Gpu[]>)[] = [
    async () => gpus,
    async () => {
      throw new Error("driver");
    },
    async () => gpus,
    () => new Promise<never>(() => {}),
  ];
  let asked = 0;
  const refresh = addGpuMetrics(registry, () => answers[asked++]!(), 20);
  const counts: number[] = [];
  for (let scrape = 0; scrape < 5; scrape++) {
    await refresh();
    counts.push((await samplesOf(registry)).length);
  }
  assert.deepEqual(counts, [9, 0, 9, 0, 0]);
  assert.equal(asked, 4, "while one answer is awaited, nobody asks again");
});
