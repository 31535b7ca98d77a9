/**
 * tfjs 4.22 calls helpers of `node:util` that Node 23 removed. They are put back before tfjs is loaded, so this module is
 * imported first wherever tfjs is. CommonJS sees the same module object, so the properties are set on `require`'s.
 */
import { createRequire } from "node:module";

const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;

const REMOVED: Record<string, (value: unknown) => boolean> = {
  isArray: (value) => Array.isArray(value),
  isBoolean: (value) => typeof value === "boolean",
  isFunction: (value) => typeof value === "function",
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === "number",
  isObject: (value) => typeof value === "object" && value !== null,
  isString: (value) => typeof value === "string",
  isUndefined: (value) => value === undefined,
};

for (const [name, check] of Object.entries(REMOVED)) {
  if (typeof util[name] !== "function") util[name] = check;
}
