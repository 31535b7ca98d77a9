import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, exportCheckpoint, predict, resume, train, verify } from "../../../src/index.js";

/** Arguments as a caller without types may give them. */
const untyped = { evaluate, exportCheckpoint, predict, resume, train, verify } as unknown as Record<
  string,
  (...args: unknown[]) => Promise<unknown> | AsyncGenerator<unknown>
>;

/** To its end, whether it is a promise or a stream. */
async function carriedThrough(name: string, args: readonly unknown[]): Promise<void> {
  const result = untyped[name]!(...args);
  if (Symbol.asyncIterator in result) for await (const _ of result);
  else await result;
}

test("wrong arguments are named, with what was received", async () => {
  for (const [name, args, said] of [
    ["evaluate", [], /^evaluate: its first argument is a path; received nothing/],
    ["evaluate", ["run", null], /^evaluate: its options are an object; received null/],
    ["exportCheckpoint", [{}], /^exportCheckpoint: its first argument is a path; received \{\}/],
    ["exportCheckpoint", ["run"], /^exportCheckpoint: its options are an object; received nothing/],
    ["predict", ["run", "a.png"], /^predict: its second argument is a list of paths; received "a\.png"/],
    ["predict", ["run", [3]], /^predict: each image is a path; received 3/],
    ["resume", [""], /^resume: its first argument is a path; received ""/],
    ["resume", ["run", 1], /^resume: its options are an object; received 1/],
    ["train", [null], /^train: its options are an object; received null/],
    ["verify", [], /^verify: its first argument is a path; received nothing/],
  ] as const)
    await assert.rejects(carriedThrough(name, args), { name: "UsageError", code: "config", message: said });
});
