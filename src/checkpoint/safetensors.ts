/**
 * The safetensors format (huggingface/safetensors, "Format"): 8 bytes header length, little-endian; a JSON header of
 * dtype, shape and offsets; then the tensors. Only float32 is written and read. Pure.
 */
import { CnnDistError } from "../errors.js";

export interface NamedTensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** The file's pieces, in order, without copying the tensors. */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  // Without a prototype, so that a tensor may have any name.
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    if (name === "__metadata__" || name in header)
      throw new RangeError(
        `a tensor cannot be named ${name}: the name is ${name in header ? "taken" : "the format's"}`,
      );
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces after the JSON are allowed; with them the tensors begin at a multiple of 64 bytes.
  const padded = new Uint8Array(Math.ceil((json.byteLength + 8) / 64) * 64 - 8).fill(0x20);
  padded.set(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.byteLength), true);
  return [length, padded, ...tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * Throws CnnDistError `safetensors` for anything that is not a whole, consistent file; `name` is for the message. The
 * tensors are views of `file` where they lie at multiples of four bytes, as those that we write do.
 */
export function decodeSafetensors(name: string, file: Uint8Array): NamedTensor[] {
  const bad = (what: string) => new CnnDistError("safetensors", `${name} is not an intact safetensors file: ${what}`);
  if (file.byteLength < 8) throw bad(`it has ${file.byteLength} bytes`);
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > file.byteLength)
    throw bad(`its header claims ${headerBytes} bytes of ${file.byteLength}`);
  const header = parseHeader(file.subarray(8, 8 + headerBytes), bad);
  const body = file.subarray(8 + headerBytes);
  let end = 0;
  const tensors = Object.entries(header)
    .filter(([key]) => key !== "__metadata__")
    .map(([key, value]) => ({ key, entry: checkEntry(key, value, bad) }))
    // By both: a tensor without elements ends where it begins.
    .sort(({ entry: { data_offsets: a } }, { entry: { data_offsets: b } }) => a[0] - b[0] || a[1] - b[1])
    .map(({ key, entry }): NamedTensor => {
      const [from, to] = entry.data_offsets;
      const elements = entry.shape.reduce((product, dim) => product * dim, 1);
      if (from !== end || to - from !== elements * 4 || to > body.byteLength)
        throw bad(`tensor ${key} of shape [${entry.shape}] lies at ${from} to ${to} of ${body.byteLength} bytes`);
      end = to;
      return { name: key, shape: entry.shape, data: floatsOf(body.subarray(from, to)) };
    });
  if (end !== body.byteLength) throw bad(`${body.byteLength - end} bytes belong to no tensor`);
  return tensors;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const elements = bytes.byteLength / 4;
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, elements);
  const data = new Float32Array(elements);
  new Uint8Array(data.buffer).set(bytes);
  return data;
}

function parseHeader(bytes: Uint8Array, bad: (what: string) => CnnDistError): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof header === "object" && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch {
    // told below
  }
  throw bad("its header is not a JSON object");
}

function checkEntry(key: string, value: unknown, bad: (what: string) => CnnDistError): Entry {
  const entry = value as Partial<Entry> | null;
  const whole = (list: unknown, length?: number): list is number[] =>
    Array.isArray(list) &&
    (length === undefined || list.length === length) &&
    list.every((each) => Number.isSafeInteger(each) && each >= 0);
  if (!entry || !whole(entry.shape) || !whole(entry.data_offsets, 2))
    throw bad(`tensor ${key} has no usable shape and offsets`);
  if (entry.dtype !== "F32") throw bad(`tensor ${key} is of dtype ${String(entry.dtype)}; only F32 is read`);
  return entry as Entry;
}
