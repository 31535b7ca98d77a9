/** The page of one run. */
import { follow } from "./follow.js";

export function showRun(body: HTMLElement): void {
  const main = document.createElement("main");
  body.append(main);
  follow(new URL("api/events", location.href), {
    changed: (state) => {
      main.textContent = `${state.plan?.model ?? "a run"}, step ${state.last?.step ?? 0}`;
    },
    connection: () => {},
  });
}
