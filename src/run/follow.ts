/** Follow: from the first step to the last event, a stop or a failure on the way. */
import type { CheckpointStore } from "../checkpoint/store.js";
import { systemClock } from "../clock.js";
import type { Outcome } from "../coordinator/coordinator.js";
import { CnnDistError, CODES, errorOf, messageOf } from "../errors.js";
import type { DoneEvent } from "../events.js";
import type { HeldBackWatch } from "../metrics/held-back.js";
import { NodeTraffic } from "../metrics/node-traffic.js";
import { weightsSha256 } from "../parameters/hash.js";
import type { RunContext } from "./context.js";
import type { OpenedRun } from "./open.js";
import type { PreparedRun } from "./prepare.js";
import { resumeCommand } from "./resume-command.js";
import type { RunningTraining } from "./start.js";

export async function followRun(
  { signal, events }: RunContext,
  { checkpoint }: PreparedRun,
  { directory, store, picturesDrawn }: OpenedRun,
  { coordinator, outcome, startedMs }: RunningTraining,
  heldBack: HeldBackWatch,
): Promise<DoneEvent> {
  let accuracy: number | null = null;
  const traffic = new NodeTraffic();
  events.subscribe((event) => {
    if (event.event === "eval") accuracy = event.accuracy;
    traffic.observe(event);
    if (event.event === "rollback") accuracy = null; // of a step that will be done again
  });
  const stop = () => coordinator.requestStop(messageOf(signal.reason));
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  const ended = await outcome.catch(async (error: unknown) => {
    throw await withResume(error, store, directory.path);
  });
  const done = doneEvent(ended, {
    accuracy,
    seconds: (systemClock.now() - startedMs) / 1000,
    checkpoint: ended.checkpoint ?? checkpoint?.path ?? null,
    runDir: directory.path,
    heldBack: heldBack.whole(),
    nodeBytes: traffic.perStep(),
  });
  if (ended.kind === "done") await picturesDrawn();
  events.emit(done);
  return done;
}

/** `accuracy`: of the last evaluation; `checkpoint`: the newest there is. */
export function doneEvent(
  { kind, snapshot, samplesPerSecond }: Outcome,
  facts: {
    accuracy: number | null;
    seconds: number;
    checkpoint: string | null;
    runDir: string;
    heldBack: ReturnType<HeldBackWatch["whole"]>;
    nodeBytes: ReturnType<NodeTraffic["perStep"]>;
  },
): DoneEvent {
  return {
    event: kind,
    step: snapshot.step,
    epoch: snapshot.epoch,
    loss: snapshot.loss,
    accuracy: facts.accuracy,
    best_accuracy: snapshot.best?.accuracy ?? null,
    recipe_sha256: snapshot.recipeSha256,
    weights_sha256: snapshot.layout.trainable.length === 0 ? null : weightsSha256(snapshot.layout, snapshot),
    ema_sha256: snapshot.ema && weightsSha256(snapshot.layout, snapshot.ema),
    samples_per_second: samplesPerSecond,
    duration_seconds: facts.seconds,
    checkpoint: facts.checkpoint,
    run_dir: facts.runDir,
    bottleneck: facts.heldBack.bottleneck,
    held_back: facts.heldBack.text,
    ...(facts.nodeBytes && { node_bytes: facts.nodeBytes }),
    resume_command: kind === "stopped" ? resumeCommand(facts.runDir) : null,
  };
}

/** The failure, with the way to go on: from the last checkpoint, or from the beginning where that can help. */
async function withResume(error: unknown, store: CheckpointStore, runDir: string): Promise<CnnDistError> {
  const code = error instanceof CnnDistError ? error.code : "unexpected";
  if (error instanceof CnnDistError && code === "engine-differs") return error; // the same command would be refused again
  const newest = (await store.list().catch(() => [])).at(-1);
  const goOn =
    newest === undefined
      ? "There is no checkpoint yet. Begin again"
      : `The last checkpoint is ${newest}. Go on from it`;
  const helps = newest !== undefined || CODES[code].restartHelps;
  return errorOf(code, `${messageOf(error)}${helps ? `\n${goOn} with: ${resumeCommand(runDir)}` : ""}`, {
    cause: error,
  });
}
