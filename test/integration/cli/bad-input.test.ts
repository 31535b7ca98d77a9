/** What a person can get wrong: each time one screen that says what to do, exit code 2, and no worker started. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import { run, start } from "../../support/cli.js";
import { fixturePath, ROOT } from "../../support/fixtures.js";
import { writeTree } from "../../support/image-folder.js";
import { temporaryDirectory } from "../../support/temporary.js";

async function refused(
  context: TestContext,
  words: readonly string[],
  message: RegExp,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  const cwd = options.cwd ?? temporaryDirectory(context);
  const { code, stdout, stderr } = await run(words, { cwd, ...(options.env ? { env: options.env } : {}) });
  assert.equal(code, 2, `${words.join(" ")}: ${stderr}`);
  assert.match(stderr, message);
  assert.equal(stdout, "");
  assert.ok(stderr.split("\n").length <= 24, `more than a screen:\n${stderr}`);
  assert.doesNotMatch(stderr, /\n\s+at |is starting/);
}

const launch = (...words: string[]) => ["launch", "--device", "cpu", ...words];

test("unknown names offer the nearest", async (context) => {
  await refused(context, launch("--model", "vg13"), /unknown model "vg13".*did you mean "vgg13"/);
  await refused(
    context,
    launch("--dataset", "fashion-mnits"),
    /unknown dataset "fashion-mnits".*did you mean "fashion-mnist"/,
  );
  await refused(context, launch("--optimizer", "adm"), /--optimizer: expected one of.*adam.*received "adm"/);
  await refused(context, launch("--recipe", "lenet"), /--recipe.*"lenet".*did you mean "lenet5"/);
  await refused(context, launch("--batchsize", "8"), /--batchsize.*did you mean "--batch-size"/);
  await refused(context, ["lanch"], /unknown command "lanch".*did you mean "launch"/);
});

test("values that make no sense name the flag, what was expected and what was received", async (context) => {
  await refused(context, launch("--gpus", "x"), /--gpus: expected a.*number.*received "x"/);
  await refused(context, launch("--gpus", "0"), /--gpus: expected .*1.*received 0/);
  await refused(context, launch("--lr", "-1"), /--lr: expected .*received -1/);
  await refused(context, launch("--batch-size", "2", "--shards", "4"), /--batch-size 2 is smaller than --shards 4/);
  await refused(context, launch("--metrics-port", "99999"), /--metrics-port: expected .*received 99999/);
  await refused(context, ["launch", "--device", "gpu"], /--device gpu: no GPU is visible/, {
    env: { PATH: "/nowhere" },
  });
  await refused(context, ["coordinator", "--bind", "0.0.0.0:5555"], /--bind: expected tcp:/);
});

test("data that are not there, not readable or not whole are named", async (context) => {
  const dir = temporaryDirectory(context);
  await refused(context, launch("--data-dir", join(dir, "none")), /--data-dir .*none/);
  const damaged = join(dir, "damaged");
  cpSync(join(ROOT, "data", "fashion-mnist-subset"), damaged, { recursive: true });
  const file = readdirSync(damaged).find((name) => name.startsWith("train-images"))!;
  truncateSync(join(damaged, file), 5000);
  await refused(context, launch("--data-dir", damaged), /train-images.*(truncated|damaged)/s);
});

test("a data set with nothing to evaluate on is refused before a worker starts", async (context) => {
  const image = readFileSync(fixturePath("images/gradient.png"));
  const folders = Object.fromEntries(["ant", "bee", "cat", "dog"].map((name) => [`${name}/only.png`, image]));
  const dir = writeTree(temporaryDirectory(context), folders);
  const words = ["--dataset", "image-folder", "--data-dir", dir, "--dataset-option", "size=28", "--batch-size", "4"];
  await refused(
    context,
    launch(...words),
    /each of the 4 classes .* one usable image, .*nothing is left to evaluate on/,
  );
});

test("weights to begin from, checkpoints and images that are not what they should be are named", async (context) => {
  const dir = temporaryDirectory(context);
  const small = ["--dataset", "synthetic", "--batch-size", "16"];
  const weights = join(dir, "weights.safetensors");
  await refused(
    context,
    launch(...small, "--init-weights", weights),
    /--init-weights .*weights\.safetensors does not exist/,
  );
  const tensor = { name: "c1/kernel", shape: [5, 5, 1, 6], data: new Float32Array(150) };
  writeFileSync(weights, Buffer.concat(encodeSafetensors([tensor, { ...tensor, name: "c9/kernel" }])));
  await refused(
    context,
    launch(...small, "--init-weights", weights),
    /does not fit lenet5: 10 not in it.*c1\/bias.*1 in it, and not in the network: c9\/kernel/,
  );
  await refused(context, ["evaluate", dir], /is neither a run's folder .* nor a checkpoint's/);
  await refused(context, ["predict", dir, join(dir, "none.png")], /none\.png: it does not exist/);
  await refused(context, ["predict", dir], /<image>, JPEG or PNG files, is needed/);
});

test("a port in use, a run directory in use or used, a directory that is no run", async (context) => {
  const cwd = temporaryDirectory(context);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const { port } = server.address() as { port: number };
  const small = [
    "--model",
    "lenet5",
    "--dataset",
    "synthetic",
    "--dataset-option",
    "train=64",
    "--dataset-option",
    "test=16",
    "--batch-size",
    "16",
  ];
  await refused(
    context,
    launch(...small, "--steps", "1", "--metrics-port", String(port)),
    /metrics cannot be served.*--metrics-port/,
  );
  await refused(
    context,
    ["coordinator", "--bind", `tcp://127.0.0.1:${port}`, ...small, "--steps", "1"],
    /cannot listen at tcp:/,
  );
  const first = start([...launch(...small, "--epochs", "100000"), "--run-dir", "run", "--json"], { cwd });
  await first.said('"event":"step"');
  await refused(
    context,
    launch(...small, "--steps", "1", "--run-dir", "run"),
    /in use by another run \(process \d+\)/,
    { cwd },
  );
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).code, 75);
  await refused(context, launch(...small, "--steps", "1", "--run-dir", "run"), /holds a run already.*resume/, { cwd });
  await refused(context, ["resume", "nothing"], /nothing is not the folder of a run/, { cwd });
  mkdirSync(join(cwd, "damaged", "checkpoints", "step-00000004"), { recursive: true });
  cpSync(join(cwd, "run", "recipe.json"), join(cwd, "damaged", "recipe.json"));
  await refused(context, ["resume", "damaged"], /no valid checkpoint: .*manifest\.json cannot be read/, { cwd });
});

test("a damaged newest checkpoint is passed over, and resume says so", async (context) => {
  const cwd = temporaryDirectory(context);
  const small = [
    "--model",
    "lenet5",
    "--dataset",
    "synthetic",
    "--dataset-option",
    "train=64",
    "--dataset-option",
    "test=16",
    "--batch-size",
    "16",
    "--device",
    "cpu",
  ];
  const { code, stderr } = await run(["launch", ...small, "--gpus", "1", "--steps", "8", "--run-dir", "run"], { cwd });
  assert.equal(code, 0, stderr);
  const checkpoints = join(cwd, "run", "checkpoints");
  assert.deepEqual(readdirSync(checkpoints), ["step-00000004", "step-00000008"]);
  truncateSync(join(checkpoints, "step-00000008", "weights.safetensors"), 1000);
  const resumed = await run(["resume", "run", "--gpus", "1", "--device", "cpu"], { cwd });
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /step-00000008 was passed over: weights\.safetensors has 1000 bytes/);
  assert.match(resumed.stdout, /done after step 8/);
});

test("no TensorFlow and no way to get one: one error that says what helps", async (context) => {
  const dir = temporaryDirectory(context);
  const python = join(dir, "python3");
  writeFileSync(python, "#!/bin/sh\necho 'ERROR: No module named pip' >&2\nexit 1\n", { mode: 0o755 });
  await refused(
    context,
    launch("--dataset", "synthetic", "--steps", "1"),
    /no TensorFlow was found.*No module named pip.*CNN_DIST_TENSORFLOW/s,
    {
      env: { CNN_DIST_TENSORFLOW: "", CNN_DIST_CACHE: join(dir, "cache"), CNN_DIST_PYTHON: python },
    },
  );
  await refused(
    context,
    launch("--dataset", "synthetic", "--steps", "1"),
    /CNN_DIST_TENSORFLOW=.*lacks libtensorflow/,
    { env: { CNN_DIST_TENSORFLOW: dir } },
  );
});
