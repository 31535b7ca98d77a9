/** Finding and installing TensorFlow's library, with a Python that is a script. A real install is what a fresh HOME does. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cachedDir, findTensorflow, isRecent } from "../../../src/engine/install/locate.js";
import { TENSORFLOW_VERSION } from "../../../src/engine/install/wheels.js";
import { ensureTensorflow, installTensorflow } from "../../../src/engine/install.js";
import { LIBRARIES } from "../../../src/engine/native/libraries.js";
import { CnnDistError, UsageError } from "../../../src/errors.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { type ZipEntry, zipOf } from "../../support/zip.js";

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
  const told = (version: string) => machine(context, `echo ${version}; echo "$TENSORFLOW_FOLDER"; echo $NAME`);
  const found = async (version: string, names: readonly string[] = LIBRARIES) => {
    const { root, env, options } = told(version);
    const dir = putLibraries(join(root, "site-packages/tensorflow"), names);
    return findTensorflow({ ...options, env: { ...env, TENSORFLOW_FOLDER: dir, NAME: "tensorflow" } });
  };
  assert.equal((await found("2.16.1"))?.version, "2.16.1");
  assert.match((await found("2.16.1"))!.source, /^the tensorflow package of .*python3$/);
  assert.equal(await found("2.15.0"), null);
  assert.equal(await found("2.21.0", []), null);
  assert.deepEqual(
    ["2.16.0", "2.9.3", "3.0.0", "2.21.0rc1"].map((version) => isRecent(version)),
    [true, false, true, true],
  );
});

test("for a GPU, Python's tensorflow-cpu will not do", async (context) => {
  const { root, env, options } = machine(context, `echo 2.21.0; echo "$TENSORFLOW_FOLDER"; echo $NAME`);
  const TENSORFLOW_FOLDER = putLibraries(join(root, "site-packages/tensorflow"));
  const found = (gpu: boolean, NAME: string) =>
    findTensorflow({ ...options, gpu, env: { ...env, TENSORFLOW_FOLDER, NAME } });
  assert.equal((await found(false, "tensorflow-cpu"))?.dir, TENSORFLOW_FOLDER);
  assert.equal(await found(true, "tensorflow-cpu"), null);
  assert.equal((await found(true, "tensorflow"))?.dir, TENSORFLOW_FOLDER);
});

test("a named folder says its version where its wheel's metadata are, and an old one is refused", async (context) => {
  const { root, env, options } = machine(context, "exit 1");
  const CNN_DIST_TENSORFLOW = putLibraries(join(root, "site-packages/tensorflow"));
  const find = () => findTensorflow({ ...options, env: { ...env, CNN_DIST_TENSORFLOW } });
  mkdirSync(join(root, "site-packages/tensorflow_cpu-2.17.1.dist-info"));
  assert.equal((await find())?.version, "2.17.1");
  renameSync(
    join(root, "site-packages/tensorflow_cpu-2.17.1.dist-info"),
    join(root, "site-packages/tensorflow-2.9.3.dist-info"),
  );
  await assert.rejects(
    find(),
    (error: unknown) =>
      error instanceof UsageError && /holds TensorFlow 2\.9\.3\. .*2\.16 or later/.test(error.message),
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
  putLibraries(join(cacheDir, `tensorflow/installing-${TENSORFLOW_VERSION}-cpu-dead`));
  const said: string[] = [];
  const failing = installTensorflow({ ...options, onProgress: ({ what }) => void said.push(what) });
  await assert.rejects(
    failing,
    (error: unknown) =>
      error instanceof CnnDistError && error.code === "checksum" && /nothing was installed/.test(error.message),
  );
  assert.match(said[0]!, /^downloading tensorflow(-cpu)?==/);
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

/** A pip that "downloads" from a folder of wheels, named as the requirement is, and notes each call. */
function index(context: TestContext, wheels: Readonly<Record<string, readonly ZipEntry[]>>) {
  const script = `
    while [ "$1" != -d ]; do shift; done
    echo "$3" >> "$(dirname "$0")/asked"
    echo "  Downloading $3.whl (1.5 MB)"
    cp "$(dirname "$0")/wheels/$3" "$2/some.whl"`;
  const { root, options, cacheDir } = machine(context, script);
  mkdirSync(join(root, "wheels"));
  const known = Object.entries(wheels).map(([requirement, entries]) => {
    const bytes = zipOf(entries);
    writeFileSync(join(root, "wheels", requirement), bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { requirement, sha256, wanted: (entry: string) => !entry.includes("dist-info") };
  });
  const asked = () => readFileSync(join(root, "asked"), "utf8").trim().split("\n");
  return { root, options, cacheDir, known, asked };
}

const library: readonly ZipEntry[] = [
  ...LIBRARIES.map((name) => ({ name: `tensorflow/${name}`, content: name })),
  { name: "tensorflow-1.dist-info/RECORD", content: "" },
];

test("several wheels become one tree, in which TensorFlow finds CUDA beside itself; progress counts them", async (context) => {
  const { options, cacheDir, known, asked } = index(context, {
    "tensorflow==1": library,
    "nvidia-cudnn-cu12==2": [{ name: "nvidia/cudnn/lib/libcudnn.so.9", content: "cudnn" }],
    "nvidia-cuda-nvcc-cu12==3": [{ name: "nvidia/cuda_nvcc/bin/ptxas", content: "ptxas", mode: 0o755 }],
  });
  const said = new Set<string>();
  const install = () =>
    installTensorflow({ ...options, gpu: true, onProgress: ({ what }) => void said.add(what) }, known);
  const { dir } = await install();
  assert.equal(dir, cachedDir(cacheDir, true));
  assert.equal(readFileSync(join(dir, LIBRARIES[0]), "utf8"), LIBRARIES[0]);
  assert.equal(readFileSync(join(dir, "../nvidia/cudnn/lib/libcudnn.so.9"), "utf8"), "cudnn");
  assert.equal(statSync(join(dir, "../nvidia/cuda_nvcc/bin/ptxas")).mode & 0o111, 0o111);
  assert.equal(existsSync(join(dir, "../tensorflow-1.dist-info")), false);
  assert.ok(said.has("downloading nvidia-cudnn-cu12==2 (2 of 3)"), [...said].join("\n"));
  assert.ok(said.has("unpacking tensorflow==1 (1 of 3)"), [...said].join("\n"));
  await install();
  assert.equal(asked().length, 3, "what is there is not downloaded again");
});

test("two installs at once download once; the other kind's install is left alone", async (context) => {
  const { options, cacheDir, known, asked } = index(context, { "tensorflow-cpu==1": library });
  const other = join(cacheDir, `tensorflow/installing-${TENSORFLOW_VERSION}-gpu-busy`);
  putLibraries(other);
  const waits: string[] = [];
  const install = () =>
    installTensorflow(
      { ...options, onProgress: ({ what }) => void (/^waiting/.test(what) && waits.push(what)) },
      known,
    );
  const both = await Promise.all([install(), install()]);
  assert.deepEqual(both[0], both[1]);
  assert.deepEqual([asked().length, waits.length, existsSync(other)], [1, 1, true]);
});

test("an install that was stopped begins anew", async (context) => {
  const { options, known } = index(context, { "tensorflow-cpu==1": library });
  const reason = new CnnDistError("stopped", "enough");
  const stopping = new AbortController();
  const onProgress = ({ what }: { what: string }) => {
    if (what.startsWith("unpacking")) stopping.abort(reason);
  };
  await assert.rejects(
    installTensorflow({ ...options, signal: stopping.signal, onProgress }, known),
    (error: unknown) => error === reason,
  );
  const { dir } = await installTensorflow(options, known);
  assert.equal(readFileSync(join(dir, LIBRARIES[1]), "utf8"), LIBRARIES[1]);
});

test("a python3 without pip: pip3, then uv; the error names all that is missing", async (context) => {
  const { root, options, cacheDir, known, asked } = index(context, { "tensorflow-cpu==1": library });
  const bin = join(root, "bin");
  mkdirSync(bin);
  const put = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  put("python3", 'echo "python3: No module named pip" >&2; exit 1');
  const env: NodeJS.ProcessEnv = { PATH: bin };
  await assert.rejects(installTensorflow({ ...options, env }, known), (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /there is no pip: python3: No module named pip; pip3 could not be run.*; uv could not be run/,
    );
    return true;
  });
  // As uv does: the rest of the line is pip's.
  put(
    "uv",
    `[ "$1 $2 $3" = "tool run pip" ] || exit 9; shift 3; PATH=/usr/bin:/bin exec ${join(root, "python3")} "$@"`,
  );
  assert.equal((await installTensorflow({ ...options, env }, known)).dir, cachedDir(cacheDir, false));
  assert.deepEqual(asked(), ["tensorflow-cpu==1"]);
});

test("a pip that downloads without end is stopped at the limit; a wheel that unpacks to too much is refused", async (context) => {
  const endless = machine(
    context,
    'while [ "$1" != -d ]; do shift; done; head -c 2000000 /dev/zero > "$2/some.whl.part"; exec sleep 600',
  );
  const tooLarge = (pattern: RegExp) => (error: unknown) =>
    error instanceof CnnDistError && error.code === "too-large" && pattern.test(error.message);
  await assert.rejects(
    installTensorflow(endless.options, undefined, { packedBytes: 1000, unpackedBytes: 1000 }),
    tooLarge(/^downloading tensorflow.*: 2000000 bytes received, at most 1000 expected/),
  );
  assert.deepEqual(leftIn(endless.cacheDir), []);
  const { options, cacheDir, known } = index(context, { "tensorflow-cpu==1": library });
  await assert.rejects(
    installTensorflow(options, known, { packedBytes: 1e6, unpackedBytes: 10 }),
    tooLarge(/some\.whl, unpacked: \d+ bytes received, at most 10 expected/),
  );
  assert.deepEqual(leftIn(cacheDir), []);
});
