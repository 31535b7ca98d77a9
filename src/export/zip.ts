/** A zip archive of stored files (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.16), as Keras writes its own. Pure. */
import { crc32 } from "node:zlib";
import { UsageError } from "../errors.js";
import { bytes } from "../format.js";

export interface ZipEntry {
  name: string;
  /** Its bytes, one after the other. */
  pieces: readonly Uint8Array[];
}

/** Without Zip64, which needs no file of ours: UsageError `export` for 4 GiB and more. */
export function encodeZip(entries: readonly ZipEntry[]): Uint8Array[] {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, pieces } of entries) {
    const size = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const crc = pieces.reduce((sum, piece) => crc32(piece, sum), 0);
    const utf8 = new TextEncoder().encode(name);
    const facts = { crc, size, name: utf8.byteLength };
    const local = concat(header(LOCAL, facts), utf8);
    directory.push(concat(header(CENTRAL, { ...facts, offset }), utf8));
    files.push(local, ...pieces);
    offset += local.byteLength + size;
  }
  const directoryBytes = directory.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (offset + directoryBytes >= 2 ** 32)
    throw new UsageError(
      "export",
      `the archive would have ${bytes(offset + directoryBytes)}; a zip file holds less than ${bytes(2 ** 32)}. Export as safetensors.`,
    );
  const end = header(END, { count: entries.length, size: directoryBytes, offset });
  return [...files, ...directory, end];
}

interface Record {
  bytes: number;
  signature: number;
  /** Places of the fields that are not 0. */
  write(view: DataView, facts: Readonly<{ [name: string]: number }>): void;
}
/** 1980-01-01, so that equal contents give equal archives. */
const DATE = 0x21;
const VERSION = 20;
const UTF8 = 0x800;

const LOCAL: Record = {
  bytes: 30,
  signature: 0x04034b50,
  write(view, { crc, size, name }) {
    view.setUint16(4, VERSION, true);
    view.setUint16(6, UTF8, true);
    view.setUint16(12, DATE, true);
    view.setUint32(14, crc!, true);
    view.setUint32(18, size!, true);
    view.setUint32(22, size!, true);
    view.setUint16(26, name!, true);
  },
};
const CENTRAL: Record = {
  bytes: 46,
  signature: 0x02014b50,
  write(view, { crc, size, name, offset }) {
    view.setUint16(4, VERSION, true);
    view.setUint16(6, VERSION, true);
    view.setUint16(8, UTF8, true);
    view.setUint16(14, DATE, true);
    view.setUint32(16, crc!, true);
    view.setUint32(20, size!, true);
    view.setUint32(24, size!, true);
    view.setUint16(28, name!, true);
    view.setUint32(42, offset!, true);
  },
};
const END: Record = {
  bytes: 22,
  signature: 0x06054b50,
  write(view, { count, size, offset }) {
    view.setUint16(8, count!, true);
    view.setUint16(10, count!, true);
    view.setUint32(12, size!, true);
    view.setUint32(16, offset!, true);
  },
};

function header({ bytes, signature, write }: Record, facts: Readonly<{ [name: string]: number }>): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint32(0, signature, true);
  write(view, facts);
  return new Uint8Array(view.buffer);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.byteLength + b.byteLength);
  whole.set(a);
  whole.set(b, a.byteLength);
  return whole;
}
