/** What holds the run back, told while it trains. */
import { systemClock } from "../clock.js";
import { HELD_BACK_MS } from "../config/time-limits.js";
import { HeldBackWatch } from "../metrics/held-back.js";
import type { RunContext } from "./context.js";
import { kindOf, readWaits, rememberWaits, waitsFile } from "./earlier-waits.js";

/** From now until the run closes, `held-back` events tell what changes. */
export function watchHeldBack({ env, events, closing }: Pick<RunContext, "env" | "events" | "closing">): HeldBackWatch {
  const file = waitsFile(env);
  const watch = new HeldBackWatch((plan) => readWaits(file, kindOf(plan)));
  let told = "";
  let kind = "";
  events.subscribe((event) => {
    watch.observe(event, systemClock.now());
    if (event.event === "plan") kind = kindOf(event);
    if (event.event !== "step" || kind === "" || watch.waited === null) return;
    rememberWaits(file, kind, watch.waited);
    kind = "";
  });
  const timer = setInterval(() => {
    const now = watch.now(systemClock.now());
    if (now === null || now.text === told) return;
    told = now.text;
    events.emit({ event: "held-back", ...now });
  }, HELD_BACK_MS);
  closing.add(() => clearInterval(timer));
  return watch;
}
