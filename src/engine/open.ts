/** Opens TensorFlow for this process: the library, a context, our binding under tfjs. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import type { Engine, EngineInfo, EngineOptions } from "./engine.js";
import { createOps, replaceKernels } from "./kernels/ops.js";
import { type NodeBackend, registerBackend, registeredBackend, tf } from "./native/backend.js";
import { Binding } from "./native/binding.js";
import { assertLibraries, loadNative } from "./native/capi.js";
import { type ConfigOptions, configProto } from "./native/config-proto.js";
import { alignedFloat32, EagerContext } from "./native/context.js";
import { ImageFiles } from "./native/decode.js";
import { LIBRARIES } from "./native/libraries.js";
import type { DevicePlace } from "./native/place.js";
import type { CompiledFunction } from "./trace/compiled-function.js";
import { traceFunction } from "./trace/trace.js";

/**
 * What a process has once: tfjs knows one backend, and TensorFlow one pool of threads. Therefore the backend carries it,
 * and every engine of the process shares it.
 */
interface Opened {
  options: Shared;
  precision: EngineOptions["precision"];
  backend: NodeBackend;
  eager: EagerContext;
  images: ImageFiles;
  /** Functions traced so far: their names must be new to the context. */
  traces: number;
}
type Shared = Pick<EngineOptions, "libraryDir" | "threads" | "device"> & { devices: number };

/**
 * Throws CnnDistError `tensorflow-*` when the library is missing or too old, `no-gpu` when there is none
 * or this process has opened it for the CPU alone, `engine-open` when it has opened it with other options.
 */
export function openEngine(options: EngineOptions): Engine {
  if (options.device === "gpu" && options.precision === "bf16")
    throw new UsageError(
      "precision",
      "--precision bf16: TensorFlow's rewriter brings bfloat16 to the CPU alone, and cnn-dist has no casts of its own yet. Use --precision fp32 on a GPU.",
    );
  const opened = openedBefore(options) ?? open(options);
  const { backend, eager, images } = opened;
  const plain = options.precision === "fp32" && opened.precision === "fp32";
  const { devices = 1 } = options;
  const callConfig = plain ? null : configProto(configOf(options));
  const deviceOf = (place: DevicePlace) => (devices === 1 ? null : deviceName(options, place));
  const traced = new Set<CompiledFunction>();
  return {
    tf,
    ops: createOps(tf, backend, options.device === "cpu" && options.precision === "fp32"),
    info: engineInfo(options, eager.version),
    devices,
    at: (place, body) => backend.binding.at(place, body),
    trace(spec) {
      const name = `${spec.name.replace(/\W/g, "_")}_${opened.traces++}`;
      const { precision, device } = options;
      const marked = devices > 1 && device === "cpu";
      const compiled = traceFunction(tf, backend, name, spec, { precision, callConfig, deviceOf, marked });
      traced.add(compiled);
      return {
        traceMs: compiled.traceMs,
        nodes: compiled.nodes,
        placement: compiled.placement,
        run: (call) => compiled.run(call),
        dispose() {
          compiled.dispose();
          void compiled.idle().then(() => traced.delete(compiled));
        },
      };
    },
    decodeImages: (paths, channels, place) => images.decode(paths, channels, place),
    allocate: (length) => alignedFloat32(eager.native, length),
    memory() {
      const [own, decoding] = [eager.memory(), images.memory()];
      return { tensors: own.tensors + decoding.tensors, bytes: own.bytes + decoding.bytes };
    },
    async close() {
      const open = [...traced];
      traced.clear();
      for (const each of open) each.dispose();
      await Promise.all(open.map((each) => each.idle()));
    },
  };
}

/**
 * Ops that run side by side: one a device. The devices of a CPU share the threads in which ops are started, and have
 * threads of their own inside an op.
 */
function configOf({ devices = 1, ...options }: EngineOptions): ConfigOptions {
  return { ...options, lanes: devices, cpuDevices: options.device === "cpu" ? devices : 1 };
}

function deviceName({ device, devices = 1 }: EngineOptions, place: DevicePlace): string {
  const [type, number] = place === "host" ? ["CPU", 0] : [device.toUpperCase(), place % devices];
  return `/job:localhost/replica:0/task:0/device:${type}:${number}`;
}

