/** The page of one run. */
import { jsonOf, textOf } from "./api.js";
import { CurvesView } from "./curves.js";
import { h } from "./dom.js";
import { FactsView } from "./facts.js";
import { follow } from "./follow.js";
import { HeadView } from "./head.js";
import { LogView } from "./log.js";
import { PicturesView } from "./pictures.js";
import { StepsView } from "./steps.js";
import { WorkersView } from "./workers.js";

export function showRun(body: HTMLElement): void {
  const here = (path: string) => new URL(path, location.href).pathname;
  const head = new HeadView();
  const views = [
    head,
    new CurvesView(),
    new StepsView(),
    new WorkersView(),
    new PicturesView((file) => `${here("api/picture")}?file=${encodeURIComponent(file)}`),
    new FactsView(() => jsonOf(here("api/usual"))),
    new LogView((of) => textOf(`${here("api/log")}?of=${encodeURIComponent(of)}`)),
  ];
  const links = ["curves", "steps", "workers", "checkpoints", "plan", "recipe", "log"].map((name) =>
    h("a", { href: `#${name}` }, name),
  );
  if (location.pathname.startsWith("/runs/")) links.unshift(h("a", { href: "/" }, "all runs"));
  const [top, ...rest] = views.map(({ element }) => element);
  body.append(top!, h("nav", { "aria-label": "parts of this page" }, ...links), h("main", {}, ...rest));
  follow(new URL("api/events", location.href), {
    changed(state) {
      for (const view of views) view.show(state);
    },
    connection: (now) => head.connection(now),
  });
}
