import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { quoteForShell, resumeCommand } from "../../../src/run/resume-command.js";

test("a plain path stays as it is", () => {
  assert.equal(
    resumeCommand("/runs/vgg13-cifar10-20260101-120000"),
    "cnn-dist resume /runs/vgg13-cifar10-20260101-120000",
  );
});

test("a shell gives back any path, and runs nothing of it", () => {
  for (const path of [
    "a b",
    "$(touch x)",
    "`id`",
    "it's",
    '"',
    "a\nb",
    "~",
    "-n",
    "*",
    "a;b",
    "é",
    "\\",
    "!!",
    "#a",
    "",
  ])
    assert.equal(execFileSync("sh", ["-c", `printf %s ${quoteForShell(path) || "''"}`], { encoding: "utf8" }), path);
});
