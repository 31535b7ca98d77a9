/**
 * A process of simulated nodes: each speaks a node's protocol over the real socket, with the real buckets and a sum for each
 * range of the tree, but has no workers: what it sends is there at once. Started by coordinator.ts, which gives it a `NodeGroup`.
 */
import { setImmediate as turn } from "node:timers/promises";
import { HEARTBEAT_MS } from "../../src/config/time-limits.js";
import { emptyShards, globalBatch } from "../../src/data/order.js";
import { layoutOfSpec } from "../../src/membership/admission.js";
import { asBytes } from "../../src/parameters/bytes.js";
import type { Layout } from "../../src/parameters/layout.js";
import { coverOf, includes } from "../../src/parameters/tree.js";
import { decodeToWorker, encode } from "../../src/protocol/codec.js";
import { PROTOCOL, type Timing, type ToCoordinator, type ToWorker } from "../../src/protocol/messages.js";
import { connectWorker } from "../../src/transport/worker-socket.js";
import { FINGERPRINT, type NodeGroup } from "./simulated.js";

type Message<Type> = Extract<ToWorker, { type: Type }>;

/** Resolves when the coordinator says that the run is over. */
async function work(node: number, { endpoint, key, workers }: NodeGroup): Promise<void> {
  const link = connectWorker(endpoint, key);
  const send = (message: ToCoordinator, payload?: Float32Array) =>
    link.send({ header: encode(message), ...(payload && { payload: asBytes(payload) }) });
  const beat = setInterval(() => send({ type: "heartbeats", phase: "computing", workers: [] }), HEARTBEAT_MS);
  const known: { task: Message<"recipe"> | null; layout: Layout | null; sender: Sender | null } = {
    task: null,
    layout: null,
    sender: null,
  };
  const begin = (task: Message<"recipe">) => {
    known.task = task;
    known.layout = layoutOfSpec(task.node!.parameters!);
    for (const worker of task.node!.workers)
      send({ type: "worker", ...worker, state: "ready", pid: process.pid, device: "simulated" });
    send({
      type: "join",
      fingerprint: FINGERPRINT,
      datasetSha256: task.recipe.datasetSha256!,
      topologySha256: "0".repeat(64),
      parameters: null,
    });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      link.onMessage((parts) => {
        const decoded = decodeToWorker(parts);
        if (!decoded.ok) return reject(new Error(`node ${node}: ${decoded.reason}`));
        const { message } = decoded;
        if (message.type === "recipe") begin(message);
        else if (message.type === "accept") {
          const { run, rank, incarnation } = message;
          known.sender = { run, rank, incarnation };
        } else if (message.type === "assign")
          step(message, { ...known.task!, layout: known.layout!, sender: known.sender! }, send).catch(reject);
        else if (message.type === "stop") resolve();
        else if (message.type !== "weights") reject(new Error(`node ${node}: ${JSON.stringify(message)}`));
      });
      const machine = { pid: process.pid, host: "localhost", device: "simulated" };
      send({ type: "hello", protocol: PROTOCOL, token: null, ...machine, node: { rank: node, workers } });
    });
  } finally {
    clearInterval(beat);
    await link.close();
  }
}

interface Sender {
  run: string;
  rank: number;
  incarnation: number;
}

type Run = Message<"recipe"> & { layout: Layout; sender: Sender };

/** The same gradient for every range, a bucket a turn of the event loop. */
async function step(
  { step, version, batch, shards: given }: Message<"assign">,
  { recipe, node, layout, sender }: Run,
  send: (message: ToCoordinator, payload?: Float32Array) => void,
): Promise<void> {
  const { shards } = globalBatch(recipe);
  const empty = emptyShards(batch, shards);
  const work = { ...sender, step, version };
  const ranges = coverOf([...given, ...empty], shards).filter((range) =>
    given.some((shard) => includes(range, { start: shard, end: shard + 1 })),
  );
  for (const shard of given) send({ type: "loss", ...work, shard, loss: 0.01, hits: 0 });
  for (const { index, size } of layout.buckets)
    for (const range of ranges) {
      await turn();
      send({ type: "bucket", ...work, ...range, bucket: index }, gradientOf(size));
    }
  const each = given.length / node!.workers.length;
  for (const { rank } of node!.workers) send({ type: "times", ...work, worker: rank, shards: each, timing: TIMING });
  for (const range of ranges) send({ type: "finished", ...work, ...range, timing: null });
}

const TIMING: Timing = {
  assignedMs: 0,
  beganMs: 0,
  computingMs: 0,
  sentMs: 0,
  inputMs: 0,
  computeMs: 0,
  writeMs: 0,
  spans: [],
};

const gradients = new Map<number, Float32Array>();

/** All nodes of this process send the same memory: as many gradients as they have would not fit every machine. */
function gradientOf(size: number): Float32Array {
  const gradient = gradients.get(size) ?? new Float32Array(size).fill(1e-6);
  gradients.set(size, gradient);
  return gradient;
}

process.on("disconnect", () => process.exit(1)); // the coordinator is gone
const group = JSON.parse(process.argv[2]!) as NodeGroup;
await Promise.all(group.nodes.map((node) => work(node, group)));
process.exit(0);
