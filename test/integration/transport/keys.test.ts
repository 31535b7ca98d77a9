/** Who gets in over TCP: real sockets, every mechanism that ZeroMQ has. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Dealer, type SocketOptions } from "zeromq";
import { CONNECTION, HANDSHAKE_MS } from "../../../src/config/time-limits.js";
import { PEERS, WIRE } from "../../../src/limits.js";
import { peerId, type WorkerKey } from "../../../src/transport/keys.js";
import { connectWorker } from "../../../src/transport/worker-socket.js";
import { bindCoordinator } from "../../../src/transport/zeromq.js";
import { keyRing } from "../../support/keys.js";
import { until } from "../../support/until.js";

async function open(context: TestContext) {
  const ring = keyRing();
  const link = await bindCoordinator("tcp://127.0.0.1:*", ring.coordinator);
  context.after(() => link.close());
  const heard: string[] = [];
  const gone: (string | null)[] = [];
  const count = { refused: 0, key: 0, handshake: 0 };
  link.onMessage((peer, [header]) => {
    heard.push(Buffer.from(header!).toString());
    link.send(peer, { header: Buffer.from("answer") });
  });
  link.onGone((_, why) => gone.push(why));
  link.onRefused((reason, refused) => {
    count[reason] += refused;
    count.refused += refused;
  });
  const worker = (key: WorkerKey) => {
    const it = connectWorker(link.endpoint, key);
    context.after(() => it.close());
    const answers: string[] = [];
    const refusals: string[] = [];
    it.onMessage(([header]) => answers.push(Buffer.from(header!).toString()));
    it.onRefused((why) => refusals.push(why));
    return { ...it, answers, refusals, say: (text: string) => it.send({ header: Buffer.from(text) }) };
  };
  const raw = (options: SocketOptions<Dealer>) => {
    const socket = new Dealer({ linger: 0, ...options });
    context.after(() => socket.close());
    const got: string[] = [];
    void (async () => {
      for await (const [frame] of socket) got.push(String(frame));
    })();
    socket.connect(link.endpoint);
    void socket.send("raw").catch(() => {});
    return { got };
  };
  return { ring, link, heard, gone, count, worker, raw };
}

test("only an allowed key is heard; each other one is refused and counted, and the worker beside it is served", async (context) => {
  const { ring, heard, count, worker, raw } = await open(context);
  const good = worker(ring.worker());
  good.say("one");
  await until(() => good.answers.length === 1);
  const bad = keyRing();
  const stranger = worker({ ...bad.worker(), coordinator: ring.coordinator.public });
  stranger.say("stranger");
  await until(() => stranger.refusals.length > 0);
  assert.match(stranger.refusals[0]!, /does not allow this worker's key/);
  const misled = worker({ ...ring.worker(), coordinator: bad.coordinator.public });
  misled.say("misled");
  await until(() => misled.refusals.length > 0);
  assert.match(misled.refusals[0]!, /another key/);
  const before = count.refused;
  const plain = raw({ plainUsername: "a", plainPassword: "b" });
  const none = raw({});
  await until(() => count.refused >= before + 2);
  good.say("two");
  await until(() => good.answers.length === 2);
  assert.deepEqual(heard, ["one", "two"]);
  assert.ok(count.key > 0 && count.handshake > 0);
  assert.deepEqual([...plain.got, ...none.got, ...stranger.answers, ...misled.answers], []);
});

test("an allowed key under a routing id that does not prove it is not heard", async (context) => {
  const { ring, heard, count, raw } = await open(context);
  const key = ring.worker();
  raw({
    routingId: "somebody",
    curveServerKey: key.coordinator,
    curvePublicKey: key.public,
    curveSecretKey: key.secret,
  });
  await until(() => count.refused > 0);
  assert.deepEqual(heard, []);
});

test("the peer of a revoked key is gone within moments, and cannot come back; others stay", async (context) => {
  const { ring, heard, gone, count, worker } = await open(context);
  const key = ring.worker();
  const revoked = worker(key);
  const staying = worker(ring.worker());
  revoked.say("before");
  staying.say("before");
  await until(() => heard.length === 2);
  ring.revoke(key);
  await until(() => gone.length === 1);
  assert.deepEqual(gone, ["its key was revoked"]);
  revoked.say("after");
  const again = worker(key);
  again.say("again");
  await until(() => again.refusals.length > 0);
  staying.say("after");
  await until(() => staying.answers.length === 2);
  assert.deepEqual(heard, ["before", "before", "after"]);
  assert.ok(count.refused > 0);
});

test("one that was cut off is not read any more, and its key is refused for a while; another key is not", async (context) => {
  const { ring, link, heard, gone, worker } = await open(context);
  const key = ring.worker();
  const bad = worker(key);
  const peer = new Promise<string>((resolve) => {
    link.onMessage((from, [header]) => {
      heard.push(Buffer.from(header!).toString());
      resolve(from);
    });
  });
  bad.say("before");
  link.cut(await peer, true);
  const again = worker(key);
  await until(() => again.refusals.length > 0);
  const other = worker(ring.worker());
  // What it sends from now on stays with it and the kernel: the coordinator takes nothing.
  const sent = { all: false };
  for (let count = 0; count < 64; count++) bad.send({ header: Buffer.alloc(8), payload: new Uint8Array(1024 * 1024) });
  void bad.flush(3000).then(() => {
    sent.all = true;
  });
  other.say("other");
  await until(() => heard.includes("other"));
  assert.deepEqual(heard, ["before", "other"]);
  assert.deepEqual(gone, []);
  assert.equal(sent.all, false);
});

/** In which two of ZeroMQ's heartbeats were sent, when the coordinator's side still sent them. */
const TWO_HEARTBEATS_MS = 2 * CONNECTION.heartbeatMs + 500;

