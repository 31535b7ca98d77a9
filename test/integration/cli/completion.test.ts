/** What a real bash completes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { modelNames } from "../../../src/models/registry.js";
import { inProcess } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Each line of words as it is completed at its end, as bash's own completion calls it. */
const COMPLETE = `
source "$1"
while IFS= read -r line; do
  read -ra COMP_WORDS <<< "$line"
  [[ $line == *" " ]] && COMP_WORDS+=("")
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  _cnn_dist
  echo "\${COMPREPLY[*]}"
done`;

test("bash completes commands, options, their values, recipes, topics and folders of runs", async (context) => {
  const cwd = temporaryDirectory(context);
  const script = join(cwd, "completion.bash");
  writeFileSync(script, (await inProcess(["completion", "bash"])).stdout);
  mkdirSync(join(cwd, "runs", "lenet5-mnist"), { recursive: true });
  mkdirSync(join(cwd, "runs", "no-run"));
  writeFileSync(join(cwd, "runs", "lenet5-mnist", "recipe.json"), "{}");
  writeFileSync(join(cwd, "mine.json"), "{}");
  const cases: readonly (readonly [string, string])[] = [
    ["cnn-dist res", "resume"],
    ["cnn-dist --v", "--version"],
    ["cnn-dist launch --mod", "--model --model-option"],
    ["cnn-dist launch --model vgg13", "vgg13 vgg13-bn"],
    ["cnn-dist launch --model ", [...modelNames(), "completion.bash", "mine.json", "runs"].join(" ")],
    ["cnn-dist launch --optimizer = ad", "adam adamw"],
    ["cnn-dist launch --recipe resnet20-c", "resnet20-cifar10"],
    ["cnn-dist launch --recipe mi", "mine.json"],
    ["cnn-dist launch --dataset cifar", "cifar10 cifar100"],
    ["cnn-dist launch --lr 0", ""],
    ["cnn-dist launch --json --lr-sch", "--lr-scheduler"],
    ["cnn-dist resume runs/l", "runs/lenet5-mnist runs/lenet5-mnist"],
    ["cnn-dist runs comp", "compare"],
    ["cnn-dist help fa", "failures"],
    ["cnn-dist export x --format ", "safetensors tfjs keras"],
  ];
  const { stdout, stderr, status } = spawnSync("bash", ["-c", COMPLETE, "bash", script], {
    cwd,
    encoding: "utf8",
    input: cases.map(([line]) => `${line}\n`).join(""),
  });
  assert.deepEqual([status, stderr], [0, ""]);
  const lines = stdout.split("\n");
  const sorted = (words: string) => words.split(" ").sort().join(" ");
  for (const [index, [line, expected]] of cases.entries()) assert.equal(sorted(lines[index]!), sorted(expected), line);
});
