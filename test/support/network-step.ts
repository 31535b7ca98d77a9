/** A shard of a network case, computed as a worker does. */
import type { Engine } from "../../src/engine/engine.js";
import { buildNetwork } from "../../src/layers/build.js";
import { parametersOf } from "../../src/models/parameters.js";
import { layoutOf } from "../../src/parameters/layout.js";
import { Compute } from "../../src/worker/compute.js";
import { type NetworkCase, valuesFor } from "./network-cases.js";
import { copyOf } from "./stream-values.js";

/** Loss and gradient of the mean over the images, with the network, its layout and its vectors. */
export async function shardOf(engine: Engine, { spec, pixels, labels }: NetworkCase) {
  const network = buildNetwork(engine, spec);
  const layout = layoutOf(parametersOf(spec));
  const { weights, state } = valuesFor(layout);
  const vectors = layout.buckets.map(({ offset, size }) => weights.slice(offset, offset + size));
  if (layout.stateSize > 0) vectors.push(state.slice());
  const compute = new Compute({ engine, network, layout, shape: spec.input, labelSmoothing: 0 });
  const gradient = new Float32Array(layout.size);
  const seen = { loss: Number.NaN };
  await compute.shard({ pixels, labels, scale: 1 / labels.length, seed: [1, 1] }, vectors, {
    loss: (loss) => {
      seen.loss = loss;
    },
    bucket: (index, values) => gradient.set(copyOf(values), layout.buckets[index]!.offset),
  });
  return { loss: seen.loss, gradient, network, layout, vectors };
}

/** As numpy's linspace of whole numbers. */
export const places = (size: number, count: number) =>
  Array.from({ length: count }, (_, index) => (count === 1 ? 0 : Math.floor((index * (size - 1)) / (count - 1))));
