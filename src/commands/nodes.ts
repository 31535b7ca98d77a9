/** What launch and resume do where a run is over several machines: the first has the run, the others take part in it. */
import { z } from "zod";
import { type Place, placeOf } from "../cluster/place.js";
import type { Placement } from "../config/placement.js";
import { DEFAULT_WAIT_COORDINATOR, LONGEST_WAIT_COORDINATOR } from "../config/time-limits.js";
import { CnnDistError, EXIT } from "../errors.js";
import type { ModelChoice } from "../models/choice.js";
import type { NodesOptions } from "../run/context.js";
import { keysOfNodes } from "../run/keys.js";
import { joinRun } from "../run/node.js";
import type { Terminal } from "./command.js";
import { path } from "./values.js";

/** Values of the command line; the launcher's environment says what is left out. */
export const nodes = {
  nodes: z.number().int().min(1).max(1024).optional(),
  nodeRank: z.number().int().min(0).max(1023).optional(),
  rendezvous: path.optional(),
  keys: path.optional(),
  /** Of a machine that has no coordinator of its own. */
  waitCoordinator: z.number().min(0).max(LONGEST_WAIT_COORDINATOR).default(DEFAULT_WAIT_COORDINATOR),
};
type Given = z.infer<z.ZodObject<typeof nodes>>;

export const placeFor = (given: Pick<Given, "nodes" | "nodeRank" | "rendezvous">, { io }: Terminal): Place =>
  placeOf(io.env, given);

/** Of the first machine; null where no other takes part. `runDir`: where the keys may lie; null: others do not know it. */
export function nodesOptions(
  { nodes: count, rendezvous }: Place,
  keys: string | undefined,
  runDir: string | null,
  { io }: Terminal,
): NodesOptions | null {
  if (rendezvous === null) return null;
  const { host, port } = rendezvous;
  const meeting = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { count, meeting, endpoint: `tcp://${listenAt(host)}:${port}`, keys: keysOfNodes(keys, runDir, io.env) };
}

/** An address is listened at; a name may be known to this machine as another address than to the others. */
function listenAt(host: string): string {
  if (host.includes(":")) return `[${host}]`;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return host;
  return host === "localhost" ? "127.0.0.1" : "*";
}

interface Participant extends Pick<Given, "waitCoordinator"> {
  placement: Placement;
  model: ModelChoice | null;
  keys: string | undefined;
}

/** Of another machine: takes part until the run is over; resolves with the exit code. */
export async function takePart(
  { nodeRank, rendezvous }: Place,
  { placement, model, keys, waitCoordinator }: Participant,
  { io, reporter, signal }: Terminal,
): Promise<number> {
  const { kind, detail } = await joinRun({
    node: nodeRank,
    ...rendezvous!,
    placement,
    keys,
    waitCoordinator,
    modelFiles: model?.kind === "file" ? [model.path] : [],
    env: io.env,
    signal,
    onProgress: (progress) => reporter.progress(progress),
    observe: (event) => reporter.event(event),
    note: (text) => reporter.note(text),
  });
  if (kind === "left" || kind === "stopped") return EXIT.stopped;
  if (kind === "done") return EXIT.done;
  if (kind === "refused") throw new CnnDistError("launcher", `node ${nodeRank} was refused: ${detail}`);
  throw new CnnDistError("worker", `node ${nodeRank} is gone: ${detail}`);
}
