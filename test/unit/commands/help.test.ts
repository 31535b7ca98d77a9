import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "../../../src/commands/commands.js";
import { plain } from "../../../src/commands/help.js";
import { HELP_TOPICS } from "../../../src/commands/help-topics.js";
import { inProcess } from "../../support/cli.js";
import { ROOT } from "../../support/fixtures.js";

const PAGES = join(ROOT, "docs", "help");

test("there is a page for each topic, and none else; each fits the terminal's width", async () => {
  assert.deepEqual(readdirSync(PAGES).sort(), HELP_TOPICS.map((topic) => `${topic}.md`).sort());
  for (const topic of HELP_TOPICS) {
    const { code, stdout } = await inProcess(["help", topic], 70);
    assert.equal(code, 0);
    assert.ok(stdout.startsWith(`${topic.toUpperCase()}\n\n`));
    for (const line of stdout.split("\n")) assert.ok(line.length <= 70 || line.startsWith("    "), line);
  }
});

test("every option and command that a page names is there, and so is every page that it links to", () => {
  const flags = new Set(COMMANDS.flatMap(({ options }) => options.flatMap(({ flag, alias }) => [flag, alias])));
  const names = COMMANDS.map(({ name }) => name);
  for (const topic of HELP_TOPICS) {
    const page = join(PAGES, `${topic}.md`);
    const text = readFileSync(page, "utf8");
    for (const [, flag = ""] of text.matchAll(/--([a-z][a-z-]*)/g)) assert.ok(flags.has(flag), `${topic}: --${flag}`);
    for (const [, name = ""] of text.matchAll(/cnn-dist ([a-z]+)\b/g))
      assert.ok(names.includes(name), `${topic}: ${name}`);
    for (const [, link = ""] of text.matchAll(/\]\(([^)]+)\)/g))
      assert.ok(existsSync(resolve(dirname(page), link)), `${topic}: ${link}`);
    for (const [, doc = ""] of text.matchAll(/docs\/([a-z-]+)\.md/g))
      assert.ok(existsSync(join(ROOT, "docs", `${doc}.md`)), `${topic}: ${doc}`);
  }
});

test("an unknown topic names the nearest, and all; without one they are listed", async () => {
  const { code, stderr } = await inProcess(["help", "recipe"]);
  assert.equal(code, 2);
  assert.match(stderr, /there is no help on "recipe" \(did you mean "recipes"\?\)\. Topics: recipes, failures/);
  assert.match((await inProcess(["help"])).stdout, /cnn-dist <command>[\s\S]*help \[topic\]/);
});

test("paragraphs are wrapped, what is indented stays, links and code are their words", () => {
  assert.equal(
    plain("# A b\n\nOne `two` [three](x.md)\nfour five.\n\n    as  it is\n", 14),
    "A B\n\nOne two three\nfour five.\n\n    as  it is\n",
  );
});
