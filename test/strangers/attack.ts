/**
 * A process of strangers: `node attack.js KIND FILE`. It runs at the lowest priority, so that what a coordinator loses is lost to
 * what strangers make it do, and not to their own work. Prints what it did as JSON.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { curveKeyPair, Dealer, type SocketOptions } from "zeromq";
import { peerId } from "../../src/transport/keys.js";
import { type Attack, type AttackKind, MESSAGES_A_KEY } from "./kinds.js";
import { mutated } from "./mutate.js";

const AT_ONCE = 20;

const [, , kind, file] = process.argv;
setPriority(19);
const attack = JSON.parse(readFileSync(file!, "utf8")) as Attack;

async function inParallel(count: number, act: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let number = next++; number < count; number = next++) await act(number);
    }),
  );
}

function dealer(options: SocketOptions<Dealer>): Dealer {
  const socket = new Dealer({ linger: 500, reconnectInterval: 60_000, ...options });
  socket.connect(`tcp://${attack.host}:${attack.wirePort}`);
  return socket;
}

const keyed = (key: Attack["revoked"], coordinator = attack.coordinator): SocketOptions<Dealer> => ({
  routingId: peerId({ name: "stranger", ...key, coordinator }) as unknown as string,
  curveServerKey: coordinator,
  curvePublicKey: key.public,
  curveSecretKey: key.secret,
});

const settled = (socket: Dealer) =>
  new Promise<void>((resolve) => {
    for (const event of [
      "handshake",
      "handshake:error:auth",
      "handshake:error:protocol",
      "handshake:error:other",
    ] as const)
      socket.events.on(event, () => resolve());
    setTimeout(resolve, 5000).unref();
  });

async function sendFrames() {
  await inParallel(Math.ceil(attack.count / MESSAGES_A_KEY), async (number) => {
    const socket = dealer(keyed(attack.allowed[number]!));
    const ready = settled(socket);
    for (let index = 0; index < MESSAGES_A_KEY; index++)
      await socket.send(mutated(attack.seed, number * MESSAGES_A_KEY + index));
    await ready;
    await sleep(50);
    socket.close();
  });
  return { sent: attack.count };
}

/** ZMTP 3.1's greeting (https://rfc.zeromq.org/spec/37/). */
function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
  bytes.write(mechanism, 12);
  return bytes;
}

const hello = Buffer.concat([Buffer.from([4, 200]), Buffer.from("\x05HELLO\x01\x00"), Buffer.alloc(192, 7)]);
const large = Buffer.concat([Buffer.from([6, 0, 0, 0, 0, 0x3b, 0x9a, 0xca, 0]), Buffer.alloc(100_000)]);

/** What is written to a bare connection, to whose address, and whether the stranger then waits to be thrown out. */
const BARE: readonly { to: "wire" | "http"; bytes: Buffer; waits: boolean }[] = [
  { to: "wire", bytes: Buffer.alloc(100, 7), waits: true },
  { to: "wire", bytes: greeting("CURVE").subarray(0, 20), waits: false },
  { to: "wire", bytes: greeting("CURVE"), waits: false },
  { to: "wire", bytes: Buffer.concat([greeting("CURVE"), hello]), waits: true },
  { to: "wire", bytes: Buffer.concat([greeting("CURVE"), large]), waits: true },
  { to: "wire", bytes: Buffer.concat([greeting("NULL"), Buffer.from("\x04\x05READY")]), waits: true },
  { to: "wire", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n"), waits: true },
  { to: "http", bytes: Buffer.from("GET /metrics HTTP/9.9\r\n\r\n"), waits: true },
  { to: "http", bytes: Buffer.from(`GET /${"a".repeat(20_000)} HTTP/1.1\r\n`), waits: true },
];

async function bare({ to, bytes, waits }: (typeof BARE)[number]): Promise<void> {
  const socket = open(to);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.once("connect", () => {
    if (waits) socket.write(bytes);
    else socket.end(bytes);
  });
  await closed;
}

function open(to: "wire" | "http"): Socket {
  const socket = connect(to === "wire" ? attack.wirePort : attack.httpPort, attack.host);
  socket.on("error", () => {}); // being thrown out is what is expected
  socket.resume();
  return socket;
}

/** Each in turn; every tenth is a ZeroMQ socket of its own. */
async function breakHandshakes() {
  const stranger = curveKeyPair();
  const key = { public: stranger.publicKey, secret: stranger.secretKey };
  const sockets: readonly SocketOptions<Dealer>[] = [
    {},
    { plainUsername: "a", plainPassword: "b" },
    keyed(key),
    keyed(attack.revoked),
    keyed(attack.allowed[0]!, stranger.publicKey),
  ];
  await inParallel(attack.count, async (number) => {
    if (number % 10 > 0) return bare(BARE[number % BARE.length]!);
    const socket = dealer(sockets[(number / 10) % sockets.length]!);
    await settled(socket);
    socket.close();
  });
  return { broken: attack.count };
}

/** Half of them at each address, opened again when they are closed. */
async function standIdle() {
  let opened = 0;
  const until = Date.now() + attack.idleMs;
  const stand = (number: number): void => {
    opened++;
    open(number % 2 === 0 ? "wire" : "http").once("close", () => {
      if (Date.now() < until) setTimeout(() => stand(number), 500);
    });
  };
  for (let number = 0; number < attack.count; number++) stand(number);
  await sleep(attack.idleMs);
  return { opened };
}

const done = await { frames: sendFrames, handshakes: breakHandshakes, idle: standIdle }[kind as AttackKind]();
process.stdout.write(`${JSON.stringify(done)}\n`);
process.exit(0);
