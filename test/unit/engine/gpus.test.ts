import assert from "node:assert/strict";
import { test } from "node:test";
import { assignDevices, listGpus, type Smi } from "../../../src/engine/gpus.js";
import { UsageError } from "../../../src/errors.js";

const SMI: Smi = async () =>
  [
    "0, GPU-aaaa-1, NVIDIA A100-SXM4-40GB, 40960, 3, 0, 30, 55.42",
    "1, GPU-bbbb-2, NVIDIA A100-SXM4-40GB, 40960, 20480, 97, 61, 312.00",
    "2, GPU-cccc-3, NVIDIA T4, 15360, 0, 0, 40, [N/A]",
    "",
  ].join("\n");
const named = async (visible?: string) =>
  (await listGpus(visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible }, SMI)).map(({ uuid }) => uuid);

const assign = (given: Omit<Parameters<typeof assignDevices>[0], "devicesPerWorker">, devicesPerWorker = 1) =>
  assignDevices({ ...given, devicesPerWorker });

test("nvidia-smi's lines in bytes, shares and watts", async () => {
  assert.deepEqual((await listGpus({}, SMI))[1], {
    index: 1,
    uuid: "GPU-bbbb-2",
    name: "NVIDIA A100-SXM4-40GB",
    memoryTotalBytes: 40960 * 2 ** 20,
    memoryUsedBytes: 20480 * 2 ** 20,
    utilization: 0.97,
    temperatureCelsius: 61,
    powerWatts: 312,
  });
  assert.deepEqual(await listGpus({}, async () => null), []);
});

test("CUDA_VISIBLE_DEVICES: by number or by the beginning of the UUID, in its order, up to the first unknown", async () => {
  assert.deepEqual(await named(), ["GPU-aaaa-1", "GPU-bbbb-2", "GPU-cccc-3"]);
  assert.deepEqual(await named("2,0"), ["GPU-cccc-3", "GPU-aaaa-1"]);
  assert.deepEqual(await named("GPU-bb, 2"), ["GPU-bbbb-2", "GPU-cccc-3"]);
  assert.deepEqual(await named("1,7,0"), ["GPU-bbbb-2"]);
  assert.deepEqual(await named("-1"), []);
  assert.deepEqual(await named(""), []);
});

test("one GPU a worker, by UUID, with what makes its results repeatable", async () => {
  const gpus = await listGpus({}, SMI);
  const { devices, warnings } = assign({ workers: 2, device: "auto", gpus });
  assert.deepEqual(
    devices.map(({ env }) => env.CUDA_VISIBLE_DEVICES),
    ["GPU-aaaa-1", "GPU-bbbb-2"],
  );
  assert.deepEqual(warnings, []);
  for (const { kind, env } of devices) {
    assert.equal(kind, "gpu");
    assert.equal(env.CUDA_DEVICE_ORDER, "PCI_BUS_ID");
    assert.equal(env.TF_DETERMINISTIC_OPS, "1");
    assert.equal(env.NVIDIA_TF32_OVERRIDE, "0");
    assert.equal(env.TF_FORCE_GPU_ALLOW_GROWTH, "true");
  }
  assert.equal(assign({ workers: null, device: "gpu", gpus }).devices.length, 3);
});

test("without GPUs: as many workers on the CPU as asked, with a warning; two where nobody asks", () => {
  const asked = assign({ workers: 3, device: "auto", gpus: [] });
  assert.deepEqual(
    asked.devices.map(({ kind, env }) => [kind, env.CUDA_VISIBLE_DEVICES]),
    Array.from({ length: 3 }, () => ["cpu", "-1"]),
  );
  assert.match(asked.warnings.join(), /no GPU is visible: 3 workers run on the CPU/);
  const unasked = assign({ workers: null, device: "auto", gpus: [] });
  assert.deepEqual([unasked.devices.length, unasked.warnings.length], [2, 0]);
  assert.deepEqual(assign({ workers: 1, device: "cpu", gpus: [] }).warnings, []);
});

test("GPUs asked for and not there, or too few, are an error of usage", async () => {
  const gpus = (await listGpus({}, SMI)).slice(0, 1);
  const usage = (pattern: RegExp) => (error: unknown) => error instanceof UsageError && pattern.test(error.message);
  assert.throws(() => assign({ workers: 1, device: "gpu", gpus: [] }), usage(/--device gpu: no GPU is visible/));
  assert.throws(
    () => assign({ workers: 2, device: "auto", gpus }),
    usage(/--gpus 2: only 1 GPU is visible \(NVIDIA A100-SXM4-40GB\)/),
  );
});

test("two GPUs a worker: each worker sees its own two, and as many workers start as there are pairs", async () => {
  const gpus = [...(await listGpus({}, SMI)), ...(await listGpus({}, SMI)).slice(0, 1)];
  const { devices } = assign({ workers: 2, device: "gpu", gpus }, 2);
  assert.deepEqual(
    devices.map(({ count, name, env }) => [count, name, env.CUDA_VISIBLE_DEVICES]),
    [
      [2, "NVIDIA A100-SXM4-40GB", "GPU-aaaa-1,GPU-bbbb-2"],
      [2, "NVIDIA T4 + NVIDIA A100-SXM4-40GB", "GPU-cccc-3,GPU-aaaa-1"],
    ],
  );
  assert.equal(assign({ workers: null, device: "auto", gpus: gpus.slice(0, 3) }, 2).devices.length, 1);
  const onCpu = assign({ workers: 1, device: "cpu", gpus: [] }, 2).devices[0]!;
  assert.deepEqual([onCpu.count, onCpu.env.CUDA_VISIBLE_DEVICES], [2, "-1"]);
});

test("fewer GPUs than workers times devices are an error that names both numbers", async () => {
  const gpus = await listGpus({}, SMI);
  const refuses = (workers: number | null, visible: typeof gpus, message: RegExp) =>
    assert.throws(() => assign({ workers, device: "auto", gpus: visible }, 2), { code: "too-few-gpus", message });
  refuses(2, gpus, /--gpus 2 \(workers\) with --devices-per-worker 2 needs 4 GPUs: only 3 GPUs are visible.*at most 1/);
  refuses(null, gpus.slice(0, 1), /needs 2 GPUs: only 1 GPU is visible.*Leave --devices-per-worker out/);
});
