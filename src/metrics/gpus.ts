/** What nvidia-smi tells of each GPU, asked when Prometheus asks. Not run on a GPU yet. */
import { Gauge, type Registry } from "prom-client";
import type { Gpu } from "../engine/gpus.js";

const LABELS = ["gpu", "name"] as const;

export function addGpuMetrics(registry: Registry, sample: () => Promise<readonly Gpu[]>): void {
  const gauge = (name: string, help: string, collect?: () => Promise<void>) =>
    new Gauge({
      name: `cnn_dist_gpu_${name}`,
      help,
      labelNames: LABELS,
      registers: [registry],
      ...(collect ? { collect } : {}),
    });
  const used = gauge("memory_used_bytes", "Memory in use on a GPU.");
  const total = gauge("memory_total_bytes", "Memory of a GPU.");
  const temperature = gauge("temperature_celsius", "Temperature of a GPU.");
  const power = gauge("power_watts", "Power that a GPU draws.");
  const utilization: Gauge<"gpu" | "name"> = gauge(
    "utilization_ratio",
    "Share of the time in which a GPU was busy.",
    async () => {
      for (const gpu of await sample()) {
        const labels = { gpu: String(gpu.index), name: gpu.name };
        utilization.set(labels, gpu.utilization);
        used.set(labels, gpu.memoryUsedBytes);
        total.set(labels, gpu.memoryTotalBytes);
        temperature.set(labels, gpu.temperatureCelsius);
        power.set(labels, gpu.powerWatts);
      }
    },
  );
}
