/** Keeps TensorFlow's greetings off the terminal. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { koffi } from "../../foreign.js";

/**
 * Runs `load` with the process's stderr turned to /dev/null: TensorFlow 2.20 and later greet from an initializer of the
 * library itself, before TF_CPP_MIN_LOG_LEVEL is read. What goes wrong in loading comes back from dlopen, except on a
 * processor without AVX, where TensorFlow says so and aborts: there its messages are left alone.
 */
export function withoutGreetings<R>(load: () => R): R {
  if (process.arch === "x64" && !/^flags\s*:.*\bavx\b/m.test(readFileSync("/proc/cpuinfo", "utf8"))) return load();
  const c = koffi.load("libc.so.6");
  const dup = c.func("int dup(int file)");
  const dup2 = c.func("int dup2(int from, int to)");
  const stderr = dup(2) as number;
  if (stderr < 0) return load(); // it is closed
  const nowhere = openSync("/dev/null", "w");
  dup2(nowhere, 2);
  try {
    return load();
  } finally {
    dup2(stderr, 2);
    closeSync(stderr);
    closeSync(nowhere);
  }
}
