/** The compiled kernels (kernels/, AssemblyScript): loaded once a memory. */
import { readFileSync } from "node:fs";

/** Signatures of kernels/index.ts; addresses and sizes are in bytes. */
export interface KernelExports {
  add(program: number, length: number, parts: number, scratch: number, bytes: number, to: number): void;
  sumOfSquares(program: number, length: number, parts: number, scratch: number, bytes: number): number;
  update(
    rule: number,
    program: number,
    length: number,
    parts: number,
    scratch: number,
    bytes: number,
    ranges: number,
    weights: number,
    weightsOut: number,
    slot1: number,
    slot1Out: number,
    slot2: number,
    slot2Out: number,
    average: number,
    averageOut: number,
    keep: number,
    take: number,
  ): number;
}

export function kernelModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL("kernels.wasm", import.meta.url)));
}

/** `memory` is shared, as the module declares it, so that nothing can take its pages away. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  const abort = () => {
    throw new Error("a kernel met something that cannot be");
  };
  return new WebAssembly.Instance(module, { env: { memory, abort } }).exports as unknown as KernelExports;
}
