/** TensorFlow's DataType numbers (tensorflow/core/framework/types.proto) that the engine meets. */
export const DTYPE = {
  float: 1,
  double: 2,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  half: 19,
  resource: 20,
  uint64: 23,
} as const;

export function bytesPerElement(dtype: number): number {
  switch (dtype) {
    case DTYPE.uint8:
    case DTYPE.bool:
      return 1;
    case DTYPE.bfloat16:
    case DTYPE.half:
      return 2;
    case DTYPE.double:
    case DTYPE.int64:
    case DTYPE.uint64:
    case DTYPE.complex64:
      return 8;
    default:
      return 4;
  }
}
