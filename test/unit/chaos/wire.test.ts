import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Act } from "../../chaos/kinds.js";
import { Wire } from "../../chaos/wire.js";

const FATES: readonly [fate: Act, expected: string][] = [
  ["drop", "0 1 3 4"],
  ["twice", "0 1 2 2 3 4"],
  ["swap", "0 1 3 2 4"],
  ["late", "0 1 3 4 2"],
];

for (const [fate, expected] of FATES) {
  test(`received: the third of five messages, ${fate}`, async () => {
    const wire = new Wire(5);
    let coming = 0;
    const next = async () => {
      if (coming < 5) return [Buffer.from(String(coming++))];
      return new Promise<never>(() => {});
    };
    const got: string[] = [];
    const count = expected.split(" ").length;
    while (got.length < count)
      got.push(String((await wire.receive(next, ([part]) => (String(part) === "2" ? fate : null)))[0]));
    assert.equal(got.join(" "), expected);
  });

  test(`sent: the third of five messages, ${fate}, and never two at a time`, async () => {
    const wire = new Wire(5);
    const sent: number[] = [];
    let sending = false;
    for (let number = 0; number < 5; number++) {
      const send = async () => {
        assert.equal(sending, false);
        sending = true;
        await sleep(1);
        sending = false;
        sent.push(number);
      };
      await wire.send(send, number === 2 ? fate : null);
    }
    await sleep(30);
    assert.equal(sent.join(" "), expected);
  });
}
