/** Conv2D with any padding, and its two gradients, on TensorFlow's ops. */
import type * as tfjs from "@tensorflow/tfjs";
import { type Attribute, intListAttribute, stringAttribute, typeAttribute } from "./attributes.js";
import { DTYPE } from "./dtype.js";
import type { Ops } from "./ops.js";
import type { NodeBackend } from "./tfjs.js";

export function convolution(tf: typeof tfjs, backend: NodeBackend): Ops["conv2d"] {
  return (x, kernel, stride, padding) => {
    if (typeof padding !== "number") return tf.conv2d(x, kernel, stride, padding);
    const attributes = attributesOf(stride, padding);
    const run = (op: string, inputs: readonly tfjs.Tensor[]) => backend.executeSingleOutput(op, attributes, inputs);
    const sizes = (of: tfjs.Tensor) => tf.tensor1d([...of.shape], "int32");
    const withGradient = tf.customGrad((...inputs) => {
      const save = inputs.pop() as unknown as (tensors: tfjs.Tensor[]) => void;
      const [images, weights] = inputs as [tfjs.Tensor, tfjs.Tensor];
      save([images, weights]);
      return {
        value: run("Conv2D", [images, weights]),
        gradFunc: (dy: tfjs.Tensor, saved: tfjs.Tensor[]) => [
          run("Conv2DBackpropInput", [sizes(saved[0]!), saved[1]!, dy]),
          run("Conv2DBackpropFilter", [saved[0]!, sizes(saved[1]!), dy]),
        ],
      };
    });
    return withGradient(x, kernel) as tfjs.Tensor4D;
  };
}

function attributesOf(stride: number, padding: number): Attribute[] {
  const explicit = padding > 0;
  return [
    typeAttribute("T", DTYPE.float),
    intListAttribute("strides", [1, stride, stride, 1]),
    stringAttribute("padding", explicit ? "EXPLICIT" : "VALID"),
    ...(explicit ? [intListAttribute("explicit_paddings", [0, 0, padding, padding, padding, padding, 0, 0])] : []),
    stringAttribute("data_format", "NHWC"),
    intListAttribute("dilations", [1, 1, 1, 1]),
  ];
}
