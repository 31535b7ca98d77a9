/** Image files to pixels by TensorFlow's own ops, off the event loop's thread. */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { CnnDistError, messageOf } from "../../errors.js";
import { foreignFile, imageFormat } from "../../image-format.js";
import { intAttribute, stringAttribute, typeAttribute } from "./attributes.js";
import type { Native, Pointer } from "./capi.js";
import { EagerContext, type Handle } from "./context.js";
import { DTYPE } from "./dtype.js";
import { Graph } from "./graph.js";

export interface DecodedImage {
  /** uint8, row by row, channels together. */
  pixels: Uint8Array;
  height: number;
  width: number;
  channels: 1 | 3;
}

/** Where the pixels of the `index`-th image go: memory of height * width * channels bytes, or null for new memory. */
export type Place = (index: number, height: number, width: number) => Uint8Array | null;

/** Threads that decode, at most. */
const DECODERS = 6;

/**
 * Reads and decodes files, several a call, in a context of their own: that of the steps has one thread to run ops one after
 * the other, and here each image is an op that takes one.
 */
export class ImageFiles {
  readonly #native: Native;
  #opened: EagerContext | null = null;
  readonly #functions = new Set<string>();

  constructor(native: Native) {
    this.#native = native;
  }

  get #eager(): EagerContext {
    const lanes = Math.min(DECODERS, availableParallelism());
    this.#opened ??= new EagerContext(this.#native, { threads: 1, lanes, device: "cpu", precision: "fp32" });
    return this.#opened;
  }

  memory(): { tensors: number; bytes: number } {
    return this.#opened?.memory() ?? { tensors: 0, bytes: 0 };
  }

  /**
   * JPEG or PNG files, as gray or RGB whatever they hold (transparency is dropped). CnnDistError `image` names the first that
   * is missing, damaged or cut short, or of a format that TensorFlow cannot read; GIFs it can, so who may meet one looks at
   * `imageFormat`.
   */
  async decode(paths: readonly string[], channels: 1 | 3, place: Place = () => null): Promise<DecodedImage[]> {
    const eager = this.#eager;
    const images = await this.#run(paths, channels).catch((error: unknown) => this.#blame(paths, channels, error));
    try {
      return images.map((image, index) => {
        const [height, width] = image.shape as [number, number];
        const pixels = place(index, height, width) ?? new Uint8Array(height * width * channels);
        eager.readInto(image, pixels);
        return { pixels, height, width, channels };
      });
    } finally {
      for (const image of images) eager.release(image);
    }
  }

  async #run(paths: readonly string[], channels: 1 | 3): Promise<Handle[]> {
    const eager = this.#eager;
    const { tf } = eager.native;
    const name = this.#function(paths.length, channels);
    const encoder = new TextEncoder();
    const given = eager.uploadStrings(
      [paths.length],
      paths.map((path) => encoder.encode(path)),
    );
    try {
      const op = eager.check(name, (status) => {
        const made = tf.TFE_NewOp<Pointer>(eager.context, name, status);
        eager.assertOk(name, status);
        tf.TFE_OpAddInput(made, given.pointer, status);
        return made;
      });
      return await eager.executeAsync(name, op, paths.length);
    } finally {
      eager.release(given);
    }
  }

  /** A function of the eager context from [files] to as many images; made once for each number of files. */
  #function(files: number, channels: 1 | 3): string {
    const name = `decode_${files}_files_to_${channels}_channels`;
    if (this.#functions.has(name)) return name;
    const graph = new Graph(this.#eager, () => null);
    try {
      const paths = graph.placeholder(DTYPE.string, [files]);
      const unpacked = graph.node("Unpack", [paths], [intAttribute("num", files), typeAttribute("T", DTYPE.string)]);
      const images = Array.from({ length: files }, (_, index) => {
        const file = graph.node("ReadFile", [{ oper: unpacked, index }], []);
        // It reads PNGs as well; of the two transforms the fast one differs between builds of libjpeg.
        const attributes = [intAttribute("channels", channels), stringAttribute("dct_method", "INTEGER_ACCURATE")];
        return { oper: graph.node("DecodeJpeg", [{ oper: file, index: 0 }], attributes), index: 0 };
      });
      graph.toFunction(name, [paths], images, []);
    } finally {
      graph.delete();
    }
    this.#functions.add(name);
    return name;
  }

  /** TensorFlow says what is wrong, but not with which file: each alone does. */
  async #blame(paths: readonly string[], channels: 1 | 3, error: unknown): Promise<never> {
    for (const path of paths) {
      const failure = await this.#failureOf(path, channels);
      if (failure !== null) throw new CnnDistError("image", `${path}: ${failure}`, { cause: error });
    }
    throw error;
  }

  async #failureOf(path: string, channels: 1 | 3): Promise<string | null> {
    try {
      const [image] = await this.#run([path], channels);
      this.#eager.release(image!);
      return null;
    } catch (error) {
      const file = await readFile(path).catch((reason: NodeJS.ErrnoException) =>
        reason.code === "ENOENT" ? "it does not exist" : `it cannot be read: ${messageOf(reason)}`,
      );
      if (typeof file === "string") return file;
      const format = imageFormat(file);
      return format ? `the ${format} cannot be decoded: ${reasonOf(error)}` : foreignFile(file);
    }
  }
}

/** What TensorFlow says of the image, without the names of its own functions and nodes. */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^TensorFlow, [^:]*: /, "")
    .replace(/\{\{[^}]*\}\}/g, "")
    .replace(/\[\[[^\]]*\]\]/g, "")
    .trim();
}
