/** All commands: what `--help` shows, and where each one's work is. */
import type { Args, Command, Io, OptionSpec, PositionalSpec } from "./command.js";
import { LENGTH_OPTIONS, OUTPUT_OPTIONS, PLACEMENT_OPTIONS, RECIPE_OPTIONS } from "./options.js";

const RUN_DIR: PositionalSpec = { name: "run-dir", describe: "the run's folder", required: true };
const RUN_OR_CHECKPOINT: PositionalSpec = {
  name: "checkpoint",
  describe: "a run's folder (its newest checkpoint), or a checkpoint's",
  required: true,
};
const BEST: OptionSpec = {
  flag: "best",
  kind: "boolean",
  describe: "of a run, the checkpoint of its best evaluation instead of the newest",
  group: "Options",
};
const JSON_OPTION: OptionSpec = { flag: "json", kind: "boolean", describe: "JSON on stdout", group: "Options" };
const option = (flag: string, kind: OptionSpec["kind"], describe: string): OptionSpec => ({
  flag,
  kind,
  describe,
  group: "Options",
});
const THREADS = option("threads", "number", "TensorFlow's threads [all cores]");
const placement = (...flags: string[]) => PLACEMENT_OPTIONS.filter(({ flag }) => flags.includes(flag));

type Load = () => Promise<{ run(args: Args, io: Io): Promise<number> }>;

/** A command that only prints a text. */
const prints =
  (load: () => Promise<(args: Args, io: Io) => string>): Load =>
  async () => {
    const text = await load();
    return {
      async run(args, io) {
        io.stdout.write(text(args, io));
        return 0;
      },
    };
  };
const given = (args: Args, ...flags: string[]) =>
  Object.fromEntries(flags.filter((flag) => args[flag] !== undefined).map((flag) => [flag, args[flag] as string]));

function command(
  name: string,
  describe: string,
  positionals: readonly PositionalSpec[],
  options: readonly OptionSpec[],
  load: Load,
): Command {
  return { name, describe, positionals, options, run: async (args, io) => (await load()).run(args, io) };
}

export const COMMANDS: readonly Command[] = [
  command(
    "launch",
    "train with workers on this machine",
    [],
    [...RECIPE_OPTIONS, ...PLACEMENT_OPTIONS, ...OUTPUT_OPTIONS],
    () => import("./launch.js"),
  ),
  command(
    "resume",
    "go on with a run from its newest checkpoint",
    [RUN_DIR],
    [...LENGTH_OPTIONS, ...PLACEMENT_OPTIONS.filter(({ flag }) => flag !== "run-dir"), ...OUTPUT_OPTIONS],
    () => import("./resume.js"),
  ),
  command(
    "coordinator",
    "coordinate workers that are started elsewhere",
    [],
    [
      option("bind", "string", "tcp://HOST:PORT to listen at (loopback)"),
      ...RECIPE_OPTIONS,
      ...PLACEMENT_OPTIONS.filter(({ flag }) => flag !== "max-restarts"),
      ...OUTPUT_OPTIONS,
    ],
    () => import("./coordinator.js"),
  ),
  command(
    "worker",
    "work for a coordinator",
    [],
    [option("connect", "string", "tcp://HOST:PORT of the coordinator"), ...placement("device", "data-dir")],
    () => import("./worker.js"),
  ),
  command(
    "verify",
    "replay the first steps of a run and compare every weight",
    [RUN_DIR],
    [...placement("gpus", "device", "data-dir"), JSON_OPTION],
    () => import("./verify.js"),
  ),
  command(
    "evaluate",
    "loss, top-1, top-5 and confusion of a checkpoint on a test set",
    [RUN_OR_CHECKPOINT],
    [
      BEST,
      option("dataset", "string", "another data set of the same classes [the run's]"),
      { flag: "dataset-option", kind: "list", describe: "NAME=VALUE, an option of that data set", group: "Options" },
      option("ten-crop", "boolean", "four corners and the centre of larger images, and their mirrors, averaged"),
      option("dense", "boolean", "the dense layers as convolutions over larger images, the class map averaged"),
      ...placement("device", "data-dir"),
      THREADS,
      JSON_OPTION,
    ],
    () => import("./evaluate.js"),
  ),
  command(
    "predict",
    "what image files show, with probabilities",
    [RUN_OR_CHECKPOINT, { name: "image", describe: "JPEG or PNG files", required: true, many: true }],
    [option("top", "number", "classes to show [5]"), BEST, ...placement("device"), THREADS, JSON_OPTION],
    () => import("./predict.js"),
  ),
  command(
    "export",
    "a checkpoint as a file for Python, Keras or tfjs",
    [RUN_OR_CHECKPOINT],
    [
      option("format", "string", "safetensors, tfjs or keras"),
      option("output", "string", "file, or folder for tfjs [MODEL-step-N.safetensors, .keras or -tfjs]"),
      BEST,
      JSON_OPTION,
    ],
    () => import("./export.js"),
  ),
  command(
    "summary",
    "a network's layers, shapes and costs",
    [{ name: "model", describe: "the network", required: true }],
    [
      option("dataset", "string", "take input and classes from this data set"),
      option("input", "string", "HxWxC"),
      option("classes", "number", "number of classes"),
      { flag: "model-option", kind: "list", describe: "NAME=VALUE, an option of the network", group: "Options" },
      JSON_OPTION,
    ],
    prints(async () => {
      const [{ modelSummary }, { modelOptionsOf }] = await Promise.all([
        import("./summary.js"),
        import("./training.js"),
      ]);
      return (args) =>
        modelSummary({
          model: args.model as string,
          json: args.json === true,
          ...modelOptionsOf(args),
          ...given(args, "dataset", "input", "classes"),
        });
    }),
  ),
  command(
    "models",
    "the networks that can be trained by name",
    [],
    [JSON_OPTION],
    prints(async () => {
      const { modelList } = await import("./models.js");
      return (args) => modelList({ json: args.json === true });
    }),
  ),
  command(
    "datasets",
    "the data sets that can be used by name",
    [],
    [JSON_OPTION],
    prints(async () => {
      const [{ datasetList }, { cacheDirectory }] = await Promise.all([import("./datasets.js"), import("../paths.js")]);
      return (args, io) => datasetList({ json: args.json === true, cacheDir: cacheDirectory(io.env) });
    }),
  ),
  command(
    "setup",
    "install TensorFlow's library into the user's cache",
    [],
    [option("gpu", "boolean", "the build for NVIDIA GPUs"), option("cpu", "boolean", "the build for the CPU")],
    () => import("./setup.js"),
  ),
  command(
    "doctor",
    "what was found on this machine, and what is missing",
    [],
    [JSON_OPTION],
    () => import("./doctor.js"),
  ),
];
