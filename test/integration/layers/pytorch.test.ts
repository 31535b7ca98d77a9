import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Engine } from "../../../src/engine/engine.js";
import { classifierOf } from "../../../src/evaluation/classifier.js";
import { flatVariables } from "../../../src/layers/network.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { withoutAuxiliary } from "../../../src/models/without-auxiliary.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { readFixture } from "../../support/fixtures.js";
import { type NetworkCase, networkCases, smoothResnet18, valuesFor } from "../../support/network-cases.js";
import { places, shardOf } from "../../support/network-step.js";
import { openTestEngine } from "../../support/tensorflow.js";

/** As test/fixtures/make_networks.py describes it. */
interface Expected {
  loss: number;
  logits: number[][];
  evaluated: number[][];
  largest: number;
  gradients: { error: number; samples: number[] }[];
}
const EXPECTED = readFixture<Record<string, Expected>>("networks.json");

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

/** Loss, gradients and logits of a training step, as a worker computes them. */
async function trainingStep(given: NetworkCase) {
  const { spec, pixels, labels } = given;
  const { loss, gradient, network, layout, vectors } = await shardOf(engine, given);
  const forward = engine.trace({
    name: "logits in training",
    inputs: [{ dtype: "uint8", shape: [labels.length, ...spec.input] }],
    variables: flatVariables(network, layout),
    assigned: layout.state.map(({ name }) => network.variable(name)),
    body: ([x]) => {
      const seed = engine.tf.tensor1d([1, 1], "int32");
      const [first] = network.forwardAll(engine.tf.mul(x!, 1 / 255), { training: true, seed });
      return { streams: [], outputs: [first!.logits] };
    },
  });
  const { outputs } = await forward.run({ inputs: [pixels], variables: vectors, onStream: () => {} });
  forward.dispose();
  return { loss, gradient, layout, logits: outputs[0]! };
}

function near(received: ArrayLike<number>, expected: readonly number[][], what: string): void {
  for (const [at, value] of expected.flat().entries()) {
    const difference = Math.abs(received[at]! - value);
    assert.ok(difference < 1e-4 * Math.max(1, Math.abs(value)), `${what} ${at}: ${received[at]}, PyTorch has ${value}`);
  }
}

for (const each of networkCases()) {
  const expected = EXPECTED[each.name]!;
  test(`${each.name}: logits are PyTorch's, gradients as near to its float64 ones as its own float32 ones are`, async () => {
    const { loss, gradient, layout, logits } = await trainingStep(each);
    near(logits, expected.logits, "logit in training");
    near([loss], [[expected.loss]], "loss");
    // Gradients that are zero on paper (a bias before batch normalisation) are noise in every precision.
    const floor = 1e-6 * expected.largest;
    for (const [index, { name, offset, size }] of layout.trainable.entries()) {
      const { error, samples } = expected.gradients[index]!;
      for (const [sample, at] of places(size, samples.length).entries()) {
        const difference = Math.abs(gradient[offset + at]! - samples[sample]!);
        const allowed = Math.max(3 * error, floor);
        assert.ok(
          difference <= allowed,
          `${name}[${at}]: ${gradient[offset + at]}, float64 has ${samples[sample]}; off by ${difference}, allowed ${allowed}`,
        );
      }
    }
  });
  test(`${each.name}: evaluated with moving statistics and without auxiliary heads, its logits are PyTorch's`, async () => {
    const spec = withoutAuxiliary(each.spec);
    const layout = layoutOf(parametersOf(each.spec));
    const classifier = classifierOf(engine, spec, { layout, ...valuesFor(layout) });
    const received = await classifier.classify(each.pixels);
    const rubbish = spec.loss?.logit;
    near(
      received,
      expected.evaluated.map((row) => {
        const all = rubbish === undefined ? row : [...row, rubbish];
        const highest = Math.max(...all);
        const logSum = highest + Math.log(all.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
        return row.map((logit) => logit - logSum);
      }),
      "log-probability",
    );
  });
}

test("ResNet-18 at one thread: its whole gradient is within three times PyTorch's own distance from float64", async () => {
  const expected = readFixture<{ error: number; samples: number[][] }>("smooth-resnet18.json");
  const { gradient, layout } = await shardOf(engine, smoothResnet18());
  let [difference, norm] = [0, 0];
  for (const [index, { offset, size }] of layout.trainable.entries()) {
    const samples = expected.samples[index]!;
    for (const [sample, at] of places(size, samples.length).entries()) {
      difference += (gradient[offset + at]! - samples[sample]!) ** 2;
      norm += samples[sample]! ** 2;
    }
  }
  const error = Math.sqrt(difference / norm);
  assert.ok(error <= 3 * expected.error, `off by ${error} of its norm, PyTorch by ${expected.error}`);
});
