/** What holds the run back, told while it trains. */
import { systemClock } from "../clock.js";
import { HELD_BACK_MS } from "../config/time-limits.js";
import { HeldBackWatch } from "../metrics/held-back.js";
import type { RunContext } from "./context.js";

/** From now until the run closes, `held-back` events tell what changes. */
export function watchHeldBack({ events, closing }: Pick<RunContext, "events" | "closing">): HeldBackWatch {
  const watch = new HeldBackWatch();
  let told = "";
  events.subscribe((event) => watch.observe(event, systemClock.now()));
  const timer = setInterval(() => {
    const now = watch.now(systemClock.now());
    if (now === null || now.text === told) return;
    told = now.text;
    events.emit({ event: "held-back", ...now });
  }, HELD_BACK_MS);
  closing.add(() => clearInterval(timer));
  return watch;
}
