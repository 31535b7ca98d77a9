/**
 * alexnet's two towers on two devices of a worker: the same bits as on one, and in the graph just what the table says. At
 * an eighth of its width in `npm test`, at its full width and 1,000 classes in `npm run test:whole`.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Placement } from "../../src/engine/engine.js";
import { buildNetwork } from "../../src/layers/build.js";
import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import { towerCrossings } from "../../src/models/towers.js";
import { layoutOf } from "../../src/parameters/layout.js";
import { Compute } from "../../src/worker/compute.js";
import { disturbance } from "../support/disturb.js";
import { runHere, scratch } from "../support/runs.js";
import { openTestEngine } from "../support/tensorflow.js";

const WIDTH = Number(process.env.CNN_DIST_TEST_WIDTH ?? 1 / 8);
const CLASSES = WIDTH === 1 ? 1000 : 11;
const SHAPE = [224, 224, 3] as const;
const RECIPE = {
  datasetOptions: { height: 224, width: 224, channels: 3, classes: CLASSES, train: 24, test: 2 },
  modelOptions: { width: WIDTH },
  batchSize: 12,
  shards: 3,
  steps: 2,
  epochs: null,
} as const;

/** What is counted in the traced step of `samples` images at the network's full width. Nothing is computed. */
async function tracedStep(samples: number): Promise<Placement> {
  const engine = await openTestEngine({ devices: 2 });
  const spec = buildModel("alexnet", { input: SHAPE, classes: 1000 });
  const layout = layoutOf(parametersOf(spec));
  let placement: Placement | null = null;
  const tracing = {
    ...engine,
    trace: (given: Parameters<typeof engine.trace>[0]) => {
      const compiled = engine.trace(given);
      ({ placement } = compiled);
      return { ...compiled, run: async () => ({ outputs: [], state: new Float32Array(0), devices: [] }) };
    },
  };
  const compute = new Compute({
    engine: tracing,
    network: buildNetwork(engine, spec),
    layout,
    shape: SHAPE,
    labelSmoothing: 0,
  });
  const pixels = new Uint8Array(samples * SHAPE[0] * SHAPE[1] * SHAPE[2]);
  const input = { pixels, labels: new Int32Array(samples), scale: 1, seed: [1, 1] } as const;
  await compute.shard(input, [], { loss() {}, bucket() {} });
  await engine.close();
  return placement!;
}

test("alexnet at 224 and 1,000 classes: what crosses is what the table says, tensor by tensor", async () => {
  const samples = 2;
  const { crossings } = await tracedStep(samples);
  const predicted = towerCrossings(buildModel("alexnet", { input: SHAPE, classes: 1000 }));
  assert.deepEqual(
    crossings,
    predicted.map(({ layer: _, bytes, ...rest }) => ({ ...rest, bytes: bytes * samples })),
  );
});

test("alexnet at 224 and 1,000 classes: neither device holds more than 0.52 of parameters and activations", async () => {
  const { devices } = await tracedStep(1);
  const parameters = 4 * 60_965_224;
  assert.equal(devices[0]!.parameters + devices[1]!.parameters, parameters);
  const activations = devices[0]!.activations + devices[1]!.activations;
  assert.ok(activations > 9e6, `${activations} bytes`);
  for (const device of devices) {
    assert.ok(device.parameters <= 0.52 * parameters);
    assert.ok(device.activations <= 0.52 * activations);
  }
});

test("each tower of each layer is computed once", async () => {
  const engine = await openTestEngine({ devices: 2 });
  const { tf } = engine;
  const network = buildNetwork(engine, buildModel("alexnet", { input: SHAPE, classes: 11, options: { width: 1 / 8 } }));
  const x = tf.zeros([1, ...SHAPE]);
  const args = { training: false, seed: tf.tensor1d([0, 0], "int32") };
  const { kernels } = await tf.profile(() => network.forward(x, args));
  const count = (kernel: string) => kernels.filter(({ name }) => name === kernel).length;
  assert.deepEqual([count("LRN"), count("MaxPool")], [2 * 2, 2 * 3]);
  const again = await tf.profile(() => network.forward(x, args));
  assert.equal(again.kernels.length, kernels.length, "and once more for the same images");
  await engine.close();
});

type Options = Omit<Parameters<typeof runHere>[2], "overrides">;

const trained = (context: TestContext, options: Options) =>
  runHere(context, "alexnet", { overrides: RECIPE, ...options });

test("one device or two, one worker or two, one of them killed, stopped and resumed: the same bits", async (context) => {
  const { done } = await trained(context, { placement: { workers: 1, devicesPerWorker: 1 } });
  const expected = [2, done.weights_sha256];
  const result = ({ step, weights_sha256 }: typeof done) => [step, weights_sha256];

  const trace = join(scratch(context), "trace.json");
  const killed = await trained(context, {
    placement: { workers: 2, devicesPerWorker: 2, trace },
    ...disturbance(
      (message) => message.type === "bucket" && message.step === 2 && message.rank === 1 && message.bucket === 0,
      (pid) => process.kill(pid, "SIGKILL"),
    ),
  });
  assert.deepEqual(result(killed.done), expected);
  assert.ok(killed.events.some((event) => event.event === "worker" && event.state === "lost"));

  const { traceEvents } = JSON.parse(readFileSync(trace, "utf8")) as { traceEvents: { name: string; tid: number }[] };
  const computed = traceEvents.filter(({ name }) => name.startsWith("computes"));
  assert.deepEqual([...new Set(computed.map(({ tid }) => tid))].sort(), [2, 3], "the trace has a row a device");

  const runDir = join(scratch(context), "run");
  await trained(context, { placement: { workers: 1, devicesPerWorker: 2, runDir }, stopAfterStep: 1 });
  const resumed = await trained(context, { placement: { workers: 1, devicesPerWorker: 1 }, resume: { runDir } });
  assert.deepEqual(result(resumed.done), expected);
});

test("a network without towers, or more devices than towers, is refused before anything starts", async (context) => {
  const refused = async (model: string, devicesPerWorker: number, message: RegExp) =>
    assert.rejects(runHere(context, model, { placement: { workers: 1, devicesPerWorker } }), {
      code: "towers",
      message,
    });
  await refused("lenet5", 2, /lenet5 has no towers/);
  await refused("alexnet", 3, /alexnet has 2 towers/);
});
