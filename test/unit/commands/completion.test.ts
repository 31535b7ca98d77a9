import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "../../../src/commands/commands.js";
import { inProcess } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("each shell's script knows every command and every option", async () => {
  for (const [shell, flagOf] of [
    ["bash", (flag: string) => `--${flag}`],
    ["zsh", (flag: string) => `--${flag}`],
    ["fish", (flag: string) => `-l ${flag} `],
  ] as const) {
    const { code, stdout } = await inProcess(["completion", shell]);
    assert.equal(code, 0);
    for (const { name, options } of COMMANDS) {
      assert.ok(stdout.includes(` ${name}`), `${shell}: ${name}`);
      for (const { flag, alias } of options)
        for (const each of [flag, ...(alias === undefined ? [] : [alias])])
          assert.ok(stdout.includes(flagOf(each)), `${shell}: ${name} --${each}`);
    }
  }
});

test("without a word, the script is for bash, or for the shell in $SHELL", async () => {
  assert.match((await inProcess(["completion"])).stdout, /^# cnn-dist's completion for bash/);
  const { code, stderr } = await inProcess(["completion", "tcsh"]);
  assert.equal(code, 2);
  assert.match(stderr, /^cnn-dist: shell: expected one of bash, zsh, fish, received "tcsh"/);
});

test("bash completes commands, values, and names with spaces", async (context) => {
  const { stdout: script } = await inProcess(["completion", "bash"]);
  const cwd = temporaryDirectory(context);
  mkdirSync(join(cwd, "runs", "my run"), { recursive: true });
  mkdirSync(join(cwd, "runs", "no-run"));
  writeFileSync(join(cwd, "runs", "my run", "recipe.json"), "{}");
  writeFileSync(join(cwd, "an image.png"), "");
  writeFileSync(join(cwd, "completion.sh"), script);
  const complete = (...words: string[]) => {
    const body = `source ./completion.sh; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cnn_dist; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const given = ["-c", body, "bash", "cnn-dist", ...words];
    return execFileSync("bash", given, { cwd, encoding: "utf8" }).trimEnd().split("\n");
  };
  assert.deepEqual(complete("eval"), ["evaluate"]);
  assert.deepEqual(complete("launch", "--optimizer", "ad"), ["adam", "adamw"]);
  assert.deepEqual(complete("launch", "--min-w"), ["--min-workers"]);
  assert.deepEqual(complete("evaluate", "runs/m"), ["runs/my run", "runs/my run"]);
  assert.deepEqual(complete("predict", "runs/my run", "an"), ["an image.png"]);
});
