/** Words that several commands take. */
import type { OptionSpec, PositionalSpec } from "./command.js";
import { PLACEMENT_OPTIONS } from "./options.js";

export const RUN_DIR: PositionalSpec = { name: "run-dir", describe: "the run's folder", required: true };
export const RUN_OR_CHECKPOINT: PositionalSpec = {
  name: "checkpoint",
  describe: "a run's folder (its newest checkpoint), a checkpoint's, or a safetensors file",
  required: true,
};
export const TRUST_MODEL: OptionSpec = {
  flag: "trust-model",
  kind: "boolean",
  describe: "run the module that the folder names, though you never trained with it here",
  group: "Options",
};
export const BEST: OptionSpec = {
  flag: "best",
  kind: "boolean",
  describe: "of a run, the checkpoint of its best evaluation instead of the newest",
  group: "Options",
};
export const RAW_WEIGHTS: OptionSpec = {
  flag: "raw-weights",
  kind: "boolean",
  describe: "the weights themselves, where the checkpoint has a moving average of them",
  group: "Options",
};
export const JSON_OPTION: OptionSpec = { flag: "json", kind: "boolean", describe: "JSON on stdout", group: "Options" };
export const KEYS: OptionSpec = {
  flag: "keys",
  kind: "string",
  describe: "a folder of keys [your own keys, made when they are needed]",
  group: "Options",
};
export const option = (flag: string, kind: OptionSpec["kind"], describe: string): OptionSpec => ({
  flag,
  kind,
  describe,
  group: "Options",
});
/** Of a safetensors file in a checkpoint's place. */
export const weights = (dataset: string) => [
  option("model", "string", "of a safetensors file: the network [as the file says, if it does]"),
  option("model-option", "list", "NAME=VALUE, an option of that network"),
  option("recipe", "string", "of a safetensors file: a recipe with the network, its data and what becomes of images"),
  option("normalization", "string", "of a safetensors file: none, or channel [as the file says, or torchvision's]"),
  option("dataset", "string", dataset),
  option("dataset-option", "list", "NAME=VALUE, an option of that data set"),
];
export const THREADS = option("threads", "number", "TensorFlow's threads [all cores]");
export const placement = (...flags: string[]) => PLACEMENT_OPTIONS.filter(({ flag }) => flags.includes(flag));
