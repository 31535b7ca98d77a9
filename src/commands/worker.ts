import { setTimeout as sleep } from "node:timers/promises";
import { assignDevices, listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { CnnDistError, EXIT, UsageError } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import { backoffMs } from "../run/supervisor.js";
import { reusedEngine, workOnce } from "../run/worker-process.js";
import { createReporter } from "../terminal/reporter.js";
import { checkTcpEndpoint } from "../transport/address.js";
import { VERSION } from "../version.js";
import type { Args, Io } from "./command.js";
import { placementOf } from "./training.js";

/** One worker, until the coordinator sends it home; one that was taken for dead comes back as a new incarnation. */
export async function run(args: Args, io: Io): Promise<number> {
  const endpoint = args.connect as string | undefined;
  if (endpoint === undefined)
    throw new UsageError(
      "usage",
      "worker: --connect tcp://HOST:PORT is needed, the address that 'cnn-dist coordinator' listens at",
    );
  checkTcpEndpoint("--connect", endpoint);
  const { device, dataDir } = placementOf(args);
  const reporter = createReporter({ io, json: false, quiet: false, version: VERSION });
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGUSR1"] as const)
    process.once(signal, () =>
      stopping.abort(new CnnDistError("stopped", `${signal} was received`, { exitCode: EXIT.stopped })),
    );
  const cacheDir = cacheDirectory(io.env);
  const assigned = assignDevices({ workers: 1, device, gpus: device === "cpu" ? [] : await listGpus(io.env) })
    .devices[0]!;
  Object.assign(process.env, assigned.env, { CNN_DIST_DEVICE_NAME: assigned.name });
  const { dir } = await ensureTensorflow({
    gpu: assigned.kind === "gpu",
    cacheDir,
    env: io.env,
    signal: stopping.signal,
    onProgress: (progress) => reporter.progress(progress),
  });
  reporter.note(`worker on ${assigned.name}, for the coordinator at ${endpoint}`);
  const open = reusedEngine();
  for (let attempt = 1; ; attempt++) {
    const settings = {
      endpoint,
      token: null,
      device: assigned.kind,
      deviceName: assigned.name,
      libraryDir: dir,
      dataDir,
      cacheDir,
    };
    const outcome = await workOnce(settings, { signal: stopping.signal, open });
    reporter.note(`${outcome.kind}: ${outcome.detail}`);
    if (outcome.kind === "evicted") {
      await sleep(backoffMs(attempt), undefined, { signal: stopping.signal }).catch(() => {});
      if (!stopping.signal.aborted) continue;
    }
    // TensorFlow may still compute a step that nobody waits for.
    process.exit(
      stopping.signal.aborted
        ? EXIT.stopped
        : outcome.kind === "stopped"
          ? EXIT.done
          : outcome.kind === "refused"
            ? EXIT.usage
            : EXIT.failed,
    );
  }
}
