/**
 * As much of HDF5 as Keras needs: groups, and float32 arrays that lie in one piece (HDF5 File Format Specification 3.0:
 * superblock version 2, object headers version 2, links in their group's header). HDF5 1.8 and later read it. Pure.
 */
import { asBytes } from "../parameters/bytes.js";
import { lookup3 } from "./lookup3.js";

export type Hdf5Node = { kind: "group"; members: ReadonlyMap<string, Hdf5Node> } | Hdf5Array;
export interface Hdf5Array {
  kind: "array";
  shape: readonly number[];
  data: Float32Array;
}

const SUPERBLOCK_BYTES = 48;
const UNDEFINED = 0xffff_ffff_ffff_ffffn;
const MESSAGE = { dataspace: 1, linkInfo: 2, datatype: 3, fillValue: 5, link: 6, layout: 8, groupInfo: 10 } as const;

/** The file's pieces, in order, without copying the arrays. */
export function encodeHdf5(root: Hdf5Node & { kind: "group" }): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let end = SUPERBLOCK_BYTES;
  const append = (piece: Uint8Array): number => {
    const address = end;
    pieces.push(piece);
    end += piece.byteLength;
    return address;
  };
  /** What an object refers to comes before it, so that every address is known. */
  const place = (node: Hdf5Node): number => {
    if (node.kind === "array") {
      const { data } = node;
      const address = append(asBytes(data));
      return append(objectHeader(arrayMessages(node, address)));
    }
    const links = [...node.members].map(([name, member]) => linkMessage(name, place(member)));
    return append(objectHeader([...groupMessages(), ...links]));
  };
  const address = place(root);
  return [superblock(address, end), ...pieces];
}

interface Message {
  type: number;
  body: Uint8Array;
}

/** Little-endian numbers one after the other: [value, bytes]. */
function pack(...fields: readonly (readonly [value: number | bigint, bytes: number] | Uint8Array)[]): Uint8Array {
  const bytes: number[] = [];
  for (const field of fields) {
    if (field instanceof Uint8Array) {
      bytes.push(...field);
      continue;
    }
    let [value, count] = [BigInt(field[0]), field[1]];
    for (; count > 0; count--) {
      bytes.push(Number(value & 0xffn));
      value >>= 8n;
    }
  }
  return Uint8Array.from(bytes);
}

function withChecksum(bytes: Uint8Array): Uint8Array {
  return pack(bytes, [lookup3(bytes), 4]);
}

/** Section II.A, version 2. */
function superblock(root: number, end: number): Uint8Array {
  const signature = Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a);
  const [version, addressBytes, lengthBytes, flags] = [2, 8, 8, 0];
  return withChecksum(
    pack(
      signature,
      [version, 1],
      [addressBytes, 1],
      [lengthBytes, 1],
      [flags, 1],
      [0, 8],
      [UNDEFINED, 8],
      [end, 8],
      [root, 8],
    ),
  );
}

/** Section IV.A.1.b; flags 2: four bytes tell the size of the messages. */
function objectHeader(messages: readonly Message[]): Uint8Array {
  const encoded = messages.map(({ type, body }) => pack([type, 1], [body.byteLength, 2], [0, 1], body));
  const size = encoded.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return withChecksum(pack(new TextEncoder().encode("OHDR"), [2, 1], [2, 1], [size, 4], ...encoded));
}

/** Sections IV.A.2.c and k: no fractal heap and no index, since the links are messages of the header. */
function groupMessages(): Message[] {
  return [
    { type: MESSAGE.linkInfo, body: pack([0, 1], [0, 1], [UNDEFINED, 8], [UNDEFINED, 8]) },
    { type: MESSAGE.groupInfo, body: pack([0, 1], [0, 1]) },
  ];
}

/** Section IV.A.2.g: a hard link; flags 0x11: the name is UTF-8 and its length takes two bytes. */
function linkMessage(name: string, address: number): Message {
  const utf8 = new TextEncoder().encode(name);
  return { type: MESSAGE.link, body: pack([1, 1], [0x11, 1], [1, 1], [utf8.byteLength, 2], utf8, [address, 8]) };
}

/** Sections IV.A.2.b, d, f and i: a simple dataspace, IEEE float32, no fill value, one piece at `address`. */
function arrayMessages({ shape, data }: Hdf5Array, address: number): Message[] {
  const simple = shape.length === 0 ? 0 : 1;
  const dims = shape.map((dim): [number, number] => [dim, 8]);
  const sign = 31;
  return [
    { type: MESSAGE.dataspace, body: pack([2, 1], [shape.length, 1], [0, 1], [simple, 1], ...dims) },
    {
      type: MESSAGE.datatype,
      body: pack(
        [0x11, 1],
        [0x20, 1],
        [sign, 1],
        [0, 1],
        [4, 4],
        [0, 2],
        [32, 2],
        [23, 1],
        [8, 1],
        [0, 1],
        [23, 1],
        [127, 4],
      ),
    },
    { type: MESSAGE.fillValue, body: pack([3, 1], [0x0a, 1]) },
    { type: MESSAGE.layout, body: pack([3, 1], [1, 1], [address, 8], [data.byteLength, 8]) },
  ];
}
