import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Split } from "../../../src/data/dataset.js";
import { ShardLoader } from "../../../src/data/loader.js";

/** Image i is three bytes of value i; its label is 2 i. Counts the copies. */
function fakeSplit() {
  const copies: number[][] = [];
  const split: Split = {
    count: 100,
    labels: Int32Array.from({ length: 100 }, (_, index) => 2 * index),
    copyImages(indices, pixels) {
      copies.push(Array.from(indices));
      for (let at = 0; at < indices.length; at++) pixels.fill(indices[at]!, 3 * at, 3 * at + 3);
    },
  };
  return { split, copies };
}

test("a prepared shard is handed out without a second copy; another one is gathered when asked for", async () => {
  const { split, copies } = fakeSplit();
  const loader = new ShardLoader(split, [1, 1, 3]);
  loader.prepare("1/0", [4, 7]);
  loader.prepare("1/0", [4, 7]);
  const shard = await loader.take("1/0", [4, 7]);
  assert.deepEqual([...shard.pixels], [4, 4, 4, 7, 7, 7]);
  assert.deepEqual([...shard.labels], [8, 14]);
  assert.deepEqual(copies, [[4, 7]]);
  loader.prepare("1/1", [1]);
  assert.deepEqual([...(await loader.take("2/0", [9, 2])).labels], [18, 4]);
  assert.deepEqual([...(await loader.take("1/1", [1])).labels], [2]);
  assert.equal(copies.length, 3);
});

test("released buffers come back, held ones never change", async () => {
  const { split } = fakeSplit();
  const loader = new ShardLoader(split, [1, 1, 3]);
  const first = await loader.take("a", [1, 2]);
  first.release();
  first.release();
  const second = await loader.take("b", [3, 4]);
  assert.equal(second.pixels, first.pixels);
  const third = await loader.take("c", [5, 6]);
  assert.notEqual(third.pixels, second.pixels);
});

test("whatever is prepared, taken and released, in any order, what is held stays right", async () => {
  const command = fc.record({
    what: fc.constantFrom("prepare", "take", "release"),
    first: fc.nat(90),
    size: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const loader = new ShardLoader(fakeSplit().split, [1, 1, 3]);
      const held: { indices: number[]; shard: Awaited<ReturnType<ShardLoader["take"]>> }[] = [];
      for (const { what, first, size } of commands) {
        const indices = Array.from({ length: size }, (_, at) => first + at);
        const key = `${first}/${size}`;
        if (what === "prepare") loader.prepare(key, indices);
        else if (what === "take") held.push({ indices, shard: await loader.take(key, indices) });
        else held.splice(first % Math.max(1, held.length), 1)[0]?.shard.release();
        for (const { indices: wanted, shard } of held) {
          assert.deepEqual(
            [...shard.labels],
            wanted.map((index) => 2 * index),
          );
          assert.deepEqual(
            [...shard.pixels],
            wanted.flatMap((index) => [index, index, index]),
          );
        }
      }
    }),
  );
});

test("images that come later: who takes a prepared shard waits for it; what fails is told to its taker alone", async () => {
  const copying: { indices: number[]; end: (error?: Error) => void }[] = [];
  const split: Split = {
    count: 100,
    labels: new Int32Array(100),
    copyImages: (indices, pixels) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error) => {
          for (let at = 0; at < indices.length; at++) pixels.fill(indices[at]!, 3 * at, 3 * at + 3);
          if (error) reject(error);
          else resolve();
        };
        copying.push({ indices: Array.from(indices), end });
      }),
  };
  const loader = new ShardLoader(split, [1, 1, 3]);
  loader.prepare("a", [5]);
  const taken = loader.take("a", [5]);
  copying[0]!.end();
  assert.deepEqual([...(await taken).pixels], [5, 5, 5]);
  loader.prepare("b", [6]);
  loader.prepare("c", [7]); // nobody will take b any more
  copying[1]!.end(new Error("b is damaged"));
  copying[2]!.end(new Error("c is damaged"));
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(loader.take("c", [7]), /c is damaged/);
  const again = loader.take("c", [7]);
  copying[3]!.end();
  assert.deepEqual([...(await again).pixels], [7, 7, 7]);
});

test("a pipeline sees each image once, with its epoch and number, a bounded piece at a time", async () => {
  const [height, width] = [512, 512];
  const bytes = height * width * 3;
  const split: Split = {
    count: 100,
    labels: Int32Array.from({ length: 100 }, (_, index) => index),
    copyImages(indices, pixels) {
      assert.ok(pixels.length <= 2 ** 20);
      for (let at = 0; at < indices.length; at++) pixels.fill(indices[at]!, at * bytes, (at + 1) * bytes);
    },
  };
  const seen: number[][] = [];
  const loader = new ShardLoader(split, [height, width, 3], {
    shape: [1, 1, 2],
    apply(from, to, epoch, sample) {
      seen.push([epoch, sample]);
      to.set([from[0]!, from[from.length - 1]!]);
    },
  });
  const { pixels, labels } = await loader.take("x", [3, 1, 4, 15, 9], 6);
  assert.deepEqual([...pixels], [3, 3, 1, 1, 4, 4, 15, 15, 9, 9]);
  assert.deepEqual([...labels], [3, 1, 4, 15, 9]);
  assert.deepEqual(
    seen,
    [3, 1, 4, 15, 9].map((sample) => [6, sample]),
  );
});
