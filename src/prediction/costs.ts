/** What was measured once, and predictions are made of: `npm run bench -- scale` prints the exchange's, docs/scaling.md tells how. */
import type { NodeCosts } from "./nodes.js";

/** CPU seconds. A MB is 1,000,000 bytes of parameters. */
export interface ExchangeCosts {
  /** Of the coordinator: a step, a message that comes in, a MB of each gradient that comes in, a MB of the parameters. */
  step: number;
  message: number;
  gradientMegabyte: number;
  megabyte: number;
  /** Of a worker: a step, a MB of each gradient that it hands over. */
  workerStep: number;
  workerMegabyte: number;
}

/** Two cores of an AMD EPYC with AVX-512, momentum. */
export const EXCHANGE_COSTS = {
  "shared-memory": {
    step: 0.5e-3,
    message: 85e-6,
    gradientMegabyte: 0.115e-3,
    megabyte: 0.17e-3,
    workerStep: 0.35e-3,
    workerMegabyte: 0.11e-3,
  },
  frames: {
    step: 0.8e-3,
    message: 270e-6,
    gradientMegabyte: 0.95e-3,
    megabyte: 0.17e-3,
    workerStep: 1.16e-3,
    workerMegabyte: 0.98e-3,
  },
} as const satisfies Record<string, ExchangeCosts>;

/** Of nodes, whose sums come over TCP with keys; momentum (`npm run bench -- nodes`). */
export const NODE_COSTS: NodeCosts = {
  step: 1.85e-3,
  message: 25e-6,
  crossedMegabyte: 1.06e-3,
  megabyte: 0.27e-3,
  socketMessage: 6e-6,
  socketMegabyte: 1.62e-3,
};

/** CPU seconds of a plain copy of a MB on that machine at that time: what depends on megabytes is scaled by it. */
export const COPY_SECONDS = 0.09e-3;

/** CPU seconds a MB that an optimizer takes more than momentum. */
export const OPTIMIZER_MEGABYTE = {
  sgd: -0.13e-3,
  momentum: 0,
  nesterov: 0.06e-3,
  rmsprop: 0.51e-3,
  adam: 0.66e-3,
  adamw: 0.66e-3,
} as const;

/**
 * Of one thread of that machine: multiply-adds a second, bytes of layers' outputs a second, seconds a layer. A training step
 * takes three times the forward pass's multiply-adds. The three lie within 10% of measured steps of LeNet-5 (32 and 128
 * images), VGG13, ResNet-18 and AlexNet.
 */
export const COMPUTE = { multiplyAddsPerSecond: 64e9, outputBytesPerSecond: 0.85e9, layerSeconds: 50e-6 } as const;

/** Share of float32's time that bf16 takes where the processor has instructions for it. */
export const BF16_SHARE = 0.65;

/** Bytes a second in each direction between hosts, where nobody knows: 10 Gbit/s. */
export const LINK_BYTES_PER_SECOND = 1.25e9;
