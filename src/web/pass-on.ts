/**
 * A live run's own page has what its records have not: what holds the run back now, memory, who computed which shard when. A
 * dashboard on the same machine passes that on. Where it cannot (a token, TLS, another machine), the records are shown.
 */
import { realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { PASS_ON_MS } from "../config/time-limits.js";
import { beginStream, RUN_HEADER } from "./answers.js";

const schema = z.object({ url: z.string() });

/** Resolves with false where there is nothing to pass on, and with true once it has begun. */
export async function passOn(runDir: string, response: ServerResponse, patienceMs = PASS_ON_MS): Promise<boolean> {
  const address = await addressOf(runDir);
  const events = address && (await ask(new URL("api/events", address), runDir, patienceMs));
  if (!events) return false;
  beginStream(response);
  // Whichever of the two ends, so does the other; the browser then asks again.
  pipeline(events, response).catch(() => response.destroy());
  return true;
}

/** Of a server of this machine: the folder may be anybody's, and must not name another. */
async function addressOf(runDir: string): Promise<URL | null> {
  try {
    const { url } = schema.parse(JSON.parse(await readFile(join(runDir, "page.json"), "utf8")));
    const address = new URL(url);
    return address.protocol === "http:" && isOfThisMachine(address.hostname.replace(/^\[|\]$/g, "")) ? address : null;
  } catch {
    return null;
  }
}

/** Addresses that a server listens at, 0.0.0.0 and :: among them. */
function isOfThisMachine(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
  return ["0.0.0.0", "::", ...own].includes(host);
}

/** Null where no answer comes, or not that of this run: its port may be another's by now. */
function ask(address: URL, runDir: string, patienceMs: number): Promise<IncomingMessage | null> {
  return new Promise((resolve) => {
    const request = get(address, { timeout: patienceMs }, (answer) => {
      const isIt = answer.statusCode === 200 && isSameFolder(answer.headers[RUN_HEADER], runDir);
      if (isIt) answer.socket.setTimeout(0);
      else request.destroy();
      resolve(isIt ? answer : null);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(null));
    request.once("close", () => resolve(null));
  });
}

function isSameFolder(header: string | string[] | undefined, runDir: string): boolean {
  try {
    return typeof header === "string" && realpathSync(decodeURIComponent(header)) === realpathSync(runDir);
  } catch {
    return false;
  }
}
