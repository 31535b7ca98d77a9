/**
 * A silent peer within the process. ZeroMQ calls a router that refuses unknown peers writable only while it has one, and
 * zeromq.js waits for that: a word to the last peer, when it is gone, would wait for the next one to come, and all others with
 * it, instead of telling at once that it is gone.
 */
import { randomBytes } from "node:crypto";
import { type Context, Dealer, type Router } from "zeromq";

/** `context`: the router's; undefined: the process's own. Returns what ends it, for after the router's end. */
export async function keepWritable(router: Router, context: Context | undefined): Promise<() => void> {
  const endpoint = `inproc://company-${randomBytes(8).toString("hex")}`;
  await router.bind(endpoint);
  const company = new Dealer({ ...(context && { context }), linger: 0 });
  company.connect(endpoint);
  return () => company.close();
}
