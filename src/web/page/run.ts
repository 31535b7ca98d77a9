/** The page of one run. */
import type { DashboardAddress } from "../state/dashboard-address.js";
import { emptyRunState } from "../state/run-state.js";
import { jsonOf, textOf } from "./api.js";
import { CurvesView } from "./curves.js";
import { h } from "./dom.js";
import { FactsView } from "./facts.js";
import { follow } from "./follow.js";
import { HeadView } from "./head.js";
import { LogView } from "./log.js";
import { PicturesView } from "./pictures.js";
import { Seen } from "./seen.js";
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
  const nav = h("nav", { "aria-label": "parts of this page" }, ...links);
  const [top, ...rest] = views.map(({ element }) => element);
  body.append(top!, nav, h("main", {}, ...rest));
  void linkToAll(nav, here("api/dashboard"));
  let newest = emptyRunState();
  const parts = views.map((view) => new Seen(view.element, () => view.show(newest)));
  follow(new URL("api/events", location.href), {
    changed(state, news) {
      newest = state;
      for (const part of parts) part.changed(news);
    },
    connection: (now, why) => head.connection(now, why),
  });
}

/** A dashboard's page of a run is below it; of a run that trains, it is on another port of this machine, if it is there. */
async function linkToAll(nav: HTMLElement, asked: string): Promise<void> {
  const add = (href: string) => nav.prepend(h("a", { href }, "all runs"));
  if (location.pathname.startsWith("/runs/")) return add("/");
  const found = await jsonOf<DashboardAddress | null>(asked).catch(() => null);
  if (found) add(`${found.scheme}://${location.hostname}:${found.port}/`);
}
