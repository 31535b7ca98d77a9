import { CnnDistError } from "../errors.js";
import type { ImageDecoder } from "./dataset.js";

/** A decoder for a data set that is read before TensorFlow is loaded, so that bad data cost no time. */
export class LateDecoder {
  #decoder: ImageDecoder | null = null;

  readonly decode: ImageDecoder = async (paths, channels, place) => {
    if (!this.#decoder) throw new CnnDistError("unexpected", "an image was asked for before TensorFlow was there");
    return this.#decoder(paths, channels, place);
  };

  /** From now on images are decoded by `engine`. */
  use(engine: { decodeImages: ImageDecoder }): void {
    this.#decoder = (paths, channels, place) => engine.decodeImages(paths, channels, place);
  }
}
