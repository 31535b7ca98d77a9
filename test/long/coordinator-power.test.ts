/**
 * The coordinator's machine loses its power, while the others of its run live on: minutes, most of them spent waiting for the lock of
 * a holder that cannot be seen. Root.
 */
import { test } from "node:test";
import { outlived } from "../support/live-nodes.js";

test("nodes wait for a coordinator whose machine went off, as long as they are told to", async (context) => {
  await outlived(context, { steps: 600, times: 1, options: ["--wait-coordinator", "300"] }, async (first) => {
    await first.powerOff();
    await first.powerOn();
  });
});
