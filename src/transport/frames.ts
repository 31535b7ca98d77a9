/** Messages as ZeroMQ's frames and back. Pure. */
import { WIRE } from "../limits.js";
import type { Message } from "./link.js";

/** A header, and the payload in slices of `frameBytes`; nothing is copied. */
export function framesOf({ header, payload }: Message, frameBytes: number): Uint8Array[] {
  if (!payload) return [header];
  if (payload.byteLength <= frameBytes) return [header, payload];
  const slices = Math.ceil(payload.byteLength / frameBytes);
  return [
    header,
    ...Array.from({ length: slices }, (_, index) => payload.subarray(index * frameBytes, (index + 1) * frameBytes)),
  ];
}

/** Header and payload again. What was not cut as above is left as it came, for the codec to refuse. */
export function partsOf(frames: readonly Uint8Array[], frameBytes: number): readonly Uint8Array[] {
  if (frames.length <= WIRE.parts) return frames;
  const [header, ...slices] = frames;
  const last = slices.pop()!;
  const bytes = slices.length * frameBytes + last.byteLength;
  const isWhole = slices.every(({ byteLength }) => byteLength === frameBytes) && last.byteLength > 0;
  if (!isWhole || last.byteLength > frameBytes || bytes > WIRE.payloadBytes) return frames;
  const payload = Buffer.allocUnsafeSlow(bytes); // a pool's place would not suit float32
  slices.forEach((slice, index) => payload.set(slice, index * frameBytes));
  payload.set(last, slices.length * frameBytes);
  return [header!, payload];
}

/** Of a message that is as it should be: a header, then a payload. What is not costs its sender the window. */
export const payloadBytesOf = (parts: readonly Uint8Array[]): number => (parts.length === 2 ? parts[1]!.byteLength : 0);
