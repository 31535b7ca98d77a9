import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { nameOf } from "../../../src/commands/command.js";
import { COMMANDS } from "../../../src/commands/commands.js";
import { placementSchema } from "../../../src/config/placement.js";
import { writtenRecipeSchema } from "../../../src/config/recipe.js";
import { EXIT } from "../../../src/errors.js";
import { fixturePath, ROOT } from "../../support/fixtures.js";

/** People's scripts depend on these. Changing the fixture is changing the interface: say so in CHANGELOG.md. */
test("commands, their words and options, and exit codes are the frozen ones", () => {
  const now = {
    exit: EXIT,
    commands: Object.fromEntries(
      COMMANDS.map(({ name, positionals, options }) => [
        name,
        {
          positionals: positionals.map((each) =>
            each.required ? `<${each.name}${each.many ? ".." : ""}>` : `[${each.name}]`,
          ),
          options: options.map(
            ({ flag, alias, kind, key }) =>
              `--${flag}${alias ? ` --${alias}` : ""} ${kind}${key === undefined ? "" : ` -> ${key}`}`,
          ),
        },
      ]),
    ),
  };
  assert.deepEqual(now, JSON.parse(readFileSync(fixturePath("cli-options.json"), "utf8")));
});

test("every key that an option sets is one of the recipe or of the placement, in the group it stands in", () => {
  for (const { name, options } of COMMANDS) {
    for (const { flag, key, group } of options) {
      if (key === undefined) continue;
      const schema = group === "Recipe" ? writtenRecipeSchema : placementSchema;
      assert.ok(key in schema.shape, `${name} --${flag} sets ${key}`);
    }
    const flags = options.flatMap(({ flag, alias }) => (alias ? [flag, alias] : [flag]));
    assert.equal(new Set(flags).size, flags.length, `${name} has an option twice`);
  }
});

test("every command's schema takes what its table declares, and nothing else", async () => {
  for (const { name, positionals, options, load } of COMMANDS) {
    const declared = [...positionals.map((each) => nameOf({ flag: each.name })), ...options.map(nameOf)];
    assert.deepEqual([...(await load()).names].sort(), declared.sort(), name);
  }
});

test("--help loads nothing heavy: of packages, yargs alone", () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    // Imports at the top of a file; those of types vanish, those in functions wait until a command is chosen.
    for (const [, target = ""] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from "([^"]+)"/gm))
      if (target.startsWith(".")) visit(resolve(dirname(file), target.replace(/\.js$/, ".ts")));
      else if (!target.startsWith("node:")) packages.add(target);
    for (const [, target = ""] of text.matchAll(/createRequire\(import\.meta\.url\)\("([^"]+)"\)/g))
      packages.add(target);
  };
  visit(join(ROOT, "src", "cli.ts"));
  assert.deepEqual([...packages], ["yargs/yargs"]);
  assert.ok(seen.size > 4, "it follows imports");
});
