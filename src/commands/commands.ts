/** All commands: what `--help` shows, and where each one's work is. */

import { plural } from "../format.js";
import type { Command, Given, OptionSpec, PositionalSpec } from "./command.js";
import { LENGTH_OPTIONS, NODES_OPTIONS, OUTPUT_OPTIONS, PLACEMENT_OPTIONS, RECIPE_OPTIONS } from "./options.js";

const RUN_DIR: PositionalSpec = { name: "run-dir", describe: "the run's folder", required: true };
const RUN_OR_CHECKPOINT: PositionalSpec = {
  name: "checkpoint",
  describe: "a run's folder (its newest checkpoint), a checkpoint's, or a safetensors file",
  required: true,
};
const TRUST_MODEL: OptionSpec = {
  flag: "trust-model",
  kind: "boolean",
  describe: "run the module that the folder names, though you never trained with it here",
  group: "Options",
};
const BEST: OptionSpec = {
  flag: "best",
  kind: "boolean",
  describe: "of a run, the checkpoint of its best evaluation instead of the newest",
  group: "Options",
};
const RAW_WEIGHTS: OptionSpec = {
  flag: "raw-weights",
  kind: "boolean",
  describe: "the weights themselves, where the checkpoint has a moving average of them",
  group: "Options",
};
const JSON_OPTION: OptionSpec = { flag: "json", kind: "boolean", describe: "JSON on stdout", group: "Options" };
const KEYS: OptionSpec = {
  flag: "keys",
  kind: "string",
  describe: "a folder of keys [your own keys, made when they are needed]",
  group: "Options",
};
const option = (flag: string, kind: OptionSpec["kind"], describe: string): OptionSpec => ({
  flag,
  kind,
  describe,
  group: "Options",
});
/** Of a safetensors file in a checkpoint's place. */
const weights = (dataset: string) => [
  option("model", "string", "of a safetensors file: the network [as the file says, if it does]"),
  option("model-option", "list", "NAME=VALUE, an option of that network"),
  option("recipe", "string", "of a safetensors file: a recipe with the network, its data and what becomes of images"),
  option("normalization", "string", "of a safetensors file: none, or channel [as the file says, or torchvision's]"),
  option("dataset", "string", dataset),
  option("dataset-option", "list", "NAME=VALUE, an option of that data set"),
];
const THREADS = option("threads", "number", "TensorFlow's threads [all cores]");
/** "vgg13 on cifar100": as much of it as the words on the command line tell. */
const titleOf = ({ model, recipe, dataset }: Given) =>
  `${String(model ?? recipe ?? "lenet5")}${dataset === undefined ? "" : ` on ${String(dataset)}`}`;
const placement = (...flags: string[]) => PLACEMENT_OPTIONS.filter(({ flag }) => flags.includes(flag));

