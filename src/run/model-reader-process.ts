/** The process that `readModel` starts: one model in, its summary out. */
import { openEngine } from "../engine/open.js";
import { dieWithParent, exitNow } from "../engine/prctl.js";
import { CnnDistError, messageOf } from "../errors.js";
import { loadUserModel } from "../layers/user-model.js";
import type { ModelReading, ReaderAnswer, UserModelSummary } from "./model-reader.js";

async function summaryOf({ libraryDir, model, input, classes, seed }: ModelReading): Promise<UserModelSummary> {
  const engine = openEngine({ libraryDir, threads: 1, device: "cpu", precision: "fp32" });
  const { layers, layout } = await loadUserModel(engine, model, { input, classes, seed });
  return {
    trainable_parameters: layout.parameters,
    total_parameters: layout.parameters + layout.stateSize,
    layers: [...layers],
  };
}

dieWithParent();
const answer = await summaryOf(JSON.parse(process.env.CNN_DIST_MODEL!) as ModelReading).then(
  (summary): ReaderAnswer => ({ summary }),
  (error: unknown): ReaderAnswer => ({
    code: error instanceof CnnDistError ? error.code : "unexpected",
    message: messageOf(error),
  }),
);
process.send!(answer, () => exitNow(0));
