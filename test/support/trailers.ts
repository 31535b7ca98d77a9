/** What cameras and people append to image files. */
import { integers } from "../../src/random.js";

/** Bytes of all kinds, markers of JPEG among them. */
export function noiseBytes(length: number, seed: number): Buffer {
  return Buffer.from(integers([seed, 7], length).map((word) => word >>> 24));
}

/** A motion photo's video: its first box, then coded data. */
export function videoBytes(length: number, seed: number): Buffer {
  return Buffer.concat([Buffer.from("\0\0\0\x18ftypmp42\0\0\0\0isommp42", "latin1"), noiseBytes(length, seed)]);
}
