/**
 * tfjs 4.22 calls helpers of `node:util` that Node 22 warns of and Node 23 removed. Ours take their place before tfjs is
 * loaded, so this module is imported first wherever tfjs is. They are set on what `require` gives, since that is what
 * tfjs's CommonJS sees.
 */
import { createRequire } from "node:module";

const util = createRequire(import.meta.url)("node:util") as object;

const HELPERS: Record<string, (value: unknown) => boolean> = {
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

Object.assign(util, HELPERS);
