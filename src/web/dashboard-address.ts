/** Where the page of a folder of runs is, for the pages of its runs to link to: a file in the folder, while that page is served. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { processIdentity } from "../process-identity.js";
import type { DashboardAddress } from "./state/dashboard-address.js";

/** Names no host: a page links to the one that it came from. */
const schema = z.object({
  scheme: z.enum(["http", "https"]),
  port: z.number().int().min(1).max(65535),
  host: z.string(),
  pid: z.number().int(),
  process: z.string(),
});

const pathIn = (runsDir: string) => join(runsDir, ".dashboard.json");

/** Without it, in a folder that cannot be written, there is no link. The returned function takes it away. */
export function tellAddress(runsDir: string, url: URL): () => void {
  const told = {
    scheme: url.protocol.slice(0, -1),
    port: Number(url.port),
    host: hostname(),
    pid: process.pid,
    process: processIdentity(process.pid) ?? "",
  };
  try {
    writeFileSync(pathIn(runsDir), `${JSON.stringify(told)}\n`);
  } catch {
    return () => {};
  }
  return () => rmSync(pathIn(runsDir), { force: true });
}

/** Null: none is served on this machine. */
export function dashboardAddress(runsDir: string): DashboardAddress | null {
  try {
    const {
      scheme,
      port,
      host,
      pid,
      process: identity,
    } = schema.parse(JSON.parse(readFileSync(pathIn(runsDir), "utf8")));
    return host === hostname() && processIdentity(pid) === identity ? { scheme, port } : null;
  } catch {
    return null; // there is none, or it is not one of ours
  }
}
