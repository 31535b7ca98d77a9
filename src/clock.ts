/** Time as what waits for something sees it; tests give one that they move themselves. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

const BOOT_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of the system's monotonic clock, which all processes of a machine share. */
export const monotonicMs = (): number => BOOT_MS + performance.now();

export const systemClock: Clock = {
  now: monotonicMs,
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Waits for the promise, but not longer than that. */
export async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, expired]);
  clearTimeout(timer);
}
