/** A coordinator that is killed and started again, while the other machines of its run live on. Root. */
import { test } from "node:test";
import { outlived } from "../support/live-nodes.js";

test("nodes wait for a coordinator that was killed, and take part in the rest", async (context) => {
  await outlived(context, { steps: 600, times: 2 }, async (first, coordinator) => {
    first.signal(coordinator, "SIGKILL");
    await coordinator.ended;
  });
});
