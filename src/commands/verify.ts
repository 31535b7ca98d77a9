import { EXIT } from "../errors.js";
import type { Verification } from "../run/verify.js";
import type { Args, Io } from "./command.js";
import { atTerminal } from "./session.js";

/** Exit 0 when the replay is bit-identical, 1 when it is not. */
export async function run(args: Args, io: Io): Promise<number> {
  const runDir = args["run-dir"] as string;
  return atTerminal(`replaying ${runDir}`, args, io, async ({ reporter, signal }) => {
    const [{ verifyRun }, { placementOf }] = await Promise.all([import("../run/verify.js"), import("./training.js")]);
    const result = await verifyRun({
      runDir,
      placement: placementOf(args),
      signal,
      onEvent: (event) => {
        if (event.event === "step" && args.json !== true) reporter.note(`  step ${event.step} replayed`);
      },
    });
    // A replay that was cut short has compared nothing.
    signal.throwIfAborted();
    reporter.close();
    io.stdout.write(args.json === true ? `${JSON.stringify(result)}\n` : inWords(result, runDir));
    return result.identical ? EXIT.done : EXIT.failed;
  });
}

function inWords({ difference, steps, weights_sha256 }: Verification, runDir: string): string {
  if (difference === null)
    return `bit-identical: the first ${steps} steps of ${runDir} left the same weights (${weights_sha256})\n`;
  const { step, parameter, expected, received } = difference;
  return `different: first at step ${step}${parameter === null ? "" : `, ${parameter}`}: the run recorded ${expected}, the replay gave ${received}\n`;
}
