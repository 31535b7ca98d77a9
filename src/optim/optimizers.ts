/**
 * The update rules, with PyTorch's semantics (torch.optim), so that a recipe means the same in both. Arithmetic is in
 * double, rounded to float32 when stored. One plain loop a rule: the definition that the kernels of src/exchange are held to,
 * bit for bit.
 */
import { integerPower } from "./arithmetic.js";
import type { Optimizer, OptimizerConfig, OptimizerName, Span } from "./optimizer.js";

type Apply = Optimizer["apply"];
type Rule = { slotNames: readonly string[]; apply: (config: OptimizerConfig) => Apply };

/** Robbins & Monro 1951: w -= lr * g. */
const sgd: Rule = {
  slotNames: [],
  apply:
    ({ weightDecay }) =>
    ({ from, to, gradients, gradientOffset, start, end, lr, scale }) => {
      const w = from.weights;
      const out = to.weights;
      for (let i = start; i < end; i++) {
        const weight = w[i]!;
        out[i] = weight - lr * (gradients[i - gradientOffset]! * scale + weightDecay * weight);
      }
    },
};

/** Polyak 1964, without dampening: v = momentum * v + g; w -= lr * v. */
const momentum: Rule = {
  slotNames: ["momentum"],
  apply:
    ({ weightDecay, momentum: mu }) =>
    ({ from, to, gradients, gradientOffset, start, end, lr, scale }) => {
      const w = from.weights;
      const out = to.weights;
      const v = from.slots.momentum!;
      const vOut = to.slots.momentum!;
      for (let i = start; i < end; i++) {
        const weight = w[i]!;
        const velocity = mu * v[i]! + gradients[i - gradientOffset]! * scale + weightDecay * weight;
        vOut[i] = velocity;
        out[i] = weight - lr * velocity;
      }
    },
};

/** Nesterov 1983 in the form of Sutskever et al. 2013, section 2: w -= lr * (g + momentum * v). */
const nesterov: Rule = {
  slotNames: ["momentum"],
  apply:
    ({ weightDecay, momentum: mu }) =>
    ({ from, to, gradients, gradientOffset, start, end, lr, scale }) => {
      const w = from.weights;
      const out = to.weights;
      const v = from.slots.momentum!;
      const vOut = to.slots.momentum!;
      for (let i = start; i < end; i++) {
        const weight = w[i]!;
        const g = gradients[i - gradientOffset]! * scale + weightDecay * weight;
        const velocity = mu * v[i]! + g;
        vOut[i] = velocity;
        out[i] = weight - lr * (g + mu * velocity);
      }
    },
};

/** Kingma & Ba 2015, arXiv:1412.6980, algorithm 1; `decoupled`: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. */
const adamLike = (decoupled: boolean): Rule => ({
  slotNames: ["m", "v"],
  apply:
    ({ weightDecay, beta1, beta2, epsilon }) =>
    ({ from, to, gradients, gradientOffset, start, end, lr, step, scale }) => {
      const w = from.weights;
      const out = to.weights;
      const m = from.slots.m!;
      const mOut = to.slots.m!;
      const v = from.slots.v!;
      const vOut = to.slots.v!;
      const rate = lr / (1 - integerPower(beta1, step));
      const correction = Math.sqrt(1 - integerPower(beta2, step));
      const l2 = decoupled ? 0 : weightDecay;
      const keep = decoupled ? 1 - lr * weightDecay : 1;
      for (let i = start; i < end; i++) {
        const weight = w[i]!;
        const g = gradients[i - gradientOffset]! * scale + l2 * weight;
        const first = beta1 * m[i]! + (1 - beta1) * g;
        const second = beta2 * v[i]! + (1 - beta2) * g * g;
        mOut[i] = first;
        vOut[i] = second;
        out[i] = keep * weight - (rate * first) / (Math.sqrt(second) / correction + epsilon);
      }
    },
});

/** Tieleman & Hinton 2012, lecture 6.5: divides by the root of a moving mean of squares; then momentum. */
const rmsprop: Rule = {
  slotNames: ["square", "momentum"],
  apply:
    ({ weightDecay, rho, momentum: mu, epsilon }) =>
    ({ from, to, gradients, gradientOffset, start, end, lr, scale }) => {
      const w = from.weights;
      const out = to.weights;
      const s = from.slots.square!;
      const sOut = to.slots.square!;
      const v = from.slots.momentum!;
      const vOut = to.slots.momentum!;
      for (let i = start; i < end; i++) {
        const weight = w[i]!;
        const g = gradients[i - gradientOffset]! * scale + weightDecay * weight;
        const square = rho * s[i]! + (1 - rho) * g * g;
        const velocity = mu * v[i]! + g / (Math.sqrt(square) + epsilon);
        sOut[i] = square;
        vOut[i] = velocity;
        out[i] = weight - lr * velocity;
      }
    },
};

const RULES: Readonly<Record<OptimizerName, Rule>> = {
  sgd,
  momentum,
  nesterov,
  adam: adamLike(false),
  adamw: adamLike(true),
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
  const decayed = rule(config);
  if (undecayed.length === 0 || config.weightDecay === 0) return { config, slotNames, apply: decayed };
  const plain = rule({ ...config, weightDecay: 0 });
  const spans = undecayed.toSorted((a, b) => a.offset - b.offset);
  return {
    config,
    slotNames,
    apply(update) {
      let at = update.start;
      for (const { offset, size } of spans) {
        const start = Math.max(at, offset);
        const end = Math.min(update.end, offset + size);
        if (start >= end) continue;
        if (start > at) decayed({ ...update, start: at, end: start });
        plain({ ...update, start, end });
        at = end;
      }
      if (at < update.end) decayed({ ...update, start: at });
    },
  };
}
