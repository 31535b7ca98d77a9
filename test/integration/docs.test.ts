/** What the documentation shows can be pasted, and does what it says. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { exportCheckpoint } from "../../src/export/export.js";
import { initialValues } from "../../src/models/init.js";
import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import { layoutOf } from "../../src/parameters/layout.js";
import { CLI, ROOT } from "../support/fixtures.js";
import { freePort } from "../support/ports.js";
import { pythonWithSafetensors } from "../support/python.js";
import { scratch } from "../support/runs.js";
import { testSnapshot } from "../support/snapshot.js";
import { tensorflowDir } from "../support/tensorflow.js";

const exec = promisify(execFile);
const page = (name: string) => readFileSync(join(ROOT, "docs", name), "utf8");
const block = (name: string, language: string) => {
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page(name))?.[1];
  assert.ok(found, `${name} has a block of ${language}`);
  return found;
};

function lenet() {
  const classNames = Array.from({ length: 10 }, (_, index) => `class ${index}`);
  const layout = layoutOf(parametersOf(buildModel("lenet5", { input: [28, 28, 1], classes: 10 })));
  return testSnapshot({ layout, classNames, ...initialValues(layout, 1), slots: {} });
}

test("getting started: every command works when they are pasted in order", async (context) => {
  const cwd = scratch(context);
  const bin = join(cwd, "bin");
  mkdirSync(bin);
  symlinkSync(CLI, join(bin, "cnn-dist"));
  symlinkSync(join(ROOT, "docs"), join(cwd, "docs"));
  const commands = page("getting-started.md")
    .split("\n")
    .filter((line) => line.startsWith("    "))
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("npm ")); // what builds the clone, and trains for minutes
  assert.ok(commands.length > 12 && commands.every((line) => /^(cnn-dist |wait$)/.test(line)), commands.join("\n"));
  const script = commands.join("\n").replaceAll("5555", String(await freePort()));
  const env = {
    ...process.env,
    NO_COLOR: "1",
    PATH: `${bin}:${process.env.PATH}`,
    CNN_DIST_TENSORFLOW: await tensorflowDir(),
  };
  const { stdout } = await exec("bash", ["-e", "-c", script], { cwd, env, maxBuffer: 2 ** 26 });
  assert.match(stdout, /bit-identical/);
  assert.match(stdout, /docs\/ankle-boot\.png\n +\d+\.\d\d% {2}/);
  assert.match(stdout, /Ankle boot/);
  for (const left of [
    "first.keras",
    "first.safetensors",
    "runs/second/checkpoints/step-00000050",
    "runs/third/checkpoints/step-00000050",
  ])
    assert.ok(existsSync(join(cwd, left)), left);
});

test("export: the code that loads a tfjs model from disk loads one", async (context) => {
  const cwd = scratch(context);
  await exportCheckpoint(lenet(), "tfjs", join(cwd, "lenet5-tfjs"));
  symlinkSync(join(ROOT, "node_modules"), join(cwd, "node_modules"));
  writeFileSync(join(cwd, "load.mjs"), block("export.md", "js"));
  const { stdout } = await exec(process.execPath, ["load.mjs"], { cwd });
  assert.match(stdout, /\[ 1, 10 \]\n$/);
});

test("checkpoints: the code that puts kernels into PyTorch's order gives the same products", async (context) => {
  const cwd = scratch(context);
  await exportCheckpoint(lenet(), "safetensors", join(cwd, "weights.safetensors"));
  const shown = block("checkpoints.md", "python").replace(/"runs\/[^"]*"/, '"weights.safetensors"');
  const script = `${shown}
import numpy as np
maps = np.random.default_rng(0).normal(size=(5, 5, 16))
ours = maps.reshape(-1) @ weights["c5/kernel"]
theirs = first @ maps.transpose(2, 0, 1).reshape(-1)
wrong = weights["c5/kernel"].T @ maps.transpose(2, 0, 1).reshape(-1)
vector = np.random.default_rng(1).normal(size=weights["f6/kernel"].shape[0])
print(np.allclose(ours, theirs), np.allclose(ours, wrong), np.allclose(vector @ weights["f6/kernel"], dense @ vector), conv.shape)`;
  const { stdout } = await exec(pythonWithSafetensors(), ["-c", script], { cwd });
  assert.equal(stdout, "True False True (16, 6, 5, 5)\n");
});
