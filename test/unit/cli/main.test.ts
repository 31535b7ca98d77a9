import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../../../src/commands/commands.js";
import { VERSION } from "../../../src/version.js";
import { inProcess } from "../../support/cli.js";

/** What is wrong, and the words that the message must hold. */
const WRONG: readonly (readonly [words: string, ...holds: string[]])[] = [
  ["", "a command is needed", "launch"],
  ["lanch", 'unknown command "lanch"', 'did you mean "launch"'],
  ["launch --modle vgg13", "--modle is not an option of launch", 'did you mean "--model"'],
  ["launch -x", "-x is not an option of launch"],
  ["launch extra", 'unexpected "extra"'],
  ["launch --gpus x", '--gpus: expected a whole number from 1 to 1024, received "x"'],
  ["launch --workers 0", "--gpus: expected a whole number from 1 to 1024, received 0"],
  ["launch --gpus", "--gpus needs a value"],
  ["launch --model vgg31", 'unknown model "vgg31"', '"vgg13"'],
  ["launch --model ./none.mjs", "none.mjs does not exist"],
  ["launch --recipe nosuch", 'no recipe and no file "nosuch"', "lenet5"],
  ["launch --device cpu --dataset nosuch", 'unknown dataset "nosuch"'],
  ["launch --optimizer sdg", "--optimizer: expected one of sgd, momentum", 'received "sdg"'],
  ["launch --lr -1", "--lr: expected a number greater than 0, received -1"],
  ["launch --lr-gamma 2", "--lr-gamma: expected a number greater than 0 and at most 1, received 2"],
  ["launch --label-smoothing=1", "--label-smoothing: expected a number of at least 0 and less than 1, received 1"],
  ["launch --precision fp16", `--precision: expected one of fp32, bf16, received "fp16"`],
  ["launch --normalization pixel", '--normalization: expected one of none, channel, received "pixel"'],
  ["launch --augmentation flip", '--augmentation: expected none, received "flip". Steps are named in a recipe\'s file'],
  ["launch --seed 1.5", "--seed: expected a whole number of 0 or more, received 1.5"],
  ["launch --gpus x --lr y", "--gpus: expected"],
  ["launch --metrics-port 99999", "--metrics-port: expected a whole number from 0 to 65535, received 99999"],
  ["launch --batch-size 2 --shards 4", "--batch-size 2 is smaller than --shards 4"],
  ["launch --model-option depth", '--model-option: expected NAME=VALUE, received "depth"'],
  ["launch --device cpu --data-dir /nonexistent", "--data-dir /nonexistent"],
  ["resume", "resume: <run-dir>, the run's folder, is needed"],
  ["resume /nonexistent", "/nonexistent is not the folder of a run"],
  ["verify /nonexistent", "/nonexistent is not the folder of a run"],
  ["resume /nonexistent --lr 1", "--lr is not an option of resume"],
  ["coordinator", "--bind tcp://HOST:PORT is needed"],
  ["coordinator --bind 0.0.0.0:5000", "--bind: expected tcp://HOST:PORT"],
  ["coordinator --bind tcp://0.0.0.0:5000 --keys /nonexistent", "/nonexistent/coordinator.key"],
  ["worker --connect tcp://node-1:5000 --keys /nonexistent", "a worker's key cannot be read"],
  ["keys remove", 'action: expected one of list, create, revoke, received "remove"'],
  ["keys revoke", "keys revoke: whose key?"],
  ["keys list worker", "keys list takes no name"],
  ["worker", "--connect tcp://HOST:PORT is needed"],
  ["worker --connect ipc:///tmp/x", "--connect"],
  ["setup --gpu --cpu", "--gpu and --cpu exclude each other"],
  ["summary", "summary: <model>, the network, is needed"],
  ["summary vgg31", "vgg31"],
  ["summary lenet5 --input 32", '--input: expected height x width x channels such as 32x32x3, received "32"'],
  ["summary lenet5 --input 0x32x1", "--input: expected height x width x channels"],
  ["summary lenet5 --classes ten", '--classes: expected a whole number from 1 to 2147483647, received "ten"'],
  ["predict /nonexistent x.png --top 0", "--top: expected a whole number from 1 to 2147483647, received 0"],
  ["predict /nonexistent x.png --threads 999", "--threads: expected a whole number from 1 to 256, received 999"],
  [
    "export /nonexistent --format kears",
    '--format: expected one of safetensors, tfjs, keras, received "kears"',
    '"keras"',
  ],
];

for (const [words, ...holds] of WRONG)
  test(`"cnn-dist ${words}" is refused in words, with exit code 2`, async () => {
    const { code, stdout, stderr } = await inProcess(words.split(" ").filter((word) => word !== ""));
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    for (const text of holds) assert.ok(stderr.includes(text), `${JSON.stringify(text)} is missing in:\n${stderr}`);
    assert.ok(stderr.split("\n").length < 20, "it fits one screen");
    assert.ok(!/ at .*\.js:\d/.test(stderr), "no stack");
  });

test("help names every command and every option, at any width, and shows no types", async () => {
  const { code, stdout } = await inProcess(["--help"]);
  assert.equal(code, 0);
  for (const { name } of COMMANDS) assert.match(stdout, new RegExp(`cnn-dist ${name}`));
  for (const { name, options } of COMMANDS)
    for (const columns of [40, 80]) {
      const help = await inProcess([name, "--help"], columns);
      assert.equal(help.code, 0);
      for (const { flag } of options) assert.ok(help.stdout.includes(`--${flag}`), `${name} --${flag}`);
      assert.doesNotMatch(help.stdout, /\[(string|array|boolean)\]/);
    }
});

test("the version goes to stdout", async () => {
  assert.deepEqual(await inProcess(["--version"]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
});

test("of an option given twice the last counts, under either name; lists keep all", async () => {
  const { stderr } = await inProcess(["launch", "--gpus", "y", "--workers", "x"]);
  assert.match(stderr, /received "x"/);
  const listed = await inProcess(["summary", "lenet5", "--model-option", "a=1", "--model-option", "b=2"]);
  assert.match(listed.stderr, /no option "a"/);
});
