/** Bytes to typed messages and back. Decoding never throws: it gives the message or the reason why there is none. */
import { Packr } from "msgpackr";
import type { z } from "zod";
import { written } from "../config/recipe.js";
import { UsageError } from "../errors.js";
import { count } from "../format.js";
import { WIRE } from "../limits.js";
import { asFloats } from "../parameters/bytes.js";
import { type ToCoordinator, type ToWorker, toCoordinator, toWorker } from "./messages.js";
import { skim } from "./skim.js";

export type RejectReason =
  | "parts"
  | "size"
  | "depth"
  | "malformed"
  | "extension"
  | "schema"
  | "payload"
  | "sender"
  | "flood"
  | "stale"
  | "duplicate";
export type Decoded<T> = { ok: true; message: T; payload: Uint8Array | null } | { ok: false; reason: RejectReason };

/** The messages that may have a second frame. Its exact size follows from the layout, which the receiver knows. */
const CARRIERS: ReadonlySet<string> = new Set(["join", "bucket", "finished", "residual", "weights"]);

const packr = new Packr({ useRecords: false, variableMapSize: true, mapsAsObjects: true, moreTypes: false });

/** CnnDistError `parameter-size` for a message that nobody would take: one that lists thousands of parameters. */
export function encode(message: ToCoordinator | ToWorker): Uint8Array {
  const header = packr.pack(message.type === "recipe" ? { ...message, recipe: written(message.recipe) } : message);
  if (header.byteLength <= WIRE.headerBytes) return header;
  throw new UsageError(
    "parameter-size",
    `a "${message.type}" message has ${count(header.byteLength)} bytes, ${count(WIRE.headerBytes)} can travel: the model has too many parameters, or their names are too long.`,
  );
}

function decode<T extends { type: string }>(
  schema: z.ZodType<T>,
  parts: readonly Uint8Array[],
  headerBytes: number = WIRE.headerBytes,
): Decoded<T> {
  const [header, payload] = parts;
  if (!header || parts.length > WIRE.parts) return { ok: false, reason: "parts" };
  const fault = skim(header, headerBytes);
  if (fault) return { ok: false, reason: fault };
  let value: unknown;
  try {
    value = packr.unpack(header);
  } catch {
    return { ok: false, reason: "malformed" };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return { ok: false, reason: "schema" };
  if (payload && !CARRIERS.has(parsed.data.type)) return { ok: false, reason: "payload" };
  return { ok: true, message: parsed.data, payload: payload ?? null };
}

/** `headerBytes`: of a peer that may say less than others. */
export const decodeToCoordinator = (parts: readonly Uint8Array[], headerBytes?: number): Decoded<ToCoordinator> =>
  decode(toCoordinator, parts, headerBytes);
export const decodeToWorker = (parts: readonly Uint8Array[]): Decoded<ToWorker> => decode(toWorker, parts);

/** The payload as float32, without a copy where its place in memory allows; null if its length is not `length` floats. */
export function asFloat32(payload: Uint8Array | null, length: number): Float32Array | null {
  return payload === null || payload.byteLength !== length * 4 ? null : asFloats(payload);
}
