/** Protocol buffers, as far as event files need them (protobuf.dev/programming-guides/encoding). Pure. */

/** Of a message: a field's number, and its value. What is undefined is left out. */
export type Field = readonly [number: number, value: Value | undefined];

type Value =
  | { kind: "int"; value: number }
  | { kind: "float"; value: number }
  | { kind: "double"; value: number }
  | { kind: "bytes"; value: Uint8Array };

export const int = (value: number): Value => ({ kind: "int", value });
export const float = (value: number): Value => ({ kind: "float", value });
export const double = (value: number): Value => ({ kind: "double", value });
export const bytes = (value: Uint8Array): Value => ({ kind: "bytes", value });
export const string = (value: string): Value => bytes(Buffer.from(value));
export const message = (...fields: readonly Field[]): Value => bytes(encode(fields));

/** Fields in the order given; one number may come many times, as repeated fields do. */
export function encode(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields.flatMap(([number, value]) => (value === undefined ? [] : encodeField(number, value))));
}

const WIRE = { int: 0, double: 1, bytes: 2, float: 5 } as const;

function encodeField(number: number, value: Value): Uint8Array[] {
  const tag = varint(number * 8 + WIRE[value.kind]);
  switch (value.kind) {
    case "int":
      return [tag, varint(value.value)];
    case "float": {
      const four = Buffer.alloc(4);
      four.writeFloatLE(value.value);
      return [tag, four];
    }
    case "double": {
      const eight = Buffer.alloc(8);
      eight.writeDoubleLE(value.value);
      return [tag, eight];
    }
    case "bytes":
      return [tag, varint(value.value.byteLength), value.value];
  }
}

/** Of a whole number that is not negative: seven bits a byte, the lowest first. */
function varint(value: number): Uint8Array {
  const found: number[] = [];
  let rest = value;
  while (rest >= 128) {
    found.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...found, rest]);
}