export const COMMANDS: readonly Command[] = [
  {
    name: "launch",
    describe: "train on this machine, or on several",
    positionals: [],
    options: [...RECIPE_OPTIONS, ...PLACEMENT_OPTIONS, ...NODES_OPTIONS, ...OUTPUT_OPTIONS],
    lasting: { title: titleOf, saves: true },
    load: async () => (await import("./launch.js")).command,
  },
  {
    name: "resume",
    describe: "go on with a run from its newest checkpoint",
    positionals: [RUN_DIR],
    options: [
      TRUST_MODEL,
      ...LENGTH_OPTIONS,
      ...PLACEMENT_OPTIONS.filter(({ flag }) => !["run-dir", "auto-resume"].includes(flag)),
      ...NODES_OPTIONS,
      option("allow-different-engine", "boolean", "go on with other bits where TensorFlow or the processor are others"),
      ...OUTPUT_OPTIONS,
    ],
    lasting: { title: ({ runDir }) => `resuming ${String(runDir)}`, saves: true },
    load: async () => (await import("./resume.js")).command,
  },
  {
    name: "coordinator",
    describe: "coordinate workers that are started elsewhere",
    positionals: [],
    options: [
      {
        ...option("bind", "string", "tcp://HOST:PORT to listen at"),
        missing: "--bind tcp://HOST:PORT is needed, for instance --bind tcp://127.0.0.1:5555",
      },
      KEYS,
      ...RECIPE_OPTIONS,
      ...PLACEMENT_OPTIONS.filter(({ flag }) => !["max-restarts", "exchange", "devices-per-worker"].includes(flag)),
      ...OUTPUT_OPTIONS,
    ],
    lasting: { title: (given) => `coordinating ${titleOf(given)} at ${String(given.bind)}`, saves: true },
    load: async () => (await import("./coordinator.js")).command,
  },
  {
    name: "worker",
    describe: "work for a coordinator",
    positionals: [],
    options: [
      {
        ...option("connect", "string", "tcp://HOST:PORT of the coordinator"),
        missing: "--connect tcp://HOST:PORT is needed, the address that 'cnn-dist coordinator' listens at",
      },
      option("keys", "string", "this worker's key: its file, or a folder of keys [your own keys]"),
      option("model-file", "list", "a model of your own that this worker may read and run; may be repeated"),
      option("wait-coordinator", "number", "seconds to wait for a coordinator that is gone, at least 30 [0]"),
      ...placement("device", "devices-per-worker", "data-dir"),
    ],
    lasting: { title: ({ connect }) => `working for the coordinator at ${String(connect)}`, saves: false },
    load: async () => (await import("./worker.js")).command,
  },
  {
    name: "keys",
    describe: "keys by which coordinator and workers know each other",
    positionals: [
      { name: "action", describe: "list, create or revoke [list]", required: false },
      { name: "name", describe: "whose key [worker]", required: false },
    ],
    options: [KEYS, JSON_OPTION],
    load: async () => (await import("./keys.js")).command,
  },
  {
    name: "verify",
    describe: "replay the first steps of a run and compare every weight",
    positionals: [RUN_DIR],
    options: [TRUST_MODEL, ...placement("gpus", "device", "data-dir"), JSON_OPTION],
    lasting: { title: ({ runDir }) => `replaying ${String(runDir)}`, saves: false },
    load: async () => (await import("./verify.js")).command,
  },
  {
    name: "evaluate",
    describe: "loss, top-1, top-5 and confusion of a checkpoint on a test set",
    positionals: [RUN_OR_CHECKPOINT],
    options: [
      BEST,
      RAW_WEIGHTS,
      ...weights("the data set to evaluate on, of the same classes [the run's]"),
      option("ten-crop", "boolean", "four corners and the centre of larger images, and their mirrors, averaged"),
      option("dense", "boolean", "the dense layers as convolutions over larger images, the class map averaged"),
      TRUST_MODEL,
      ...placement("device", "data-dir"),
      THREADS,
      JSON_OPTION,
    ],
    lasting: { title: ({ checkpoint }) => `evaluating ${String(checkpoint)}`, saves: false },
    load: async () => (await import("./evaluate.js")).command,
  },
  {
    name: "predict",
    describe: "what image files show, with probabilities",
    positionals: [RUN_OR_CHECKPOINT, { name: "image", describe: "JPEG or PNG files", required: true, many: true }],
    options: [
      option("top", "number", "classes to show [5]"),
      BEST,
      RAW_WEIGHTS,
      ...weights("of a safetensors file: the data whose classes and images it was trained on"),
      TRUST_MODEL,
      ...placement("device", "data-dir"),
      THREADS,
      JSON_OPTION,
    ],
    lasting: { title: ({ image }) => `reading ${plural([image].flat().length, "image")}`, saves: false },
    load: async () => (await import("./predict.js")).command,
  },
  {
    name: "picture",
    describe: "what a checkpoint's network has learnt, as a PNG or SVG file",
    positionals: [RUN_OR_CHECKPOINT],
    options: [
      {
        ...option("what", "string", "filters, samples, mistakes, confusion, activations, gradcam or curves"),
        missing: "--what is needed, one of filters, samples, mistakes, confusion, activations, gradcam, curves",
      },
      option("image", "string", "for activations and gradcam: a JPEG or PNG file [the first test image]"),
      option("output", "string", "a .png or .svg file [MODEL-step-N-WHAT.png]"),
      BEST,
      RAW_WEIGHTS,
      ...weights("the data set whose images are looked at, of the same classes [the run's]"),
      TRUST_MODEL,
      ...placement("device", "data-dir"),
      THREADS,
      JSON_OPTION,
    ],
    lasting: { title: ({ what, checkpoint }) => `drawing ${String(what)} of ${String(checkpoint)}`, saves: false },
    load: async () => (await import("./picture.js")).command,
  },
  {
    name: "report",
    describe: "a run as one HTML file that needs no network",
    positionals: [RUN_DIR],
    options: [
      option("output", "string", "the file [RUN_DIR/report.html]"),
      { ...BEST, describe: "pictures of the checkpoint of its best evaluation instead of the newest" },
      TRUST_MODEL,
      ...placement("device", "data-dir"),
      THREADS,
      JSON_OPTION,
    ],
    lasting: { title: ({ runDir }) => `reporting on ${String(runDir)}`, saves: false },
    load: async () => (await import("./report.js")).command,
  },
  {
    name: "export",
    describe: "a checkpoint as a file for Python, Keras or tfjs",
    positionals: [RUN_OR_CHECKPOINT],
    options: [
      {
        ...option("format", "string", "safetensors, tfjs or keras"),
        missing: "--format is needed, one of safetensors, tfjs, keras",
      },
      option("output", "string", "file, or folder for tfjs [MODEL-step-N.safetensors, .keras or -tfjs]"),
      option("names", "string", "of a safetensors file: cnn-dist, or torchvision for PyTorch [cnn-dist]"),
      BEST,
      RAW_WEIGHTS,
      ...weights("of a safetensors file: the data whose classes and images it was trained on"),
      ...placement("data-dir"),
      JSON_OPTION,
    ],
    load: async () => (await import("./export.js")).command,
  },
  {
    name: "summary",
    describe: "a network's layers, shapes and costs",
    positionals: [{ name: "model", describe: "the network", required: true }],
    options: [
      option("dataset", "string", "take input and classes from this data set"),
      option("input", "string", "HxWxC"),
      option("classes", "number", "number of classes"),
      option("model-option", "list", "NAME=VALUE, an option of the network"),
      option("devices-per-worker", "number", "what each device holds, and what crosses between them"),
      JSON_OPTION,
    ],
    load: async () => (await import("./summary.js")).command,
  },
  {
    name: "models",
    describe: "the networks that can be trained by name",
    positionals: [],
    options: [JSON_OPTION],
    load: async () => (await import("./models.js")).command,
  },
  {
    name: "datasets",
    describe: "the data sets that can be used by name",
    positionals: [],
    options: [JSON_OPTION],
    load: async () => (await import("./datasets.js")).command,
  },
  {
    name: "runs",
    describe: "the runs of a folder, compared, hidden, deleted",
    positionals: [
      { name: "what", describe: "a folder of runs [runs]; or compare, delete, hide or show", required: false },
      {
        name: "run",
        describe: "for those four: folders of runs, or their names in ./runs",
        required: false,
        many: true,
      },
    ],
    options: [
      option("sort", "string", "started, accuracy, loss, speed, duration, step, name, model … [started]"),
      option(
        "filter",
        "list",
        "KEY=VALUE of the table or of the recipe, such as model=vgg* or lr=0.1; may be repeated",
      ),
      option("all", "boolean", "hidden ones too"),
      option("csv", "boolean", "comma-separated values on stdout"),
      option("yes", "boolean", "delete without a question"),
      JSON_OPTION,
    ],
    load: async () => (await import("./runs.js")).command,
  },
  {
    name: "dashboard",
    describe: "the page of a folder of runs",
    positionals: [{ name: "runs-dir", describe: "the folder of runs [runs]", required: false }],
    options: placement("metrics-host", "metrics-port", "metrics-token-file", "metrics-cert", "metrics-key"),
    lasting: { title: null, saves: false },
    load: async () => (await import("./dashboard.js")).command,
  },
  {
    name: "setup",
    describe: "install TensorFlow's library into the user's cache",
    positionals: [],
    options: [option("gpu", "boolean", "the build for NVIDIA GPUs"), option("cpu", "boolean", "the build for the CPU")],
    lasting: { title: null, stopped: "the installation was stopped; nothing is half installed", saves: false },
    load: async () => (await import("./setup.js")).command,
  },
  {
    name: "doctor",
    describe: "what was found on this machine, and what is missing",
    positionals: [],
    options: [JSON_OPTION],
    load: async () => (await import("./doctor.js")).command,
  },
  {
    name: "completion",
    describe: "a script that completes words in your shell",
    positionals: [{ name: "shell", describe: "bash, zsh or fish [$SHELL]", required: false }],
    options: [],
    load: async () => (await import("./completion.js")).completionOf(COMMANDS),
  },
  {
    name: "help",
    describe: "a page on recipes, failures, data, keys, clusters, pictures or runs",
    positionals: [{ name: "topic", describe: "one of these", required: false }],
    options: [],
    load: async () => (await import("./help.js")).command,
  },
];
