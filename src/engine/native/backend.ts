/**
 * tfjs and tfjs-node-gpu's backend, both as CommonJS, so that all of us see one tfjs. Imported by open.ts alone: loading
 * them takes a second.
 */
import "./node-compat.js";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type * as tfjs from "@tensorflow/tfjs";
import type { Attribute } from "./attributes.js";
import type { Binding, TensorMetadata } from "./binding.js";

/** What we use of tfjs-node's `NodeJSKernelBackend`. */
export interface NodeBackend extends tfjs.KernelBackend {
  readonly binding: Binding;
  /** `values` are still on the host and `id` is -1 until an op first needs the tensor. */
  readonly tensorMap: { get(dataId: tfjs.DataId): { values: unknown; id: number } };
  createOutputTensor(metadata: TensorMetadata): tfjs.Tensor;
  getInputTensorIds(tensors: readonly tfjs.TensorInfo[]): number[];
  executeSingleOutput(op: string, attributes: readonly Attribute[], inputs: readonly tfjs.TensorInfo[]): tfjs.Tensor;
  executeMultipleOutputs(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly tfjs.TensorInfo[],
    outputs: number,
  ): tfjs.Tensor[];
}

const require = createRequire(import.meta.url);

export const tf = require("@tensorflow/tfjs") as typeof tfjs;

const NAME = "tensorflow";

/** What `registerBackend` made tfjs's backend in this process; null before. */
export function registeredBackend(): NodeBackend | null {
  return tf.findBackendFactory(NAME) ? (tf.findBackend(NAME) as NodeBackend) : null;
}

/** Makes our binding tfjs's backend, under the name that tfjs-node's kernels are registered for. */
export function registerBackend(binding: Binding): NodeBackend {
  const vendor = fileURLToPath(new URL("../../../vendor/tfjs-node-gpu/", import.meta.url));
  const { NodeJSKernelBackend } = require(`${vendor}nodejs_kernel_backend.js`) as {
    NodeJSKernelBackend: new (binding: Binding, packageName: string) => NodeBackend;
  };
  require(`${vendor}register_all_kernels.js`);
  const backend = new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node-gpu");
  tf.registerBackend(NAME, () => backend, 3);
  tf.setBackend(NAME);
  return backend;
}
