/** One case of the matrix: a real run of a few steps. Of the last batch, three images, one shard has none. */
import type { TestContext } from "node:test";
import type { RunEvent } from "../../src/events.js";
import { coordinatorKeys } from "../../src/run/keys.js";
import { type Disturbance, disturbances } from "../support/disturb.js";
import { fixturePath } from "../support/fixtures.js";
import { freeEndpoint } from "../support/ports.js";
import { type CliRun, cli, runHere } from "../support/runs.js";
import { type Case, exchangeOf } from "./table.js";

const MODEL = fixturePath("models/buckets.mjs");
const RECIPE = {
  datasetOptions: { height: 28, width: 28, channels: 1, classes: 10, train: 43, test: 8 },
  batchSize: 8,
  shards: 4,
  threads: 1,
  seed: 3,
  epochs: 1,
};

/** What the cases of one recipe have in common, to the last bit. */
export async function resultOf(context: TestContext, { recipe, path, workers, killedAfter }: Case) {
  const remote = path === "TCP frames";
  const endpoint = remote ? await freeEndpoint() : null;
  const victim = workers - 1;
  const death: Disturbance = {
    when: (message) =>
      message.type === "bucket" && message.step === 2 && message.rank === victim && message.bucket === killedAfter,
    act: (pid) => process.kill(pid, "SIGKILL"),
  };
  const { observe, services } = disturbances(killedAfter === null ? [] : [death]);
  const joining: Promise<CliRun>[] = [];
  const begin = (event: RunEvent) => {
    observe(event);
    if (event.event !== "plan" || endpoint === null) return;
    const words = ["worker", "--connect", endpoint, "--device", "cpu", "--model-file", MODEL];
    for (let rank = 0; rank < workers; rank++) joining.push(cli(words));
  };
  const { done, events } = await runHere(context, MODEL, {
    overrides: { ...RECIPE, ...recipe },
    // Who starts one again does so in vain where others go on; a run of milliseconds is over by then.
    placement: { workers, exchange: exchangeOf(path), maxRestarts: workers > 1 ? 0 : 1 },
    observe: begin,
    services,
    ...(endpoint === null ? {} : { bind: { endpoint, keys: coordinatorKeys(undefined, process.env) } }),
  });
  for (const worker of await Promise.all(joining)) await worker.ended;
  const lost = events.filter((event) => event.event === "worker" && event.state === "lost").length;
  if (lost !== (killedAfter === null ? 0 : 1)) throw new Error(`${lost} workers were lost`);
  // Of a step that is done again after a rollback the last counts.
  const steps = events.flatMap((event) =>
    event.event === "step" ? [[event.step, [event.loss, event.gradient_norm]] as const] : [],
  );
  return {
    weights: done.weights_sha256,
    average: done.ema_sha256,
    steps: [...new Map(steps).values()],
    evaluations: events.flatMap((event) => (event.event === "eval" ? [[event.loss, event.accuracy]] : [])),
  };
}
