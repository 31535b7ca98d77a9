/** Two links as one: a run's own workers come by a private socket, and other machines over TCP. */
import type { CoordinatorLink } from "./link.js";

/** `endpoint`: that of the first. A peer is of the link that its messages come by. */
export function severalLinks(first: CoordinatorLink, second: CoordinatorLink): CoordinatorLink {
  const ofSecond = new Set<string>();
  const linkOf = (peer: string) => (ofSecond.has(peer) ? second : first);
  return {
    endpoint: first.endpoint,
    send: (peer, message) => linkOf(peer).send(peer, message),
    sendLast: (peer, message) => linkOf(peer).sendLast(peer, message),
    cut: (peer, ban) => linkOf(peer).cut(peer, ban),
    onMessage(handler) {
      first.onMessage(handler);
      second.onMessage((peer, parts) => {
        ofSecond.add(peer);
        handler(peer, parts);
      });
    },
    onGone(handler) {
      for (const link of [first, second]) link.onGone(handler);
    },
    onRefused(handler) {
      for (const link of [first, second]) link.onRefused(handler);
    },
    async close() {
      await Promise.all([first.close(), second.close()]);
    },
  };
}
