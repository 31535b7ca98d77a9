/** Every option of the commands that train, in one table: flag, meaning, and the key that it sets. */
import type { OptionSpec } from "./command.js";

const recipe = (flag: string, key: string, kind: OptionSpec["kind"], describe: string): OptionSpec => ({
  flag,
  key,
  kind,
  describe,
  group: "Recipe",
});
const placement = (flag: string, key: string, kind: OptionSpec["kind"], describe: string): OptionSpec => ({
  flag,
  key,
  kind,
  describe,
  group: "Placement",
});

/** How long to train: the only part of a recipe that `resume` may change. */
export const LENGTH_OPTIONS: readonly OptionSpec[] = [
  recipe("epochs", "epochs", "number", "passes over the training set"),
  recipe("steps", "steps", "number", "steps; with --epochs, whichever ends first"),
];

export const RECIPE_OPTIONS: readonly OptionSpec[] = [
  {
    flag: "recipe",
    kind: "string",
    describe: "a recipe's name, or a JSON file; other options override it",
    group: "Recipe",
  },
  recipe(
    "model",
    "model",
    "string",
    "a network (see 'cnn-dist models'), or a path to your own model.json or .js [lenet5]",
  ),
  {
    flag: "model-option",
    kind: "list",
    describe: "NAME=VALUE, an option of the network; may be repeated",
    group: "Recipe",
  },
  recipe("dataset", "dataset", "string", "a data set (see 'cnn-dist datasets') [fashion-mnist]"),
  {
    flag: "dataset-option",
    kind: "list",
    describe: "NAME=VALUE, an option of the data set; may be repeated",
    group: "Recipe",
  },
  recipe("normalization", "normalization", "string", "none, or channel: by the training set's mean and deviation"),
  { flag: "augmentation", kind: "string", describe: "none: without the recipe's augmentation", group: "Recipe" },
  recipe("init-weights", "initWeights", "string", "a safetensors file to begin from: ours, or torchvision's"),
  recipe(
    "init-weights-mode",
    "initWeightsMode",
    "string",
    "strict, or partial: what does not fit keeps its seeded value",
  ),
  recipe("batch-size", "batchSize", "number", "images of a batch, over all shards"),
  recipe("shards", "shards", "number", "fixed slices of a batch, each computed as a whole by one worker [4]"),
  recipe(
    "accumulate",
    "accumulate",
    "number",
    "batches a step: as one batch, and shards, of so many times the size [1]",
  ),
  ...LENGTH_OPTIONS,
  recipe("optimizer", "optimizer", "string", "sgd, momentum, nesterov, adam, adamw or rmsprop"),
  recipe("lr", "lr", "number", "learning rate"),
  recipe("momentum", "momentum", "number", "of momentum, nesterov and rmsprop"),
  recipe("weight-decay", "weightDecay", "number", "L2, decoupled for adamw"),
  recipe(
    "weight-decay-exclude",
    "weightDecayExclude",
    "string",
    "none, or biasAndNorm: biases and batch normalisation",
  ),
  recipe("lr-scheduler", "lrScheduler", "string", "constant, step, cosine or plateau"),
  recipe("lr-step-size", "lrStepSize", "number", "epochs between two cuts of 'step'"),
  recipe("lr-gamma", "lrGamma", "number", "factor of a cut of 'step' or 'plateau'"),
  recipe("lr-warmup-epochs", "lrWarmupEpochs", "number", "epochs of linear warm-up; fractions are allowed"),
  recipe("clip-grad-norm", "clipGradNorm", "number", "largest global norm of the gradient"),
  recipe("ema", "ema", "number", "decay of a moving average of the weights, which is evaluated and exported"),
  recipe("compress", "compress", "string", "gradients: none, bf16, fp16 or topk:RATIO, with error feedback [none]"),
  recipe("label-smoothing", "labelSmoothing", "number", "share of the target spread over all classes"),
  recipe("precision", "precision", "string", "fp32 or bf16"),
  recipe("threads", "threads", "number", "TensorFlow's threads a worker"),
  recipe("seed", "seed", "number", "of weights, order and noise"),
];

