import { z } from "zod";
import { type Recipe, recipeCodec, type WrittenRecipe } from "../../src/config/recipe.js";

/** A whole recipe for tests; `changes` override. */
export function testRecipe(changes: Partial<WrittenRecipe> = {}): Recipe {
  return z.decode(recipeCodec, {
    model: "lenet5",
    modelOptions: {},
    modelSha256: null,
    dataset: "synthetic",
    datasetOptions: {},
    datasetSha256: null,
    normalization: "none",
    augmentation: [],
    initWeights: null,
    initWeightsSha256: null,
    initWeightsMode: "strict",
    batchSize: 8,
    shards: 4,
    epochs: 2,
    steps: null,
    optimizer: "adam",
    lr: 0.05,
    momentum: 0.9,
    beta1: 0.9,
    beta2: 0.999,
    rho: 0.99,
    epsilon: 1e-8,
    weightDecay: 0,
    lrScheduler: "constant",
    lrStepSize: 30,
    lrGamma: 0.1,
    lrPatience: 5,
    lrWarmupEpochs: 0,
    clipGradNorm: null,
    labelSmoothing: 0,
    precision: "fp32",
    threads: 1,
    seed: 7,
    ...changes,
  });
}
