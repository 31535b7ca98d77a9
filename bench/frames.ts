/**
 * `node dist/bench/frames.js [MEGABYTES [ROUNDS [plain|keys|sealed]]]`: how fast frames travel between two processes over TCP on loopback, in
 * GB a second, through the links and the codec of a run, with the copies that a run makes: a gradient into its slot and
 * into its place, weights into memory that TensorFlow reads. With keys the connection is encrypted (CURVE); sealed, each payload is, by
 * AES-256-GCM in the two main threads. Prints as JSON what each round came to, from the worker and to it, and
 * the CPU time of the process that a coordinator would be, in seconds.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { streamOf } from "../src/engine/engine.js";
import { asBytes } from "../src/parameters/bytes.js";
import { type Layout, layoutOf } from "../src/parameters/layout.js";
import { asFloat32, decodeToCoordinator, decodeToWorker, encode } from "../src/protocol/codec.js";
import type { WorkerKey } from "../src/transport/keys.js";
import type { Message } from "../src/transport/link.js";
import { connectWorker } from "../src/transport/worker-socket.js";
import { bindCoordinator, bindUnprotected } from "../src/transport/zeromq.js";
import { FrameExchange } from "../src/worker/exchange.js";
import { keyPair } from "./keys.js";
import { Seal } from "./seal.js";

const [, self, megabytesGiven = "40", roundsGiven = "40", security = "plain", endpoint, keyGiven] = process.argv;
const megabytes = Number(megabytesGiven);
const rounds = Number(roundsGiven);
/** Rounds in which code is compiled and memory is paged in. */
const UNSETTLED = 5;
/** Of no use to anybody: the two processes of a measurement share it. */
const KEY = Buffer.alloc(32, 7);
const seals = security === "sealed" ? { in: new Seal(KEY, "in"), out: new Seal(KEY, "out") } : null;
const sealed = (direction: "in" | "out", message: Required<Message>) => seals?.[direction].seal(message) ?? message;
const opened = (direction: "in" | "out", parts: readonly Uint8Array[]) => seals?.[direction].open(parts) ?? parts;
const SENDER = { run: "bench", rank: 0, incarnation: 0 };

/** Buckets of 4 MB, as a network of that size has them. */
function layout(): Layout {
  const parameters = Array.from({ length: Math.round(megabytes / 4) }, (_, index) => ({
    name: `part-${index}`,
    shape: [1_000_000],
    role: "trainable" as const,
    init: { kind: "zeros" } as const,
    decay: false,
  }));
  return layoutOf(parameters, 4_000_000);
}

/** Each round: takes a version of the weights, then sends a gradient, then says that it is done. */
function work(): void {
  const { buckets } = layout();
  const exchange = new FrameExchange(layout(), 1, (length) => new Float32Array(length));
  const gradient = new Float32Array(1_000_000).fill(1);
  const link = connectWorker(endpoint!, keyGiven ? (JSON.parse(keyGiven) as WorkerKey) : null);
  link.onMessage((parts) => {
    const decoded = decodeToWorker(opened("out", parts));
    if (!decoded.ok) throw new Error(decoded.reason);
    const { message, payload } = decoded;
    if (message.type === "stop") process.exit(0);
    if (message.type === "weights") exchange.put("raw", message.version, message.bucket, payload);
    if (message.type === "evaluate")
      link.send({
        header: encode({ type: "evaluated", ...SENDER, evaluation: 0, start: 0, end: 1, loss: 0, hits: 0 }),
      });
    if (message.type !== "assign") return;
    const range = { start: 0, end: 1 };
    const gradients = exchange.gradients(range, [0], message.version);
    const { step, version } = message;
    for (const { index, size } of buckets) {
      const ready = gradients.add(0, index, streamOf(gradient.subarray(0, size)));
      const header = encode({ type: "bucket", ...SENDER, step, version, ...range, bucket: index });
      link.send(sealed("in", { header, payload: asBytes(ready!.payload!) }));
    }
  });
  link.send({ header: encode({ type: "bye" }) });
}

async function measure(): Promise<void> {
  const { buckets, size } = layout();
  const [coordinator, worker] = security === "keys" ? keyPair() : [null, null];
  const link = await (coordinator
    ? bindCoordinator("tcp://127.0.0.1:*", coordinator)
    : bindUnprotected("tcp://127.0.0.1:*"));
  const words = [
    String(megabytes),
    String(rounds),
    security,
    link.endpoint,
    ...(worker ? [JSON.stringify(worker)] : []),
  ];
  const child = fork(fileURLToPath(new URL("frames.js", import.meta.url)), words);
  const place = new Float32Array(size);
  const weights = new Float32Array(size).fill(1);
  let wake = () => {};
  let missing = 0;
  let peer = "";
  link.onMessage((from, parts) => {
    peer = from;
    const decoded = decodeToCoordinator(opened("in", parts));
    if (!decoded.ok) throw new Error(decoded.reason);
    const { message, payload } = decoded;
    if (message.type === "bucket") {
      const bucket = buckets[message.bucket]!;
      place.set(asFloat32(payload, bucket.size)!, bucket.offset);
    }
    if (--missing <= 0) wake();
  });
  const answers = async (count: number): Promise<void> => {
    missing = count;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  await answers(1);
  const rates = { in: [] as number[], out: [] as number[] };
  const rate = (startMs: number) => (buckets.length * 4_000_000) / ((performance.now() - startMs) * 1e6);
  for (let version = 0; version < rounds; version++) {
    const sent = performance.now();
    for (const { index, offset, size: length } of buckets)
      link.send(
        peer,
        sealed("out", {
          header: encode({ type: "weights", kind: "raw", version, bucket: index }),
          payload: asBytes(weights.subarray(offset, offset + length)),
        }),
      );
    link.send(peer, { header: encode({ type: "evaluate", evaluation: 0, kind: "raw", version, start: 0, end: 1 }) });
    await answers(1);
    rates.out.push(rate(sent));
    const asked = performance.now();
    const assign = { step: version + 1, version, epoch: 0, stepInEpoch: 0, batch: 1, shards: [0], traced: false };
    link.send(peer, { header: encode({ type: "assign", ...assign }) });
    await answers(buckets.length);
    rates.in.push(rate(asked));
  }
  link.send(peer, { header: encode({ type: "stop", reason: "done" }) });
  await once(child, "exit");
  await link.close();
  const own = process.cpuUsage();
  const cpuSeconds = (own.user + own.system) / 1e6;
  const settled = (direction: "in" | "out") => rates[direction].slice(UNSETTLED);
  process.stdout.write(`${JSON.stringify({ in: settled("in"), out: settled("out"), cpuSeconds })}\n`);
}

if (self && endpoint) work();
else await measure();
