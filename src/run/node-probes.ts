/** What a node answers to whoever watches its process: a pod's probes, where --metrics-port says at which port. */
import type { Placement } from "../config/placement.js";
import { messageOf } from "../errors.js";
import type { RunEvent } from "../events.js";
import { readAccess } from "../metrics/access.js";
import { probeRoutes } from "../metrics/probes.js";
import { startServer } from "../metrics/server.js";

export interface NodeProbes {
  /** Of the node's workers. */
  observe(event: RunEvent): void;
  close(): Promise<void>;
}

/**
 * Null where no port was given. One that is not free (several nodes of one machine) costs the answers, and not the node.
 * UsageError `metrics-access` for a token or a key that cannot be used.
 */
export async function serveProbes({
  placement,
  env,
  note,
}: {
  placement: Placement;
  env: NodeJS.ProcessEnv;
  note: (text: string) => void;
}): Promise<NodeProbes | null> {
  const { metrics, metricsHost: host, metricsPort: port } = placement;
  if (!metrics || port === 0) return null;
  const { routes, observe } = probeRoutes();
  const guard = { access: readAccess(placement, env), refused: () => {} };
  try {
    const server = await startServer({ host, port, guard, routes: [routes] });
    return { observe, close: () => server.close() };
  } catch (error) {
    note(`/healthz and /readyz are not served: ${messageOf(error)}`);
    return null;
  }
}
