/** Open: the run's folder, its metrics, and the socket that its workers will come to. */
import { hostname } from "node:os";
import { CheckpointStore } from "../checkpoint/store.js";
import { systemClock } from "../clock.js";
import { tracedSteps } from "../config/placement.js";
import { listGpus } from "../engine/gpus.js";
import { placeOf, type RunEvent } from "../events.js";
import { SharedFile } from "../exchange/mapping.js";
import { metricsRoutes } from "../metrics/routes.js";
import { TraceFile } from "../metrics/trace-file.js";
import { openSinks } from "../sinks/open.js";
import type { CoordinatorKeys } from "../transport/keys.js";
import type { CoordinatorLink } from "../transport/link.js";
import { severalLinks } from "../transport/several.js";
import { createSocketDirectory } from "../transport/socket-directory.js";
import { createRunPage, type RunPage } from "../web/run-page.js";
import type { RunContext } from "./context.js";
import { RunDirectory } from "./directory.js";
import { drawPictures } from "./draw-pictures.js";
import { openable, servePage } from "./page-address.js";
import type { PreparedRun } from "./prepare.js";
import { isForSubscribers } from "./run-events.js";

export interface OpenedRun {
  directory: RunDirectory;
  store: CheckpointStore;
  link: CoordinatorLink;
  /** For the run's vectors. */
  file: SharedFile;
  /** Null: none is served. */
  page: RunPage | null;
  /** Waits for the pictures of the last step. */
  picturesDrawn: () => Promise<void>;
}

/** Everything that is opened is closed with the run. The plan event says what was opened. */
export async function openRun(context: RunContext, prepared: PreparedRun): Promise<OpenedRun> {
  const { options, events, closing } = context;
  const directory = openDirectory(context, prepared);
  const { lock } = directory;
  const writer = { id: lock.id, assertHeld: () => lock.assertMayWrite() };
  const store = new CheckpointStore(directory.path, options.placement.keepCheckpoints, writer);
  closing.add(() => store.close());
  await store.sweep();
  const served = await serve(context, prepared, directory.path);
  await writeTrace(context, prepared);
  const { step } = prepared.training.start;
  const onTrouble = (message: string) => events.emit({ event: "log", level: "warn", message });
  const sinkContext = { runDir: directory.path, startStep: step, now: Date.now, onTrouble };
  for (const sink of await openSinks(options.placement, sinkContext, context.env)) {
    closing.add(() => sink.close());
    events.subscribe((event) => sink.observe(event));
  }
  const picturesDrawn = await drawPictures(context, prepared, directory);
  const link = await listen(context);
  events.emit({ ...prepared.plan, run_dir: directory.path, ...served?.addresses });
  const file = SharedFile.create();
  closing.add(() => {
    file.discard();
    file.close();
  });
  return { directory, store, link, file, page: served?.page ?? null, picturesDrawn };
}

function openDirectory({ options, events, closing }: RunContext, { directory, training }: PreparedRun): RunDirectory {
  const opened = directory ?? RunDirectory.create(options.placement.runDir, training.recipe);
  if (!directory) closing.add(() => opened.close());
  opened.onTrouble((message) => events.emit({ event: "log", level: "warn", message }));
  events.subscribe((event) => record(event, opened));
  return opened;
}

function record(event: RunEvent, directory: RunDirectory): void {
  if (isForSubscribers(event)) return;
  directory.record({ ...event, time: Date.now() / 1000 });
  if (event.event === "log") directory.log(`${event.level}: ${event.message}`);
  if (event.event === "checkpoint-failed") directory.log(`warn: ${event.message}`);
  if (event.event === "rollback")
    directory.log(`${event.reason}: back from step ${event.from_step} to step ${event.step}`);
  if (event.event === "node")
    directory.log(
      `node ${event.node} (incarnation ${event.incarnation}): ${event.state}${event.detail ? `: ${event.detail}` : ""}`,
    );
  if (event.event === "worker") {
    const { rank, incarnation, state, detail } = event;
    const place = state === "lost" ? ` (${placeOf(event)})` : "";
    directory.log(`rank ${rank} (incarnation ${incarnation}): ${state}${detail ? `: ${detail}` : ""}${place}`);
  }
}

/** The page and the metrics, at one address; null where neither is wanted. */
async function serve(
  { options, env, events, closing }: RunContext,
  { devices, access }: PreparedRun,
  runDir: string,
): Promise<{ page: RunPage; addresses: { metrics_url: string; page_url: string } } | null> {
  const { metrics, metricsHost: host, metricsPort: port } = options.placement;
  if (!metrics) return null;
  const gpu = devices.some(({ kind }) => kind === "gpu");
  const prometheus = metricsRoutes(gpu ? { gpus: () => listGpus(env) } : {});
  const page = createRunPage({ runDir, host });
  const guard = { access, refused: prometheus.refused };
  const server = await servePage({ runDir, host, port, guard, routes: [prometheus.routes, page.routes] });
  closing.add(async () => {
    await page.close();
    await server.close();
  });
  events.subscribe((event) => prometheus.observe(event));
  events.subscribe((event) => page.observe(event));
  return { page, addresses: { metrics_url: `${server.url}/metrics`, page_url: openable(server.url, hostname()) } };
}

async function writeTrace({ options, events, closing }: RunContext, { training }: PreparedRun): Promise<void> {
  const { placement } = options;
  const { step } = training.start;
  const steps = tracedSteps(placement, step);
  if (placement.trace === null || steps === null) return;
  const file = await TraceFile.create({
    path: placement.trace,
    steps,
    done: step,
    now: systemClock.now,
    onTrouble: (message) => events.emit({ event: "log", level: "warn", message }),
  });
  closing.add(() => file.close());
  events.subscribe((event) => file.observe(event));
}

async function listen({ options, services, env, closing }: RunContext): Promise<CoordinatorLink> {
  const { bind, nodes } = options;
  const opened = async (endpoint: string, keys: CoordinatorKeys | null) => {
    const link = await services.listen(endpoint, keys);
    closing.add(() => link.close());
    return link;
  };
  if (bind) return await opened(bind.endpoint, bind.keys());
  const sockets = createSocketDirectory(env);
  closing.add(() => sockets.remove());
  const own = await opened(sockets.endpoint, null);
  return nodes ? severalLinks(own, await opened(nodes.endpoint, nodes.keys())) : own;
}
