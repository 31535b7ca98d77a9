import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../../../src/commands/commands.js";
import { inProcess } from "../../support/cli.js";

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
  assert.match(stderr, /shell.*bash.*zsh.*fish/);
});
