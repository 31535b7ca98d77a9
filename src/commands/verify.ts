import { describeDifferences } from "../config/fingerprint.js";
import { EXIT } from "../errors.js";
import { plural } from "../format.js";
import { verify } from "../library/verify.js";
import type { Verification } from "../run/verify.js";
import { controlOf } from "./terminal.js";
import { flag, path, placement } from "./values.js";
import { work } from "./work.js";

const { workers, device, dataDir } = placement;

/** Exit 0 when the replay is bit-identical, 1 when it is not. */
export const command = work(
  { runDir: path, trustModel: flag, workers, device, dataDir, json: flag },
  async ({ runDir, json, ...options }, terminal) => {
    const { io, reporter } = terminal;
    const onStep = (step: number) => {
      if (!json) reporter.note(`  step ${step} replayed`);
    };
    const result = await verify(runDir, { ...options, ...controlOf(terminal), onStep });
    reporter.close();
    io.stdout.write(json ? `${JSON.stringify(result)}\n` : verdict(result, runDir));
    return result.identical ? EXIT.done : EXIT.failed;
  },
);

export function verdict({ difference, engine, steps, weights_sha256 }: Verification, runDir: string): string {
  const otherEngine = engine.length === 0 ? null : describeDifferences(engine);
  if (difference === null) {
    const same = `bit-identical: the first ${plural(steps, "step")} of ${runDir} left the same weights (${weights_sha256})`;
    return `${same}${otherEngine === null ? "" : `, though the engine is another one. ${otherEngine}`}\n`;
  }
  const { step, parameter, expected, received } = difference;
  const where = `step ${step}${parameter === null ? "" : `, ${parameter}`}`;
  const what = `different: first at ${where}: the run recorded ${expected}, the replay gave ${received}`;
  if (otherEngine === null) return `${what}\n`;
  return `computed by another engine, which gives other bits. ${otherEngine}. Verify the run on the engine that it was made on.\n${what}\n`;
}
