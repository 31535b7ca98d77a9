/**
 * Where a run's page is: a run that goes on is looked for at the address that it had, since a page that was left open asks there.
 * The folder keeps the port alone; an address in it is no more than a wish.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type HttpGuard, type HttpServer, type Routes, startServer } from "../metrics/server.js";

const remembered = z.object({ port: z.number().int().min(1).max(65535) });

/** `port` 0: the one that the run had before where that is free, else any. UsageError when the address cannot be listened at. */
export async function servePage({
  runDir,
  host,
  port,
  guard,
  routes,
}: {
  runDir: string;
  host: string;
  port: number;
  guard: HttpGuard;
  routes: readonly Routes[];
}): Promise<HttpServer> {
  const server = await listen(port === 0 ? portBefore(runDir) : port);
  remember(runDir, server);
  return server;

  async function listen(wanted: number): Promise<HttpServer> {
    try {
      return await startServer({ host, port: wanted, guard, routes });
    } catch (error) {
      if (port !== 0 || wanted === 0) throw error;
      return await listen(0);
    }
  }
}

/** An address to open: where all of a machine's addresses are listened at, its name. */
export function openable(url: string, machine: string): string {
  const address = new URL(url);
  if (address.hostname === "0.0.0.0" || address.hostname === "[::]") address.hostname = machine;
  return address.href;
}

const pathIn = (runDir: string) => join(runDir, "page.json");

function portBefore(runDir: string): number {
  try {
    return remembered.parse(JSON.parse(readFileSync(pathIn(runDir), "utf8"))).port;
  } catch {
    return 0; // it had none, or the file is not one of ours
  }
}

/** `url` is for whoever lists runs: the page of one that lives. */
function remember(runDir: string, { port, url }: HttpServer): void {
  const path = pathIn(runDir);
  try {
    writeFileSync(`${path}.tmp`, `${JSON.stringify({ port, url: `${url}/` })}\n`);
    renameSync(`${path}.tmp`, path);
  } catch {
    // a disk that is full keeps no address; the run's own files will tell
  }
}
