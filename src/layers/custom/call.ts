/** What every layer of ours is called with. */
import type * as tfjs from "@tensorflow/tfjs";

/** What a forward pass hands to every layer. */
export interface CallArgs {
  training: boolean;
  /** int32 [2]; dropout's noise follows from it and the layer's place. */
  seed: tfjs.Tensor1D;
}

export type LayerInputs = tfjs.Tensor | tfjs.Tensor[];
export type Kwargs = Record<string, unknown>;

export const one = (inputs: LayerInputs): tfjs.Tensor => (Array.isArray(inputs) ? inputs[0]! : inputs);

/** As it is read and written in a layer's `call`. */
export interface Weight {
  read(): tfjs.Tensor;
  write(value: tfjs.Tensor): unknown;
}

/** As tfjs's registry of serialisable classes takes it. */
export type LayerClass<Config> = (new (config: Config) => tfjs.layers.Layer) & { readonly className: string };
