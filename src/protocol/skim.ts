/**
 * A look at a msgpack header's bytes before anything decodes them: one value, whole, of bounded depth and element count,
 * without extensions. What passes cannot make the decoder allocate more than the header's own size promises.
 */
import { WIRE } from "../limits.js";

/** Null when the bytes are acceptable, else the reason. */
export function skim(
  bytes: Uint8Array,
  headerBytes: number = WIRE.headerBytes,
): "size" | "depth" | "malformed" | "extension" | null {
  if (bytes.byteLength > headerBytes) return "size";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const open: number[] = []; // values still to come at each level
  let at = 0;
  let elements = 0;
  for (;;) {
    if (at >= bytes.byteLength) return "malformed";
    if (++elements > WIRE.elements) return "size";
    const item = readItem(view, at);
    if (typeof item === "string") return item;
    at += item.bytes;
    if (at > bytes.byteLength) return "malformed";
    if (open.length > 0) open[open.length - 1]!--;
    if (item.children > 0) {
      if (open.length >= WIRE.depth) return "depth";
      if (item.children > bytes.byteLength - at) return "malformed";
      open.push(item.children);
    }
    while (open.length > 0 && open[open.length - 1] === 0) open.pop();
    if (open.length === 0) return at === bytes.byteLength ? null : "malformed";
  }
}

type Item = { bytes: number; children: number };

function readItem(view: DataView, at: number): Item | "malformed" | "extension" {
  const left = view.byteLength - at - 1;
  const length = (width: 1 | 2 | 4): number =>
    left < width
      ? Number.NaN
      : width === 1
        ? view.getUint8(at + 1)
        : width === 2
          ? view.getUint16(at + 1)
          : view.getUint32(at + 1);
  const fixed = (bytes: number): Item => ({ bytes: 1 + bytes, children: 0 });
  const sized = (width: 1 | 2 | 4): Item | "malformed" => {
    const size = length(width);
    return Number.isNaN(size) ? "malformed" : { bytes: 1 + width + size, children: 0 };
  };
  const nested = (width: 2 | 4, factor: 1 | 2): Item | "malformed" => {
    const size = length(width);
    return Number.isNaN(size) ? "malformed" : { bytes: 1 + width, children: size * factor };
  };
  const tag = view.getUint8(at);
  if (tag <= 0x7f || tag >= 0xe0) return fixed(0); // small integers
  if (tag <= 0x8f) return { bytes: 1, children: (tag & 0x0f) * 2 };
  if (tag <= 0x9f) return { bytes: 1, children: tag & 0x0f };
  if (tag <= 0xbf) return fixed(tag & 0x1f); // short string
  switch (tag) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return fixed(0);
    case 0xc4:
    case 0xd9:
      return sized(1);
    case 0xc5:
    case 0xda:
      return sized(2);
    case 0xc6:
    case 0xdb:
      return sized(4);
    case 0xcc:
    case 0xd0:
      return fixed(1);
    case 0xcd:
    case 0xd1:
      return fixed(2);
    case 0xca:
    case 0xce:
    case 0xd2:
      return fixed(4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return fixed(8);
    case 0xdc:
      return nested(2, 1);
    case 0xdd:
      return nested(4, 1);
    case 0xde:
      return nested(2, 2);
    case 0xdf:
      return nested(4, 2);
    default:
      return tag === 0xc1 ? "malformed" : "extension";
  }
}
