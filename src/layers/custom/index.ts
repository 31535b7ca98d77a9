/**
 * Layers that tfjs lacks, or spells out too slowly, under Keras's class names where it has them, so that saved models load
 * with ours. They are made for one engine, since a traced step needs its fused ops.
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../../engine/engine.js";
import { type BatchNormConfig, batchNormClass } from "./batch-norm.js";
import type { LayerClass } from "./call.js";
import { type ConvolutionConfig, convolutionClass } from "./convolution.js";
import { dropoutClass } from "./dropout.js";
import { type AffineConfig, affineClass, lrnClass, paddedShortcutClass, squashClass } from "./plain.js";
import { adaptivePoolClass, type PoolConfig, paddedPoolClass } from "./pool.js";
import { rbfClass } from "./rbf.js";
import { padToClass, resizeClass } from "./resize.js";
import { subsampleClass } from "./subsample.js";

export type { CallArgs } from "./call.js";

type Named<Config> = Config & { name?: string };

export interface CustomLayers {
  batchNormalization(config?: BatchNormConfig): tfjs.layers.Layer;
  dropout(config: Named<{ rate: number; seed?: number }>): tfjs.layers.Layer;
  padTo(config: Named<{ height: number; width: number }>): tfjs.layers.Layer;
  resize(config: Named<{ height: number; width: number; keepAspect: boolean }>): tfjs.layers.Layer;
  convolution(config: Named<ConvolutionConfig>): tfjs.layers.Layer;
  paddedPool(config: Named<PoolConfig>): tfjs.layers.Layer;
  lrn(config: Named<{ size: number; k: number; alpha: number; beta: number }>): tfjs.layers.Layer;
  subsample(config: Named<{ size: number }>): tfjs.layers.Layer;
  rbf(config: Named<{ codes: readonly (readonly number[])[] }>): tfjs.layers.Layer;
  paddedShortcut(config: Named<{ stride: number; channels: number }>): tfjs.layers.Layer;
  adaptivePool(config: Named<{ size: number }>): tfjs.layers.Layer;
  affine(config: Named<AffineConfig>): tfjs.layers.Layer;
  squash(config: Named<{ squashing: "scaledTanh" | "logSigmoid" }>): tfjs.layers.Layer;
}

export function customLayers(engine: Engine): CustomLayers {
  const { tf } = engine;
  const made = <Config>(layer: LayerClass<Config>) => {
    tf.serialization.registerClass(layer as unknown as Parameters<typeof tf.serialization.registerClass>[0]);
    return (config: Config) => new layer(config);
  };
  const batchNormalization = made(batchNormClass(engine));
  return {
    batchNormalization: (config = {}) => batchNormalization(config),
    dropout: made(dropoutClass(engine)),
    padTo: made(padToClass(tf)),
    resize: made(resizeClass(tf)),
    convolution: made(convolutionClass(tf)),
    paddedPool: made(paddedPoolClass(tf)),
    lrn: made(lrnClass(tf)),
    subsample: made(subsampleClass(tf)),
    rbf: made(rbfClass(tf)),
    paddedShortcut: made(paddedShortcutClass(tf)),
    adaptivePool: made(adaptivePoolClass(tf)),
    affine: made(affineClass(tf)),
    squash: made(squashClass(tf)),
  };
}
