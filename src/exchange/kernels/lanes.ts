// Four float32 elements at a time: each operation is rounded to float32, as Math.fround does after each of its own.

export function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

export function sub(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

export function mul(a: v128, b: v128): v128 {
  return f32x4.mul(a, b);
}

export function div(a: v128, b: v128): v128 {
  return f32x4.div(a, b);
}

export function root(a: v128): v128 {
  return f32x4.sqrt(a);
}
