/** GPUs as nvidia-smi lists them, and which worker gets which. Not run on a GPU yet: tested with nvidia-smi's output. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { UsageError } from "../errors.js";

export interface Gpu {
  index: number;
  uuid: string;
  name: string;
  memoryTotalBytes: number;
  memoryUsedBytes: number;
  /** 0 to 1. */
  utilization: number;
  temperatureCelsius: number;
  powerWatts: number;
}

const FIELDS = [
  "index",
  "uuid",
  "name",
  "memory.total",
  "memory.used",
  "utilization.gpu",
  "temperature.gpu",
  "power.draw",
];
const MIB = 2 ** 20;
const execute = promisify(execFile);

/** Runs nvidia-smi; null where there is none or it fails. */
export type Smi = (args: readonly string[]) => Promise<string | null>;

export const nvidiaSmi: Smi = async (args) => {
  try {
    return (await execute("nvidia-smi", [...args], { timeout: 10_000 })).stdout;
  } catch {
    return null;
  }
};

/**
 * The GPUs that CUDA_VISIBLE_DEVICES leaves visible, in its order; [] without a driver. A number in it is nvidia-smi's
 * (the order of the PCI bus), whatever CUDA_DEVICE_ORDER says.
 */
export async function listGpus(env: NodeJS.ProcessEnv = process.env, smi: Smi = nvidiaSmi): Promise<Gpu[]> {
  const output = await smi([`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"]);
  const all = (output ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): Gpu => {
      const [index = "", uuid = "", name = "", ...numbers] = line.split(",").map((field) => field.trim());
      const [total, used, utilization, temperature, power] = numbers.map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return {
        index: Number(index),
        uuid,
        name,
        memoryTotalBytes: total * MIB,
        memoryUsedBytes: used * MIB,
        utilization: utilization / 100,
        temperatureCelsius: temperature,
        powerWatts: power,
      };
    });
  const visible = env.CUDA_VISIBLE_DEVICES;
  if (visible === undefined) return all;
  const chosen: Gpu[] = [];
  for (const word of visible.split(",").map((each) => each.trim())) {
    const gpu = all.find(({ index, uuid }) => String(index) === word || (word !== "" && uuid.startsWith(word)));
    if (!gpu) break; // CUDA itself ignores everything from the first unknown one on
    chosen.push(gpu);
  }
  return chosen;
}

export interface AssignedDevice {
  kind: "cpu" | "gpu";
  /** For people, and for the comparison of a join: cpu, or the GPU's model. */
  name: string;
  /** Devices of that kind that the worker has. */
  count: number;
  env: Readonly<Record<string, string>>;
}

/** What a process that computes on those GPUs, or on the CPU alone (none), has to find in its environment. */
export function deviceEnvironment(uuids: readonly string[]): Readonly<Record<string, string>> {
  if (uuids.length === 0) return { CUDA_VISIBLE_DEVICES: "-1" };
  return {
    // CUDA's own order begins with the fastest GPU, so that its number 0 may be another one than nvidia-smi's.
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    CUDA_VISIBLE_DEVICES: uuids.join(","),
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    TF_DETERMINISTIC_OPS: "1",
    NVIDIA_TF32_OVERRIDE: "0",
  };
}

/** Workers without GPUs, where nobody says how many. */
const CPU_WORKERS = 2;

/**
 * `devicesPerWorker` devices for each worker. UsageError where GPUs were asked for and there are none, or too few.
 * `workers` null: as many as the visible GPUs allow, else two on the CPU.
 */
export function assignDevices({
  workers,
  device,
  devicesPerWorker,
  gpus,
}: {
  workers: number | null;
  device: "auto" | "gpu" | "cpu";
  devicesPerWorker: number;
  gpus: readonly Gpu[];
}): { devices: AssignedDevice[]; warnings: string[] } {
  if (device === "cpu" || (device === "auto" && gpus.length === 0)) {
    const count = workers ?? CPU_WORKERS;
    const warnings =
      device === "auto" && workers !== null
        ? [
            `no GPU is visible: ${count === 1 ? "the worker runs" : `${count} workers run`} on the CPU (--device gpu would make this an error)`,
          ]
        : [];
    const assigned: AssignedDevice = { kind: "cpu", name: "cpu", count: devicesPerWorker, env: deviceEnvironment([]) };
    return { devices: Array.from({ length: count }, () => assigned), warnings };
  }
  if (gpus.length === 0)
    throw new UsageError(
      "no-gpu",
      "--device gpu: no GPU is visible (nvidia-smi finds none). Check the driver and CUDA_VISIBLE_DEVICES with 'cnn-dist doctor', or use --device cpu.",
    );
  const possible = Math.floor(gpus.length / devicesPerWorker);
  const count = workers ?? Math.max(1, possible);
  if (count > possible) throw tooFewGpus({ count, devicesPerWorker, possible, gpus });
  return {
    devices: Array.from({ length: count }, (_, rank): AssignedDevice => {
      const own = gpus.slice(rank * devicesPerWorker, (rank + 1) * devicesPerWorker);
      const name = [...new Set(own.map((gpu) => gpu.name))].join(" + ");
      return { kind: "gpu", name, count: devicesPerWorker, env: deviceEnvironment(own.map(({ uuid }) => uuid)) };
    }),
    warnings: [],
  };
}

function tooFewGpus({
  count,
  devicesPerWorker,
  possible,
  gpus,
}: {
  count: number;
  devicesPerWorker: number;
  possible: number;
  gpus: readonly Gpu[];
}): UsageError {
  const asked =
    devicesPerWorker === 1
      ? `--gpus ${count}`
      : `--gpus ${count} (workers) with --devices-per-worker ${devicesPerWorker} needs ${count * devicesPerWorker} GPUs`;
  const visible = `only ${gpus.length} ${gpus.length === 1 ? "GPU is" : "GPUs are"} visible (${gpus.map(({ name }) => name).join(", ")})`;
  const fitting = possible === 0 ? "Leave --devices-per-worker out" : `Ask for at most ${possible}`;
  return new UsageError("too-few-gpus", `${asked}: ${visible}. ${fitting}, or use --device cpu.`);
}
