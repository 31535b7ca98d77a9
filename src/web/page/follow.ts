/** A run's events, as long as somebody looks: the state at first, and again after each loss of the connection. */
import { type Entry, isRoutine } from "../state/page-event.js";
import { advance, emptyRunState, type RunState } from "../state/run-state.js";

export type Connection = "connecting" | "live" | "lost";

export interface Follower {
  /** Once a second at most. `news`: not only what comes with every step. */
  changed(state: RunState, news: boolean): void;
  /** `why`: what the server said in place of events; null: nothing. */
  connection(now: Connection, why: string | null): void;
}

/**
 * A page must not take cores from the workers beside it. Between two drawings are a second at least and, where there is no news, as
 * much as makes drawing this part of the time, by the clock: a browser without a GPU, or on a busy machine, draws less often.
 */
const DRAW_MS = 1000;
const DRAW_SHARE = 1 / 200;
const DRAW_SELDOM_MS = 4000;
/** A page that nobody sees keeps its connection for so long: browsers allow six to one server, whatever the number of tabs. */
const HIDDEN_MS = 5000;
/** A connection that says nothing for so long is taken for lost: a machine that slept does not notice. */
const SILENT_MS = 25_000;
/** Before a server is asked again that refused. */
const AGAIN_MS = 1000;
/** A connection that is back after so long was not worth a word. */
const LOST_MS = 1500;

export function follow(address: URL, follower: Follower): void {
  let state = emptyRunState();
  let source: EventSource | null = null;
  let hiding: number | undefined;
  let silence: number | undefined;
  let lost = false;
  let why: string | null = null;
  let news = false;
  let waiting: number | undefined;
  let framed = false;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let pauseMs = DRAW_MS;

  const drawSoon = () => {
    if (framed) return;
    clearTimeout(waiting);
    const wait = drawnMs + (news ? DRAW_MS : pauseMs) - performance.now();
    waiting = window.setTimeout(
      () => {
        framed = true;
        requestAnimationFrame(draw);
      },
      Math.max(0, wait),
    );
  };
  const draw = () => {
    framed = false;
    drawnMs = performance.now();
    follower.changed(state, news);
    news = false;
    // After layout and paint, which are most of it.
    window.setTimeout(() => {
      pauseMs = Math.min(DRAW_SELDOM_MS, Math.max(DRAW_MS, (performance.now() - drawnMs) / DRAW_SHARE));
    });
  };
  const heard = () => {
    clearTimeout(silence);
    silence = window.setTimeout(again, SILENT_MS);
  };
  const open = () => {
    if (source !== null) return;
    source = new EventSource(address);
    source.addEventListener("state", ({ data }) => {
      why = null;
      lost = false;
      state = JSON.parse(data) as RunState;
      heard();
      follower.connection("live", null);
      news = true;
      drawSoon();
    });
    source.addEventListener("message", ({ data }) => {
      for (const entry of JSON.parse(data) as Entry[]) {
        advance(state, entry);
        news ||= !isRoutine(entry[1]);
      }
      heard();
      drawSoon();
    });
    source.addEventListener("beat", heard);
    source.addEventListener("error", () => {
      lost = true;
      window.setTimeout(() => {
        if (lost) follower.connection("lost", why);
      }, LOST_MS);
      // After an answer that is no stream the browser does not try again by itself.
      if (source?.readyState !== EventSource.CLOSED) return;
      window.setTimeout(again, AGAIN_MS);
      void refusalOf(address).then((words) => {
        why = words;
      });
    });
  };
  const close = () => {
    source?.close();
    source = null;
    clearTimeout(silence);
  };
  function again() {
    close();
    if (document.visibilityState === "visible") open();
  }
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.visibilityState === "visible") open();
    else hiding = window.setTimeout(close, HIDDEN_MS);
  });
  window.addEventListener("online", again);
  open();
}

/** What is answered in place of events; null: nothing, or events. */
async function refusalOf(address: URL): Promise<string | null> {
  const asking = new AbortController();
  try {
    const answer = await fetch(address, { signal: asking.signal });
    return answer.ok ? null : (await answer.text()).trim();
  } catch {
    return null;
  } finally {
    asking.abort();
  }
}
