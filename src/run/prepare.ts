/** Prepare: everything that can be wrong with a run is found here, before anything of it is made. */
import { CheckpointStore, type Loaded } from "../checkpoint/store.js";
import { type Placement, tracedSteps } from "../config/placement.js";
import { listGpus } from "../engine/gpus.js";
import { ensureTensorflow, findTensorflow } from "../engine/install.js";
import { clauseOf, UsageError } from "../errors.js";
import type { PlanEvent } from "../events.js";
import { availableBytes } from "../exchange/available.js";
import { exposureOf, type HttpAccess, readAccess } from "../metrics/access.js";
import { checkTracePath } from "../metrics/trace-file.js";
import { assertDevices, towersOf } from "../models/tower-devices.js";
import { cacheDirectory } from "../paths.js";
import { checkCombinations } from "./combinations.js";
import { compressionNotice } from "./compression-notice.js";
import type { RunContext } from "./context.js";
import { type Devices, devicesFor } from "./devices.js";
import { defaultRunDir, RunDirectory } from "./directory.js";
import { chooseExchange } from "./exchange.js";
import { readModel } from "./model-reader.js";
import { type Prepared, planEvent, prepare } from "./plan.js";
import { predictRun } from "./prediction.js";

export interface PreparedRun {
  training: Prepared;
  devices: Devices["devices"];
  /** The folder of TensorFlow's library; null where no worker starts on this machine. */
  libraryDir: string | null;
  cacheDir: string;
  /** Null: the run begins at step 0. */
  checkpoint: Loaded | null;
  /** Who may read its metrics. */
  access: HttpAccess;
  /** Of a run that goes on: locked. */
  directory: RunDirectory | null;
  /** As far as it is known before the run has a folder and an address for its metrics. */
  plan: PlanEvent;
}

export async function prepareRun(context: RunContext): Promise<PreparedRun> {
  const { options, env, signal } = context;
  const { placement, bind, nodes, onProgress } = options;
  checkCombinations(options);
  const access = readAccess(placement, env);
  if (placement.trace !== null) await checkTracePath(placement.trace);
  const cacheDir = cacheDirectory(env);
  const { directory, checkpoint } = await openResumed(context);
  assertDevices(placement.devicesPerWorker, towersOf(options.recipe.model));
  const devices = await devicesFor({ placement, remote: bind !== undefined, gpus: () => listGpus(env) });
  const common = { cacheDir, signal, ...(onProgress ? { onProgress } : {}) };
  const prepared = await prepare(
    recipeInForce(context, checkpoint, devices),
    { ...common, ...(placement.dataDir === null ? {} : { dataDir: placement.dataDir }) },
    checkpoint?.snapshot ?? null,
  );
  signal.throwIfAborted();
  const gpu = devices.devices.some(({ kind }) => kind === "gpu");
  const library = bind === undefined ? await tensorflow({ ...common, gpu, env }, options.dryRun === true) : null;
  signal.throwIfAborted();
  const parameters =
    options.dryRun === true ? await parametersOf(prepared, library?.dir ?? null, signal) : prepared.parameters;
  const training = { ...prepared, parameters };
  return {
    training,
    devices: devices.devices,
    libraryDir: library?.dir ?? null,
    cacheDir,
    checkpoint,
    access,
    directory,
    plan: planEvent(training, {
      devices: devices.devices,
      nodes: nodes ? { count: nodes.count, endpoint: nodes.meeting } : null,
      runDir: options.resume?.runDir ?? placement.runDir ?? defaultRunDir(training.recipe, new Date()),
      resumedFrom: checkpoint?.path ?? null,
      traced: tracedSteps(placement, training.start.step),
      prediction: options.dryRun === true ? predictionOf(context, training, devices) : null,
      warnings: [
        ...devices.warnings,
        ...passedOver(checkpoint),
        ...noticeOfCompression(training, bind !== undefined || placement.exchange === "frames", devices.devices.length),
        ...(bind === undefined && library === null ? [NOT_INSTALLED] : []),
        ...noticeOfExposure(placement, access),
      ],
    }),
  };
}

function predictionOf({ options }: RunContext, training: Prepared, { devices }: Devices): PlanEvent["prediction"] {
  const remote = options.bind !== undefined;
  const nodes = options.nodes?.count ?? 1;
  const free = { local: !remote, workers: devices.length * nodes, availableBytes: availableBytes() };
  const { exchange } = chooseExchange(options.placement.exchange, training.start, free);
  return predictRun(training, { devices, nodes, remote, exchange });
}

/** Of a dry run: nothing is known of a model of the user's own until it is read, and no worker will do it. */
async function parametersOf(
  { parameters, recipe, start, dataset: { classes } }: Prepared,
  libraryDir: string | null,
  signal: AbortSignal,
): Promise<number | null> {
  const { model, seed } = recipe;
  if (parameters !== null || model.kind === "table" || libraryDir === null) return parameters;
  return (await readModel({ libraryDir, model, input: start.image, classes, seed }, signal)).trainable_parameters;
}

/** Where gradients travel as frames, and the network is known. */
function noticeOfCompression({ start, recipe }: Prepared, frames: boolean, workers: number): string[] {
  const { values } = start;
  return frames && values !== "from the first worker" ? compressionNotice(recipe, values.layout, workers) : [];
}

function noticeOfExposure({ metrics, metricsHost }: Placement, access: HttpAccess): string[] {
  const notice = metrics ? exposureOf(metricsHost, access) : null;
  return notice === null ? [] : [notice];
}

const NOT_INSTALLED =
  "TensorFlow's library is not on this machine yet: the run would install it first, and so does 'cnn-dist setup'";

/** Locked before its checkpoints are read, so that nobody adds one meanwhile; a dry run only looks. */
async function openResumed({ options, closing }: RunContext): Promise<Pick<PreparedRun, "directory" | "checkpoint">> {
  const { resume, dryRun, placement } = options;
  if (!resume) return { directory: null, checkpoint: null };
  const directory = dryRun ? null : RunDirectory.open(resume.runDir);
  if (directory) closing.add(() => directory.close());
  const store = new CheckpointStore(resume.runDir, placement.keepCheckpoints);
  return { directory, checkpoint: (await store.isEmpty()) ? null : await store.loadNewest() };
}

function recipeInForce({ options }: RunContext, checkpoint: Loaded | null, { devices }: Devices) {
  const { recipe, resume } = options;
  if (recipe.precision === "bf16" && devices.some(({ kind }) => kind === "gpu"))
    throw new UsageError(
      "config",
      "--precision bf16 is not supported on GPUs yet: TensorFlow's rewriter brings it to the CPU alone. Use fp32, or --device cpu.",
    );
  if (!checkpoint || !resume?.keepLength) return recipe;
  const { epochs, steps } = checkpoint.snapshot.recipe;
  return { ...recipe, epochs, steps };
}

/** Null where it would have to be installed and nothing may be. */
function tensorflow(options: Parameters<typeof ensureTensorflow>[0], dryRun: boolean) {
  return dryRun ? findTensorflow(options) : ensureTensorflow(options);
}

function passedOver(checkpoint: Loaded | null): string[] {
  if (!checkpoint) return [];
  return checkpoint.passedOver.map(
    ({ path, reason }) => `${path} was passed over: ${clauseOf(reason)}. Going on from ${checkpoint.path}.`,
  );
}