test("peers that send on after they were cut off, and then go without a word, take nobody with them", async (context) => {
  const { ring, link, heard, worker } = await open(context);
  const good = worker(ring.worker());
  good.say("before");
  await until(() => good.answers.length === 1);
  for (let count = 0; count < 5; count++) {
    const key = ring.worker();
    const bad = new Dealer({
      linger: 0,
      routingId: peerId(key) as unknown as string,
      curveServerKey: key.coordinator,
      curvePublicKey: key.public,
      curveSecretKey: key.secret,
    });
    bad.connect(link.endpoint);
    const peer = new Promise<string>((resolve) => link.onMessage(resolve));
    await bad.send("bad");
    link.cut(await peer, true);
    for (let more = 0; more < 2 * PEERS.unheard; more++) await bad.send(Buffer.alloc(4096));
    bad.close();
  }
  await sleep(TWO_HEARTBEATS_MS);
  link.onMessage((from, [header]) => {
    heard.push(Buffer.from(header!).toString());
    link.send(from, { header: Buffer.from("answer") });
  });
  good.say("after");
  await until(() => good.answers.length === 2);
  assert.deepEqual(heard, ["before", "after"]);
});

test("a stranger's first frame gets no room for more than a slice: the connection is closed at its head", async (context) => {
  const { ring, link, heard, worker } = await open(context);
  const good = worker(ring.worker());
  good.say("one");
  await until(() => good.answers.length === 1);
  const closesAt = async (bytes: number, withinMs: number) => {
    const socket = connect(Number(new URL(link.endpoint).port), "127.0.0.1");
    context.after(() => socket.destroy());
    const closed = new Promise<boolean>((resolve) => socket.resume().once("close", () => resolve(true)));
    socket.write(Buffer.concat([GREETING, commandOf(bytes)]));
    return Promise.race([closed, sleep(withinMs, false)]);
  };
  assert.equal(await closesAt(WIRE.frameBytes / 2, 500), false); // it might still become a frame, until its time is over
  assert.equal(await closesAt(2 * WIRE.frameBytes, HANDSHAKE_MS / 2), true);
  assert.equal(await closesAt(WIRE.payloadBytes - 1, HANDSHAKE_MS / 2), true);
  good.say("two");
  await until(() => good.answers.length === 2);
  assert.deepEqual(heard, ["one", "two"]);
});

/** ZMTP 3.1's greeting, of a client that speaks CURVE (https://rfc.zeromq.org/spec/37/). */
const GREETING = Buffer.alloc(64);
GREETING.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
GREETING.write("CURVE", 12);

/** The head of a command frame of that size. */
function commandOf(bytes: number): Buffer {
  const head = Buffer.alloc(9);
  head[0] = 6;
  head.writeBigUInt64BE(BigInt(bytes), 1);
  return head;
}
