/** Every error that a person may see: its codes, exit codes, and whether starting a worker again can help. */

/** Exit codes of the command line: the only place where they are numbers. */
export const EXIT = { done: 0, failed: 1, usage: 2, stopped: 75, aborted: 130 } as const;

/** Bad input. It is as bad for the next incarnation of a worker, so no restart can help. */
const usage = (about: string) => ({ exit: EXIT.usage, restartHelps: false, about }) as const;
/** Something that went wrong here and now. */
const failed = (about: string) => ({ exit: EXIT.failed, restartHelps: true, about }) as const;
/** Something that would go wrong in the same way in every worker. */
const hopeless = (about: string) => ({ exit: EXIT.failed, restartHelps: false, about }) as const;

/** The codes are stable and may be matched on. docs/errors.md is this table, which a test holds it to. */
export const CODES = {
  archive: failed("a downloaded archive cannot be unpacked"),
  attribute: hopeless("a TensorFlow op was given an attribute of a kind that it does not take"),
  augmentation: usage("a step of the augmentation does not fit the images"),
  cancelled: failed("a computation was ended while it ran"),
  "channels-differ": usage("the images have other channels than the network was trained with"),
  checkpoint: failed("a checkpoint cannot be written, or what it holds is damaged or of another version"),
  "checkpoint-differs": usage("a checkpoint is not one of the run whose folder it lies in"),
  checksum: failed("a downloaded file does not have the published SHA-256"),
  "classes-differ": usage("the data set has other classes than the network was trained with"),
  config: usage("an option, or a combination of options, that is not possible"),
  "data-damaged": usage("a file of the data set is not what its format says"),
  "data-differs": usage("the data set is not the one that the run or the checkpoint was made with"),
  "data-dir": usage("the folder given for the data set does not hold it"),
  "data-missing": usage("the data set is not on this machine and cannot be downloaded"),
  "data-unreadable": usage("a file of the data set cannot be read"),
  "dataset-option": usage("an option that the data set does not have, or a value that it does not take"),
  dense: usage("the network cannot be applied densely to images of that size"),
  "disk-full": failed("no space is left where the run writes"),
  disposed: failed("a tensor was used after it was freed"),
  download: failed("a download failed"),
  dtype: hopeless("an array of a type that TensorFlow does not take there"),
  "dynamic-shape": hopeless("the shape of a tensor depends on its values, so the step cannot be compiled"),
  endpoint: usage("an address that cannot be listened at or connected to"),
  "engine-differs": usage("the workers' engine is not the one that the checkpoint was computed by"),
  "engine-open": usage("TensorFlow is open in the process already, with other options"),
  export: usage("the checkpoint cannot be exported in that format"),
  image: hopeless("an image file is damaged, or neither JPEG nor PNG"),
  "image-differs": usage("the images have another size than the network was trained with"),
  "image-file": usage("an image named on the command line cannot be used"),
  "init-weights": usage("the weights to begin from cannot be read or do not fit"),
  keys: usage("a key of coordinator or worker is missing, damaged, or can be read by others"),
  launcher: usage("what the launcher of several machines says, or the options about them, does not fit together"),
  "lock-lost": failed("another process took over the lock of a download, or of a run's folder"),
  "metrics-access": usage("the token or the TLS files of the metrics cannot be used"),
  "metrics-port": usage("the address for the metrics is not free or not of this machine"),
  model: hopeless("a network asks for something that its layers do not give"),
  "model-code": usage("the code of a model file threw an error"),
  "model-differs": usage("a model file is not the one that the run or the checkpoint was made with"),
  "model-file": usage("a model file is missing, unreadable or of a kind that cannot be trained"),
  "model-input": usage("the network cannot take images of that shape"),
  "model-layer": usage("a layer of a model file cannot be trained here"),
  "model-not-allowed": usage("a model file that is a program was not allowed to run here"),
  "model-option": usage("an option that the network does not have, or a value that it does not take"),
  "model-shape": usage("a model file's input or output does not fit the data"),
  "no-checkpoint": usage("there is no checkpoint to read there"),
  "no-gpu": usage("a GPU was asked for, and none can be used"),
  "no-test-images": usage("the test set has no image, so there is nothing to evaluate"),
  "no-workers": failed("no worker is left, and none will be started again"),
  "not-finite": failed("a loss or a gradient is infinite or not a number"),
  "out-of-memory": failed("TensorFlow could not allocate memory"),
  output: failed("a result could not be written"),
  "parameter-size": usage("a network's parameters are too large to travel between the processes"),
  picture: usage("a picture cannot be drawn of that network, or of what was given"),
  pip: failed("pip could not download TensorFlow"),
  precision: usage("the device cannot compute in that precision"),
  protocol: failed("coordinator and worker do not understand each other"),
  "recipe-file": usage("a recipe's file cannot be read"),
  "run-differs": usage("the run in that folder has another recipe than the one that was asked for"),
  "run-dir": usage("a run's folder cannot be made, read or written"),
  "run-dir-in-use": usage("another run writes to that folder"),
  safetensors: failed("a safetensors file is damaged"),
  "shared-memory": failed("the memory that workers and coordinator share cannot be had"),
  "socket-directory": usage("no folder can be made for the sockets between the processes"),
  stopped: { exit: EXIT.stopped, restartHelps: false, about: "it was stopped on request; a run is saved" },
  stream: failed("a result came out of a compiled step in a form that was not expected"),
  "summary-shape": usage("summary cannot tell the shape of the images"),
  "ten-crop": usage("ten crops cannot be cut from the images"),
  tensor: failed("values do not fit the shape of their tensor"),
  tensorflow: failed("an op of TensorFlow failed"),
  "tensorflow-load": failed("TensorFlow's library cannot be loaded"),
  "tensorflow-missing": usage("TensorFlow's library is not there and cannot be installed"),
  "tensorflow-version": usage("TensorFlow's library is too old"),
  "too-few-gpus": usage("fewer GPUs are visible than were asked for"),
  "too-few-workers": failed("fewer workers were there than --min-workers asks for, for longer than --wait-workers"),
  "too-large": hopeless("a download, or what it unpacks to, is larger than it may be"),
  towers: usage("a network cannot lie on that many devices"),
  trace: hopeless("the step does something that cannot be compiled"),
  "trace-constant": hopeless("a value was computed outside of the step and would be frozen into it"),
  "trace-differs": hopeless("the step gives other operations each time it is compiled"),
  "trace-file": usage("the file for the timeline of the steps cannot be written"),
  "trace-read": hopeless("the step reads a tensor's values while it is compiled"),
  "trace-run": failed("a compiled step was called while it ran"),
  "trace-variable": hopeless("the step changes a variable in a way that cannot be compiled"),
  unexpected: failed("an error of cnn-dist itself"),
  "unknown-dataset": usage("there is no data set of that name"),
  "unknown-model": usage("there is no network of that name"),
  "unknown-recipe": usage("there is no recipe of that name"),
  usage: usage("the command line cannot be understood"),
  verify: usage("the run left nothing that a replay can be compared with"),
  worker: failed("the process of a worker ended"),
  zip: failed("a zip file is damaged"),
} as const satisfies Readonly<Record<string, { exit: number; restartHelps: boolean; about: string }>>;

