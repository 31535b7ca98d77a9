import { listGpus } from "../engine/gpus.js";
import { installTensorflow } from "../engine/install.js";
import { EXIT, UsageError } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import { flag } from "./values.js";
import { work } from "./work.js";

/** Installs the build that was asked for; without a wish, the one for the GPUs that are there, else the CPU's. */
export const command = work({ gpu: flag, cpu: flag }, async (wish, { io, reporter, signal }) => {
  if (wish.gpu && wish.cpu)
    throw new UsageError("usage", "setup: --gpu and --cpu exclude each other; give one, or neither");
  const gpu = wish.gpu || (!wish.cpu && (await listGpus(io.env)).length > 0);
  const { dir, version } = await installTensorflow({
    gpu,
    cacheDir: cacheDirectory(io.env),
    env: io.env,
    signal,
    onProgress: (progress) => reporter.progress(progress),
  });
  reporter.close();
  io.stdout.write(`TensorFlow ${version} for the ${gpu ? "GPU" : "CPU"} is in ${dir}\n`);
  return EXIT.done;
});
