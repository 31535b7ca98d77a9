import assert from "node:assert/strict";
import { test } from "node:test";
import { ResidualHomes } from "../../../src/membership/residuals.js";
import { member } from "../../support/member.js";

test("at the version that was kept, any worker may have any shard, and a death costs nothing", () => {
  const homes = new ResidualHomes(3, 4);
  const [one, two] = [member(0), member(1)];
  assert.deepEqual(
    [0, 1, 2].map((shard) => homes.move(shard, shard < 2 ? one : two)),
    [true, true, true],
  );
  assert.ok(homes.isMovable(0, 4));
  assert.equal(homes.lost(one, 4), false);
  assert.deepEqual([homes.homeOf(0), homes.homeOf(1), homes.homeOf(2)], [null, null, two]);
  assert.equal(homes.move(2, two), false, "it has it");
});

test("later a shard is bound to its worker, and what that had is lost with it", () => {
  const homes = new ResidualHomes(3, 0);
  const [one, two, spare] = [member(0), member(1), member(2)];
  homes.move(0, one);
  homes.move(1, two);
  assert.ok(!homes.isMovable(0, 1));
  assert.ok(homes.isMovable(2, 1), "nobody computed it since: what the coordinator has is in force");
  assert.equal(homes.lost(spare, 1), false);
  assert.equal(homes.lost(one, 1), true);
  homes.rolledBack(0);
  assert.deepEqual([homes.homeOf(0), homes.homeOf(1), homes.kept], [null, null, 0]);
  homes.move(0, two);
  homes.gathered(7);
  assert.ok(homes.isMovable(0, 7));
  assert.equal(homes.homeOf(0), two, "the worker has it as well");
});
