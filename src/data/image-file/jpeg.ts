/** A JPEG's size and end, by its markers (ITU-T T.81, annex B). Pure. */
import type { Header } from "./header.js";

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const DHT = 0xc4;
const DAC = 0xcc;
const DQT = 0xdb;

const CUT: Header = { fault: "it is a JPEG that was cut short" };
const WITHOUT_DATA: Header = { fault: "it is a JPEG without image data" };

/**
 * From marker to marker to the end of the first image, as a decoder goes. Previews lie inside of segments, which are passed
 * over; videos, further images and whatever else a camera appends lie behind the end, which is where the reading stops. A
 * file that was cut and has such an appendix shows it by a marker that no image has there.
 */
export function readJpeg(file: Buffer): Header {
  let size: Header | null = null;
  let scan = -1;
  for (let at = nextMarker(file, 2); at >= 0; at = nextMarker(file, at)) {
    const marker = file[at++]!;
    if (marker === EOI) return size === null || scan < 0 ? WITHOUT_DATA : videoWithin(file, scan, at) ? CUT : size;
    if (isAlone(marker)) continue;
    if (marker === SOI) return CUT;
    if (isReserved(marker)) return damaged(marker, at);
    const length = at + 2 <= file.byteLength ? file.readUInt16BE(at) : 2;
    if (at + length > file.byteLength) break;
    if (!isSegment(file.subarray(at + 2, at + length), marker) || length < 2) return damaged(marker, at);
    if (isFrame(marker)) {
      if (size !== null || length < 8) return damaged(marker, at);
      size = { height: file.readUInt16BE(at + 3), width: file.readUInt16BE(at + 5) };
    }
    if (marker === SOS && scan < 0) scan = at;
    at += length;
  }
  return scan < 0 ? WITHOUT_DATA : CUT;
}

/** Where the next marker's second byte is, or -1. In coded data a byte of ff is followed by 00 and no marker. */
function nextMarker(file: Buffer, from: number): number {
  for (let at = file.indexOf(0xff, from); at >= 0; at = file.indexOf(0xff, at)) {
    while (file[at] === 0xff) at++; // a marker may be preceded by any number of ff
    if (at >= file.byteLength) return -1;
    if (file[at] !== 0) return at;
  }
  return -1;
}

/** Restarts and TEM: nothing belongs to them. */
function isAlone(marker: number): boolean {
  return (marker >= 0xd0 && marker <= 0xd7) || marker === 0x01;
}

/** What no file has, as table B.1 says: RES, JPG and its extensions. */
function isReserved(marker: number): boolean {
  return marker < 0xc0 || marker === 0xc8 || (marker >= 0xf0 && marker <= 0xfd);
}

/** Headers of frames: c0 to cf, but for the two of tables among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== DHT && marker !== DAC;
}

/** Whether a segment can be what its marker says: bytes of something else that look like one are not (B.2.3, B.2.4). */
function isSegment(content: Buffer, marker: number): boolean {
  if (marker === SOS) return content.byteLength === 4 + 2 * content[0]! && content[0]! >= 1 && content[0]! <= 4;
  if (marker === DQT) return tablesFit(content, (at) => (content[at]! >> 4 === 0 ? 65 : 129));
  if (marker === DHT) return tablesFit(content, (at) => 17 + sum(content.subarray(at + 1, at + 17)));
  return true;
}

/** Whether tables, one after the other, make up a segment. */
function tablesFit(content: Buffer, lengthOf: (at: number) => number): boolean {
  let at = 0;
  while (at < content.byteLength) at += lengthOf(at);
  return at > 0 && at === content.byteLength;
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0);
}

/** A motion photo's video begins with a box "ftyp" of less than 256 bytes; coded data as good as never hold these bytes. */
function videoWithin(file: Buffer, from: number, to: number): boolean {
  const coded = file.subarray(from, to);
  for (let at = coded.indexOf("ftyp", 4, "latin1"); at >= 0; at = coded.indexOf("ftyp", at + 1, "latin1"))
    if (coded.readUInt32BE(at - 4) < 256) return true;
  return false;
}

function damaged(marker: number, at: number): Header {
  return { fault: `it is a damaged JPEG (marker ff ${marker.toString(16).padStart(2, "0")} before byte ${at})` };
}
