/** Run events to Prometheus metrics. Everything is named `cnn_dist_…`; docs/metrics.md says what each one tells. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { HOLD_PHASES, type HoldPhase, type NodeEvent, type RunEvent, type WorkerState } from "../events.js";
import { VERSION } from "../version.js";
import type { HttpRefusal } from "./http.js";

const PREFIX = "cnn_dist_";
/** From the quickest LeNet step to a large network on a slow machine, in seconds. */
const STEP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const CHECKPOINT_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const DETECTION_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60, 600];
const STATES: readonly WorkerState[] = [
  "starting",
  "joining",
  "tracing",
  "ready",
  "working",
  "spare",
  "lost",
  "refused",
  "stopped",
];
/** A worker in one of these is not there any more. */
const GONE: ReadonlySet<WorkerState> = new Set(["lost", "refused", "stopped"]);
/** A worker in one of these can take part in the next step. */
export const ABLE: ReadonlySet<WorkerState> = new Set(["ready", "working", "spare"]);
const PHASES = ["wait", "input", "compute", "write", "reduce", "update", "commit"] as const;
const WORKER_PHASES = ["wait", "input", "compute", "write", "idle"] as const;

export interface RunMetrics {
  registry: Registry;
  observe(event: RunEvent): void;
  /** A connection or a request of the HTTP server was refused. */
  refused(reason: HttpRefusal): void;
  /** Null when the run is ready, else why it is not. */
  notReady(): string | null;
}

