/** A run's events, as long as somebody looks: the state at first, and again after each loss of the connection. */
import type { Entry } from "../state/page-event.js";
import { advance, emptyRunState, type RunState } from "../state/run-state.js";

export type Connection = "connecting" | "live" | "lost";

export interface Follower {
  /** A few times a second at most. */
  changed(state: RunState): void;
  connection(now: Connection): void;
}

/** Between two changes of what is seen: a page must not take cores from the workers beside it. */
const DRAW_MS = 400;
/** A page that nobody sees keeps its connection for so long: browsers allow six to one server, whatever the number of tabs. */
const HIDDEN_MS = 5000;
/** A connection that says nothing for so long is taken for lost: a machine that slept does not notice. */
const SILENT_MS = 25_000;

export function follow(address: URL, follower: Follower): void {
  let state = emptyRunState();
  let source: EventSource | null = null;
  let hiding: number | undefined;
  let silence: number | undefined;
  let drawing = false;
  let drawnMs = Number.NEGATIVE_INFINITY;

  const draw = () => {
    if (drawing) return;
    drawing = true;
    const wait = Math.max(0, DRAW_MS - (performance.now() - drawnMs));
    window.setTimeout(() => {
      requestAnimationFrame(() => {
        drawing = false;
        drawnMs = performance.now();
        follower.changed(state);
      });
    }, wait);
  };
  const heard = () => {
    clearTimeout(silence);
    silence = window.setTimeout(again, SILENT_MS);
  };
  const open = () => {
    if (source !== null) return;
    follower.connection("connecting");
    source = new EventSource(address);
    source.addEventListener("state", ({ data }) => {
      state = JSON.parse(data) as RunState;
      heard();
      follower.connection("live");
      draw();
    });
    source.addEventListener("message", ({ data }) => {
      for (const entry of JSON.parse(data) as Entry[]) advance(state, entry);
      heard();
      draw();
    });
    source.addEventListener("beat", heard);
    source.addEventListener("error", () => {
      follower.connection("lost");
      // After an answer that is no stream the browser does not try again by itself.
      if (source?.readyState === EventSource.CLOSED) window.setTimeout(again, 1000);
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
