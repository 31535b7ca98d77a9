/** Several processes find the lock of a dead one at the same time. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { thisMachine } from "../../../src/lock/lock-holder.js";
import { temporaryDirectory } from "../../support/temporary.js";

const ROUNDS = 300;

/** For each line, a path and a time, tries at that time to take the lock there, keeps it, and says whether it has it. */
const CONTENDER = `
  import { createInterface } from "node:readline";
  import { RunLock } from ${JSON.stringify(new URL("../../../src/lock/lock.js", import.meta.url).href)};
  const held = [];
  for await (const line of createInterface({ input: process.stdin })) {
    const [path, at] = line.split(" ");
    while (Date.now() < Number(at));
    try {
      held.push(RunLock.take(path));
      console.log("won");
    } catch (error) {
      console.log(error.code === "run-dir-in-use" ? "lost" : String(error.stack));
    }
  }`;

test("of two that take over the same stale lock one wins, every time", { timeout: 120_000 }, async (context) => {
  const dir = temporaryDirectory(context);
  const contenders = [1, 2].map(() => {
    const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", CONTENDER], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    context.after(() => child.kill("SIGKILL"));
    return { child, answers: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
  });
  const dead = JSON.stringify({ ...thisMachine(), pid: 4194303, process: "4194303 1", since: null, id: "dead" });
  const winners = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const run = join(dir, String(round));
    mkdirSync(run);
    const path = join(run, "lock");
    writeFileSync(path, dead);
    const at = Date.now() + 3;
    for (const { child } of contenders) child.stdin!.write(`${path} ${at}\n`);
    const said = await Promise.all(contenders.map(async ({ answers }) => (await answers.next()).value as string));
    assert.deepEqual([...said].sort(), ["lost", "won"], `round ${round}`);
    assert.deepEqual(readdirSync(run), ["lock"]);
    winners.add(said.indexOf("won"));
  }
  assert.equal(winners.size, 2, "it was a race");
  for (const { child } of contenders) {
    child.stdin!.end();
    await once(child, "exit");
  }
});
