/** Finding and installing TensorFlow's library, with a Python that is a script. A real install is what a fresh HOME does. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ensureTensorflow, installTensorflow } from "../../../src/engine/install.js";
import { LIBRARIES } from "../../../src/engine/libraries.js";
import { cachedDir, findTensorflow, isRecent, TENSORFLOW_VERSION } from "../../../src/engine/locate.js";
import { CnnDistError, UsageError } from "../../../src/errors.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** A cache, and a Python that runs `script` (sh). */
function machine(context: TestContext, script: string) {
  const root = temporaryDirectory(context);
  const python = join(root, "python3");
  writeFileSync(python, `#!/bin/sh\n${script}\n`);
  chmodSync(python, 0o755);
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, CNN_DIST_PYTHON: python };
  const cacheDir = join(root, "cache");
  return { root, env, cacheDir, options: { gpu: false, env, cacheDir } };
}

function putLibraries(dir: string, names: readonly string[] = LIBRARIES): string {
  mkdirSync(dir, { recursive: true });
  for (const name of names) writeFileSync(join(dir, name), "");
  return dir;
}

/** What an install left in the cache, its lock aside. */
const leftIn = (cacheDir: string) =>
  readdirSync(join(cacheDir, "tensorflow")).filter((name) => !name.endsWith(".lock"));

test("a folder that the user names goes before everything, and must hold both libraries", async (context) => {
  const { root, env, options, cacheDir } = machine(context, "exit 1");
  putLibraries(cachedDir(cacheDir, false));
  const named = putLibraries(join(root, "named"));
  const found = await findTensorflow({ ...options, env: { ...env, CNN_DIST_TENSORFLOW: named } });
  assert.deepEqual(found, { dir: named, version: null, source: "CNN_DIST_TENSORFLOW" });
  const half = putLibraries(join(root, "half"), LIBRARIES.slice(0, 1));
  await assert.rejects(
    findTensorflow({ ...options, env: { ...env, CNN_DIST_TENSORFLOW: half } }),
    (error: unknown) => error instanceof UsageError && error.message.includes(`lacks ${LIBRARIES[1]}`),
  );
});

test("then the cache, of the right kind", async (context) => {
  const { options, cacheDir } = machine(context, "exit 1");
  assert.equal(await findTensorflow(options), null);
  const dir = putLibraries(cachedDir(cacheDir, false));
  assert.deepEqual(await findTensorflow(options), { dir, version: TENSORFLOW_VERSION, source: "cnn-dist's cache" });
  assert.equal(await findTensorflow({ ...options, gpu: true }), null);
});

test("then Python's own tensorflow, if it is recent enough and whole", async (context) => {
  const told = (version: string) => machine(context, `echo ${version}; echo "$TENSORFLOW_FOLDER"`);
  const found = async (version: string, names: readonly string[] = LIBRARIES) => {
    const { root, env, options } = told(version);
    const dir = putLibraries(join(root, "site-packages/tensorflow"), names);
    return findTensorflow({ ...options, env: { ...env, TENSORFLOW_FOLDER: dir } });
  };
  assert.equal((await found("2.16.1"))?.version, "2.16.1");
  assert.equal(await found("2.15.0"), null);
  assert.equal(await found("2.21.0", []), null);
  assert.deepEqual(
    ["2.16.0", "2.9.3", "3.0.0", "2.21.0rc1"].map((version) => isRecent(version)),
    [true, false, true, true],
  );
});

test("no TensorFlow and a pip that fails: one error of usage with pip's own words and what to do; nothing is left", async (context) => {
  const { options, cacheDir } = machine(context, "echo 'ERROR: No matching distribution found' >&2; exit 1");
  await assert.rejects(ensureTensorflow(options), (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.equal(error.code, "tensorflow-missing");
    assert.match(error.message, /failed \(exit 1\).*No matching distribution found/);
    assert.match(error.message, /cnn-dist setup/);
    return true;
  });
  assert.deepEqual(leftIn(cacheDir), []);
});

test("no Python at all says so", async (context) => {
  const { options, env } = machine(context, "exit 1");
  const missing = { ...options, env: { ...env, CNN_DIST_PYTHON: "/nonexistent/python3" } };
  await assert.rejects(ensureTensorflow(missing), /\/nonexistent\/python3 could not be run/);
});

test("a wheel that is not the known one is not installed, and what an earlier install left is swept", async (context) => {
  // `-d DIR` is where the wheel goes.
  const script = 'while [ "$1" != -d ]; do shift; done; echo other > "$2/tensorflow_cpu-other.whl"';
  const { options, cacheDir } = machine(context, script);
  putLibraries(join(cacheDir, "tensorflow/installing-dead"));
  const said: string[] = [];
  const failing = installTensorflow({ ...options, onProgress: ({ what }) => void said.push(what) });
  if (process.arch === "x64") {
    await assert.rejects(
      failing,
      (error: unknown) =>
        error instanceof CnnDistError && error.code === "checksum" && /nothing was installed/.test(error.message),
    );
  } else await assert.rejects(failing, UsageError); // no checksum is known; it is no zip file
  assert.match(said[0]!, /^downloading tensorflow-cpu==/);
  assert.deepEqual(leftIn(cacheDir), []);
});

test("an abort ends pip and is what the caller sees", async (context) => {
  const { root, options, cacheDir } = machine(context, 'echo $$ > "$(dirname "$0")/pid"; exec sleep 600');
  const stopping = new AbortController();
  const reason = new CnnDistError("stopped", "enough");
  const installing = installTensorflow({
    ...options,
    signal: stopping.signal,
    onProgress: () => {
      if (existsSync(join(root, "pid"))) stopping.abort(reason);
    },
  });
  await assert.rejects(installing, (error: unknown) => error === reason);
  assert.deepEqual(leftIn(cacheDir), []);
});
