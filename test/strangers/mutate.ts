/** Messages as workers send them, and what becomes of them when their bytes are changed: a function of seed and number alone. Pure. */
import { encode } from "../../src/protocol/codec.js";
import { PROTOCOL, type ToCoordinator } from "../../src/protocol/messages.js";
import { deriveKey, uniforms } from "../../src/random.js";

const sender = { run: "run", rank: 0, incarnation: 0 };
const work = { ...sender, step: 3, version: 2 };
const timing = {
  assignedMs: 1,
  beganMs: 2,
  computingMs: 3,
  sentMs: 4,
  inputMs: 1,
  computeMs: 1,
  writeMs: 1,
  spans: [],
};
const fingerprint = Object.fromEntries(["software", "cpu", "flags"].map((name) => [name, name]));

const MESSAGES: readonly Uint8Array[][] = [
  [encode({ type: "hello", protocol: PROTOCOL, token: null, pid: 7, host: "stranger", device: "cpu" })],
  [encode({ type: "heartbeat", phase: "waiting", tensors: 1, tensorBytes: 2, rssBytes: 3 })],
  [encode({ type: "progress", what: "nothing" })],
  [encode({ type: "loss", ...work, shard: 0, loss: 0.5, hits: 3 })],
  [encode({ type: "bucket", ...work, start: 0, end: 1, bucket: 0 }), new Uint8Array(4096)],
  [encode({ type: "finished", ...work, start: 0, end: 4, timing }), new Uint8Array(64)],
  [encode({ type: "residual", ...sender, shard: 0, version: 1, bucket: 0 }), new Uint8Array(4096)],
  [encode({ type: "evaluated", ...sender, evaluation: 1, start: 0, end: 10, loss: 1, hits: 2 })],
  [encode({ type: "failed", code: "unexpected", message: "x".repeat(300) })],
  [encode({ type: "join", fingerprint, parameters: [] } as unknown as ToCoordinator)],
];

/** Frames of the message of that number: bits flipped, cut, extended, repeated, nested, or left out. */
export function mutated(seed: number, number: number): Uint8Array[] {
  const u = uniforms(deriveKey(seed, "stranger", number), 12);
  const frames = MESSAGES[Math.floor(u[0]! * MESSAGES.length)]!.map((frame) => Uint8Array.from(frame)); // a Buffer's slice is a view
  const header = frames[0]!;
  const at = (share: number, size: number) => Math.floor(share * size);
  const random = (share: number, size: number) =>
    Uint8Array.from({ length: size }, (_, index) => (share * 2 ** 32 * (index + 1)) & 0xff);
  switch (at(u[1]!, 9)) {
    case 0:
      for (let count = 0; count <= at(u[2]!, 8); count++)
        header[at(u[3 + count]!, header.length)]! ^= 1 << at(u[11 - count]!, 8);
      return frames;
    case 1:
      return [header.subarray(0, at(u[2]!, header.length)), ...frames.slice(1)];
    case 2:
      return [Buffer.concat([header, random(u[2]!, 1 + at(u[3]!, 64))]), ...frames.slice(1)];
    case 3:
      return [random(u[2]!, 1 + at(u[3]!, 2000)), ...frames.slice(1)];
    case 4:
      return Array.from({ length: 3 + at(u[2]!, 30) }, () => header);
    case 5:
      return [Buffer.concat([new Uint8Array(1 + at(u[2]!, 4000)).fill(0x91), header])];
    case 6:
      return [header, random(u[2]!, at(u[3]!, 100_000))];
    case 7: // a list that says it has 4,294,967,295 values, or a text of as many bytes
      return [Uint8Array.of(u[2]! < 0.5 ? 0xdd : 0xdb, 0xff, 0xff, 0xff, 0xff)];
    default: // an extension, which msgpackr would make something of
      return [Buffer.concat([Uint8Array.of(0xc7, 4, 0x70 + at(u[2]!, 8), 1, 2, 3, 4), header])];
  }
}
