/** A run whose workers cannot all be started. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { startProcess } from "../../support/cli.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { tensorflowDir } from "../../support/tensorflow.js";

const moduleAt = (path: string) => JSON.stringify(new URL(`../../../src/${path}.js`, import.meta.url).href);

test("when starting the workers throws, the run fails and its process ends", { timeout: 60_000 }, async (context) => {
  const runDir = join(temporaryDirectory(context), "run");
  const script = `
    import { PLACEMENT_DEFAULTS } from ${moduleAt("config/placement")};
    import { resolveRecipe } from ${moduleAt("config/resolve")};
    import { startRun } from ${moduleAt("run/run")};
    const run = startRun({
      recipe: resolveRecipe({ model: "lenet5", overrides: { dataset: "synthetic" }, workers: 1 }),
      placement: { ...PLACEMENT_DEFAULTS, device: "cpu", workers: 1, metrics: false, runDir: ${JSON.stringify(runDir)} },
      observe({ event, state }) {
        if (event === "worker" && state === "starting") throw new Error("no worker today");
      },
    });
    await run.result.catch((error) => console.log(error.message));`;
  const started = startProcess(process.execPath, ["--input-type=module", "-e", script], {
    cwd: dirname(runDir),
    env: { CNN_DIST_TENSORFLOW: await tensorflowDir() },
  });
  context.after(() => started.child.kill("SIGKILL"));
  const { code, stdout, stderr } = await started.ended;
  assert.deepEqual([code, stdout], [0, "no worker today\n"], stderr);
});
