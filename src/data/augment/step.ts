import type { ImageShape } from "../../models/spec.js";

/**
 * What the images are for: `training` draws; `evaluation` has no chance in it; `whole` is evaluation without cutting
 * anything off, for protocols that take crops of their own.
 */
export type Form = "training" | "evaluation" | "whole";

/** Random numbers of one step for one image. */
export interface Draws {
  /** Uniform in [0, 1), the same whenever they are asked for. */
  uniforms(count: number): Float32Array;
  /** Standard normal. */
  normals(count: number): Float32Array;
}

/** Reads one image (uint8, row by row, channels together) and writes the whole of another. */
export type Apply = (from: Uint8Array, to: Uint8Array, draws: Draws) => void;

export interface BuiltStep {
  /** Of the images that it leaves. */
  shape: ImageShape;
  /** Null: it leaves them as they are. */
  apply: Apply | null;
}

/** A whole number below `count`, from a uniform one. */
export function below(count: number, uniform: number): number {
  return Math.floor(uniform * count);
}
