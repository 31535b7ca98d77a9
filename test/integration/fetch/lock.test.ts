import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withLock } from "../../../src/fetch/lock.js";
import { temporaryDirectory } from "../../support/temporary.js";

const LOCK = new URL("../../../src/fetch/lock.js", import.meta.url).href;
/** Takes the lock, says so, and holds it until its standard input ends. */
const HOLDER = `
  const { withLock } = await import(${JSON.stringify(LOCK)});
  await withLock(process.argv[1], async () => {
    console.log("held");
    for await (const _ of process.stdin);
    console.log("letting go");
  });`;

test("a second process waits until the first lets go", async (context) => {
  const path = join(temporaryDirectory(context), "deep", "thing");
  const holder = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said: string[] = [];
  holder.stdout.on("data", (data: Buffer) => said.push(String(data).trim()));
  const exited = once(holder, "exit");
  await once(holder.stdout, "data");
  let waits = 0;
  const stop = new AbortController();
  await assert.rejects(
    withLock(path, async () => assert.fail("held by another"), {
      signal: stop.signal,
      onWait: () => stop.abort(new Error("stopped while waiting")),
    }),
    /stopped while waiting/,
  );
  const result = await withLock(
    path,
    async (signal) => {
      assert.equal(signal.aborted, false);
      return said.at(-1);
    },
    {
      onWait: () => {
        waits++;
        holder.stdin.end();
      },
    },
  );
  assert.deepEqual([result, waits], ["letting go", 1]);
  assert.deepEqual(await exited, [0, null]);
  assert.equal(existsSync(`${path}.lock`), false);
});

test("what the work throws comes out, and the lock is free again", async (context) => {
  const path = join(temporaryDirectory(context), "thing");
  await assert.rejects(
    withLock(path, async () => {
      throw new Error("no luck");
    }),
    /no luck/,
  );
  assert.equal(await withLock(path, async () => 7), 7);
});
