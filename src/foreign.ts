/**
 * koffi, configured: its settings can be changed only before the first library is loaded, whoever loads one first. Engine
 * and exchange alone call native code.
 */
import koffi from "koffi";

// A step runs on the calling thread's stack, which koffi allocates; its default of 128 KB is short for oneDNN.
koffi.config({ async_stack_size: 8 * 1024 * 1024 });

export { koffi };
