import { EXIT } from "../errors.js";
import { type Verification, verifyRun } from "../run/verify.js";
import { plural } from "../terminal/format.js";
import { placementOf } from "./training.js";
import { flag, path, placement } from "./values.js";
import { work } from "./work.js";

const { workers, device, dataDir } = placement;

/** Exit 0 when the replay is bit-identical, 1 when it is not. */
export const command = work(
  { runDir: path, workers, device, dataDir, json: flag },
  async ({ runDir, json, ...values }, { io, reporter, signal }) => {
    const result = await verifyRun({
      runDir,
      placement: placementOf(values),
      signal,
      onEvent: (event) => {
        if (event.event === "step" && !json) reporter.note(`  step ${event.step} replayed`);
      },
    });
    // A replay that was cut short has compared nothing.
    signal.throwIfAborted();
    reporter.close();
    io.stdout.write(json ? `${JSON.stringify(result)}\n` : verdict(result, runDir));
    return result.identical ? EXIT.done : EXIT.failed;
  },
);

function verdict({ difference, steps, weights_sha256 }: Verification, runDir: string): string {
  if (difference === null)
    return `bit-identical: the first ${plural(steps, "step")} of ${runDir} left the same weights (${weights_sha256})\n`;
  const { step, parameter, expected, received } = difference;
  const where = `step ${step}${parameter === null ? "" : `, ${parameter}`}`;
  return `different: first at ${where}: the run recorded ${expected}, the replay gave ${received}\n`;
}
