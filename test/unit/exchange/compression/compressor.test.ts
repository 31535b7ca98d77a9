import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compressorOf } from "../../../../src/exchange/compression.js";

const KINDS = ["bf16", "fp16", "topk:0.1", "topk:1"];
const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const vectors = fc
  .integer({ min: 1, max: 3000 })
  .chain((size) => fc.tuple(...[1, 2].map(() => fc.float32Array({ minLength: size, maxLength: size, ...FINITE }))));
const FINITE = { noNaN: true, noDefaultInfinity: true, min: -(2 ** 100), max: 2 ** 100 } as const;

function sent(kind: string, gradient: Float32Array, residual: Float32Array) {
  const compressor = compressorOf(kind)!;
  const rest = new Float32Array(gradient.length).fill(Number.NaN);
  const bytes = new Uint8Array(compressor.bytesOf(gradient.length));
  compressor.compress(gradient, residual, rest, bytes);
  assert.ok(compressor.accepts(bytes, gradient.length));
  const values = new Float32Array(gradient.length).fill(Number.NaN);
  compressor.decompress(bytes, values);
  return { values, rest, bytes, compressor };
}

for (const kind of KINDS) {
  test(`${kind}: what is sent and what is kept are together what there was`, () => {
    fc.assert(
      fc.property(vectors, ([gradient, residual]) => {
        const { values, rest } = sent(kind, gradient!, residual!);
        for (const [index, value] of values.entries()) {
          const sum = Math.fround(gradient![index]! + residual![index]!);
          assert.equal(rest[index], Math.fround(sum - value), `element ${index}`);
        }
      }),
      { numRuns: 30 },
    );
  });

  test(`${kind}: bytes that lie at an odd place mean the same`, () => {
    const { values, bytes, compressor } = sent(kind, Float32Array.of(1, -2, 3.5, 0), new Float32Array(4));
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const odd = new Float32Array(4);
    assert.ok(compressor.accepts(shifted.subarray(1), 4));
    compressor.decompress(shifted.subarray(1), odd);
    assert.deepEqual(odd, values);
    assert.ok(!compressor.accepts(bytes.subarray(1), 4));
  });
}

/** The plain definition: of all numbers of the format, the nearest; of two, the one with an even last bit. */
function nearestOf(kind: "bf16" | "fp16", value: number): number {
  const [digits, least, largest] = kind === "bf16" ? [8, -126, (2 - 2 ** -7) * 2 ** 127] : [11, -14, 65504];
  if (value === 0) return value;
  const exponent = Math.max(least!, Math.floor(Math.log2(Math.abs(value))));
  const unit = 2 ** (exponent - digits! + 1);
  const low = Math.floor(value / unit);
  const fraction = value / unit - low;
  const even = low % 2 === 0 ? low : low + 1;
  const rounded = (fraction < 0.5 ? low : fraction > 0.5 ? low + 1 : even) * unit;
  return Math.max(-largest!, Math.min(largest!, rounded));
}

for (const kind of ["bf16", "fp16"] as const) {
  test(`${kind}: the nearest number of the format, ties to even, and the largest for what is larger`, () => {
    const edges = [0, -0, 1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 65519, 65520, 1e6]
      .concat([
        2 ** -14,
        2 ** -24,
        2 ** -25,
        1.5 * 2 ** -24,
        2.5 * 2 ** -24,
        1.0001 * 2 ** -25,
        2 ** -15 + 2 ** -25,
        2 ** -149,
      ])
      .concat([3.4028234663852886e38, 3.39e38, 2 ** -126, 2 ** -127, 2 ** -133, 1023.5 * 2 ** -24])
      .flatMap((value) => [value, -value])
      .map(Math.fround);
    const zeros = new Float32Array(edges.length);
    const { values } = sent(kind, Float32Array.from(edges), zeros);
    for (const [index, value] of edges.entries()) {
      const expected = Math.fround(nearestOf(kind, value));
      assert.ok(values[index] === expected, `${value}: ${values[index]}, not ${expected}`);
    }
    fc.assert(
      fc.property(float, fc.integer({ min: -30, max: 17 }), (value, power) => {
        const scaled = Math.fround((value / 2 ** 127) * 2 ** power);
        const got = sent(kind, Float32Array.of(scaled), new Float32Array(1)).values[0]!;
        assert.ok(got === nearestOf(kind, scaled), `${scaled}: ${got}`);
      }),
      { numRuns: 2000 },
    );
  });
}

test("NaN and infinities come through each compression", () => {
  for (const kind of KINDS) {
    const gradient = new Float32Array(30).fill(0.1);
    gradient.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 10);
    const { values } = sent(kind, gradient, new Float32Array(30));
    assert.deepEqual([...values.subarray(10, 13)], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  }
});

test("topk: the largest magnitudes, of equal ones the first, and nothing of the others is lost", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      (numbers, ratio) => {
        const gradient = Float32Array.from(numbers, (value) => value / 7);
        const { values, rest } = sent(`topk:${ratio}`, gradient, new Float32Array(gradient.length));
        const order = [...gradient.keys()].sort((a, b) => Math.abs(gradient[b]!) - Math.abs(gradient[a]!) || a - b);
        const chosen = new Set(order.slice(0, Math.max(1, Math.round(ratio * gradient.length))));
        for (const [index, value] of gradient.entries()) {
          assert.equal(values[index], chosen.has(index) ? value : 0);
          assert.equal(rest[index], chosen.has(index) ? 0 : value);
        }
      },
    ),
  );
});

test("topk: indices that go back, repeat themselves or lie outside are not accepted", () => {
  const { bytes, compressor } = sent("topk:0.5", Float32Array.of(4, 3, 2, 1), new Float32Array(4));
  const with_ = (...indices: number[]) => {
    const copy = bytes.slice();
    new Uint32Array(copy.buffer, 8).set(indices);
    return copy;
  };
  assert.ok(compressor.accepts(with_(1, 3), 4));
  for (const wrong of [with_(1, 1), with_(2, 0), with_(0, 4), bytes.slice(4)]) assert.ok(!compressor.accepts(wrong, 4));
});

test("error feedback: over many steps the sum of what was sent is that of the gradients", () => {
  for (const kind of KINDS) {
    const gradient = Float32Array.from({ length: 50 }, (_, index) => Math.sin(index + 1) / (index + 1));
    let residual = new Float32Array(50);
    const total = new Float64Array(50);
    for (let step = 0; step < 200; step++) {
      const { values, rest } = sent(kind, gradient, residual);
      for (const [index, value] of values.entries()) total[index]! += value;
      residual = rest;
    }
    for (const [index, value] of gradient.entries())
      assert.ok(Math.abs(total[index]! + residual[index]! - 200 * value) < 1e-4);
  }
});

test("what is no compression is named", () => {
  assert.equal(compressorOf("none"), null);
  for (const word of ["zip", "topk", "topk:0", "topk:2", "topk:x"])
    assert.throws(() => compressorOf(word), /no compression/);
});