export const PLACEMENT_OPTIONS: readonly OptionSpec[] = [
  {
    ...placement(
      "gpus",
      "workers",
      "number",
      "workers, one GPU each; without GPUs, on the CPU [all GPUs, else 2 on the CPU]",
    ),
    alias: "workers",
  },
  placement("device", "device", "string", "auto, gpu or cpu [auto]"),
  placement(
    "devices-per-worker",
    "devicesPerWorker",
    "number",
    "of one worker, for a network that has towers, such as alexnet [1]",
  ),
  placement("data-dir", "dataDir", "string", "folder that holds the data set's files"),
  placement("run-dir", "runDir", "string", "folder of the run [runs/MODEL-DATASET-TIME]"),
  placement("auto-resume", "autoResume", "boolean", "go on with the run in --run-dir if there is one, else begin it"),
  placement(
    "checkpoint-every-steps",
    "checkpointEverySteps",
    "number",
    "besides the end of each epoch; 0: only then [0]",
  ),
  placement("checkpoint-every-seconds", "checkpointEverySeconds", "number", "besides; 0: not by time [0]"),
  placement(
    "checkpoint-failures",
    "checkpointFailures",
    "number",
    "checkpoints in a row that could not be written before the run ends [10]",
  ),
  placement("keep-checkpoints", "keepCheckpoints", "number", "the newest to keep, besides the best [3]"),
  placement("evaluate-every-epochs", "evaluateEveryEpochs", "number", "0: only at the end [1]"),
  placement(
    "step-timeout",
    "stepTimeout",
    "number",
    "seconds without a result before a worker is replaced; auto: five times the usual, at least 10 [auto]",
  ),
  placement("heartbeat-timeout", "heartbeatTimeout", "number", "seconds of silence before a worker is replaced [5]"),
  placement("min-workers", "minWorkers", "number", "with fewer workers, training waits [goes on with any]"),
  placement(
    "wait-workers",
    "waitWorkers",
    "number",
    "seconds for which it waits for --min-workers, then it fails [600]",
  ),
  placement(
    "backup-shards",
    "backupShards",
    "boolean",
    "give late shards to idle workers as well; the first result counts (takes --exchange frames)",
  ),
  placement("exchange", "exchange", "string", "auto, shared-memory or frames: how gradients travel [auto]"),
  placement("max-restarts", "maxRestarts", "number", "restarts of each local worker [3]"),
  placement("trace", "trace", "string", "file for a timeline of the steps, for Perfetto or chrome://tracing"),
  placement("trace-steps", "traceSteps", "string", "FROM-TO: the steps in it [the first 50]"),
  placement("pictures", "pictures", "boolean", "draw what the network has learnt after each evaluation"),
  {
    ...placement(
      "tensorboard",
      "tensorboard",
      "string",
      "event files for TensorBoard, in DIR/RUN [RUN_DIR/tensorboard]",
    ),
    bare: true,
  },
  placement("mlflow", "mlflow", "string", "address of an MLflow server that is told the run's figures"),
  placement("metrics-host", "metricsHost", "string", "where Prometheus may read metrics [127.0.0.1]"),
  placement("metrics-port", "metricsPort", "number", "0: any free port [0]"),
  placement(
    "metrics-token-file",
    "metricsTokenFile",
    "string",
    "file with the token that readers of metrics must send",
  ),
  placement("metrics-cert", "metricsCert", "string", "PEM certificate: metrics over HTTPS"),
  placement("metrics-key", "metricsKey", "string", "its PEM key, a file of mode 0600"),
];

/** Of a run over several machines; a launcher's environment says what is left out. */
export const NODES_OPTIONS: readonly OptionSpec[] = (
  [
    ["nodes", "number", "machines that the run begins with; the same command starts each [the launcher's, else 1]"],
    ["node-rank", "number", "number of this machine, from 0; 0 has the coordinator [the launcher's]"],
    ["rendezvous", "string", "HOST:PORT of machine 0, where the others find it [the launcher's]"],
    ["wait-coordinator", "number", "seconds that a machine waits for a coordinator that is gone, at least 30 [60]"],
    ["keys", "string", "a folder of keys for several machines [RUN_DIR/keys, else your own keys]"],
  ] as const
).map(([flag, kind, describe]) => ({ flag, kind, describe, group: "Placement" }));

export const OUTPUT_OPTIONS: readonly OptionSpec[] = [
  { flag: "dry-run", kind: "boolean", describe: "check everything, print the plan, and end", group: "Output" },
  { flag: "json", kind: "boolean", describe: "one JSON object a line on stdout", group: "Output" },
  { flag: "quiet", kind: "boolean", describe: "only warnings, errors and the closing summary", group: "Output" },
];
