/** Linux's own way to make sure that no worker outlives its launcher, however that ends. */
import { koffi } from "../foreign.js";

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** The kernel ends this process by SIGKILL when its parent ends. The caller then checks that the parent still lives. */
export function dieWithParent(): void {
  const prctl = koffi.load("libc.so.6").func("int prctl(int option, ulong a, ulong b, ulong c, ulong d)");
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/**
 * Ends this process without running the libraries' destructors: TensorFlow's threads may still compute a step that nobody
 * waits for, and what they use must not be torn down under them.
 */
export function exitNow(code: number): never {
  koffi.load("libc.so.6").func("void _exit(int code)")(code);
  throw new Error("unreachable: the process has ended");
}
