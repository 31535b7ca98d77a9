/** `doctor` and `setup`, as a person runs them. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cachedDir } from "../../../src/engine/install/locate.js";
import { LIBRARIES } from "../../../src/engine/native/libraries.js";
import { run, start } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { tensorflowDir } from "../../support/tensorflow.js";

interface Finding {
  what: string;
  status: string;
  found: string;
  advice?: string;
}

/** A folder before everything else on the PATH, with these programs in it. */
function withPrograms(context: TestContext, programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const bin = temporaryDirectory(context);
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { PATH: `${bin}:${process.env.PATH}` };
}

test("doctor multiplies matrices with the TensorFlow that it names; nothing fails, exit 0", async (context) => {
  const cwd = temporaryDirectory(context);
  const env = { CNN_DIST_TENSORFLOW: await tensorflowDir(), CUDA_VISIBLE_DEVICES: "" };
  const { code, stdout } = await run(["doctor", "--json"], { cwd, env });
  const findings = new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.what, finding]));
  assert.deepEqual(
    [...findings.keys()],
    ["Node", "zeromq", "koffi", "GPUs", "TensorFlow", "data", "memory", "/dev/shm", "ports"],
  );
  assert.equal(code, 0);
  assert.match(
    findings.get("TensorFlow")!.found,
    /CNN_DIST_TENSORFLOW \(.*\): TensorFlow 2\.\d+\.\d+ multiplies correctly on the cpu/,
  );
  for (const { status, advice, what } of findings.values()) {
    assert.notEqual(status, "fail", what);
    assert.equal(advice !== undefined, status === "warn", `${what}: advice if and only if something is to be done`);
  }
});

test("doctor tries each GPU; one that TensorFlow cannot use fails, with what to do; exit 1", async (context) => {
  const cwd = temporaryDirectory(context);
  const smi = 'echo "0, GPU-11111111-2222-3333-4444-555555555555, NVIDIA T4, 15360, 0, 0, 40, 20.5"';
  const env = { ...withPrograms(context, { "nvidia-smi": smi }), CNN_DIST_TENSORFLOW: await tensorflowDir() };
  const { code, stdout } = await run(["doctor"], { cwd, env });
  assert.match(stdout, /^ok +GPUs +NVIDIA T4, 15\.\d GB|^ok +GPUs +NVIDIA T4, 16\.\d GB/m);
  assert.match(stdout, /^ok +TensorFlow .*multiplies correctly on the cpu$/m);
  assert.match(stdout, /^fail +on the GPU .*sees no usable GPU/m);
  assert.match(stdout, /--device cpu works without them/);
  assert.equal(code, 1);
});

test("doctor: a folder without the libraries fails; none anywhere yet is a warning", async (context) => {
  const cwd = temporaryDirectory(context);
  const named = await run(["doctor"], { cwd, env: { CNN_DIST_TENSORFLOW: cwd } });
  assert.match(named.stdout, /^fail +TensorFlow .*lacks libtensorflow_framework/m);
  assert.equal(named.code, 1);
  const nowhere = {
    CNN_DIST_TENSORFLOW: "",
    CNN_DIST_PYTHON: "/nonexistent/python3",
    CNN_DIST_CACHE: join(cwd, "cache"),
  };
  const { code, stdout } = await run(["doctor"], { cwd, env: { ...nowhere, CUDA_VISIBLE_DEVICES: "" } });
  assert.match(stdout, /^warn +TensorFlow +not here yet\n.*cnn-dist setup/m);
  assert.equal(code, 0);
});

test("setup says where the library is, and installs nothing twice", async (context) => {
  const cwd = temporaryDirectory(context);
  const dir = cachedDir(join(cwd, "cache"), false);
  mkdirSync(dir, { recursive: true });
  for (const library of LIBRARIES) writeFileSync(join(dir, library), "");
  const env = { CNN_DIST_CACHE: join(cwd, "cache"), CNN_DIST_PYTHON: "/nonexistent/python3" };
  const { code, stdout, stderr } = await run(["setup", "--cpu"], { cwd, env });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, new RegExp(`^TensorFlow 2\\.21\\.0 for the CPU is in ${dir}\n$`));
});

test("setup without pip: exit 2 with what was tried and what helps", async (context) => {
  const cwd = temporaryDirectory(context);
  const env = { CNN_DIST_CACHE: join(cwd, "cache"), CNN_DIST_PYTHON: "/nonexistent/python3" };
  const { code, stdout, stderr } = await run(["setup", "--cpu"], { cwd, env });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /\/nonexistent\/python3 could not be run.*\n.*\n.*cnn-dist setup/);
});

test("Ctrl-C during setup ends pip, leaves nothing half, exit 75", async (context) => {
  const cwd = temporaryDirectory(context);
  const cache = join(cwd, "cache");
  const { PATH } = withPrograms(context, { python3: `echo $$ > ${cwd}/pid; exec sleep 600` });
  const { child, said, ended } = start(["setup", "--cpu"], { cwd, env: { PATH, CNN_DIST_CACHE: cache } });
  await said("downloading tensorflow");
  while (!readdirSync(cwd).includes("pid")) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  assert.equal(code, 75);
  assert.match(stderr, /SIGINT: the installation was stopped; nothing is half installed/);
  assert.deepEqual(readdirSync(join(cache, "tensorflow")), []);
});
