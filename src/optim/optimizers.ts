/**
 * The update rules, with PyTorch's semantics (torch.optim), so that a recipe means the same in both: each operation is rounded
 * to float32, as PyTorch computes on float32 parameters. One plain loop a rule: the definition that the kernels of
 * src/exchange are held to, bit for bit.
 */
import { type Coefficients, coefficientsOf } from "./coefficients.js";
import type { Optimizer, OptimizerConfig, OptimizerName, Span } from "./optimizer.js";

type Update = Parameters<Optimizer["apply"]>[0];
type Rule = { slotNames: readonly string[]; apply: (update: Update, coefficients: Coefficients) => void };

const f = Math.fround;

/** The gradient as a rule sees it: scaled, with the L2 of the weight. */
const decayed = (gradient: number, weight: number, { scale, decay }: Coefficients) =>
  f(f(gradient * scale) + f(decay * weight));

/** Robbins & Monro 1951: w -= lr * g. */
const sgd: Rule = {
  slotNames: [],
  apply({ from, to, gradients, gradientOffset, start, end }, rounded) {
    const { lr } = rounded;
    const w = from.weights;
    const out = to.weights;
    for (let i = start; i < end; i++) {
      const weight = w[i]!;
      out[i] = weight - f(lr * decayed(gradients[i - gradientOffset]!, weight, rounded));
    }
  },
};

/** Polyak 1964, without dampening: v = momentum * v + g; w -= lr * v. */
const momentum: Rule = {
  slotNames: ["momentum"],
  apply({ from, to, gradients, gradientOffset, start, end }, rounded) {
    const { lr, mu } = rounded;
    const w = from.weights;
    const out = to.weights;
    const v = from.slots.momentum!;
    const vOut = to.slots.momentum!;
    for (let i = start; i < end; i++) {
      const weight = w[i]!;
      const velocity = f(f(mu * v[i]!) + decayed(gradients[i - gradientOffset]!, weight, rounded));
      vOut[i] = velocity;
      out[i] = weight - f(lr * velocity);
    }
  },
};

/** Nesterov 1983 in the form of Sutskever et al. 2013, section 2: w -= lr * (g + momentum * v). */
const nesterov: Rule = {
  slotNames: ["momentum"],
  apply({ from, to, gradients, gradientOffset, start, end }, rounded) {
    const { lr, mu } = rounded;
    const w = from.weights;
    const out = to.weights;
    const v = from.slots.momentum!;
    const vOut = to.slots.momentum!;
    for (let i = start; i < end; i++) {
      const weight = w[i]!;
      const g = decayed(gradients[i - gradientOffset]!, weight, rounded);
      const velocity = f(f(mu * v[i]!) + g);
      vOut[i] = velocity;
      out[i] = weight - f(lr * f(g + f(mu * velocity)));
    }
  },
};

/**
 * Kingma & Ba 2015, arXiv:1412.6980, algorithm 1; adamw: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. They
 * differ in their coefficients alone.
 */
const adam: Rule = {
  slotNames: ["m", "v"],
  apply({ from, to, gradients, gradientOffset, start, end }, rounded) {
    const { lr, keep1, take1, keep2, take2, epsilon, correction, keepWeight } = rounded;
    const w = from.weights;
    const out = to.weights;
    const m = from.slots.m!;
    const mOut = to.slots.m!;
    const v = from.slots.v!;
    const vOut = to.slots.v!;
    for (let i = start; i < end; i++) {
      const weight = w[i]!;
      const g = decayed(gradients[i - gradientOffset]!, weight, rounded);
      const first = f(f(keep1 * m[i]!) + f(take1 * g));
      const second = f(f(keep2 * v[i]!) + f(f(take2 * g) * g));
      mOut[i] = first;
      vOut[i] = second;
      const divisor = f(f(f(Math.sqrt(second)) * correction) + epsilon);
      out[i] = f(keepWeight * weight) - f(f(lr * first) / divisor);
    }
  },
};

/** Tieleman & Hinton 2012, lecture 6.5: divides by the root of a moving mean of squares; then momentum. */
const rmsprop: Rule = {
  slotNames: ["square", "momentum"],
  apply({ from, to, gradients, gradientOffset, start, end }, rounded) {
    const { lr, mu, keep2, take2, epsilon } = rounded;
    const w = from.weights;
    const out = to.weights;
    const s = from.slots.square!;
    const sOut = to.slots.square!;
    const v = from.slots.momentum!;
    const vOut = to.slots.momentum!;
    for (let i = start; i < end; i++) {
      const weight = w[i]!;
      const g = decayed(gradients[i - gradientOffset]!, weight, rounded);
      const square = f(f(keep2 * s[i]!) + f(f(take2 * g) * g));
      const velocity = f(f(mu * v[i]!) + f(g / f(f(Math.sqrt(square)) + epsilon)));
      sOut[i] = square;
      vOut[i] = velocity;
      out[i] = weight - f(lr * velocity);
    }
  },
};

const RULES: Readonly<Record<OptimizerName, Rule>> = {
  sgd,
  momentum,
  nesterov,
  adam,
  adamw: adam,
  rmsprop,
};

/** Names of the vectors that an optimizer keeps beside the weights. */
export function slotNamesOf(name: OptimizerName): readonly string[] {
  return RULES[name].slotNames;
}

/**
 * `undecayed`: parameters that weight decay passes over; they are updated as by the same optimizer with a weight decay of
 * 0, which is what a parameter group of PyTorch with `weight_decay=0` does.
 */
export function createOptimizer(config: OptimizerConfig, undecayed: readonly Span[] = []): Optimizer {
  const { slotNames, apply: rule } = RULES[config.name];
  const apply = (update: Update, decays: boolean) => {
    const { lr, step, scale } = update;
    rule(update, roundedOf(coefficientsOf(config, { lr, step, scale, decayed: decays })));
  };
  const spans = config.weightDecay === 0 ? [] : undecayed.toSorted((a, b) => a.offset - b.offset);
  return {
    config,
    slotNames,
    apply(update) {
      let at = update.start;
      for (const { offset, size } of spans) {
        const start = Math.max(at, offset);
        const end = Math.min(update.end, offset + size);
        if (start >= end) continue;
        if (start > at) apply({ ...update, start: at, end: start }, true);
        apply({ ...update, start, end }, false);
        at = end;
      }
      if (at < update.end) apply({ ...update, start: at }, true);
    },
  };
}

function roundedOf(coefficients: Coefficients): Coefficients {
  return Object.fromEntries(
    Object.entries(coefficients).map(([name, value]) => [name, f(value)]),
  ) as unknown as Coefficients;
}
