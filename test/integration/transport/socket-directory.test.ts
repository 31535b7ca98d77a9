/** Socket folders with real processes as their owners. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { UsageError } from "../../../src/errors.js";
import { processIdentity } from "../../../src/process-identity.js";
import { createSocketDirectory, sweepStale } from "../../../src/transport/socket-directory.js";
import { bindCoordinator } from "../../../src/transport/zeromq.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Another process that makes a folder and lives on; returns the folder and the process. */
async function owner(context: TestContext, base: string) {
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { createSocketDirectory } from ${JSON.stringify(new URL("../../../src/transport/socket-directory.js", import.meta.url).href)};
       console.log(createSocketDirectory().path);
       setInterval(() => {}, 1000);`,
    ],
    { env: { ...process.env, XDG_RUNTIME_DIR: base }, stdio: ["ignore", "pipe", "inherit"] },
  );
  context.after(() => child.kill("SIGKILL"));
  const [path] = await once(child.stdout, "data");
  return { child, path: String(path).trim() };
}

test("a folder is private, holds a socket that can be bound, and goes with its run", async (context) => {
  const base = temporaryDirectory(context);
  const sockets = createSocketDirectory({ XDG_RUNTIME_DIR: base });
  assert.equal(statSync(sockets.path).mode & 0o777, 0o700);
  const link = await bindCoordinator(sockets.endpoint, null);
  assert.deepEqual(readdirSync(sockets.path).sort(), ["coordinator.sock"]);
  await link.close();
  sockets.remove();
  assert.deepEqual(readdirSync(base), []);
  sockets.remove(); // twice does no harm
});

test("the next start sweeps what a killed run left, and nothing of one that lives", async (context) => {
  const base = temporaryDirectory(context);
  const [killed, living] = [await owner(context, base), await owner(context, base)];
  killed.child.kill("SIGKILL");
  await once(killed.child, "exit");
  const sockets = createSocketDirectory({ XDG_RUNTIME_DIR: base });
  context.after(() => sockets.remove());
  assert.equal(existsSync(killed.path), false);
  assert.equal(existsSync(living.path), true);
  living.child.kill("SIGSTOP"); // stopped is not dead
  sweepStale(base);
  assert.equal(existsSync(living.path), true);
});

/** A folder's name says who made it: namespace, process number and start. */
const nameOf = (namespace: string, process: string) => `cnn-dist-${namespace}-${process.replace(" ", "-")}-aB3dEf`;
const mine = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];

test("a folder is swept also where its run was killed before anything was in it", (context) => {
  const base = temporaryDirectory(context);
  const sockets = createSocketDirectory({ XDG_RUNTIME_DIR: base });
  assert.equal(basename(sockets.path).slice(0, -6), nameOf(mine, processIdentity(process.pid)!).slice(0, -6));
  mkdirSync(join(base, nameOf(mine, "4194303 1")));
  sweepStale(base);
  assert.deepEqual(readdirSync(base), [basename(sockets.path)]);
});

test("a number that was given to another process is not taken for its former owner", (context) => {
  const base = temporaryDirectory(context);
  mkdirSync(join(base, nameOf(mine, `${process.pid} 1`)));
  sweepStale(base);
  assert.deepEqual(readdirSync(base), []);
});

test("what may be somebody else's is left alone", (context) => {
  const base = temporaryDirectory(context);
  const kept = [
    nameOf("1", "4194303 1"), // a process of another PID namespace
    nameOf(mine, processIdentity(process.pid)!),
    "cnn-dist-aB3dEf",
    "cnn-dist-test-1-2-aB3dEf",
    `other-${nameOf(mine, "4194303 1")}`,
  ];
  for (const name of kept) mkdirSync(join(base, name));
  sweepStale(base);
  assert.deepEqual(readdirSync(base).sort(), kept.sort());
  sweepStale(join(base, "nowhere"));
});

test("a runtime folder that cannot be used is passed over; a path too long for a socket is an error that names a way out", (context) => {
  const base = temporaryDirectory(context);
  const file = join(base, "file");
  writeFileSync(file, "");
  for (const XDG_RUNTIME_DIR of [join(base, "nowhere"), file, ""]) {
    const sockets = createSocketDirectory({ XDG_RUNTIME_DIR });
    assert.ok(!sockets.path.startsWith(base));
    sockets.remove();
  }
  const long = join(base, "x".repeat(100));
  mkdirSync(long);
  assert.throws(
    () => createSocketDirectory({ XDG_RUNTIME_DIR: long }),
    (error) => error instanceof UsageError && /107 bytes.*TMPDIR/.test(error.message),
  );
  assert.deepEqual(readdirSync(long), []);
});
