/** Everything that can be wrong is found here, before a worker starts; what is right becomes the plan. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { PixelStatistics } from "../config/pixel-statistics.js";
import type { tracedSteps } from "../config/placement.js";
import { type Recipe, type WrittenRecipe, written } from "../config/recipe.js";
import { canonicalJson, recipeSha256, withoutPaths } from "../config/resolve.js";
import type { Start } from "../coordinator/coordinator.js";
import { networkShape } from "../data/augment/pipeline.js";
import type { Dataset, LoadOptions } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { globalBatch, stepsPerEpoch, totalSteps } from "../data/order.js";
import { pixelStatistics } from "../data/statistics.js";
import type { AssignedDevice } from "../engine/gpus.js";
import { UsageError } from "../errors.js";
import type { PlanEvent } from "../events.js";
import { count, plural } from "../format.js";
import { type FileModel, nameOf } from "../models/choice.js";
import { initialValues } from "../models/init.js";
import { parametersOf, predictWorkerBytes, topologySha256 } from "../models/parameters.js";
import { buildModel } from "../models/registry.js";
import type { ModelSpec } from "../models/spec.js";
import { type TowerCosts, towerCosts } from "../models/tower-costs.js";
import { assertSameModel, readUserModelFile } from "../models/user-file.js";
import { type WarmStart, type WeightsFile, warmStart } from "../models/warm-start.js";
import { slotNamesOf } from "../optim/optimizers.js";
import { NEW_SCHEDULE } from "../optim/schedule.js";
import { blockSize } from "../parameters/blocks.js";
import { type Layout, layoutOf } from "../parameters/layout.js";
import { assertBucketsFit } from "../protocol/payload-size.js";
import { normalizationWarning, readInitialWeights } from "./initial-weights.js";
import { assertNotShorter, engineWarning, finishedWarning, sha256AtLength } from "./resumed.js";

export interface Prepared {
  recipe: Recipe;
  dataset: Dataset;
  start: Start;
  topologySha256: string | null;
  /** Trainable; null for a model of the user's own that nobody has read yet. */
  parameters: number | null;
  predictedBytes: number;
  /** How its towers share it; null for a network that has none. */
  towers: TowerCosts | null;
  /** What came from `--init-weights`; null without it, and in a resumed run, which has weights of its own. */
  warmStart: WarmStart | null;
  /** For people: what is allowed, and probably not meant. */
  warnings: readonly string[];
}

/** Reads the data, completes the recipe with what only the data tell, and draws the first weights. */
export async function prepare(
  recipe: Recipe,
  data: Omit<LoadOptions, "options">,
  resumed: Snapshot | null,
): Promise<Prepared> {
  const known = recipe.datasetSha256 === null ? {} : { sha256: recipe.datasetSha256 };
  const dataset = await loadDataset(recipe.dataset, { ...data, ...known, options: recipe.datasetOptions });
  if (recipe.datasetSha256 !== null && recipe.datasetSha256 !== dataset.sha256) {
    throw new UsageError(
      "data-differs",
      `the data set ${recipe.dataset} from ${dataset.source} is not the one that this run was begun with (SHA-256 ${dataset.sha256}, expected ${recipe.datasetSha256}). Give the same data by --data-dir.`,
    );
  }
  const { batchSize } = globalBatch(recipe);
  if (batchSize > dataset.train.count) {
    const times =
      recipe.accumulate === 1 ? "" : ` times --accumulate ${recipe.accumulate}, ${count(batchSize)} images,`;
    throw new UsageError(
      "config",
      `--batch-size ${recipe.batchSize}${times} is larger than the training set of ${dataset.train.count} images. Lower it.`,
    );
  }
  const complete: Recipe = { ...recipe, datasetSha256: dataset.sha256 };
  const image = networkShape(recipe.augmentation, dataset.shape);
  const facts: DataFacts = {
    image,
    classNames: dataset.classNames,
    pixelStatistics: resumed ? resumed.pixelStatistics : await statisticsFor(recipe, dataset, data.signal),
  };
  const { model } = recipe;
  if (model.kind === "file") return userModel(complete, model, dataset, facts, resumed);
  const initial =
    resumed || recipe.initWeights === null
      ? null
      : await readInitialWeights(complete, model, recipe.initWeights, image[2]);
  const { name, options } = initial?.model ?? model;
  const spec = buildModel(name, { input: image, classes: dataset.classes, options });
  const layout = layoutOf(parametersOf(spec));
  assertBucketsFit(layout);
  const { start, warmStart } = resumed
    ? { start: resumedStart(complete, resumed, dataset, layout), warmStart: null }
    : begun(initial?.recipe ?? complete, facts, spec, layout, initial?.file ?? null);
  const warning = normalizationWarning(start.recipe, initial?.file ?? null);
  return {
    recipe: start.recipe,
    dataset,
    start,
    warmStart,
    warnings: [...(warning === null ? [] : [warning]), ...engineWarning(resumed)],
    topologySha256: topologySha256(spec),
    parameters: layout.parameters,
    predictedBytes: predictWorkerBytes(spec, Math.ceil(recipe.batchSize / recipe.shards)),
    towers: (spec.towers ?? 1) === 1 ? null : towerCosts(spec),
  };
}

