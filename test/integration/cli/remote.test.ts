import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run, start } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

const SMALL =
  "--model lenet5 --dataset synthetic --batch-size 16 --dataset-option train=64 --dataset-option test=20".split(" ");

interface Done {
  event: string;
  weights_sha256: string;
}
const lastOf = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1)!) as Done;

test("workers that are started by hand train over TCP to the bits of a local run, and go home with 0", async (context) => {
  const cwd = temporaryDirectory(context);
  const endpoint = `tcp://127.0.0.1:${20_000 + (process.pid % 20_000)}`;
  const coordinator = start(
    ["coordinator", "--bind", endpoint, "--gpus", "2", ...SMALL, "--steps", "6", "--run-dir", "far", "--json"],
    { cwd },
  );
  await coordinator.said('"event":"plan"');
  const workers = [1, 2].map(() => start(["worker", "--connect", endpoint, "--device", "cpu"], { cwd }));
  const far = await coordinator.ended;
  assert.equal(far.code, 0, far.stderr);
  for (const { ended } of workers) {
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
  }
  const near = await run(
    ["launch", "--device", "cpu", "--gpus", "1", ...SMALL, "--steps", "6", "--run-dir", "near", "--json"],
    { cwd },
  );
  assert.equal(near.code, 0, near.stderr);
  assert.equal(lastOf(far.stdout).event, "done");
  assert.equal(lastOf(far.stdout).weights_sha256, lastOf(near.stdout).weights_sha256);
});

test("a worker without a key that is allowed is refused; one whose key is revoked is lost, and the run goes on", async (context) => {
  const cwd = temporaryDirectory(context);
  const keys = join(cwd, "keys");
  for (const name of ["one", "two"])
    assert.equal((await run(["keys", "create", name, "--keys", keys], { cwd })).code, 0);
  const endpoint = `tcp://127.0.0.1:${20_002 + (process.pid % 20_000)}`;
  const work = (key: string) => start(["worker", "--connect", endpoint, "--device", "cpu", "--keys", key], { cwd });
  const coordinator = start(
    ["coordinator", "--bind", endpoint, "--keys", keys, "--gpus", "2", ...SMALL, "--steps", "100000", "--json"],
    { cwd },
  );
  await coordinator.said('"event":"plan"');
  assert.equal((await run(["keys", "create", "other", "--keys", join(cwd, "others")], { cwd })).code, 0);
  const stranger = await work(join(cwd, "others", "other.key")).ended;
  assert.equal(stranger.code, 2, stranger.stderr);
  assert.match(stranger.stderr, /the coordinator has another key/);
  const [one, two] = [work(join(keys, "one.key")), work(join(keys, "two.key"))];
  await coordinator.said('"step":3,');
  assert.equal((await run(["keys", "revoke", "two", "--keys", keys], { cwd })).code, 0);
  await coordinator.said("its key was revoked");
  two.child.kill("SIGTERM");
  await two.ended;
  const lost = Number(/.*"step":(\d+),/s.exec(coordinator.output.stdout)![1]);
  await coordinator.said(`"step":${lost + 10},`);
  coordinator.child.kill("SIGTERM");
  const { code, stderr } = await coordinator.ended;
  assert.equal(code, 75, stderr);
  assert.equal((await one.ended).code, 0);
});

test("an address in use is one error with exit code 2", async (context) => {
  const cwd = temporaryDirectory(context);
  const endpoint = `tcp://127.0.0.1:${20_001 + (process.pid % 20_000)}`;
  const first = start(["coordinator", "--bind", endpoint, ...SMALL, "--steps", "1", "--run-dir", "one", "--json"], {
    cwd,
  });
  await first.said('"event":"plan"');
  const second = await run(["coordinator", "--bind", endpoint, ...SMALL, "--steps", "1", "--run-dir", "two"], { cwd });
  assert.equal(second.code, 2, second.stderr);
  assert.ok(second.stderr.includes(endpoint), second.stderr);
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).code, 75);
});

test("a worker that waits for a coordinator ends with 75 when it is asked to", async (context) => {
  const cwd = temporaryDirectory(context);
  const worker = start(["worker", "--connect", "tcp://127.0.0.1:9", "--device", "cpu"], { cwd });
  await worker.said("for the coordinator at");
  worker.child.kill("SIGTERM");
  const { code, stderr } = await worker.ended;
  assert.equal(code, 75, stderr);
});
