/** Short forms of the benchmarks' own programs: that they run, not how fast. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Cost } from "../../bench/scale/coordinator.js";
import type { Simulation } from "../../bench/scale/simulated.js";

const PROGRAM = fileURLToPath(new URL("../../bench/scale/coordinator.js", import.meta.url));

for (const exchange of ["shared-memory", "tcp"] as const)
  test(`a simulated run of three workers over ${exchange} gives its costs`, async () => {
    const simulation: Simulation = { workers: 3, megabytes: 5, exchange, optimizer: "adam", warm: 1, steps: 2 };
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, JSON.stringify(simulation)]);
    const cost = JSON.parse(stdout) as Cost;
    for (const name of ["stepMs", "coordinatorMs", "workersMs"] as const)
      assert.ok(cost[name] > 0 && Number.isFinite(cost[name]), `${name}: ${cost[name]}`);
  });