export function createRunMetrics(): RunMetrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: PREFIX + name, help, labelNames, registers });
  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ name: PREFIX + name, help, labelNames, registers });
  const histogram = <L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ) => new Histogram<L>({ name: PREFIX + name, help, buckets, labelNames, registers });

  const buildInfo = gauge("build_info", "Version of cnn-dist and of Node; the value is always 1.", ["version", "node"]);
  const runInfo = gauge("run_info", "What is trained, and by which recipe; the value is always 1.", [
    "model",
    "dataset",
    "recipe_sha256",
    "run_dir",
  ]);
  const trainLoss = gauge("train_loss", "Mean loss of the last step's batch.");
  const trainAccuracy = gauge(
    "train_accuracy_ratio",
    "Share of the last step's batch classified right, before the update.",
  );
  const evalLoss = gauge("eval_loss", "Mean loss on the test set, at the last evaluation.");
  const evalAccuracy = gauge("eval_accuracy_ratio", "Share of the test set classified right, at the last evaluation.");
  const learningRate = gauge("learning_rate", "Learning rate of the last step.");
  const gradientNorm = gauge("gradient_norm", "Global norm of the last step's gradient, before clipping.");
  const epoch = gauge("epoch", "Epoch of the last step, from 0.");
  const steps = counter("steps_total", "Steps committed since this process started.");
  const samples = counter("samples_total", "Training images of committed steps since this process started.");
  const stepDuration = histogram("step_duration_seconds", "Time from assignment to commit.", STEP_BUCKETS);
  const phaseDuration = histogram(
    "step_phase_duration_seconds",
    "Parts of a step, along the rank that ended last and then through the coordinator; they add up to the step: wait (for work and weights), input, compute, write (last gradients on their way), reduce (gradients that came as frames are put into their places), update (gradients are added and applied), commit.",
    STEP_BUCKETS,
    ["phase"],
  );
  const tailDuration = histogram(
    "step_tail_duration_seconds",
    "Time from a step's last gradient to the first operation of the next.",
    STEP_BUCKETS,
  );
  const workers = gauge("workers", "Workers by state.", ["state"]);
  const heartbeat = gauge("worker_last_heartbeat_timestamp_seconds", "Unix time of a worker's last sign of life.", [
    "rank",
  ]);
  const workerStep = gauge("worker_step_duration_seconds", "Time that a worker computed in the last step.", ["rank"]);
  const workerPhase = counter(
    "worker_phase_seconds_total",
    "What each rank's time in steps went to: wait (for work and weights), input, compute, idle (until the commit); write, gradients that leave, lies within compute.",
    ["rank", "phase"],
  );
  const slow = gauge(
    "worker_slow_ratio",
    "How many times as long as the others a rank takes for a shard, as long as it is named slow; 0: it is not.",
    ["rank"],
  );
  const heldBack = gauge(
    "held_back_ratio",
    "What the run is held back by now takes so much of its time, by phase; 0: not by this.",
    ["phase"],
  );
  const failures = counter("failures_detected_total", "Workers lost, by how it was noticed.", ["reason"]);
  const detection = histogram(
    "failure_detection_seconds",
    "Time from a lost worker's last sign of life to its detection.",
    DETECTION_BUCKETS,
  );
  const reassigned = counter("shards_reassigned_total", "Shards given to another worker within a step.");
  const backedUp = counter("shards_backed_up_total", "Late shards that were given to idle workers as well.", ["rank"]);
  const exchanged = counter("exchange_bytes_total", "Tensor bytes between coordinator and workers.", [
    "direction",
    "transport",
  ]);
  const nodeExchanged = counter(
    "node_exchange_bytes_total",
    "Tensor bytes that came from (in) and went to (out) each other node: its share of the network, whatever its workers.",
    ["node", "direction"],
  );
  const nodes = gauge("nodes", "Machines of the run beside the coordinator's, by state.", ["state"]);
  const rejected = counter("wire_rejected_total", "Messages dropped, by reason.", ["reason"]);
  const httpRefused = counter(
    "http_rejected_total",
    "Connections and requests of the metrics' server refused, by reason.",
    ["reason"],
  );
  const checkpointDuration = histogram(
    "checkpoint_duration_seconds",
    "Time to write a checkpoint.",
    CHECKPOINT_BUCKETS,
  );
  const checkpointFailures = counter("checkpoint_failures_total", "Checkpoints that could not be written.");
  const checkpointSize = gauge("checkpoint_size_bytes", "Size of the last checkpoint.");
  const checkpointTime = gauge("checkpoint_last_success_timestamp_seconds", "Unix time of the last checkpoint.");
  const checkpointStep = gauge("checkpoint_last_step", "Step of the last checkpoint.");
  const tensors = gauge("tensors", "Live TensorFlow tensors over all workers.");
  const tensorMemory = gauge("tensor_memory_bytes", "Bytes of live TensorFlow tensors over all workers.");

  buildInfo.set({ version: VERSION, node: process.version }, 1);
  for (const phase of PHASES) phaseDuration.zero({ phase });
  const setHeldBack = (now: HoldPhase | null, share: number) => {
    for (const phase of HOLD_PHASES) heldBack.set({ phase }, phase === now ? share : 0);
  };
  setHeldBack(null, 0);
  for (const reason of ["exit", "silence", "join-timeout", "step-timeout", "protocol", "error", "node"])
    failures.inc({ reason }, 0);
  const nodeStates = new Map<number, NodeEvent>();
  const states = new Map<number, { incarnation: number; state: WorkerState }>();
  const held = new Map<number, { tensors: number; bytes: number }>();
  const setWorkers = () => {
    for (const state of STATES)
      workers.set({ state }, [...states.values()].filter((each) => each.state === state).length);
  };
  setWorkers();
  const setTensors = () => {
    const sum = (key: "tensors" | "bytes") => [...held.values()].reduce((total, each) => total + each[key], 0);
    tensors.set(sum("tensors"));
    tensorMemory.set(sum("bytes"));
  };
  /** What a rank reported is removed when it ends: an old heartbeat would read as a worker that has fallen silent. */
  const forget = (rank: number) => {
    held.delete(rank);
    setTensors();
    heartbeat.remove({ rank: String(rank) });
    workerStep.remove({ rank: String(rank) });
    slow.remove({ rank: String(rank) });
    for (const phase of WORKER_PHASES) workerPhase.remove({ rank: String(rank), phase });
  };
  /** What the run as a whole has come to; between its start and its end the workers decide. */
  let notRunning: string | null = "the run has not started";
  const notReady = () => {
    const workerStates = [...states.values()];
    if (notRunning !== null || workerStates.some(({ state }) => ABLE.has(state))) return notRunning;
    return workerStates.length === 0 ? "no worker has joined yet" : "no worker is ready";
  };

  const observe = (event: RunEvent): void => {
    switch (event.event) {
      case "plan":
        notRunning = null;
        runInfo.set(
          {
            model: event.model,
            dataset: event.dataset.name,
            recipe_sha256: event.recipe_sha256,
            run_dir: event.run_dir,
          },
          1,
        );
        return;
      case "step":
        trainLoss.set(event.loss);
        trainAccuracy.set(event.accuracy);
        learningRate.set(event.lr);
        gradientNorm.set(event.gradient_norm);
        epoch.set(event.epoch);
        steps.inc();
        samples.inc(event.samples);
        stepDuration.observe(event.duration_seconds);
        for (const phase of PHASES) phaseDuration.observe({ phase }, event.phases[`${phase}_seconds`]);
        exchanged.inc({ direction: "in", transport: "zeromq" }, event.exchange_bytes.in);
        exchanged.inc({ direction: "out", transport: "zeromq" }, event.exchange_bytes.out);
        exchanged.inc({ direction: "in", transport: "shared-memory" }, event.exchange_bytes.shared);
        for (const [node, bytes] of Object.entries(event.node_bytes ?? {}))
          for (const direction of ["in", "out"] as const) nodeExchanged.inc({ node, direction }, bytes[direction]);
        if (event.tail_seconds !== null) tailDuration.observe(event.tail_seconds);
        for (const [rank, phases] of Object.entries(event.ranks)) {
          if (GONE.has(states.get(Number(rank))?.state ?? "ready")) continue; // it died in the step: its series end there
          workerStep.set({ rank }, phases.compute_seconds);
          for (const phase of WORKER_PHASES) workerPhase.inc({ rank, phase }, phases[`${phase}_seconds`]);
        }
        return;
      case "eval":
        evalLoss.set(event.loss);
        evalAccuracy.set(event.accuracy);
        return;
      case "checkpoint":
        checkpointDuration.observe(event.duration_seconds);
        checkpointSize.set(event.size_bytes);
        checkpointTime.set(Date.now() / 1000);
        checkpointStep.set(event.step);
        return;
      case "checkpoint-failed":
        checkpointFailures.inc();
        return;
      case "heartbeat":
        heartbeat.set({ rank: String(event.rank) }, event.timestamp);
        held.set(event.rank, { tensors: event.tensors, bytes: event.tensor_bytes });
        setTensors();
        return;
      case "node":
        nodeStates.set(event.node, event);
        for (const state of STATES)
          nodes.set({ state }, [...nodeStates.values()].filter((each) => each.state === state).length);
        if (event.detection_seconds !== undefined) detection.observe(event.detection_seconds);
        reassigned.inc(event.reassigned ?? 0);
        return;
      case "worker":
        if (event.state === "lost") {
          failures.inc({ reason: event.reason ?? "error" });
          if (event.detection_seconds !== undefined) detection.observe(event.detection_seconds);
          reassigned.inc(event.reassigned ?? 0);
        }
        // The end of an incarnation may be told after its successor has begun.
        if (event.incarnation < (states.get(event.rank)?.incarnation ?? 0)) return;
        states.set(event.rank, { incarnation: event.incarnation, state: event.state });
        if (GONE.has(event.state)) forget(event.rank);
        else if (event.state === "ready") slow.set({ rank: String(event.rank) }, 0);
        setWorkers();
        return;
      case "backup":
        backedUp.inc({ rank: String(event.rank) }, event.shards);
        return;
      case "slow":
        slow.set({ rank: String(event.rank) }, event.slow ? event.times : 0);
        return;
      case "held-back":
        return setHeldBack(event.phase, event.share);
      case "rejected":
        rejected.inc({ reason: event.reason }, event.count);
        return;
      case "done":
      case "stopped":
        notRunning = "the run has ended";
        setHeldBack(null, 0);
        return;
      case "timeline":
      case "log":
        return;
    }
  };
  const refused = (reason: HttpRefusal) => httpRefused.inc({ reason });
  return { registry, observe, refused, notReady };
}
