/**
 * Where an op of a traced function runs: on one of the process's devices, by number, or on the host, where the function's
 * vectors come from and its results leave. On a CPU the host is the first device.
 */
export type DevicePlace = number | "host";