export type Code = keyof typeof CODES;
/** Codes of bad input, found before any work starts: exit code 2. */
export type UsageCode = { [K in Code]: (typeof CODES)[K]["exit"] extends typeof EXIT.usage ? K : never }[Code];

/** The message says what happened, where (rank, step, file), what was received, and what to do. */
export class CnnDistError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "CnnDistError";
    this.code = code;
  }

  get exitCode(): number {
    return CODES[this.code].exit;
  }
}

/** Bad input, found before any work starts: exit code 2. */
export class UsageError extends CnnDistError {
  constructor(code: UsageCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
    this.name = "UsageError";
  }
}

export function isCode(text: string): text is Code {
  return Object.hasOwn(CODES, text);
}

/** Of a code that came from another process. */
export function errorOf(code: string, message: string, options: { cause?: unknown } = {}): CnnDistError {
  if (!isCode(code)) return new CnnDistError("unexpected", message, options);
  return isUsage(code) ? new UsageError(code, message, options) : new CnnDistError(code, message, options);
}

/** What was thrown, as a failure that can be told: "WHAT: its message", unless it was meant to be told. */
export function failureOf(error: unknown, what: string): CnnDistError {
  if (error instanceof CnnDistError) return error;
  return new CnnDistError("unexpected", `${what}: ${messageOf(error)}`, { cause: error });
}

function isUsage(code: Code): code is UsageCode {
  return CODES[code].exit === EXIT.usage;
}

/** The message as part of a sentence that goes on: without the full stop that many end in. */
export function clauseOf(error: unknown): string {
  return messageOf(error).replace(/\.$/, "");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
