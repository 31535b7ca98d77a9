import { listGpus } from "../engine/gpus.js";
import { installTensorflow } from "../engine/install.js";
import { CnnDistError, EXIT, UsageError } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import { createReporter } from "../terminal/reporter.js";
import { VERSION } from "../version.js";
import type { Args, Io } from "./command.js";
import { onSignals } from "./session.js";

/** Installs the build that was asked for; without a wish, the one for the GPUs that are there, else the CPU's. */
export async function run(args: Args, io: Io): Promise<number> {
  if (args.gpu === true && args.cpu === true)
    throw new UsageError("usage", "setup: --gpu and --cpu exclude each other; give one, or neither");
  const gpu = args.gpu === true || (args.cpu !== true && (await listGpus(io.env)).length > 0);
  const stopping = new AbortController();
  const restore = onSignals({
    first: (signal) =>
      stopping.abort(new CnnDistError("stopped", `${signal}: the installation was stopped; nothing is half installed`)),
    again: () => process.exit(EXIT.aborted),
  });
  const reporter = createReporter({ io, json: false, quiet: false, version: VERSION });
  try {
    const { dir, version } = await installTensorflow({
      gpu,
      cacheDir: cacheDirectory(io.env),
      env: io.env,
      signal: stopping.signal,
      onProgress: (progress) => reporter.progress(progress),
    });
    reporter.close();
    io.stdout.write(`TensorFlow ${version} for the ${gpu ? "GPU" : "CPU"} is in ${dir}\n`);
    return EXIT.done;
  } finally {
    reporter.close();
    restore();
  }
}
