/** On a real Ray of two nodes. Needs root, iproute2 and util-linux; Ray is in a virtual environment. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ROOT } from "../support/fixtures.js";
import { type Machine, machines } from "../support/machines.js";
import { pythonWithRay } from "../support/python.js";
import { scratch } from "../support/runs.js";
import { commandIn, stepOf, trainingOf, weightsHere, weightsOf } from "../support/several-nodes.js";
import { until } from "../support/until.js";

const PYTHON = pythonWithRay();
const RAY = join(PYTHON, "..", "ray");

/** Two machines of one CPU; the driver runs on the first. */
async function ray(context: TestContext) {
  const dir = scratch(context);
  const env = { ...(await commandIn(dir)), RAY_USAGE_STATS_ENABLED: "0", RAY_memory_monitor_refresh_ms: "0" };
  const [head, other] = (await machines(context, ["head", "other"])) as [Machine, Machine];
  const start = async (machine: Machine, ...words: string[]) => {
    await machine.run(["sh", "-c", "mkdir -p /tmp/ray && mount -t tmpfs ray /tmp/ray"]); // no machine sees another's sockets
    const all = ["--num-cpus=1", `--node-ip-address=${machine.address}`, "--object-store-memory=100000000", ...words];
    await machine.run([RAY, "start", "--disable-usage-stats", ...all], { env });
  };
  await start(head, "--head", "--include-dashboard=false");
  await start(other, `--address=${head.address}:6379`);
  const runDir = join(dir, "run");
  const drive = (steps: number) =>
    head.start(
      [PYTHON, join(ROOT, "deploy/ray/launch.py"), "--nodes", "2", "--", ...trainingOf(steps), "--run-dir", runDir],
      { env },
    );
  return { head, other, drive, runDir };
}

const STEPS = 400;

test("the driver trains on two nodes, and Ray starts again what is killed: the weights of one machine", async (context) => {
  const { head, other, drive, runDir } = await ray(context);
  const driver = drive(STEPS);
  const killed = async (rank: number) => {
    await until(() => stepOf(runDir) > 50 || driver.output.code !== null);
    if (driver.output.code !== null) assert.fail(`the driver has ended: ${JSON.stringify(driver.output)}`);
    const step = stepOf(runDir);
    // Ray chooses which of its nodes has which rank.
    const kill = ["pkill", "-KILL", "-f", `cnn-dist.js launch .*--node-rank ${rank}`];
    const found = await Promise.all([head, other].map(async (machine) => (await machine.start(kill).ended).code === 0));
    assert.equal(found.filter(Boolean).length, 1, `rank ${rank} was on ${JSON.stringify(found)}`);
    await until(() => stepOf(runDir) > step || driver.output.code !== null);
  };
  await killed(1);
  await killed(0);
  const { code, stdout, stderr } = await driver.ended;
  assert.equal(code, 0, stdout + stderr);
  for (const rank of [0, 1]) assert.match(stdout + stderr, new RegExp(`node ${rank} ended with -9`));
  assert.equal(weightsOf(runDir), await weightsHere(context, STEPS));
});
