/** What nvidia-smi says of each GPU, read when Prometheus reads. Not run on a GPU yet. */
import { setTimeout as sleep } from "node:timers/promises";
import { Gauge, type Registry } from "prom-client";
import type { Gpu } from "../engine/gpus.js";

const LABELS = ["gpu", "name"] as const;
/** A scrape waits no longer for the GPUs: it is to show the training even while nvidia-smi hangs. */
const PATIENCE_MS = 2000;
const NONE: readonly Gpu[] = [];

/**
 * Adds the gauges and returns what brings them up to date before a scrape. GPUs that fail to answer in time, and values
 * that a GPU doesn't tell (nvidia-smi's "[N/A]"), are left out, so that no old value passes for a new one.
 */
export function addGpuMetrics(
  registry: Registry,
  sample: () => Promise<readonly Gpu[]>,
  patienceMs: number = PATIENCE_MS,
): () => Promise<void> {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `cnn_dist_gpu_${name}`, help, labelNames: LABELS, registers: [registry] });
  const gauges = [
    [gauge("utilization_ratio", "Share of the time in which a GPU was busy."), (gpu: Gpu) => gpu.utilization],
    [gauge("memory_used_bytes", "Memory in use on a GPU."), (gpu: Gpu) => gpu.memoryUsedBytes],
    [gauge("memory_total_bytes", "Memory of a GPU."), (gpu: Gpu) => gpu.memoryTotalBytes],
    [gauge("temperature_celsius", "Temperature of a GPU."), (gpu: Gpu) => gpu.temperatureCelsius],
    [gauge("power_watts", "Power that a GPU draws."), (gpu: Gpu) => gpu.powerWatts],
  ] as const;
  let asking: Promise<readonly Gpu[]> | null = null;
  const ask = () => {
    // Scrapes that overlap share one nvidia-smi.
    asking ??= Promise.resolve()
      .then(sample)
      .catch(() => NONE)
      .finally(() => {
        asking = null;
      });
    return asking;
  };
  return async () => {
    const answered = new AbortController();
    const late = sleep(patienceMs, NONE, { signal: answered.signal }).catch(() => NONE);
    const gpus = await Promise.race([ask(), late]);
    answered.abort();
    for (const [each, read] of gauges) {
      each.reset();
      for (const gpu of gpus) {
        const value = read(gpu);
        if (Number.isFinite(value)) each.set({ gpu: String(gpu.index), name: gpu.name }, value);
      }
    }
  };
}
