/** Short forms of the benchmarks' own programs: that they run, not how fast. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Cost } from "../../bench/scale/coordinator.js";
import type { Simulation } from "../../bench/scale/simulated.js";

const PROGRAM = fileURLToPath(new URL("../../bench/scale/coordinator.js", import.meta.url));

const SMALL = { workers: 3, nodes: null, megabytes: 5, optimizer: "adam", warm: 1, steps: 2 } as const;

async function costOf(simulation: Simulation): Promise<Cost> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, JSON.stringify(simulation)]);
  const cost = JSON.parse(stdout) as Cost;
  for (const name of ["stepMs", "coordinatorMs", "workersMs"] as const)
    assert.ok(cost[name] > 0 && Number.isFinite(cost[name]), `${name}: ${cost[name]}`);
  return cost;
}

for (const exchange of ["shared-memory", "tcp"] as const)
  test(`a simulated run of three workers over ${exchange} gives its costs`, async () => {
    assert.equal((await costOf({ ...SMALL, exchange })).nodeBytes, null);
  });

test("simulated nodes send a gradient each and get the weights, however many workers they have", async () => {
  for (const workers of [2, 4]) {
    const { nodeBytes, socketMs } = await costOf({ ...SMALL, workers, nodes: 2, exchange: "tcp" });
    assert.deepEqual(nodeBytes, { in: 5e6, out: 5e6 });
    assert.ok(socketMs > 0);
  }
});
