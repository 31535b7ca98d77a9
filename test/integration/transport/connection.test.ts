/** A worker gives up on a coordinator that it does not reach, so it must never miss that it has reached it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectWorker } from "../../../src/transport/worker-socket.js";
import { bindCoordinator } from "../../../src/transport/zeromq.js";
import { keyRing } from "../../support/keys.js";
import { temporaryDirectory } from "../../support/temporary.js";

const LINKS = 20;

for (const transport of ["tcp", "ipc"] as const) {
  test(`over ${transport}, every link learns that it is connected, asked at once or late, and that it is lost`, {
    timeout: 30_000,
  }, async (context) => {
    const dir = temporaryDirectory(context);
    const ring = keyRing();
    const key = transport === "tcp" ? ring.worker() : null;
    const coordinator = await (transport === "tcp"
      ? bindCoordinator("tcp://127.0.0.1:*", ring.coordinator)
      : bindCoordinator(`ipc://${dir}/c.sock`, null));
    const links = Array.from({ length: LINKS }, () => connectWorker(coordinator.endpoint, key));
    context.after(() => Promise.all(links.map((link) => link.close())));
    const heard = new Set<number>();
    const allHello = new Promise<void>((resolve) => {
      coordinator.onMessage((_, [header]) => {
        heard.add(header![0]!);
        if (heard.size === LINKS) resolve();
      });
    });
    const next = (link: (typeof links)[number]) => new Promise<boolean>((resolve) => link.onConnection(resolve));
    assert.deepEqual(
      await Promise.all(links.map(next)),
      links.map(() => true),
    );
    links.forEach((link, index) => {
      link.send({ header: Uint8Array.of(index) });
    });
    await allHello;
    assert.deepEqual(
      await Promise.all(links.map(next)),
      links.map(() => true),
      "the handler came late",
    );
    const lost = links.map(
      (link) =>
        new Promise<void>((resolve) => {
          link.onConnection((connected) => {
            if (!connected) resolve();
          });
        }),
    );
    await coordinator.close();
    await Promise.all(lost);
  });
}