/** UsageError `no-gpu` where a GPU was asked for and TensorFlow sees none. */
function openContext(options: EngineOptions): { eager: EagerContext; gpu: boolean } {
  const { device, devices = 1 } = options;
  // TensorFlow reads this once, when it makes its first device; all CPU devices would share one pool without it.
  if (devices > 1) process.env.TF_OVERRIDE_GLOBAL_THREADPOOL = "1";
  const eager = new EagerContext(loadNative(options.libraryDir), configOf(options));
  const gpus = eager.devices.filter(({ type }) => type === "GPU").length;
  if (device === "cpu" || gpus >= devices) return { eager, gpu: gpus > 0 };
  const seen = eager.devices.map(({ name }) => name).join(", ");
  throw new UsageError(
    "no-gpu",
    `TensorFlow ${eager.version} in ${options.libraryDir} sees ${gpus === 0 ? "no usable GPU" : `${gpus} of the ${devices} GPUs that this process needs`} (it sees: ${seen}). Run 'cnn-dist doctor'; use --device cpu to train without one.`,
  );
}

function open(options: EngineOptions): Opened {
  const { libraryDir, threads, device, devices = 1 } = options;
  const { eager, gpu } = openContext(options);
  const backend = registerBackend(new Binding(eager, gpu));
  replaceKernels(tf, backend);
  const opened: Opened = {
    options: { libraryDir, threads, device, devices },
    precision: options.precision,
    backend,
    eager,
    images: new ImageFiles(eager.native),
    traces: 0,
  };
  return Object.assign(backend, { opened }).opened;
}

const KEYS = ["libraryDir", "threads", "device", "devices"] as const;

function openedBefore(options: EngineOptions): Opened | null {
  const { libraryDir, threads, device, devices = 1 } = options;
  const backend = registeredBackend() as (NodeBackend & { opened: Opened }) | null;
  if (!backend) return null;
  assertLibraries(libraryDir);
  const before = backend.opened.options;
  const asked: Shared = { libraryDir, threads, device, devices };
  if (KEYS.every((key) => before[key] === asked[key])) return backend.opened;
  // A second context for the GPU would be as large as the first one, and nothing could free it.
  if (device === "gpu" && before.device === "cpu")
    throw new UsageError(
      "no-gpu",
      "TensorFlow is open in this process for the CPU alone, and sees no GPU. Ask for device cpu, or ask for the GPU in another process ('cnn-dist doctor' says whether there is one).",
    );
  const words = (given: Shared) =>
    `threads ${given.threads}, ${given.devices === 1 ? "device" : `${given.devices} devices, each`} ${given.device}, library ${given.libraryDir}`;
  throw new UsageError(
    "engine-open",
    `TensorFlow is open in this process with ${words(before)}; a process cannot open it again with ${words(asked)}. Give the same, or use another process.`,
  );
}

function engineInfo({ libraryDir, threads, device }: EngineOptions, version: string): EngineInfo {
  const env = process.env;
  return {
    tensorflow: version,
    build: buildOf(libraryDir),
    device: device === "gpu" ? (env.CNN_DIST_DEVICE_NAME ?? "gpu") : "cpu",
    instructions: `${process.arch} ${vectorInstructions()}`,
    onednn: [
      env.TF_ENABLE_ONEDNN_OPTS ?? "default",
      env.ONEDNN_MAX_CPU_ISA ?? env.DNNL_MAX_CPU_ISA,
      env.ONEDNN_DEFAULT_FPMATH_MODE ?? env.DNNL_DEFAULT_FPMATH_MODE,
    ]
      .filter(Boolean)
      .join(" "),
    threads,
    deterministic: device === "cpu" || env.TF_DETERMINISTIC_OPS === "1",
    tf32: device === "gpu" && env.NVIDIA_TF32_OVERRIDE !== "0",
  };
}

/** Names a build of TensorFlow without reading all of its 800 MB: sizes, and a hash of each library's first megabyte. */
function buildOf(libraryDir: string): string {
  const hash = createHash("sha256");
  for (const library of LIBRARIES) {
    const file = openSync(join(libraryDir, library), "r");
    try {
      const head = Buffer.alloc(1024 * 1024);
      const bytes = readSync(file, head, 0, head.byteLength, 0);
      hash.update(`${library} ${fstatSync(file).size} `).update(head.subarray(0, bytes));
    } finally {
      closeSync(file);
    }
  }
  return hash.digest("hex").slice(0, 32);
}

/** The vector instructions by which oneDNN and Eigen choose their kernels, and with them the order of additions. */
function vectorInstructions(): string {
  const cpuinfo = readFileSync("/proc/cpuinfo", "utf8");
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(" "));
  const known = [
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512bw",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_bf16",
    "avx_vnni",
    "asimd",
    "sve",
    "bf16",
  ];
  return known.filter((flag) => flags.has(flag)).join(" ");
}
