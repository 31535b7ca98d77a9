import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { DoneEvent, PlanEvent } from "../../../src/events.js";
import { type CliRun, cli, SMALL_DATA, scratch } from "../../support/runs.js";

/** Other kernels, so other bits. */
const ANOTHER_ENGINE = { TF_ENABLE_ONEDNN_OPTS: "0" };
const CPU = ["--gpus", "1", "--device", "cpu"];

/** A run of three steps that each test goes on with in a copy of its own. */
const original = mkdtempSync(join(tmpdir(), "cnn-dist-test-"));
let done: DoneEvent;
before(async () => {
  const data = Object.entries(SMALL_DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]);
  const recipe = ["--model", "lenet5", "--dataset", "synthetic", ...data, "--steps", "3", "--lr-scheduler", "constant"];
  const run = await cli(["launch", ...recipe, ...CPU, "--run-dir", join(original, "run"), "--json"]);
  assert.equal((await run.ended).code, 0, run.stderr());
  done = run.events.at(-1) as DoneEvent;
});
after(() => rmSync(original, { recursive: true }));

function begun(context: TestContext): { runDir: string; checkpoint: string } {
  const runDir = join(scratch(context), "run");
  cpSync(join(original, "run"), runDir, { recursive: true });
  return { runDir, checkpoint: join(runDir, "checkpoints", "step-00000003") };
}

const resumed = (runDir: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  cli(["resume", runDir, ...CPU, ...flags, "--json"], { env });
const planOf = (run: CliRun) => run.events.find((event): event is PlanEvent => event.event === "plan")!;
const steps = (run: CliRun) => run.events.filter(({ event }) => event === "step").length;
const stateOf = (checkpoint: string) =>
  JSON.parse(readFileSync(join(checkpoint, "state.json"), "utf8")) as Record<string, unknown>;

test("a resume on another engine is refused before any step, and goes on under another hash where it is allowed", async (context) => {
  const { runDir, checkpoint } = begun(context);
  const first = stateOf(checkpoint).fingerprint as Record<string, unknown>;
  assert.equal(first.onednn, process.env.TF_ENABLE_ONEDNN_OPTS ?? "default");

  const refused = await resumed(runDir, ["--steps", "5"], ANOTHER_ENGINE);
  assert.equal((await refused.ended).code, 2, refused.stderr());
  assert.match(refused.stderr(), /onednn: expected default, received 0 \(TF_ENABLE_ONEDNN_OPTS/);
  assert.match(refused.stderr(), /--allow-different-engine/);
  assert.doesNotMatch(refused.stderr(), /Go on from it with/); // the same command would be refused again
  assert.equal(steps(refused), 0);

  const allowed = await resumed(runDir, ["--steps", "5", "--allow-different-engine"], ANOTHER_ENGINE);
  assert.equal((await allowed.ended).code, 0, allowed.stderr());
  assert.match(allowed.stderr(), /warning .*onednn: expected default, received 0/);
  const longer = allowed.events.at(-1) as DoneEvent;
  assert.equal(longer.step, 5);
  assert.equal(new Set([done.recipe_sha256, planOf(allowed).recipe_sha256, longer.recipe_sha256]).size, 3);
  const last = stateOf(longer.checkpoint!);
  assert.deepEqual(last.fingerprint, { ...first, onednn: "0" });
  assert.equal(last.recipeSha256, longer.recipe_sha256);

  // On the engine that it was begun on, the first five steps would have ended in other weights than the run now has.
  const back = await resumed(runDir, ["--steps", "6"]);
  assert.equal((await back.ended).code, 2, back.stderr());
  assert.match(back.stderr(), /onednn: expected 0, received default/);
});

test("the flag changes nothing where the engine is the same", async (context) => {
  const { runDir } = begun(context);
  const run = await resumed(runDir, ["--allow-different-engine"]);
  assert.equal((await run.ended).code, 0, run.stderr());
  assert.equal((run.events.at(-1) as DoneEvent).recipe_sha256, done.recipe_sha256);
  assert.doesNotMatch(run.stderr(), /engine/);
});

test("a checkpoint that does not name its engine is resumed, and the plan says that nothing was compared", async (context) => {
  const { runDir, checkpoint } = begun(context);
  const { fingerprint: _, ...state } = stateOf(checkpoint);
  const text = JSON.stringify(state);
  writeFileSync(join(checkpoint, "state.json"), text);
  const manifestPath = join(checkpoint, "manifest.json");
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as { files: Record<string, object> };
  const sha256 = createHash("sha256").update(text).digest("hex");
  manifest.files["state.json"] = { bytes: Buffer.byteLength(text), sha256 };
  writeFileSync(manifestPath, JSON.stringify(manifest));

  const run = await resumed(runDir, ["--steps", "4"], ANOTHER_ENGINE);
  assert.equal((await run.ended).code, 0, run.stderr());
  assert.match(planOf(run).warnings.join("\n"), /does not say on which engine it was computed/);
  assert.equal((stateOf((run.events.at(-1) as DoneEvent).checkpoint!).fingerprint as { onednn: string }).onednn, "0");
});

test("verify names the engine where the weights differ and it does too", async (context) => {
  const { runDir } = begun(context);
  const verify = async (flags: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const run = await cli(["verify", runDir, ...CPU, ...flags], { env });
    return { code: (await run.ended).code, stdout: run.stdout() };
  };
  assert.equal((await verify([])).code, 0);
  const words = await verify([], ANOTHER_ENGINE);
  assert.equal(words.code, 1);
  assert.match(words.stdout, /^computed by another engine.*onednn: expected default, received 0/);
  const json = await verify(["--json"], ANOTHER_ENGINE);
  const { identical, engine } = JSON.parse(json.stdout) as { identical: boolean; engine: object[] };
  assert.equal(identical, false);
  assert.deepEqual(engine, [{ what: "onednn", expected: "default", received: "0" }]);
});
