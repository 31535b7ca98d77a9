/** Image files to pixels by TensorFlow's own ops, off the event loop's thread. */
import { CnnDistError, messageOf } from "../errors.js";
import { type Attribute, intAttribute, setAttribute, stringAttribute } from "./attributes.js";
import type { Session } from "./session.js";

export interface DecodedImage {
  /** uint8, row by row, channels together. */
  pixels: Uint8Array;
  height: number;
  width: number;
  channels: 1 | 3;
}

/** Where the pixels of an image go: memory of height * width * channels bytes, or null for new memory. */
export type Place = (height: number, width: number) => Uint8Array | null;

/** The formats that are read, by their first bytes. */
const FORMATS: readonly { name: string; magic: readonly number[]; op: string; attributes: readonly Attribute[] }[] = [
  {
    name: "JPEG",
    magic: [0xff, 0xd8, 0xff],
    op: "DecodeJpeg",
    attributes: [stringAttribute("dct_method", "INTEGER_ACCURATE")], // the fast one differs between builds of libjpeg
  },
  { name: "PNG", magic: [0x89, 0x50, 0x4e, 0x47], op: "DecodePng", attributes: [] },
];

/**
 * A whole JPEG or PNG file, as gray or RGB whatever it holds (transparency is dropped). CnnDistError `image` for another
 * format, or for a file that is damaged or cut short; the caller names the file. `place` may offer memory for an image of
 * that height and width.
 */
export async function decodeImage(
  session: Session,
  file: Uint8Array,
  channels: 1 | 3,
  place: Place = () => null,
): Promise<DecodedImage> {
  const format = FORMATS.find(({ magic }) => magic.every((byte, at) => file[at] === byte));
  if (!format)
    throw new CnnDistError(
      "image",
      `it is neither ${FORMATS.map(({ name }) => name).join(" nor ")} (it begins with ${firstBytes(file)})`,
    );
  const { tf } = session.native;
  const contents = session.uploadStrings([], [file]);
  try {
    const op = session.check(format.op, (status) => {
      const made = tf.TFE_NewOp<bigint>(session.context, format.op, status);
      session.assertOk(format.op, status);
      tf.TFE_OpAddInput(made, contents.pointer, status);
      for (const attribute of [intAttribute("channels", channels), ...format.attributes])
        setAttribute(tf, made, format.op, attribute, status);
      return made;
    });
    const [image] = await session.executeAsync(format.op, op, 1);
    try {
      const [height, width] = image!.shape as [number, number];
      const pixels = place(height, width) ?? new Uint8Array(height * width * channels);
      session.readInto(image!, pixels);
      return { pixels, height, width, channels };
    } finally {
      session.release(image!);
    }
  } catch (error) {
    throw new CnnDistError("image", `the ${format.name} cannot be decoded: ${messageOf(error)}`, { cause: error });
  } finally {
    session.release(contents);
  }
}

function firstBytes(file: Uint8Array): string {
  if (file.byteLength === 0) return "nothing: it is empty";
  return Array.from(file.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
