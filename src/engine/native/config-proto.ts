/** The few fields of TensorFlow's ConfigProto that we set, as protobuf bytes (tensorflow/core/protobuf/config.proto). */

/** What convolutions and products are computed in; weights, gradients and statistics are float32 in both. */
export type Precision = "fp32" | "bf16";

export interface ConfigOptions {
  /** Threads inside one op. */
  threads: number;
  /** Ops that run side by side. */
  lanes: number;
  device: "cpu" | "gpu";
  /** CPU devices to make of the one processor; absent: 1. */
  cpuDevices?: number;
  precision: Precision;
}

/**
 * For the context and, since TensorFlow reads the rewriter's options there alone, as `config_proto` of a call.
 * bf16 is grappler's automatic mixed precision, which brings bfloat16 to the CPU alone (rewriter option 31).
 */
export function configProto({ threads, lanes, device, cpuDevices = 1, precision }: ConfigOptions): Uint8Array {
  const parts = [integer(2, threads), integer(5, lanes)];
  const count = (type: string, devices: number) =>
    message(1, [bytes(1, new TextEncoder().encode(type)), integer(2, devices)]); // device_count
  if (cpuDevices > 1) parts.push(count("CPU", cpuDevices));
  if (device === "cpu") parts.push(count("GPU", 0));
  else parts.push(message(6, [integer(4, 1)])); // gpu_options.allow_growth
  if (precision === "bf16") parts.push(message(10, [message(10, [integer(31, 1)])])); // RewriterConfig.ON
  return concat(parts);
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Uint8Array.from(out);
}

function integer(field: number, value: number): Uint8Array {
  return concat([varint(field * 8), varint(value)]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return concat([varint(field * 8 + 2), varint(value.byteLength), value]);
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytes(field, concat(parts));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
