import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A directory of the test's own, gone with it. */
export function temporaryDirectory(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "cnn-dist-test-"));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
