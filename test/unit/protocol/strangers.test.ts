import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeToCoordinator } from "../../../src/protocol/codec.js";
import { mutated } from "../../strangers/mutate.js";

test("mutated messages: each is one of the protocol's or has a reason why not, and none throws", () => {
  const reasons = new Map<string, number>();
  for (let number = 0; number < 10_000; number++) {
    const decoded = decodeToCoordinator(mutated(1, number));
    const told = decoded.ok ? "taken" : decoded.reason;
    reasons.set(told, (reasons.get(told) ?? 0) + 1);
  }
  for (const reason of ["parts", "depth", "malformed", "extension", "schema", "payload"])
    assert.ok(reasons.get(reason)! > 0, `${reason}: ${JSON.stringify([...reasons])}`);
  assert.ok(reasons.get("taken")! < 2000, JSON.stringify([...reasons]));
});
