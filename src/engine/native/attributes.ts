/** tfjs-node's op attributes, set on an eager op or on a graph node: the same calls under two prefixes. */
import { CnnDistError } from "../../errors.js";
import type { CApi, Pointer } from "./capi.js";
import { dims } from "./context.js";

/** Numbers of tfjs-node's own `TFEOpAttr` (tfjs_binding.d.ts): TF_AttrType of TensorFlow's c_api.h. */
export const ATTR = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5, resource: 9 } as const;

export interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

export const typeAttribute = (name: string, value: number): Attribute => ({ name, type: ATTR.type, value });
export const intAttribute = (name: string, value: number): Attribute => ({ name, type: ATTR.int, value });
export const stringAttribute = (name: string, value: string): Attribute => ({ name, type: ATTR.string, value });
export const boolAttribute = (name: string, value: boolean): Attribute => ({ name, type: ATTR.bool, value });
export const floatAttribute = (name: string, value: number): Attribute => ({ name, type: ATTR.float, value });

/** `status` is given for an eager op, whose shape attribute can fail; a graph node fails when it is finished. */
export function setAttribute(
  tf: CApi,
  target: Pointer,
  op: string,
  attribute: Attribute,
  status: Pointer | null,
): void {
  const { name, type, value } = attribute;
  const set = status === null ? GRAPH(tf) : EAGER(tf);
  switch (type) {
    case ATTR.string: {
      const bytes = new TextEncoder().encode(String(value));
      return set.string(target, name, bytes, bytes.byteLength);
    }
    case ATTR.int:
      if (Array.isArray(value)) return set.intList(target, name, dims(value as number[]), value.length);
      return set.int(target, name, value as number);
    case ATTR.float:
      if (Array.isArray(value)) return set.floatList(target, name, Float32Array.from(value as number[]), value.length);
      return set.float(target, name, value as number);
    case ATTR.bool:
      return set.bool(target, name, value ? 1 : 0);
    case ATTR.type:
      if (Array.isArray(value)) return set.typeList(target, name, Int32Array.from(value as number[]), value.length);
      return set.type(target, name, value as number);
    case ATTR.shape: {
      const shape = dims(value as number[]);
      if (status === null) return set.shape(target, name, shape, shape.length);
      return set.shape(target, name, shape, shape.length, status);
    }
    default:
      throw new CnnDistError(
        "attribute",
        `op ${op}: attribute ${name} has the kind ${type}, which cnn-dist cannot set`,
      );
  }
}

const EAGER = (tf: CApi) => ({
  string: tf.TFE_OpSetAttrString,
  int: tf.TFE_OpSetAttrInt,
  intList: tf.TFE_OpSetAttrIntList,
  float: tf.TFE_OpSetAttrFloat,
  floatList: tf.TFE_OpSetAttrFloatList,
  bool: tf.TFE_OpSetAttrBool,
  type: tf.TFE_OpSetAttrType,
  typeList: tf.TFE_OpSetAttrTypeList,
  shape: tf.TFE_OpSetAttrShape,
});
const GRAPH = (tf: CApi) => ({
  string: tf.TF_SetAttrString,
  int: tf.TF_SetAttrInt,
  intList: tf.TF_SetAttrIntList,
  float: tf.TF_SetAttrFloat,
  floatList: tf.TF_SetAttrFloatList,
  bool: tf.TF_SetAttrBool,
  type: tf.TF_SetAttrType,
  typeList: tf.TF_SetAttrTypeList,
  shape: tf.TF_SetAttrShape,
});
