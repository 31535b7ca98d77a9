/** One layer of a network of towers: each tower's channels are computed on the tower's device. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../../engine/engine.js";
import type { Shape } from "../../models/shapes.js";
import type { LayerSpec } from "../../models/spec.js";
import { type Channels, sizeOfChannels, type TowerLayer } from "../../models/towers.js";
import type { LayerInputs, Weight } from "./call.js";
import { convolved } from "./convolution.js";

export interface TowerConfig extends TowerLayer {
  /** Of the layer's whole output, for one image. */
  shape: Shape;
  /** What every tower runs on the channels that it reads; null for a layer with weights, which have to be shared out. */
  plain: tfjs.layers.Layer | null;
}

interface LastCall {
  inputs: readonly tfjs.Tensor[];
  kwargs: Record<string, unknown>;
  outputs: tfjs.Tensor[];
  /** That are still to come for the other outputs. */
  calls: number;
}

type Weighted = Extract<LayerSpec, { kind: "conv2d" | "dense" }>;

export function hasWeights(layer: LayerSpec): layer is Weighted {
  return layer.kind === "conv2d" || layer.kind === "dense";
}

const same = (a: Channels, b: Channels) => a[0] === b[0] && a[1] === b[1];
const shapeOf = (shape: Shape, channels: number): tfjs.Shape => [null, ...shape.slice(0, -1), channels];

export function towerClasses(engine: Engine) {
  const { tf, ops } = engine;

  class Tower extends tf.layers.Layer {
    static readonly className = "Tower";
    readonly #config: TowerConfig;
    #kernel: Weight | null = null;
    #bias: Weight | null = null;
    #last: LastCall | null = null;

    constructor(config: TowerConfig) {
      super({ name: config.layer.name });
      this.#config = config;
    }

    /** The place of dropout's noise in the network; each tower's is its own. */
    setPlace(place: number): void {
      (this.#config.plain as { setPlace?: (place: number) => void } | null)?.setPlace?.(place);
    }

    override build(): void {
      const { layer, reads } = this.#config;
      if (hasWeights(layer)) {
        const add = (name: string, dims: number[]) =>
          this.addWeight(name, dims, "float32", tf.initializers.zeros()) as unknown as Weight;
        const seen = sizeOfChannels(reads[0]!);
        const conv = layer.kind === "conv2d";
        const units = conv ? layer.filters : layer.units;
        this.#kernel = add("kernel", conv ? [layer.kernel, layer.kernel, seen, units] : [seen, units]);
        if (layer.bias) this.#bias = add("bias", [units]);
      }
      this.built = true;
    }

    override computeOutputShape(): tfjs.Shape[] {
      const { shape, makes } = this.#config;
      return makes.map((channels) => shapeOf(shape, sizeOfChannels(channels)));
    }

    /**
     * tfjs calls a layer once for each of its outputs: without memory, every tower would be computed once a tower. After the last
     * of those calls nothing is kept, since outputs are disposed once they are used.
     */
    override call(inputs: LayerInputs, kwargs: Record<string, unknown>): tfjs.Tensor[] {
      const parts = [inputs].flat();
      const last = this.#last;
      if (last && last.kwargs === kwargs && last.inputs.every((part, tower) => part === parts[tower])) {
        last.calls--;
        if (last.calls === 0) this.#last = null;
        return last.outputs;
      }
      const outputs = this.#computed(parts, kwargs);
      this.#last = { inputs: parts, kwargs, outputs, calls: outputs.length - 1 };
      return outputs;
    }

    #computed(parts: readonly tfjs.Tensor[], kwargs: Record<string, unknown>): tfjs.Tensor[] {
      const { has, reads } = this.#config;
      const gathered = reads.every((window, tower) => same(window, has[tower]!)) ? parts : ops.gather(parts, reads);
      const made = this.#kernel ? this.#weighted(gathered, this.#kernel) : this.#plain(gathered, kwargs);
      made.forEach((output, tower) => {
        ops.finished(output, tower);
      });
      return made;
    }

    #weighted(gathered: readonly tfjs.Tensor[], kernel: Weight): tfjs.Tensor[] {
      const { layer, makes } = this.#config;
      const sizes = makes.map(sizeOfChannels);
      const kernels = ops.scatter(kernel.read(), sizes);
      const biases = this.#bias && ops.scatter(this.#bias.read(), sizes);
      return gathered.map((x, tower) =>
        engine.at(tower, () => weighted(tf, layer as Weighted, x, kernels[tower]!, biases?.[tower] ?? null)),
      );
    }

    #plain(gathered: readonly tfjs.Tensor[], kwargs: Record<string, unknown>): tfjs.Tensor[] {
      const { layer, plain, reads, makes } = this.#config;
      return gathered.map((x, tower) =>
        engine.at(tower, () => {
          const seed = kwargs.seed as tfjs.Tensor1D;
          const own = layer.kind === "dropout" && tower > 0 ? tf.add(seed, tf.tensor1d([tower, 0], "int32")) : seed;
          const y = plain!.call(x, { ...kwargs, seed: own }) as tfjs.Tensor;
          // A normalisation over neighbouring channels has computed those of its neighbours as well.
          const [start, end] = makes[tower]!;
          const before = start - reads[tower]![0];
          if (layer.kind !== "lrn" || sizeOfChannels(reads[tower]!) === end - start) return y;
          return tf.slice(y, [...Array<number>(y.rank - 1).fill(0), before], [...y.shape.slice(0, -1), end - start]);
        }),
      );
    }
  }

  class WholeOutput extends tf.layers.Layer {
    static readonly className = "WholeOutput";

    override computeOutputShape(shapes: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const list = shapes as tfjs.Shape[];
      return [...list[0]!.slice(0, -1), list.reduce((sum, shape) => sum + shape.at(-1)!, 0)];
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      const parts = [inputs].flat();
      const channels = parts.reduce((sum, { shape }) => sum + shape.at(-1)!, 0);
      return ops.gather(
        parts,
        parts.map((_, tower) => (tower === 0 ? [0, channels] : null)),
      )[0]!;
    }
  }

  return {
    tower: (config: TowerConfig): tfjs.layers.Layer => new Tower(config),
    /** Every tower's channels together, on the first tower's device. */
    whole: (name: string): tfjs.layers.Layer => new WholeOutput({ name }),
  };
}

function weighted(tf: Tf, layer: Weighted, x: tfjs.Tensor, kernel: tfjs.Tensor, bias: tfjs.Tensor | null): tfjs.Tensor {
  const { activation } = layer;
  if (activation !== undefined && activation !== "relu")
    throw new RangeError(
      `layer ${layer.name}: a tower's layer takes no activation but relu; give ${activation} a layer`,
    );
  if (layer.kind === "dense") {
    const [a, b] = [x as tfjs.Tensor2D, kernel as tfjs.Tensor2D];
    return tf.fused.matMul({ a, b, ...(bias ? { bias } : {}), activation: activation ?? "linear" });
  }
  const maps = convolved(tf, x as tfjs.Tensor4D, kernel as tfjs.Tensor4D, layer.stride ?? 1, layer.padding);
  const biased = bias ? tf.add(maps, bias) : maps;
  return activation === "relu" ? tf.relu(biased) : biased;
}
