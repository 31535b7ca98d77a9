import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { ROOT } from "../../support/fixtures.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("a checkpoint that the system does not let be written leaves the older ones, and nothing of itself", async (context) => {
  const dir = temporaryDirectory(context);
  const { path } = await new CheckpointStore(dir, 1).save(testSnapshot({ step: 1 }));
  const url = (file: string) => JSON.stringify(pathToFileURL(join(ROOT, "dist", file)).href);
  const script = `
    import { CheckpointStore } from ${url("src/checkpoint/store.js")};
    import { testSnapshot } from ${url("test/support/snapshot.js")};
    for (const step of [1, 2]) {
      const { code, message } = await new CheckpointStore(process.argv[1], 1).save(testSnapshot({ step })).catch((error) => error);
      console.log(JSON.stringify({ code, message }));
    }`;
  // The shell's limit on a file's size, in KiB, stands in for a full disk: the system fails the same call half-way.
  const out = execFileSync(
    "bash",
    ["-c", 'ulimit -f 1; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, script, dir],
    { encoding: "utf8" },
  );
  const errors = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { code: string; message: string });
  assert.equal(errors.length, 2);
  for (const [index, { code, message }] of errors.entries()) {
    assert.equal(code, "checkpoint");
    assert.match(message, new RegExp(`^step ${index + 1}: .*EFBIG.*Older checkpoints are untouched`));
  }
  assert.deepEqual(readdirSync(join(dir, "checkpoints")), [path.split("/").at(-1)]);
  assert.equal((await new CheckpointStore(dir, 1).loadNewest()).snapshot.step, 1);
});
