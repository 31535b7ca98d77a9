/** The plain copies that the exchange is measured against. */
import { median } from "./table.js";

/** Milliseconds to copy so many bytes twice, from memory to memory that both are there already. */
export function twoCopiesMs(bytes: number): number {
  const from = new Float32Array(bytes / 4).fill(1);
  const to = new Float32Array(bytes / 4).fill(2);
  const times = Array.from({ length: 11 }, () => {
    const start = performance.now();
    to.set(from);
    from.set(to);
    return performance.now() - start;
  });
  return median(times.slice(2));
}

/** CPU milliseconds to copy a MB. */
export function copyCpuMs(): number {
  const bytes = 40e6;
  const from = new Float32Array(bytes / 4).fill(1);
  const to = new Float32Array(bytes / 4).fill(2);
  const times = Array.from({ length: 11 }, () => {
    const start = process.cpuUsage();
    to.set(from);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e3;
  });
  return median(times.slice(2)) / (bytes / 1e6);
}