/** What a checkpoint keeps of the data. */
type DataFacts = Pick<Snapshot, "image" | "classNames" | "pixelStatistics">;

/** Null where nothing in the recipe needs them: working them out takes a moment. */
async function statisticsFor(
  recipe: Recipe,
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<PixelStatistics | null> {
  const needed = recipe.normalization !== "none" || recipe.augmentation.some(({ step }) => step === "colorNoise");
  return needed ? pixelStatistics(dataset, signal) : null;
}

/** From the seed, and then from the file of `--init-weights` if there is one. */
function begun(
  recipe: Recipe,
  facts: DataFacts,
  spec: ModelSpec,
  layout: Layout,
  file: WeightsFile | null,
): Pick<Prepared, "start" | "warmStart"> {
  const values = initialValues(layout, recipe.seed);
  const started = file && warmStart(spec, layout, values, file, recipe.initWeightsMode);
  return { start: freshStart(recipe, facts, { layout, ...values }), warmStart: started };
}

/** Its layout and first values come from the first worker that joins: only TensorFlow can read such a model. */
function userModel(
  recipe: Recipe,
  { path, sha256 }: FileModel,
  dataset: Dataset,
  facts: DataFacts,
  resumed: Snapshot | null,
): Prepared {
  assertSameModel({ path, sha256 }, readUserModelFile(path).sha256);
  if (recipe.initWeights !== null)
    throw new UsageError(
      "init-weights",
      `--init-weights: the model ${path} is a file and brings its own first values. Put the weights into the model, or name a network of 'cnn-dist models'.`,
    );
  return {
    recipe,
    dataset,
    start: resumed ? resumedStart(recipe, resumed, dataset, null) : freshStart(recipe, facts, "from the first worker"),
    topologySha256: null,
    parameters: resumed?.layout.parameters ?? null,
    warmStart: null,
    warnings: engineWarning(resumed),
    predictedBytes: 0,
    towers: null,
  };
}

/** UsageError when the checkpoint is of another training, or past its end; `layout` is null for a model that only a worker can read. */
function resumedStart(recipe: Recipe, resumed: Snapshot, { train }: Dataset, layout: Layout | null): Start {
  const differs = (what: string) =>
    new UsageError(
      "checkpoint-differs",
      `the checkpoint of step ${resumed.step} is not one of this run: ${what}. Take away what was put into the run's checkpoints, or start a new run.`,
    );
  const [of, is] = [lengthless(resumed.recipe), lengthless(recipe)];
  for (const key of Object.keys({ ...of, ...is }) as (keyof WrittenRecipe)[]) {
    const [theirs, ours] = [canonicalJson(of[key]), canonicalJson(is[key])];
    if (theirs !== ours) throw differs(`its ${key} is ${theirs}, the recipe's ${ours}`);
  }
  const names = ({ trainable, state }: Layout) =>
    [...trainable, ...state].map(({ name, shape }) => `${name} [${shape}]`).join(", ");
  if (layout && names(layout) !== names(resumed.layout))
    throw differs(`it holds ${names(resumed.layout)}; the model has ${names(layout)}`);
  const missing = slotNamesOf(recipe.optimizer).filter((name) => !resumed.slots[name]);
  if (resumed.step > 0 && missing.length > 0)
    throw differs(`${recipe.optimizer}'s ${missing.join(", ")} is not in its optimizer.safetensors`);
  assertNotShorter(recipe, resumed.step, stepsPerEpoch(train.count, globalBatch(recipe).batchSize));
  const { layout: stored, weights, state, ...rest } = resumed;
  const values = { layout: stored, weights, state };
  return { ...rest, values, recipe, recipeSha256: sha256AtLength(recipe, resumed) };
}

/** What must be as it was; a run may be made longer or shorter, and a user's file counts by its hash. */
function lengthless(recipe: Recipe): WrittenRecipe {
  return { ...withoutPaths(recipe), epochs: null, steps: null };
}

function freshStart(recipe: Recipe, facts: DataFacts, values: Start["values"]): Start {
  return {
    recipe,
    recipeSha256: recipeSha256(recipe),
    ...facts,
    fingerprint: null,
    step: 0,
    epoch: 0,
    stepInEpoch: 0,
    schedule: NEW_SCHEDULE,
    best: null,
    loss: null,
    evaluated: false,
    slots: {},
    ema: null,
    residuals: [],
    values,
  };
}

/** A warm-up that the run ends in: allowed, and probably a length that was given in other units. */
function warmUpWarning({ lrWarmupEpochs, lr }: Recipe, perEpoch: number, steps: number): string[] {
  const warmUp = Math.round(lrWarmupEpochs * perEpoch);
  if (warmUp <= steps) return [];
  return [
    `--lr-warmup-epochs ${lrWarmupEpochs} is ${plural(warmUp, "step")}, longer than the run of ${plural(steps, "step")}: the learning rate never reaches --lr ${lr}. Lower it, or train for longer.`,
  ];
}

/** `done`: steps before this run begins. */
function traceWarning(traced: ReturnType<typeof tracedSteps>, done: number, steps: number): string[] {
  if (traced === null || done >= steps || (traced.from <= steps && traced.to > done)) return [];
  return [
    `--trace-steps ${traced.from}-${traced.to}: this run makes steps ${done + 1} to ${steps}, so the trace will be empty.`,
  ];
}

/** Of the sums that a worker keeps until its block of shards is whole. */
function sumsBytes({ recipe, parameters }: Prepared, workers: number): number {
  const block = blockSize({ shards: globalBatch(recipe).shards, accumulate: recipe.accumulate, workers });
  return block === 1 ? 0 : (Math.log2(block) + 1) * 4 * (parameters ?? 0);
}

export function planEvent(
  prepared: Prepared,
  facts: {
    /** Of this machine. */
    devices: readonly AssignedDevice[];
    nodes: PlanEvent["nodes"] | null;
    runDir: string;
    resumedFrom: string | null;
    prediction: PlanEvent["prediction"];
    /** Steps that are asked for in a trace. */
    traced: ReturnType<typeof tracedSteps>;
    warnings: readonly string[];
  },
): PlanEvent {
  const { recipe, dataset, start } = prepared;
  const { batchSize, shards } = globalBatch(recipe);
  const perEpoch = stepsPerEpoch(dataset.train.count, batchSize);
  const steps = totalSteps(recipe, perEpoch);
  const workers = facts.devices.length * (facts.nodes?.count ?? 1);
  return {
    event: "plan",
    model: nameOf(recipe.model),
    parameters: prepared.parameters,
    input: start.image,
    classes: dataset.classes,
    dataset: {
      name: dataset.name,
      sha256: dataset.sha256,
      train: dataset.train.count,
      test: dataset.test.count,
      source: dataset.source,
      ...(dataset.warning === undefined ? {} : { warning: dataset.warning }),
    },
    batch_size: batchSize,
    shards,
    steps,
    epochs: Math.ceil(steps / perEpoch),
    steps_per_epoch: perEpoch,
    recipe: written(recipe),
    recipe_sha256: start.recipeSha256,
    workers,
    devices: facts.devices.map(({ name }) => name),
    threads: recipe.threads,
    ...(facts.nodes ? { nodes: facts.nodes } : {}),
    run_dir: facts.runDir,
    metrics_url: null,
    page_url: null,
    resumed_from: facts.resumedFrom,
    start_step: start.step,
    predicted_memory_bytes: prepared.predictedBytes && prepared.predictedBytes + sumsBytes(prepared, workers),
    ...(prepared.towers !== null && facts.devices.some(({ count }) => count > 1) ? { towers: prepared.towers } : {}),
    prediction: facts.prediction,
    init_weights: prepared.warmStart && {
      path: recipe.initWeights!,
      sha256: recipe.initWeightsSha256!,
      ...prepared.warmStart,
    },
    warnings: [
      ...facts.warnings,
      ...prepared.warnings,
      ...finishedWarning(start.step, steps),
      ...warmUpWarning(recipe, perEpoch, steps),
      ...traceWarning(facts.traced, start.step, steps),
    ],
  };
}
