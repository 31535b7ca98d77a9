import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deriveKey, integers, normals, permutation, philox, uniforms } from "../../src/random.js";

test("Philox 4x32-10 gives the known answers of its authors' distribution", () => {
  const run = (counter: number[], key: [number, number]) => {
    const block = Uint32Array.from(counter);
    philox(block, key);
    return [...block].map((word) => word.toString(16).padStart(8, "0")).join(" ");
  };
  const ones = 0xffffffff;
  assert.equal(run([0, 0, 0, 0], [0, 0]), "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  assert.equal(run([ones, ones, ones, ones], [ones, ones]), "408f276d 41c83b0e a20bc7c6 6d5451fd");
  assert.equal(
    run([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    "d16cfe09 94fdcceb 5001e420 24126ea1",
  );
});

test("any part of a sequence can be drawn on its own", () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(60), fc.nat(), (start, count, seed) => {
      const key = deriveKey(seed, "part");
      const whole = start + count;
      assert.deepEqual(integers(key, count, start), integers(key, whole).slice(start));
      assert.deepEqual(normals(key, count, start), normals(key, whole).slice(start));
    }),
  );
});

test("a normal is the quantile of its word, as Python's statistics.NormalDist().inv_cdf has it", () => {
  const key = deriveKey(7, "z");
  const words = integers(key, 20_000);
  const values = normals(key, 20_000);
  // The first four, the smallest and the largest word of the sequence.
  for (const [at, word, expected] of [
    [0, 52166074, -2.252483703764127],
    [1, 2487591958, 0.19981569463757315],
    [2, 55515580, -2.2284359701880074],
    [3, 836882977, -0.8601542777333089],
    [3480, 25758, -4.3776834993217095],
    [6091, 4294712113, 3.8485302785891835],
  ] as const) {
    assert.equal(words[at], word);
    assert.equal(values[at], Math.fround(expected));
  }
});

test("sequences longer than the scratch, and starts beyond 2^32 blocks", () => {
  const key = deriveKey(3, "long");
  const long = integers(key, 10_001, 3);
  assert.deepEqual(long.slice(9_000), integers(key, 1_001, 9_003));
  const far = 4 * (2 ** 32 + 5);
  const block = Uint32Array.of(5, 1, 0, 0);
  philox(block, key);
  assert.deepEqual(integers(key, 4, far), block);
  assert.deepEqual(integers(key, 2, far + 1), block.slice(1, 3));
});

test("keys differ by seed, by path and by where the path's parts end", () => {
  const keys = [
    deriveKey(1, "a"),
    deriveKey(2, "a"),
    deriveKey(1, "b"),
    deriveKey(1, "a", 0),
    deriveKey(1, "a", 1),
    deriveKey(1, "ab"),
    deriveKey(1, "a", "b"),
    deriveKey(1, 97),
    deriveKey(2 ** 40 + 1, "a"),
  ];
  assert.equal(new Set(keys.map(String)).size, keys.length);
});

test("moments of uniforms and normals", () => {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const u = uniforms(deriveKey(7, "u"), 100_000);
  assert.ok(u.every((value) => value >= 0 && value < 1));
  assert.ok(Math.abs(mean(u) - 0.5) < 0.005);
  const z = normals(deriveKey(7, "z"), 100_000);
  assert.ok(Math.abs(mean(z)) < 0.01);
  assert.ok(Math.abs(mean(z.map((value) => value * value)) - 1) < 0.02);
});

test("a permutation's positions are uniform", () => {
  const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  for (let seed = 0; seed < 4000; seed++) {
    for (const [at, value] of permutation(deriveKey(seed), 4).entries()) counts[at]![value]!++;
  }
  // 1000 expected in each of 16 cells, deviation 27; the draws are fixed, so this cannot flicker.
  for (const count of counts.flat()) assert.ok(Math.abs(count - 1000) < 110, `${count}`);
});

test("a permutation holds every number once", () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(), (n, seed) => {
      const sorted = [...permutation(deriveKey(seed), n)].sort((a, b) => a - b);
      assert.deepEqual(
        sorted,
        Array.from({ length: n }, (_, index) => index),
      );
    }),
  );
});
