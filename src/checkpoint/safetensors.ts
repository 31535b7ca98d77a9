/**
 * The safetensors format (huggingface/safetensors, "Format"): 8 bytes header length, little-endian; a JSON header of
 * dtype, shape and offsets; then the tensors. Only float32 is written. Pure.
 */
import { CnnDistError } from "../errors.js";
import { asBytes, asFloats } from "../parameters/bytes.js";

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
  return [length, padded, ...tensors.map(({ data }) => asBytes(data))];
}

/** A tensor as it lies in a file. */
export interface StoredTensor {
  name: string;
  shape: readonly number[];
  /** As the format calls it: F32, BF16, I64, … */
  dtype: string;
  /** A view of the file. */
  bytes: Uint8Array;
}

/** Bytes of an element; tensors of other types are left out. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
};

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * Throws CnnDistError `safetensors` for anything that is not a whole, consistent file of float32; `name` is for the
 * message. The tensors are views of `file` where they lie at multiples of four bytes, as those that we write do.
 */
export function decodeSafetensors(name: string, file: Uint8Array): NamedTensor[] {
  return parseSafetensors(name, file).map((stored) => {
    if (stored.dtype !== "F32") throw bad(name, `tensor ${stored.name} is of dtype ${stored.dtype}; only F32 is read`);
    return { name: stored.name, shape: stored.shape, data: float32Of(stored)! };
  });
}

/** The tensors of any types, in the order in which they lie. Throws as `decodeSafetensors` does. */
export function parseSafetensors(name: string, file: Uint8Array): StoredTensor[] {
  const { header, body } = partsOf(name, file);
  let end = 0;
  const tensors = Object.entries(header)
    .filter(([key]) => key !== "__metadata__")
    .map(([key, value]) => ({ key, entry: checkEntry(name, key, value) }))
    // By both: a tensor without elements ends where it begins.
    .sort(({ entry: { data_offsets: a } }, { entry: { data_offsets: b } }) => a[0] - b[0] || a[1] - b[1])
    .map(({ key, entry }): StoredTensor => {
      const [from, to] = entry.data_offsets;
      const elements = entry.shape.reduce((product, dim) => product * dim, 1);
      if (from !== end || to - from !== elements * ELEMENT_BYTES[entry.dtype]! || to > body.byteLength)
        throw bad(name, `tensor ${key} of shape [${entry.shape}] lies at ${from} to ${to} of ${body.byteLength} bytes`);
      end = to;
      return { name: key, shape: entry.shape, dtype: entry.dtype, bytes: body.subarray(from, to) };
    });
  if (end !== body.byteLength) throw bad(name, `${body.byteLength - end} bytes belong to no tensor`);
  return tensors;
}

/** What the file's writer said of it; empty where that is nothing. Throws as `decodeSafetensors` does. */
export function safetensorsMetadata(name: string, file: Uint8Array): Readonly<Record<string, string>> {
  const { __metadata__: metadata = {} } = partsOf(name, file).header;
  const entries = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function partsOf(name: string, file: Uint8Array): { header: Record<string, unknown>; body: Uint8Array } {
  if (file.byteLength < 8) throw bad(name, `it has ${file.byteLength} bytes`);
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > file.byteLength)
    throw bad(name, `its header claims ${headerBytes} bytes of ${file.byteLength}`);
  return { header: parseHeader(name, file.subarray(8, 8 + headerBytes)), body: file.subarray(8 + headerBytes) };
}

/** Of F32, F16, BF16 and F64 (rounded to float32); null for a type that holds no weights. */
export function float32Of({ dtype, bytes }: Pick<StoredTensor, "dtype" | "bytes">): Float32Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case "F32":
      return asFloats(bytes);
    case "F64":
      return Float32Array.from({ length: bytes.byteLength / 8 }, (_, index) => view.getFloat64(8 * index, true));
    case "BF16": {
      const upper = new Uint32Array(bytes.byteLength / 2);
      for (let index = 0; index < upper.length; index++) upper[index] = view.getUint16(2 * index, true) << 16;
      return new Float32Array(upper.buffer);
    }
    case "F16":
      return Float32Array.from({ length: bytes.byteLength / 2 }, (_, index) =>
        halfToFloat(view.getUint16(2 * index, true)),
      );
    default:
      return null;
  }
}

/** IEEE 754 binary16. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bad(name: string, what: string): CnnDistError {
  return new CnnDistError("safetensors", `${name} is not an intact safetensors file: ${what}`);
}

function parseHeader(name: string, bytes: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof header === "object" && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch {
    // Not JSON, which is said with the rest.
  }
  throw bad(name, "its header is not a JSON object");
}

function checkEntry(name: string, key: string, value: unknown): Entry {
  const entry = value as Partial<Entry> | null;
  const whole = (list: unknown, length?: number): list is number[] =>
    Array.isArray(list) &&
    (length === undefined || list.length === length) &&
    list.every((each) => Number.isSafeInteger(each) && each >= 0);
  if (!entry || !whole(entry.shape) || !whole(entry.data_offsets, 2))
    throw bad(name, `tensor ${key} has no usable shape and offsets`);
  if (typeof entry.dtype !== "string" || !Object.hasOwn(ELEMENT_BYTES, entry.dtype))
    throw bad(name, `tensor ${key} is of dtype ${String(entry.dtype)}, which is not known`);
  return entry as Entry;
}
