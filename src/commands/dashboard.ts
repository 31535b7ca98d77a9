/** `cnn-dist dashboard`: the page of a folder of runs, until it is told to end. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { completePlacement } from "../config/placement.js";
import { EXIT } from "../errors.js";
import { exposureOf, readAccess } from "../metrics/access.js";
import { startServer } from "../metrics/server.js";
import { cacheDirectory } from "../paths.js";
import { createDashboard } from "../web/dashboard.js";
import { tellAddress } from "../web/dashboard-address.js";
import { RunsFolder } from "../web/runs-folder.js";
import { path, placement } from "./values.js";
import { work } from "./work.js";

const { metricsHost, metricsPort, metricsTokenFile, metricsCert, metricsKey } = placement;

export const command = work(
  { runsDir: path.default("runs"), metricsHost, metricsPort, metricsTokenFile, metricsCert, metricsKey },
  async ({ runsDir, ...given }, { io, reporter, signal }) => {
    const { metricsHost: host, metricsPort: port, ...secrets } = completePlacement(given);
    const access = readAccess(secrets, io.env);
    const folder = new RunsFolder(runsDir, cacheDirectory(io.env), () => performance.now());
    const { dir } = await folder.list();
    const token = randomBytes(16).toString("hex");
    const dashboard = createDashboard({ folder, host, token });
    const guard = { access, refused: () => {} };
    const server = await startServer({ host, port, guard, routes: [dashboard.routes] });
    const untell = tellAddress(dir, new URL(server.url));
    try {
      const exposure = exposureOf(host, access);
      if (exposure !== null) reporter.note(exposure);
      reporter.note(`the runs of ${dir}; whoever has this whole address may hide and delete them. Ctrl-C ends it.`);
      io.stdout.write(`${server.url}/#token=${token}\n`);
      if (!signal.aborted) await once(signal, "abort");
      return EXIT.done;
    } finally {
      untell();
      await dashboard.close();
      await server.close();
    }
  },
);
