import { EXIT } from "../errors.js";
import { verifyRun } from "../run/verify.js";
import { createReporter } from "../terminal/reporter.js";
import { VERSION } from "../version.js";
import type { Args, Io } from "./command.js";
import { placementOf } from "./training.js";

/** Exit 0 when the replay is bit-identical, 1 when it is not. */
export async function run(args: Args, io: Io): Promise<number> {
  const reporter = createReporter({ io, json: false, quiet: args.json === true, version: VERSION });
  const runDir = args["run-dir"] as string;
  const result = await verifyRun({
    runDir,
    placement: placementOf(args),
    onEvent: (event) => {
      if (event.event === "step") reporter.note(`step ${event.step} replayed`);
    },
  }).finally(() => reporter.close());
  if (args.json === true) io.stdout.write(`${JSON.stringify(result)}\n`);
  else if (result.difference === null)
    io.stdout.write(
      `bit-identical: the first ${result.steps} steps of ${runDir} left the same weights (${result.weights_sha256})\n`,
    );
  else {
    const { step, parameter, expected, received } = result.difference;
    io.stdout.write(
      `different: first at step ${step}${parameter === null ? "" : `, ${parameter}`}: the run recorded ${expected}, the replay gave ${received}\n`,
    );
  }
  return result.identical ? EXIT.done : EXIT.failed;
}
