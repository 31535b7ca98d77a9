import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { DoneEvent } from "../../src/events.js";
import { type Slowed, startSlowed } from "./slowed-runs.js";

/** Fewer steps say nothing of a whole run, but enough of a moment. */
const ENOUGH_STEPS = 12;

/** Terminal, summary and `done` name what slows the run down. */
export async function assertNamed(context: TestContext, slowed: Slowed): Promise<void> {
  const slow = await startSlowed(context, slowed);
  await slow.said(slowed.says);
  await slow.stepped(ENOUGH_STEPS);
  const summary = await slow.end();
  assert.match(/^speed {7}(.*)$/m.exec(summary)?.[1] ?? summary, slowed.says);
  const { bottleneck, held_back } = slow.events().at(-1) as DoneEvent;
  assert.deepEqual([bottleneck?.phase, bottleneck?.rank], [slowed.phase, slowed.rank], held_back ?? "");
}
