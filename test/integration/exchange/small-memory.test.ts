/**
 * Runs in a mount namespace of their own: /dev/shm has 8 MB there (in a container of Docker's it has 64), and /proc/meminfo
 * may tell of little memory.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { DoneEvent, RunEvent } from "../../../src/events.js";
import { BIN, type Output, startProcess } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { tensorflowDir } from "../../support/tensorflow.js";

/** 2.4 million parameters: over shared memory 94 MB of weights, optimizer and gradients. */
const LAUNCH = [
  ..."launch --device cpu --gpus 1 --model vgg11 --model-option width=0.5 --dataset synthetic --batch-size 8".split(
    " ",
  ),
  ..."--dataset-option height=28 --dataset-option width=28 --dataset-option train=16 --dataset-option test=8".split(
    " ",
  ),
  ..."--optimizer adam --steps 2 --json".split(" "),
];
/** More in all than free, since what is in use is no limit. */
const MEMINFO = "MemTotal: 2000000 kB\nMemFree: 50000 kB\nMemAvailable: 50000 kB\n";
const SMALL_SHM = "mount -t tmpfs -o size=8m tmpfs /dev/shm";
/** What files take of a container's limit counts as free where there is such a limit. */
const LITTLE_MEMORY = `mount --bind meminfo /proc/meminfo
if [ -e /sys/fs/cgroup/memory.stat ]; then mount --bind empty /sys/fs/cgroup/memory.stat; fi`;

async function launchWhere(
  context: TestContext,
  mounts: readonly string[],
  ...words: string[]
): Promise<Output & { log: string }> {
  const cwd = temporaryDirectory(context);
  writeFileSync(join(cwd, "meminfo"), MEMINFO);
  writeFileSync(join(cwd, "empty"), "");
  const script = `set -e\n${[SMALL_SHM, ...mounts].join("\n")}\n"$@"\n[ -z "$(ls /dev/shm)" ] || { echo "something is left in /dev/shm" >&2; exit 9; }`;
  const asRoot = process.getuid!() === 0 ? [] : ["--map-root-user"];
  const run = [process.execPath, BIN, ...LAUNCH, ...words, "--run-dir", "run"];
  const started = startProcess("unshare", ["--mount", ...asRoot, "sh", "-c", script, "sh", ...run], {
    cwd,
    env: { CNN_DIST_TENSORFLOW: await tensorflowDir() },
  });
  const output = await started.ended;
  return { ...output, log: readFileSync(join(cwd, "run", "logs", "coordinator.log"), "utf8") };
}

const weightsOf = ({ code, stdout, stderr }: Output) => {
  assert.equal(code, 0, stderr);
  const events = stdout.trimEnd().split("\n");
  const done = JSON.parse(events.at(-1)!) as RunEvent;
  assert.equal(done.event, "done");
  return (done as DoneEvent).weights_sha256;
};

test("a small /dev/shm matters on no exchange", async (context) => {
  const shared = await launchWhere(context, [], "--exchange", "shared-memory");
  const frames = await launchWhere(context, [], "--exchange", "frames");
  assert.equal(weightsOf(shared), weightsOf(frames));
});

test("memory that is too small ends a run before a worker starts, or makes it exchange frames", async (context) => {
  const asked = await launchWhere(context, [LITTLE_MEMORY], "--exchange", "shared-memory");
  assert.equal(asked.code, 1, asked.stderr);
  assert.match(asked.stderr, /take \d+ MB of shared memory, and 51 MB are free\. Use --exchange frames/);
  assert.doesNotMatch(asked.log, /starting/);
  const left = await launchWhere(context, [LITTLE_MEMORY]);
  assert.match(left.stderr, /shared memory for the exchange would take \d+ MB, and 51 MB are free/);
  weightsOf(left);
});
