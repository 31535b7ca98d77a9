/** The links over real sockets: local ones, and TCP on loopback. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Dealer } from "zeromq";
import { UsageError } from "../../../src/errors.js";
import { WIRE } from "../../../src/limits.js";
import type { CoordinatorLink, WorkerLink } from "../../../src/transport/link.js";
import { receiptOf } from "../../../src/transport/outbox.js";
import { connectWorker } from "../../../src/transport/worker-socket.js";
import { bindCoordinator } from "../../../src/transport/zeromq.js";
import { keyRing } from "../../support/keys.js";
import { temporaryDirectory } from "../../support/temporary.js";

const RING = keyRing();
const KEY = RING.worker();

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
const words = (value: string) => Buffer.from(value);

async function listen(context: TestContext, endpoint: string): Promise<CoordinatorLink> {
  const link = await bindCoordinator(endpoint, endpoint.startsWith("tcp:") ? RING.coordinator : null);
  context.after(() => link.close());
  return link;
}

function connect(context: TestContext, endpoint: string): WorkerLink {
  const link = connectWorker(endpoint, endpoint.startsWith("tcp:") ? KEY : null);
  context.after(() => link.close());
  return link;
}

/** What arrives, one after the other. */
class Inbox<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => {};

  put(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  async next(): Promise<T> {
    while (this.#items.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#items.shift()!;
  }
}

function inboxOf(link: CoordinatorLink): Inbox<{ peer: string; parts: readonly Uint8Array[] }> {
  const inbox = new Inbox<{ peer: string; parts: readonly Uint8Array[] }>();
  link.onMessage((peer, parts) => inbox.put({ peer, parts }));
  return inbox;
}

function lettersOf(link: WorkerLink): Inbox<readonly Uint8Array[]> {
  const inbox = new Inbox<readonly Uint8Array[]>();
  link.onMessage((parts) => inbox.put(parts));
  return inbox;
}

for (const where of ["ipc", "tcp://127.0.0.1:*", "tcp://localhost:*", "tcp://[::1]:*"]) {
  test(`${where}: headers and payloads go both ways, whole and in order`, async (context) => {
    const coordinator = await listen(
      context,
      where === "ipc" ? `ipc://${join(temporaryDirectory(context), "s")}` : where,
    );
    const arrived = inboxOf(coordinator);
    const workers = [connect(context, coordinator.endpoint), connect(context, coordinator.endpoint)];
    const letters = workers.map(lettersOf);
    workers.forEach((worker, index) => worker.send({ header: words(`hello ${index}`) }));
    const peers = new Map<string, string>();
    for (const _ of workers) {
      const { peer, parts } = await arrived.next();
      assert.equal(parts.length, 1);
      peers.set(text(parts[0]), peer);
    }
    assert.notEqual(peers.get("hello 0"), peers.get("hello 1"));
    const large = new Uint8Array(3_000_001).map((_, index) => index % 251);
    for (let count = 0; count < 20; count++) {
      for (const index of [0, 1])
        coordinator.send(peers.get(`hello ${index}`)!, { header: words(`${index}/${count}`), payload: large });
      workers[1]!.send({ header: words(`${count}`), payload: large.subarray(count) });
    }
    for (let count = 0; count < 20; count++) {
      for (const index of [0, 1]) {
        const [header, payload] = await letters[index]!.next();
        assert.equal(text(header), `${index}/${count}`);
        assert.ok(Buffer.from(large).equals(payload!));
      }
      const { peer, parts } = await arrived.next();
      assert.equal(peer, peers.get("hello 1"));
      assert.equal(text(parts[0]), String(count));
      assert.ok(Buffer.from(large.subarray(count)).equals(parts[1]!));
    }
  });
}

test("what came before anybody listened is not lost", async (context) => {
  const coordinator = await listen(context, `ipc://${join(temporaryDirectory(context), "s")}`);
  const worker = connect(context, coordinator.endpoint);
  worker.send({ header: words("hello") });
  await worker.flush(5000);
  const { parts } = await inboxOf(coordinator).next();
  assert.equal(text(parts[0]), "hello");
});

test("a message to one that is gone is told, and the others get theirs", async (context) => {
  const coordinator = await listen(context, `ipc://${join(temporaryDirectory(context), "s")}`);
  const arrived = inboxOf(coordinator);
  const gone = new Inbox<string>();
  coordinator.onGone((peer) => gone.put(peer));
  const leaving = connectWorker(coordinator.endpoint, null);
  const staying = connect(context, coordinator.endpoint);
  leaving.send({ header: words("leaving") });
  const left = await arrived.next();
  staying.send({ header: words("staying") });
  const stayed = await arrived.next();
  const letters = lettersOf(staying);
  await leaving.close();
  // The socket notices at its own pace; until then it takes messages for the one that left.
  const told = gone.next();
  const asking = setInterval(() => coordinator.send(left.peer, { header: words("?") }), 10);
  context.after(() => clearInterval(asking));
  assert.equal(await told, left.peer);
  clearInterval(asking);
  coordinator.send("nobody", { header: words("?") });
  while ((await gone.next()) !== "nobody");
  coordinator.send(stayed.peer, { header: words("still there") });
  assert.equal(text((await letters.next())[0]), "still there");
});

test("a peer that was dropped is heard no more", async (context) => {
  const coordinator = await listen(context, `ipc://${join(temporaryDirectory(context), "s")}`);
  const arrived = inboxOf(coordinator);
  const [bad, good] = [connect(context, coordinator.endpoint), connect(context, coordinator.endpoint)];
  bad.send({ header: words("bad") });
  const { peer } = await arrived.next();
  coordinator.cut(peer, false);
  const answered = lettersOf(bad);
  for (let count = 0; count < 5; count++) bad.send({ header: words("bad again") });
  coordinator.send(peer, { header: words("leave") }); // last words still reach it
  assert.equal(text((await answered.next())[0]), "leave");
  await bad.flush(5000);
  good.send({ header: words("good") });
  assert.equal(text((await arrived.next()).parts[0]), "good");
});

test("a peer that reads nothing holds up nobody", async (context) => {
  const coordinator = await listen(context, "tcp://127.0.0.1:*");
  const arrived = inboxOf(coordinator);
  // A process that says hello and is then stopped: its socket's buffers fill and stay full.
  const frozen = spawn(process.execPath, [
    "--input-type=module",
    "-e",
    `import { connectWorker } from ${JSON.stringify(new URL("../../../src/transport/worker-socket.js", import.meta.url).href)};
     connectWorker(${JSON.stringify(coordinator.endpoint)}, ${JSON.stringify(KEY)}).send({ header: Buffer.from("frozen") });`,
  ]);
  context.after(() => frozen.kill("SIGKILL"));
  const deaf = await arrived.next();
  assert.equal(text(deaf.parts[0]), "frozen");
  frozen.kill("SIGSTOP");
  const living = connect(context, coordinator.endpoint);
  living.send({ header: words("living") });
  const { peer } = await arrived.next();
  const letters = lettersOf(living);
  const payload = new Uint8Array(4 * 1024 * 1024);
  for (let count = 0; count < 20; count++) {
    coordinator.send(deaf.peer, { header: words("weights"), payload });
    coordinator.send(peer, { header: words(`${count}`), payload });
  }
  for (let count = 0; count < 20; count++) assert.equal(text((await letters.next())[0]), String(count));
  frozen.kill("SIGKILL");
  await once(frozen, "exit");
});

test("a peer that confirms nothing gets no more than a window, and then only the last word", async (context) => {
  const coordinator = await listen(context, `ipc://${join(temporaryDirectory(context), "s")}`);
  const arrived = inboxOf(coordinator);
  const raw = new Dealer({ linger: 0, receiveHighWaterMark: 0 }); // it reads, and confirms nothing
  context.after(() => raw.close());
  raw.connect(coordinator.endpoint);
  await raw.send("hello");
  const { peer } = await arrived.next();
  const read = async () => text((await raw.receive())[0]);
  const payload = new Uint8Array(WIRE.windowBytes / 4);
  for (let count = 0; count < 8; count++) coordinator.send(peer, { header: words(`${count}`), payload });
  for (let count = 0; count < 4; count++) assert.equal(await read(), String(count));
  await raw.send(Buffer.from(receiptOf(payload.byteLength)));
  assert.equal(await read(), "4"); // room for one more
  coordinator.sendLast(peer, { header: words("leave") });
  assert.equal(await read(), "leave"); // what waited is not sent
  coordinator.send(peer, { header: words("still listening") });
  assert.equal(await read(), "still listening");
});

test("last words reach their peers before the socket closes", async (context) => {
  const coordinator = await bindCoordinator("tcp://127.0.0.1:*", RING.coordinator);
  const arrived = inboxOf(coordinator);
  const worker = connect(context, coordinator.endpoint);
  const letters = lettersOf(worker);
  worker.send({ header: words("hello") });
  const { peer } = await arrived.next();
  coordinator.send(peer, { header: words("stop"), payload: new Uint8Array(1_000_000) });
  await coordinator.close();
  assert.equal(text((await letters.next())[0]), "stop");
  coordinator.send(peer, { header: words("after the end") }); // no error, and nobody to tell
});

test("a worker learns that it is connected, that the other side is gone, and that it came back", async (context) => {
  const endpoint = `ipc://${join(temporaryDirectory(context), "s")}`;
  const first = await bindCoordinator(endpoint, null);
  const worker = connect(context, endpoint);
  const connected = new Inbox<boolean>();
  worker.onConnection((value) => connected.put(value));
  assert.equal(await connected.next(), true);
  const told: boolean[] = [];
  worker.onConnection((value) => told.push(value));
  assert.deepEqual(told, [true]); // it has been for a while
  worker.onConnection((value) => connected.put(value));
  assert.equal(await connected.next(), true);
  await first.close();
  assert.equal(await connected.next(), false);
  await listen(context, endpoint);
  assert.equal(await connected.next(), true);
});

test("connections that end before a handshake say nothing new: there is no coordinator, as before", async (context) => {
  let tries = 0;
  const closing = createServer((socket) => {
    tries++;
    socket.destroy();
  });
  await once(closing.listen(0, "127.0.0.1"), "listening");
  context.after(() => closing.close());
  const told: boolean[] = [];
  const worker = connect(context, `tcp://127.0.0.1:${(closing.address() as AddressInfo).port}`);
  worker.onConnection((connected) => told.push(connected));
  while (tries < 3) await once(closing, "connection");
  assert.deepEqual(told, []);
});

test("frames of any number and content from a raw socket reach the handler, which judges them", async (context) => {
  const coordinator = await listen(context, `ipc://${join(temporaryDirectory(context), "s")}`);
  const arrived = inboxOf(coordinator);
  const raw = new Dealer({ linger: 0 });
  context.after(() => raw.close());
  raw.connect(coordinator.endpoint);
  await raw.send(["a", "b", "c", "d"]);
  const { parts } = await arrived.next();
  assert.deepEqual(
    parts.map((part) => text(part)),
    ["a", "b", "c", "d"],
  );
});

test("an address in use, and one that cannot be, are usage errors", async (context) => {
  const taken = createServer().listen(0, "127.0.0.1");
  context.after(() => taken.close());
  await once(taken, "listening");
  const endpoint = `tcp://127.0.0.1:${(taken.address() as { port: number }).port}`;
  const refused = (expected: RegExp) => (error: unknown) => error instanceof UsageError && expected.test(error.message);
  await assert.rejects(
    bindCoordinator(endpoint, RING.coordinator),
    refused(new RegExp(`cannot listen at ${endpoint}.*in use`)),
  );
  await assert.rejects(bindCoordinator("udp://127.0.0.1:1", RING.coordinator), refused(/expected tcp/));
  await assert.rejects(bindCoordinator("ipc:///nowhere/at/all", null), refused(/cannot listen/));
});

test("the end of the only peer is told, though nobody is left to whom the socket could write", async (context) => {
  const link = await listen(context, "tcp://127.0.0.1:*");
  const gone = new Inbox<string>();
  link.onGone((peer) => gone.put(peer));
  const inbox = inboxOf(link);
  const worker = connectWorker(link.endpoint, KEY);
  worker.send({ header: words("here") });
  const { peer } = await inbox.next();
  await worker.close();
  assert.equal(await gone.next(), peer);
});
