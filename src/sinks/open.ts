/** The sinks that a placement asks for. */
import { basename, join } from "node:path";
import { systemClock } from "../clock.js";
import type { Placement } from "../config/placement.js";
import type { Sink, SinkContext } from "./sink.js";

const EXPERIMENT = "cnn-dist";

/** UsageError `config` where one cannot be opened. Each is loaded when it is asked for. */
export async function openSinks(
  { tensorboard, mlflow }: Pick<Placement, "tensorboard" | "mlflow">,
  context: SinkContext,
  env: NodeJS.ProcessEnv,
): Promise<Sink[]> {
  const sinks: Sink[] = [];
  if (tensorboard !== false) {
    const { openTensorboard } = await import("./tensorboard/tensorboard.js");
    const { runDir } = context;
    const folder = tensorboard === true ? join(runDir, "tensorboard") : join(tensorboard, basename(runDir));
    sinks.push(await openTensorboard(folder, context));
  }
  if (mlflow !== null) {
    const { openMlflow } = await import("./mlflow/mlflow.js");
    const experiment = env.MLFLOW_EXPERIMENT_NAME || EXPERIMENT;
    sinks.push(openMlflow({ ...context, url: mlflow, experiment, clock: systemClock }, env));
  }
  return sinks;
}
